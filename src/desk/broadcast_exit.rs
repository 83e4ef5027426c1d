//! Voluntary exits: whether a signed one may be published.

use std::sync::Arc;
use std::time::Duration;

use super::exit_checks::{self, ByNode, ExpectedChain};
use super::sighting::{phase, state};
use super::{NO_BEACON, key_checks, later, proposal, refused};
use crate::beacon::exit::{ExitOutcome, judge};
use crate::dkg::threshold;
use crate::oracle::{
    ActionKind, BroadcastExitDraft, ExitPayload, Fact, FactKind, Payload, Prepared, Purpose, ValidatorPhase,
};
use crate::ports::consensus::{ExitMessage, ExitRules, NodeHealth, NodeState, Validator};
use crate::ports::{Answer, Consensus};
use crate::types::{
    BlsPublicKey, BlsSignature, CaseId, CeremonyPlan, Check, PoolId, SafeText, SignPurpose, UnixMillis,
};

/// A validator whose activation is not set is looked at again after this time.
const CALM: Duration = Duration::from_secs(60);

/// Prepares the publishing of exits.
#[derive(Debug)]
pub(super) struct BroadcastExit {
    /// Nobody, where no beacon node is configured.
    pub(super) consensus: Option<Arc<dyn Consensus>>,
    pub(super) expected: ExpectedChain,
}

/// What would be published, and what it is judged by.
struct Gathered<'a> {
    beacon: &'a dyn Consensus,
    rules: ExitRules,
    /// The validator, where a node knows it.
    found: Option<Validator>,
    key: BlsPublicKey,
    message: ExitMessage,
    nodes: Vec<NodeHealth>,
    /// The present epoch.
    now: u64,
}

impl BroadcastExit {
    /// `Err` is the answer of the desk where there is nothing to propose.
    pub(super) async fn prepare(
        &self,
        case: CaseId,
        purpose: Purpose,
        draft: BroadcastExitDraft,
    ) -> Result<Prepared, Prepared> {
        let beacon = self.consensus.as_deref().ok_or_else(|| refused(NO_BEACON))?;
        let gathered = gather(beacon, &draft.plan).await?;
        let allowed = allowed(&gathered, matches!(purpose, Purpose::Send(_)))?;
        let signature = draft.signature;
        let (holds, signed) = signed(&gathered, &signature);
        let (mut checks, unseen) = key_checks::doubts_of_origin(draft.ceremony_checks, holds);
        checks.extend([allowed, signed]);
        checks.extend(self.checks(&gathered).await?);
        checks.push(in_sync(&gathered.nodes, purpose)?);
        super::dedup(&mut checks);
        let mut facts = facts(case.pool, &gathered, signature);
        facts.push(exit_checks::pool(beacon, &gathered.message, &signature).await);
        facts.extend(unseen);
        let title = format!(
            "Publish the voluntary exit of validator {} (pool {}) to {}. This cannot be undone.",
            gathered.message.validator_index,
            case.pool,
            match gathered.nodes.len() {
                1 => "the one beacon node".to_owned(),
                n => format!("{n} beacon nodes"),
            }
        );
        let payload = Payload::Exit(ExitPayload {
            validator: gathered.key,
            validator_index: gathered.message.validator_index,
            epoch: gathered.message.epoch,
            signing_root: gathered.rules.signing_root(&gathered.message),
            signature,
        });
        let kind = ActionKind::BroadcastExit;
        Ok(proposal::proposal(kind, &title, facts, checks, payload))
    }

    /// The domain, and what the beacon chain says of the validator.
    async fn checks(&self, gathered: &Gathered<'_>) -> Result<Vec<Check>, Prepared> {
        let Gathered { beacon, rules, .. } = gathered;
        let mut checks = exit_checks::domain(&self.expected, *beacon, rules).await;
        if let Some(validator) = &gathered.found {
            let index = gathered.message.validator_index;
            let index = exit_checks::index(*beacon, &gathered.key, index).await;
            checks.push(index.map_err(later)?);
            let told = ByNode::by_each(*beacon, &gathered.key, validator).await;
            checks.extend(told.validator(rules, gathered.now));
        }
        Ok(checks)
    }
}

async fn gather<'a>(beacon: &'a dyn Consensus, plan: &CeremonyPlan) -> Result<Gathered<'a>, Prepared> {
    let CeremonyPlan::Sign {
        validator: key,
        what:
            SignPurpose::VoluntaryExit {
                validator_index,
                epoch,
                ..
            },
        ..
    } = *plan
    else {
        return Err(refused("what was signed is not a voluntary exit"));
    };
    let (rules, mut found) = state(beacon, &key).await.map_err(later)?;
    if found.as_ref().is_none_or(|v| v.index != validator_index) {
        // the one that was asked may lag or lie: another one that knows the validator is believed, but for that it leaves,
        // which closes the case
        let all = beacon.validator_by_each(&key).await;
        let known = all.into_iter().filter_map(|voice| Answer::yes(voice.answer));
        let mut known = known.filter(|v| v.index == validator_index);
        let knows = known.next();
        let begins = knows.as_ref().and_then(|v| v.activation_epoch);
        if known.any(|other| other.activation_epoch != begins) {
            let words =
                format!("since when validator {validator_index} is active the beacon nodes tell differently");
            return Err(later(words));
        }
        if knows.as_ref().is_some_and(|v| v.status.is_exiting()) {
            let words = format!("that validator {validator_index} leaves is one beacon node's word");
            return Err(later(words));
        }
        found = knows.or(found);
    }
    let nodes = beacon.nodes().await;
    let now = rules.epoch_at(UnixMillis::now());
    let message = ExitMessage {
        epoch,
        validator_index,
    };
    Ok(Gathered {
        beacon,
        rules,
        found,
        key,
        message,
        nodes,
        now,
    })
}

