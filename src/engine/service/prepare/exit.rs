//! Voluntary exits: what is signed, whether it may be published, and what the nodes said.

use super::{committee, key_checks, keygen, later, refused};
use crate::beacon::client::{ExitMessage, SignedExit, Validator};
use crate::beacon::exit::{ExitOutcome, ExitRules, judge, self_test};
use crate::dkg::threshold;
use crate::engine::service::follow::{phase, state};
use crate::engine::service::outside::{Outside, Shared};
use crate::oracle::{
    ActionKind, CeremonyPayload, ExitPayload, Fact, FactKind, KnownKey, Payload, Prepared, Proposal, Purpose,
    ValidatorPhase,
};
use crate::types::{
    BlsSignature, CaseId, CeremonyPlan, Check, PoolId, SafeText, SignPurpose, UnixMillis, threshold_for,
};

const NO_BEACON: &str = "no beacon node is configured (beacon.urls): an exit needs the validator's state";

pub(super) async fn prepare_sign(
    outside: &Shared,
    pool: PoolId,
    known: Option<KnownKey>,
    last_failure: Option<SafeText>,
    attempt: u32,
) -> Prepared {
    let Some(beacon) = &outside.beacon else {
        return refused(NO_BEACON);
    };
    let present = match super::reshare::present(outside, pool).await {
        Ok(present) => present,
        Err(answer) => return answer,
    };
    let (rules, validator) = match state(beacon, &present.validator).await {
        Ok(found) => found,
        Err(why) => return later(why),
    };
    let Some(validator) = validator else {
        return later(format!(
            "the beacon chain does not know validator {} (yet)",
            present.validator
        ));
    };
    if validator.status.is_exiting() {
        return Prepared::AlreadySo(phase(validator.status));
    }
    let Some(epoch) = rules.ready_epoch(&validator) else {
        return later(format!(
            "validator {} is {}: its activation is not set yet",
            validator.index, validator.status
        ));
    };
    let mut committee = present.committee.operator_ids.clone();
    committee.sort_unstable();
    let Some(threshold) = threshold_for(committee.len()) else {
        return refused(format!(
            "pool {pool} is held by {} operators, which is no committee",
            committee.len()
        ));
    };
    let message = ExitMessage {
        epoch,
        validator_index: validator.index,
    };
    let share_public_keys = match &known {
        Some(k) if k.validator == present.validator && k.committee == committee => {
            k.share_public_keys.clone()
        }
        _ => Default::default(),
    };
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
    let asked = committee::ask(outside, &committee).await;
    let quorum = committee::Quorum::AtLeast(usize::from(threshold));
    let mut checks = committee::checks(outside, &asked, &committee, &committee, quorum);
    checks.push(present.staked_check(pool));
    checks.push(exiting_check(outside, pool).await);
    checks.extend(domain_checks(outside, &rules));
    checks.push(Check::of(
        "not-slashed",
        !validator.slashed,
        if validator.slashed {
            "the validator is slashed"
        } else {
            "the validator is not slashed"
        },
    ));
    checks.push(credentials_check(outside, &validator));
    checks.push(match &known {
        None => Check::unknown(
            "key-in-journal",
            "this journal knows nothing of the pool's key: a bad signer could not be named",
        ),
        Some(k) => Check::of(
            "key-in-journal",
            k.validator == present.validator,
            format!("the journal has {}", k.validator),
        ),
    });
    let now = rules.epoch_at(UnixMillis::now());
    let mut facts = vec![
        Fact::new("pool", FactKind::Text, pool),
        Fact::new("validator key", FactKind::Hex, present.validator),
        Fact::new("validator index", FactKind::Text, validator.index),
        Fact::new("status", FactKind::Text, validator.status),
        Fact::new("exit epoch", FactKind::Text, when(&rules, epoch, now)),
        Fact::new("signing root", FactKind::Hex, rules.signing_root(&message)),
        Fact::new("domain (EIP-7044)", FactKind::Hex, rules.domain()),
    ];
    facts.extend(committee::fact(outside, "operators", &committee));
    facts.push(Fact::new(
        "can not be undone",
        FactKind::Warning,
        "whoever holds the signature can publish it, at any time",
    ));
    facts.push(Fact::new("attempt", FactKind::Text, attempt));
    if let Some(why) = last_failure {
        facts.push(Fact::new("last attempt failed", FactKind::Warning, why));
    }
    let title = format!(
        "Have operators {} sign the voluntary exit of validator {} (pool {pool}). This can not be taken back.",
        keygen::list(&committee),
        validator.index
    );
    Prepared::Proposal(Box::new(Proposal {
        kind: ActionKind::SignExit,
        title: SafeText::new(&title),
        facts,
        checks,
        payload: Payload::Ceremony(CeremonyPayload { plan }),
    }))
}

/// The contract wants the exit: state decides, the event only hinted.
async fn exiting_check(outside: &Shared, pool: PoolId) -> Check {
    match outside.manager.pool(pool, crate::chain::rpc::At::Latest).await {
        Ok(view) => {
            let words = format!(
                "the contract {} pool {pool} as exiting",
                if view.exiting { "marks" } else { "does not mark" }
            );
            Check::of("pool-exiting", view.exiting, words)
        }
        Err(error) => Check::unknown("pool-exiting", error.to_string()),
    }
}

