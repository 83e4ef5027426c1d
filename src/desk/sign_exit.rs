//! Voluntary exits: what the operators would sign.

use std::sync::Arc;

use super::committee::{self, Committees, OperatorReplies, Quorum};
use super::exit_checks::{self, ByNode, ExpectedChain};
use super::pools::{StakedPool, of_ceremony, on_present, present, threshold_of_holders};
use super::proposal::{self, list};
use super::sighting::{Told, phase, state};
use super::{NO_BEACON, key_checks, later, one_node, refused};
use crate::oracle::{ActionKind, Fact, FactKind, KnownKey, Prepared, SignExitDraft};
use crate::ports::consensus::{ExitMessage, ExitRules, Validator};
use crate::ports::{Agreement, Consensus, Execution, ExitSigning, PoolManager, Ssv};
use crate::types::{
    BlsPublicKey, CeremonyPlan, Check, ExitDomain, OperatorId, PoolId, SafeText, SignPurpose, UnixMillis,
};

/// Prepares the signing of exits.
#[derive(Debug)]
pub(super) struct SignExit {
    pub(super) committees: Committees,
    pub(super) manager: Arc<dyn PoolManager>,
    pub(super) ssv: Arc<dyn Ssv>,
    pub(super) execution: Arc<dyn Execution>,
    pub(super) agreement: Arc<dyn Agreement>,
    /// Nobody, where no beacon node is configured.
    pub(super) consensus: Option<Arc<dyn Consensus>>,
    pub(super) expected: ExpectedChain,
}

/// What would be signed, by whom, and what it is judged by.
struct Gathered<'a> {
    beacon: &'a dyn Consensus,
    rules: ExitRules,
    rules_alone: Option<SafeText>,
    present: StakedPool,
    validator: Validator,
    /// Whose word alone the validator's record is, for whose epoch is signed.
    alone: Option<SafeText>,
    message: ExitMessage,
    /// Everybody who holds a share, ascending.
    committee: Vec<OperatorId>,
    asked: OperatorReplies,
    plan: CeremonyPlan,
    /// The present epoch.
    now: u64,
}

impl SignExit {
    /// `Err` is the answer of the desk where there is nothing to propose.
    pub(super) async fn prepare(&self, pool: PoolId, draft: SignExitDraft) -> Result<Prepared, Prepared> {
        let beacon = self.possible()?;
        let gathered = self.gather(beacon, pool, draft.known.as_ref()).await?;
        let checks = self.checks(pool, &draft, &gathered).await?;
        let facts = self.facts(pool, &gathered);
        let title = format!(
            "Have operators {} sign the voluntary exit of validator {} (pool {pool}). This cannot be taken back.",
            list(&gathered.committee),
            gathered.validator.index
        );
        Ok(proposal::ceremony(
            &self.committees,
            ActionKind::SignExit,
            &title,
            facts,
            checks,
            gathered.plan,
            (draft.attempt, draft.last_failure),
        ))
    }

    /// A beacon node tells the validator's state, and the operators can sign at all.
    fn possible(&self) -> Result<&dyn Consensus, Prepared> {
        let beacon = self.consensus.as_deref().ok_or_else(|| refused(NO_BEACON))?;
        let can = self.committees.ceremonies.capabilities();
        match can.exits {
            ExitSigning::ByCeremony => Ok(beacon),
            ExitSigning::Impossible => Err(refused(format!(
                "the operators cannot sign a voluntary exit with {}",
                can.title
            ))),
        }
    }