/// Whether the beacon chain takes the exit, now or later. `sending`: it would leave at once, so what only needs time is
/// waited for.
fn allowed(gathered: &Gathered<'_>, sending: bool) -> Result<Check, Prepared> {
    const NAME: &str = "exit-allowed";
    let Gathered {
        rules,
        found,
        message,
        now,
        ..
    } = gathered;
    let index = message.validator_index;
    match judge(message, found.as_ref(), None, *now, rules) {
        ExitOutcome::Ready => Ok(Check::pass(NAME, format!("validator {index} may exit"))),
        // approved now, sent when its time has come: the check holds and names the wait
        ExitOutcome::TooEarly { ready_epoch }
        | ExitOutcome::NotActive {
            ready_epoch: Some(ready_epoch),
        } => {
            if sending {
                return Err(wait_until(rules, ready_epoch));
            }
            let when = exit_checks::when(rules, ready_epoch, *now);
            let words = format!("validator {index} may exit from epoch {when}; it waits until then");
            Ok(Check::pass(NAME, words))
        }
        ExitOutcome::NotActive { ready_epoch: None } => {
            let reason = format!("validator {index} is not active and its activation is not set yet");
            Err(Prepared::Later {
                reason: SafeText::new(&reason),
                at: UnixMillis::now().plus(CALM),
            })
        }
        ExitOutcome::Exiting { .. } => {
            let phase = found
                .as_ref()
                .map_or(ValidatorPhase::Exiting, |v| phase(v.status));
            let validator = gathered.key;
            Err(Prepared::AlreadySo { phase, validator })
        }
        ExitOutcome::UnknownIndex => {
            let words = format!("the beacon chain has another key at index {index}, or none");
            if sending {
                return Err(refused(words));
            }
            Ok(Check::fail(NAME, words))
        }
        other => Ok(Check::fail(NAME, other.to_string())),
    }
}

/// Whether the signature holds, and the check that says so.
fn signed(gathered: &Gathered<'_>, signature: &BlsSignature) -> (bool, Check) {
    let root = gathered.rules.signing_root(&gathered.message);
    let holds = threshold::verify(&gathered.key, &root.0, signature);
    let words = if holds {
        "valid under the validator key for this chain's exit domain"
    } else {
        "NOT valid under the validator key"
    };
    (holds, Check::of("exit-signature", holds, words))
}

/// Somebody is there who would take it. Before it is sent that is waited for.
fn in_sync(nodes: &[NodeHealth], purpose: Purpose) -> Result<Check, Prepared> {
    let in_sync = nodes.iter().filter(|n| n.state == NodeState::Healthy).count();
    if in_sync == 0 && matches!(purpose, Purpose::Send(_)) {
        return Err(later("no beacon node is in sync"));
    }
    let words = format!("{in_sync} of {} beacon nodes are in sync", nodes.len());
    Ok(Check::of("beacon-node-in-sync", in_sync > 0, words))
}

fn facts(pool: PoolId, gathered: &Gathered<'_>, signature: BlsSignature) -> Vec<Fact> {
    let Gathered {
        rules, message, now, ..
    } = gathered;
    let (exit_epoch, withdrawable) = rules.earliest_exit(message.epoch.max(*now));
    let date = |epoch| rules.start_of(epoch).to_utc();
    let epoch = exit_checks::when(rules, message.epoch, *now);
    vec![
        Fact::new("pool", FactKind::Text, pool),
        Fact::new("validator key", FactKind::Hex, gathered.key),
        Fact::new("validator index", FactKind::Text, message.validator_index),
        Fact::new("exit epoch", FactKind::Text, epoch),
        Fact::new("signing root", FactKind::Hex, rules.signing_root(message)),
        Fact::new("signature", FactKind::Hex, signature),
        Fact::new("exited, at the earliest", FactKind::Text, date(exit_epoch)),
        Fact::new(
            "withdrawable, at the earliest",
            FactKind::Text,
            date(withdrawable),
        ),
        Fact::new(
            "cannot be undone",
            FactKind::Warning,
            "a published exit cannot be taken back by anybody",
        ),
    ]
}

/// Approved, and its time has not come.
fn wait_until(rules: &ExitRules, epoch: u64) -> Prepared {
    let at = rules.start_of(epoch);
    let reason = format!(
        "too early: it is sent by itself in epoch {epoch}, not before {}",
        at.to_utc()
    );
    Prepared::TooEarly {
        reason: SafeText::new(&reason),
        until: at,
    }
}
