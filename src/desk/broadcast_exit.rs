//! Voluntary exits: whether a signed one may be published.

use std::sync::Arc;
use std::time::Duration;

use super::exit_checks::{self, ByNode, ExpectedChain};
use super::sighting::{Told, phase, state};
use super::{NO_BEACON, key_checks, later, one_node, proposal, refused};
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
    rules_alone: Option<SafeText>,
    /// The validator, where a node knows it.
    found: Option<Validator>,
    /// Whose word alone that is.
    alone: Option<SafeText>,
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
        checks.extend(one_node::rules_check(gathered.rules_alone.as_ref()));
        let mut alone = vec![gathered.alone.clone()];
        if let Some(validator) = &gathered.found {
            let index = gathered.message.validator_index;
            let index = exit_checks::index(*beacon, &gathered.key, index).await;
            let (index, index_alone) = index.map_err(later)?;
            checks.push(index);
            let told = ByNode::by_each(*beacon, &gathered.key, validator).await;
            checks.extend(told.validator(rules, gathered.now));
            alone.extend([index_alone, told.alone]);
        }
        checks.extend(one_node::check(&alone));
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
    let Told {
        rules,
        rules_alone,
        validator: mut found,
        mut alone,
    } = state(beacon, &key).await.map_err(later)?;
    if found.as_ref().is_none_or(|v| v.index != validator_index)
        && let Some((knows, whose)) = known_to_another(beacon, &key, validator_index).await?
    {
        (found, alone) = (Some(knows), whose);
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
        rules_alone,
        found,
        alone,
        key,
        message,
        nodes,
        now,
    })
}

/// The one that was asked may lag or lie: another one that knows the validator is believed, but for that it leaves, which
/// closes the case. With it, whose word alone it is.
async fn known_to_another(
    beacon: &dyn Consensus,
    key: &BlsPublicKey,
    index: u64,
) -> Result<Option<(Validator, Option<SafeText>)>, Prepared> {
    let all = beacon.validator_by_each(key).await;
    let known = all
        .into_iter()
        .filter_map(|voice| Some((voice.node, Answer::yes(voice.answer)?)));
    let mut known = known.filter(|(_, v)| v.index == index);
    let Some((node, knows)) = known.next() else {
        return Ok(None);
    };
    let others: Vec<_> = known.collect();
    if { others.iter() }.any(|(_, other)| other.activation_epoch != knows.activation_epoch) {
        let words = format!("since when validator {index} is active the beacon nodes tell differently");
        return Err(later(words));
    }
    if knows.status.is_exiting() {
        let words = format!("that validator {index} leaves is one beacon node's word");
        return Err(later(words));
    }
    let alone =
        { others.is_empty() }.then(|| SafeText::new(&format!("{node} alone knows validator {index}")));
    Ok(Some((knows, alone)))
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
            match (&gathered.alone, sending) {
                // a case that is refused stands until a person looks
                (Some(alone), true) => return Err(later(format!("{words}, which is not believed: {alone}"))),
                (None, true) => return Err(refused(words)),
                (_, false) => {}
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desk::fixture;
    use crate::oracle::{BEACON_AGREE, RULES_AGREE};
    use crate::ports::fakes::{FakeConsensus, FakeNode};
    use crate::types::{ActionId, CheckStatus, Root};

    fn action() -> ActionId {
        let case = "exit/1".parse().unwrap();
        ActionId { case, number: 2 }
    }

    /// Of validator 9, as these nodes tell it; none for one that is out of sync.
    async fn prepared(purpose: Purpose, nodes: &[Option<&[Validator]>], rules_alone: bool) -> Prepared {
        let node = |told: &Option<&[Validator]>| match told {
            Some(validators) => FakeNode::healthy("a", validators),
            None => FakeNode {
                state: NodeState::NotSynced,
                ..FakeNode::healthy("b", &[])
            },
        };
        let beacon = FakeConsensus {
            rules: Answer::Yes(fixture::rules()),
            rules_alone: rules_alone.then(|| "the rules are told by a alone".into()),
            ..FakeConsensus::of(nodes.iter().map(node).collect())
        };
        let desk = BroadcastExit {
            consensus: Some(Arc::new(beacon)),
            expected: ExpectedChain {
                network: "mainnet".into(),
                capella_fork_version: fixture::rules().capella_fork_version,
                genesis_validators_root: None,
            },
        };
        let plan = CeremonyPlan::Sign {
            validator: fixture::validator().public_key,
            committee: Vec::new(),
            threshold: 3,
            signing_root: Root::default(),
            what: SignPurpose::VoluntaryExit {
                validator_index: 9,
                epoch: 356,
                domain: None,
            },
            share_public_keys: std::collections::BTreeMap::new(),
            brought: None,
        };
        let draft = BroadcastExitDraft {
            plan,
            ceremony_checks: Vec::new(),
            signature: BlsSignature([0; 96]),
        };
        let prepared = desk.prepare(action().case, purpose, draft).await;
        prepared.unwrap_or_else(|nothing_to_propose| nothing_to_propose)
    }

    #[tokio::test]
    async fn that_the_index_is_unknown_halts_an_exit_only_by_two_nodes_or_the_only_one() {
        let elsewhere = Validator {
            index: 8,
            ..fixture::validator()
        };
        let send = || Purpose::Send(action());
        for lie in [&[][..], std::slice::from_ref(&elsewhere)] {
            for nodes in [[Some(lie), None], [None, Some(lie)]] {
                let found = prepared(send(), &nodes, false).await;
                let Prepared::Later { reason, .. } = &found else {
                    panic!("{found:?}");
                };
                assert!(reason.as_str().contains("by a alone"), "{reason}");
            }
            for nodes in [&[Some(lie)][..], &[Some(lie), Some(lie)]] {
                let found = prepared(send(), nodes, false).await;
                assert!(matches!(found, Prepared::Refused(_)), "{found:?}");
            }
        }
    }

    #[tokio::test]
    async fn what_one_of_two_nodes_tells_of_an_exit_is_a_check_that_is_not_known() {
        let honest = [fixture::validator()];
        let told = Some(&honest[..]);
        let unknown = async |nodes: &[Option<&[Validator]>], rules_alone| {
            let found = prepared(Purpose::Propose, nodes, rules_alone).await;
            let Prepared::Proposal(proposal) = found else {
                panic!("{found:?}");
            };
            let checks = { proposal.checks.iter() }.filter(|check| check.status == CheckStatus::Unknown);
            let names = checks.map(|check| check.name.clone());
            let judges = names.filter(|name| [BEACON_AGREE, RULES_AGREE].contains(&name.as_str()));
            judges.collect::<Vec<_>>()
        };
        assert!(
            unknown(&[told], false).await.is_empty(),
            "nobody could bear it out"
        );
        assert!(unknown(&[told, told], false).await.is_empty());
        assert_eq!(unknown(&[told, None], false).await, [BEACON_AGREE]);
        assert_eq!(unknown(&[told, told], true).await, [RULES_AGREE]);
        // of three one alone knows it
        let nobody = Some(&[][..]);
        assert_eq!(unknown(&[nobody, nobody, told], false).await, [BEACON_AGREE]);
    }
}