    async fn gather<'a>(
        &self,
        beacon: &'a dyn Consensus,
        pool: PoolId,
        known: Option<&KnownKey>,
    ) -> Result<Gathered<'a>, Prepared> {
        let present = present(&*self.manager, &*self.execution, &*self.agreement, pool).await?;
        let key = present.validator;
        let Told {
            rules,
            rules_alone,
            validator,
            alone,
        } = state(beacon, &key).await.map_err(later)?;
        let validator = validator
            .ok_or_else(|| later(format!("the beacon chain does not know validator {key} (yet)")))?;
        let epoch = exit_epoch(&rules, &validator, key)?;
        let mut committee = present.committee.operator_ids.clone();
        committee.sort_unstable();
        let can = self.committees.ceremonies.capabilities();
        let threshold = threshold_of_holders(can, &*self.manager, &*self.agreement, pool, &present).await?;
        let message = ExitMessage {
            epoch,
            validator_index: validator.index,
        };
        let told = self.ssv.decode_shares(&present.committee.shares, &committee).ok();
        let plan = CeremonyPlan::Sign {
            validator: key,
            committee: committee.clone(),
            threshold,
            signing_root: rules.signing_root(&message),
            what: SignPurpose::VoluntaryExit {
                validator_index: validator.index,
                epoch,
                domain: Some(ExitDomain {
                    fork_version: rules.capella_fork_version,
                    genesis_validators_root: rules.genesis.genesis_validators_root,
                }),
            },
            share_public_keys: key_checks::share_keys(known, &key, (&committee, threshold), told),
            brought: None,
        };
        let asked = committee::ask(&self.committees, &committee).await;
        let now = rules.epoch_at(UnixMillis::now());
        Ok(Gathered {
            beacon,
            rules,
            rules_alone,
            present,
            validator,
            alone,
            message,
            committee,
            asked,
            plan,
            now,
        })
    }

    async fn checks(
        &self,
        pool: PoolId,
        draft: &SignExitDraft,
        gathered: &Gathered<'_>,
    ) -> Result<Vec<Check>, Prepared> {
        let Gathered {
            beacon,
            rules,
            present,
            validator,
            plan,
            ..
        } = gathered;
        let key = &present.validator;
        let quorum = Quorum::AtLeast(usize::from(plan.threshold()));
        let mut checks = committee::checks(&self.committees, &gathered.asked, plan, quorum);
        checks.push(present.staked_check(pool));
        let accord = on_present(&*self.manager, &*self.agreement, pool, present).await;
        checks.extend(of_ceremony(&accord));
        let opened_by = draft.opened_by.as_ref();
        checks.push(exit_checks::wanted(present.exiting, pool, opened_by));
        checks.extend(exit_checks::domain(&self.expected, *beacon, rules).await);
        checks.extend(one_node::rules_check(gathered.rules_alone.as_ref()));
        let index = exit_checks::index(*beacon, key, validator.index).await;
        let (index, index_alone) = index.map_err(later)?;
        checks.push(index);
        let told = ByNode::by_each(*beacon, key, validator).await;
        checks.extend(one_node::check([&gathered.alone, &index_alone, &told.alone]));
        checks.extend(told.validator(rules, gathered.now));
        checks.extend(told.credentials(&*self.manager, pool).await);
        let root = rules.signing_root(&gathered.message);
        let bad = draft.bad.as_ref();
        checks.extend(bad.map(|bad| exit_checks::new_signing_root(bad, root)));
        let known = draft.known.as_ref();
        checks.push(key_checks::in_journal(known, key, &gathered.committee));
        Ok(checks)
    }

    fn facts(&self, pool: PoolId, gathered: &Gathered<'_>) -> Vec<Fact> {
        let Gathered {
            rules,
            validator,
            message,
            ..
        } = gathered;
        let epoch = exit_checks::when(rules, message.epoch, gathered.now);
        let mut facts = vec![
            Fact::new("pool", FactKind::Text, pool),
            Fact::new("validator key", FactKind::Hex, gathered.present.validator),
            Fact::new("validator index", FactKind::Text, validator.index),
            Fact::new("status", FactKind::Text, validator.status),
            Fact::new("exit epoch", FactKind::Text, epoch),
            Fact::new("signing root", FactKind::Hex, rules.signing_root(message)),
            Fact::new("domain (EIP-7044)", FactKind::Hex, rules.domain()),
        ];
        facts.extend(committee::fact(
            &self.committees,
            "operators",
            &gathered.committee,
        ));
        facts.push(Fact::new(
            "cannot be undone",
            FactKind::Warning,
            "whoever holds the signature can publish it, at any time",
        ));
        facts
    }
}

/// The first epoch in which the exit of the validator is valid.
fn exit_epoch(rules: &ExitRules, validator: &Validator, key: BlsPublicKey) -> Result<u64, Prepared> {
    if validator.status.is_exiting() {
        return Err(Prepared::AlreadySo {
            phase: phase(validator.status),
            validator: key,
        });
    }
    rules.ready_epoch(validator).ok_or_else(|| {
        later(format!(
            "validator {} is {}: its activation is not set yet",
            validator.index, validator.status
        ))
    })
}