fn domain_checks(outside: &Outside, rules: &ExitRules) -> Vec<Check> {
    let self_test = match self_test() {
        Ok(()) => Check::pass(
            "exit-domain-self-test",
            "mainnet's known exit domain is computed correctly",
        ),
        Err(error) => Check::fail("exit-domain-self-test", error.to_string()),
    };
    let network = &outside.config.network;
    let capella = Check::of(
        "capella-version",
        rules.capella_fork_version == network.capella_fork_version,
        format!(
            "the beacon chain has {}, {} {}",
            rules.capella_fork_version,
            network.name.as_str(),
            network.capella_fork_version
        ),
    );
    let theirs = rules.genesis.genesis_validators_root;
    let genesis = match network.genesis_validators_root {
        Some(ours) => Check::of(
            "genesis-validators-root",
            ours == theirs,
            format!("the beacon chain has {theirs}, expected {ours}"),
        ),
        None => Check::pass(
            "genesis-validators-root",
            format!("{theirs}, as the beacon node says: none is configured"),
        ),
    };
    vec![self_test, capella, genesis]
}

fn credentials_check(outside: &Shared, validator: &Validator) -> Check {
    let ours = keygen::credentials(outside);
    let theirs = validator.withdrawal_credentials;
    Check::of(
        "withdrawal-credentials",
        ours == theirs,
        format!("the validator pays out to {theirs}, ours are {ours}"),
    )
}

fn when(rules: &ExitRules, epoch: u64, now: u64) -> String {
    if epoch <= now {
        format!("{epoch}, reached (it is epoch {now})")
    } else {
        format!(
            "{epoch}, not before {} (it is epoch {now})",
            rules.start_of(epoch).to_rfc3339()
        )
    }
}

pub(super) async fn prepare_broadcast(
    outside: &Shared,
    case: CaseId,
    purpose: Purpose,
    plan: CeremonyPlan,
    ceremony_checks: Vec<Check>,
    signature: BlsSignature,
) -> Prepared {
    let Some(beacon) = &outside.beacon else {
        return refused(NO_BEACON);
    };
    let CeremonyPlan::Sign {
        validator: key,
        what: SignPurpose::VoluntaryExit {
            validator_index,
            epoch,
        },
        ..
    } = plan
    else {
        return refused("what was signed is not a voluntary exit");
    };
    let (rules, found) = match state(beacon, &key).await {
        Ok(found) => found,
        Err(why) => return later(why),
    };
    let message = ExitMessage {
        epoch,
        validator_index,
    };
    let signing_root = rules.signing_root(&message);
    let now = rules.epoch_at(UnixMillis::now());
    let outcome = judge(&message, found.as_ref(), None, now, &rules);
    let sending = matches!(purpose, Purpose::Send(_));
    let permitted = match outcome {
        ExitOutcome::Ready => Check::pass("exit-allowed", format!("validator {validator_index} may exit")),
        // approved now, sent when its time has come: the check holds, and the wait is in the facts
        ExitOutcome::TooEarly { ready_epoch } if sending => return wait_until(&rules, ready_epoch),
        ExitOutcome::TooEarly { .. } => {
            Check::pass("exit-allowed", format!("validator {validator_index} may exit"))
        }
        ExitOutcome::NotActive { ready_epoch } => match ready_epoch {
            Some(ready) if sending => return wait_until(&rules, ready),
            Some(_) => Check::pass("exit-allowed", format!("validator {validator_index} may exit")),
            None => {
                return later(format!(
                    "validator {validator_index} is not active and its activation is not set yet"
                ));
            }
        },
        ExitOutcome::Exiting { .. } => {
            return Prepared::AlreadySo(found.map_or(ValidatorPhase::Exiting, |v| phase(v.status)));
        }
        ExitOutcome::UnknownIndex => Check::fail(
            "exit-allowed",
            format!("the beacon chain has another key at index {validator_index}, or none"),
        ),
        other => Check::fail("exit-allowed", format!("{other:?}")),
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
    checks.extend(domain_checks(outside, &rules));
    let nodes = beacon.check().await;
    let in_sync = nodes
        .iter()
        .filter(|n| n.state == crate::beacon::client::NodeState::Healthy)
        .count();
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
        Fact::new("exit epoch", FactKind::Text, when(&rules, epoch, now)),
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
            "can not be undone",
            FactKind::Warning,
            "a published exit can not be taken back by anybody",
        ),
    ];
    facts.extend(unseen);
    let title = format!(
        "Publish the voluntary exit of validator {validator_index} (pool {}) to {}. This can not be undone.",
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

fn wait_until(rules: &ExitRules, epoch: u64) -> Prepared {
    let at = rules.start_of(epoch);
    let reason = format!(
        "approved; too early: it is sent by itself in epoch {epoch}, not before {}",
        at.to_rfc3339()
    );
    Prepared::Later {
        reason: SafeText::new(&reason),
        at,
    }
}

/// Offers the exit to every node: (node, delivered, words).
pub(in crate::engine::service) async fn publish_exit(
    outside: &Shared,
    payload: &ExitPayload,
) -> Vec<(SafeText, bool, SafeText)> {
    let Some(beacon) = &outside.beacon else {
        return Vec::new();
    };
    let message = ExitMessage {
        epoch: payload.epoch,
        validator_index: payload.validator_index,
    };
    let verdicts = beacon
        .publish_exit(&SignedExit {
            message,
            signature: payload.signature,
        })
        .await;
    verdicts
        .into_iter()
        .map(|v| {
            let delivered = v.delivered();
            let words = if v.words.as_str().is_empty() {
                format!("{:?}", v.outcome)
            } else {
                v.words.to_string()
            };
            (v.node, delivered, SafeText::new(&words))
        })
        .collect()
}
