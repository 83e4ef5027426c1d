//! Voluntary exits: what the operators would sign.

use std::sync::Arc;

use super::committee::{self, Committees};
use super::exit_checks::{self, ExpectedChain};
use super::pools::present;
use super::proposal::list;
use super::sighting::{phase, state};
use super::{NO_BEACON, key_checks, later, proposal, refused};
use crate::oracle::{ActionKind, Fact, FactKind, Prepared, Proposal, SignExitDraft};
use crate::ports::consensus::ExitMessage;
use crate::ports::{Consensus, Execution, ExitSigning, PoolManager, Ssv};
use crate::types::{CeremonyPlan, PoolId, SafeText, SignPurpose, UnixMillis};

/// Prepares the signing of exits.
#[derive(Debug)]
pub(super) struct SignExit {
    pub(super) committees: Committees,
    pub(super) manager: Arc<dyn PoolManager>,
    pub(super) ssv: Arc<dyn Ssv>,
    pub(super) execution: Arc<dyn Execution>,
    /// Nobody, where no beacon node is configured.
    pub(super) consensus: Option<Arc<dyn Consensus>>,
    pub(super) expected: ExpectedChain,
}

impl SignExit {
    pub(super) async fn prepare(
        &self,
        pool: PoolId,
        SignExitDraft {
            known,
            last_failure,
            attempt,
            bad,
            opened_by,
        }: SignExitDraft,
    ) -> Prepared {
        let Some(beacon) = self.consensus.as_deref() else {
            return refused(NO_BEACON);
        };
        let can = self.committees.ceremonies.capabilities();
        if can.exits == ExitSigning::Impossible {
            return refused(format!(
                "the operators cannot sign a voluntary exit with {}",
                can.title
            ));
        }
        let present = match present(&*self.manager, &*self.execution, pool).await {
            Ok(present) => present,
            Err(answer) => return answer,
        };
        let (rules, validator) = match state(beacon, &present.validator).await {
            Ok(found) => found,
            Err(why) => return later(why.to_string()),
        };
        let Some(validator) = validator else {
            return later(format!(
                "the beacon chain does not know validator {} (yet)",
                present.validator
            ));
        };
        if validator.status.is_exiting() {
            return Prepared::AlreadySo {
                phase: phase(validator.status),
                validator: present.validator,
            };
        }
        let Some(epoch) = rules.ready_epoch(&validator) else {
            return later(format!(
                "validator {} is {}: its activation is not set yet",
                validator.index, validator.status
            ));
        };
        let mut committee = present.committee.operator_ids.clone();
        committee.sort_unstable();
        let Some(threshold) = can.threshold_of(committee.len()) else {
            return refused(format!(
                "pool {pool} is held by {} operators, which is no committee",
                committee.len()
            ));
        };
        let message = ExitMessage {
            epoch,
            validator_index: validator.index,
        };
        let (key, shares) = (present.validator, &present.committee.shares);
        let told = self.ssv.decode_shares(shares, &committee).ok();
        let share_public_keys = key_checks::share_keys(known.as_ref(), &key, &committee, told);
        let plan = CeremonyPlan::Sign {
            validator: present.validator,
            committee: committee.clone(),
            threshold,
            signing_root: rules.signing_root(&message),
            what: SignPurpose::VoluntaryExit {
                validator_index: validator.index,
                epoch,
            },
            share_public_keys,
        };
        let asked = committee::ask(&self.committees, &committee).await;
        let quorum = committee::Quorum::AtLeast(usize::from(threshold));
        let mut checks = committee::checks(&self.committees, &asked, &plan, quorum);
        checks.push(present.staked_check(pool));
        checks.push(exit_checks::wanted(&*self.manager, pool, opened_by.as_ref()).await);
        checks.extend(exit_checks::domain(&self.expected, beacon, &rules).await);
        let now = rules.epoch_at(UnixMillis::now());
        match exit_checks::index(beacon, &present.validator, validator.index).await {
            Ok(check) => checks.push(check),
            Err(why) => return later(why.to_string()),
        }
        checks.extend(exit_checks::validator(&validator, &rules, now));
        checks.push(exit_checks::credentials(&*self.manager, pool, &validator).await);
        checks.extend(bad.map(|bad| exit_checks::new_signing_root(&bad, rules.signing_root(&message))));
        checks.push(key_checks::in_journal(known.as_ref(), &key, &committee));
        let mut facts = vec![
            Fact::new("pool", FactKind::Text, pool),
            Fact::new("validator key", FactKind::Hex, present.validator),
            Fact::new("validator index", FactKind::Text, validator.index),
            Fact::new("status", FactKind::Text, validator.status),
            Fact::new(
                "exit epoch",
                FactKind::Text,
                exit_checks::when(&rules, epoch, now),
            ),
            Fact::new("signing root", FactKind::Hex, rules.signing_root(&message)),
            Fact::new("domain (EIP-7044)", FactKind::Hex, rules.domain()),
        ];
        facts.extend(committee::fact(&self.committees, "operators", &committee));
        facts.push(Fact::new(
            "cannot be undone",
            FactKind::Warning,
            "whoever holds the signature can publish it, at any time",
        ));
        facts.push(Fact::new("attempt", FactKind::Text, attempt));
        if let Some(why) = last_failure {
            facts.push(Fact::new("last attempt failed", FactKind::Warning, why));
        }
        let title = format!(
            "Have operators {} sign the voluntary exit of validator {} (pool {pool}). This cannot be taken back.",
            list(&committee),
            validator.index
        );
        Prepared::Proposal(Box::new(Proposal {
            kind: ActionKind::SignExit,
            title: SafeText::new(&title),
            facts,
            checks,
            payload: proposal::payload(&self.committees, plan),
        }))
    }
}
