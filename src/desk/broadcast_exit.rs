//! Voluntary exits: whether a signed one may be published.

use std::sync::Arc;
use std::time::Duration;

use super::exit_checks::{self, ExpectedChain};
use super::sighting::{phase, state};
use super::{NO_BEACON, key_checks, later, refused};
use crate::beacon::exit::{ExitOutcome, judge};
use crate::dkg::threshold;
use crate::oracle::{
    ActionKind, ExitPayload, Fact, FactKind, Payload, Prepared, Proposal, Purpose, ValidatorPhase,
};
use crate::ports::consensus::{ExitMessage, ExitRules, NodeState};
use crate::ports::{Answer, Consensus};
use crate::types::{BlsSignature, CaseId, CeremonyPlan, Check, SafeText, SignPurpose, UnixMillis};

/// A validator whose activation is not set is looked at again after this time.
const CALM: Duration = Duration::from_secs(60);

/// Prepares the publishing of exits.
#[derive(Debug)]
pub(super) struct BroadcastExit {
    /// Nobody, where no beacon node is configured.
    pub(super) consensus: Option<Arc<dyn Consensus>>,
    pub(super) expected: ExpectedChain,
}

impl BroadcastExit {
    pub(super) async fn prepare(
        &self,
        case: CaseId,
        purpose: Purpose,
        plan: CeremonyPlan,
        ceremony_checks: Vec<Check>,
        signature: BlsSignature,
    ) -> Prepared {
        let Some(beacon) = self.consensus.as_deref() else {
            return refused(NO_BEACON);
        };
        let CeremonyPlan::Sign {
            validator: key,
            what:
                SignPurpose::VoluntaryExit {
                    validator_index,
                    epoch,
                },
            ..
        } = plan
        else {
            return refused("what was signed is not a voluntary exit");
        };
        let (rules, mut found) = match state(beacon, &key).await {
            Ok(found) => found,
            Err(why) => return later(why.to_string()),
        };
        let message = ExitMessage {
            epoch,
            validator_index,
        };
        let signing_root = rules.signing_root(&message);
        let now = rules.epoch_at(UnixMillis::now());
        if found.as_ref().is_none_or(|v| v.index != validator_index) {
            // the one that was asked may lag or lie: another one that knows the validator is believed
            let all = beacon.validator_by_each(&key).await;
            let knows = all
                .into_iter()
                .filter_map(|voice| Answer::yes(voice.answer))
                .find(|v| v.index == validator_index);
            found = knows.or(found);
        }
        let outcome = judge(&message, found.as_ref(), None, now, &rules);
        let sending = matches!(purpose, Purpose::Send(_));
        let permitted = match outcome {
            ExitOutcome::Ready => {
                Check::pass("exit-allowed", format!("validator {validator_index} may exit"))
            }
            // approved now, sent when its time has come: the check holds and names the wait
            ExitOutcome::TooEarly { ready_epoch }
            | ExitOutcome::NotActive {
                ready_epoch: Some(ready_epoch),
            } => {
                if sending {
                    return wait_until(&rules, ready_epoch);
                }
                let when = exit_checks::when(&rules, ready_epoch, now);
                let words =
                    format!("validator {validator_index} may exit from epoch {when}; it waits until then");
                Check::pass("exit-allowed", words)
            }
            ExitOutcome::NotActive { ready_epoch: None } => {
                let reason =
                    format!("validator {validator_index} is not active and its activation is not set yet");
                let at = UnixMillis::now().plus(CALM);
                return Prepared::Later {
                    reason: SafeText::new(&reason),
                    at,
                };
            }
            ExitOutcome::Exiting { .. } => {
                return Prepared::AlreadySo {
                    phase: found.map_or(ValidatorPhase::Exiting, |v| phase(v.status)),
                    validator: key,
                };
            }
            ExitOutcome::UnknownIndex => {
                let words = format!("the beacon chain has another key at index {validator_index}, or none");
                if sending {
                    return refused(words);
                }
                Check::fail("exit-allowed", words)
            }
            other => Check::fail("exit-allowed", other.to_string()),
        };
        let holds = threshold::verify(&key, &signing_root.0, &signature);
        let (mut checks, unseen) = key_checks::doubts_of_origin(ceremony_checks, holds);
        checks.push(permitted);
        checks.push(Check::of(
            "exit-signature",
            holds,
            if holds {
                "valid under the validator key for this chain's exit domain"
            } else {
                "NOT valid under the validator key"
            },
        ));
        checks.extend(exit_checks::domain(&self.expected, beacon, &rules).await);
        if let Some(validator) = &found {
            match exit_checks::index(beacon, &key, validator_index).await {
                Ok(check) => checks.push(check),
                Err(why) => return later(why.to_string()),
            }
            checks.extend(exit_checks::validator(validator, &rules, now));
        }
        let nodes = beacon.nodes().await;
        let in_sync = nodes.iter().filter(|n| n.state == NodeState::Healthy).count();
        if sending && in_sync == 0 {
            return later("no beacon node is in sync");
        }
        checks.push(Check::of(
            "beacon-node-in-sync",
            in_sync > 0,
            format!("{in_sync} of {} beacon nodes are in sync", nodes.len()),
        ));
        super::dedup(&mut checks);
        let (exit_epoch, withdrawable) = rules.earliest_exit(epoch.max(now));
        let mut facts = vec![
            Fact::new("pool", FactKind::Text, case.pool),
            Fact::new("validator key", FactKind::Hex, key),
            Fact::new("validator index", FactKind::Text, validator_index),
            Fact::new(
                "exit epoch",
                FactKind::Text,
                exit_checks::when(&rules, epoch, now),
            ),
            Fact::new("signing root", FactKind::Hex, signing_root),
            Fact::new("signature", FactKind::Hex, signature),
            Fact::new(
                "exited, at the earliest",
                FactKind::Text,
                rules.start_of(exit_epoch).to_rfc3339(),
            ),
            Fact::new(
                "withdrawable, at the earliest",
                FactKind::Text,
                rules.start_of(withdrawable).to_rfc3339(),
            ),
            Fact::new(
                "cannot be undone",
                FactKind::Warning,
                "a published exit cannot be taken back by anybody",
            ),
        ];
        facts.push(exit_checks::pool(beacon, &message, &signature).await);
        facts.extend(unseen);
        let title = format!(
            "Publish the voluntary exit of validator {validator_index} (pool {}) to {}. This cannot be undone.",
            case.pool,
            match nodes.len() {
                1 => "the one beacon node".to_owned(),
                n => format!("{n} beacon nodes"),
            }
        );
        let payload = ExitPayload {
            validator: key,
            validator_index,
            epoch,
            signing_root,
            signature,
        };
        Prepared::Proposal(Box::new(Proposal {
            kind: ActionKind::BroadcastExit,
            title: SafeText::new(&title),
            facts,
            checks,
            payload: Payload::Exit(payload),
        }))
    }
}

/// Approved, and its time has not come.
fn wait_until(rules: &ExitRules, epoch: u64) -> Prepared {
    let at = rules.start_of(epoch);
    let reason = format!(
        "too early: it is sent by itself in epoch {epoch}, not before {}",
        at.to_rfc3339()
    );
    Prepared::TooEarly {
        reason: SafeText::new(&reason),
        until: at,
    }
}
