//! Our roots and our judgement of exits beside the official specification's, from the vectors that it wrote
//! (`tests/vectors/pyspec/`), and that it writes the same today.

use std::collections::{BTreeMap, BTreeSet};

use casimir_dkg::beacon::client::Spec;
use casimir_dkg::beacon::exit::{ExitOutcome, judge};
use casimir_dkg::beacon::roots::{
    deposit_data_root, deposit_domain, deposit_message_root, deposit_signing_root, voluntary_exit_domain,
    voluntary_exit_root, voluntary_exit_signing_root,
};
use casimir_dkg::dkg::threshold::verify;
use casimir_dkg::ports::consensus::{ExitMessage, ExitRefusal, ExitRules, Genesis, SignedExit, Validator};
use casimir_dkg::types::{BlsPublicKey, BlsSignature, ForkVersion, Root, SafeText, UnixMillis};
use serde::Deserialize;
use serde_json::Value;

use super::python;

const VECTORS: &str = include_str!("../vectors/pyspec/exits.json");

#[derive(Deserialize)]
struct Vectors {
    deposits: Vec<Deposit>,
    domains: Vec<Domain>,
    electra: Electra,
}

#[derive(Deserialize)]
struct Deposit {
    pubkey: BlsPublicKey,
    withdrawal_credentials: Root,
    amount: String,
    genesis_fork_version: ForkVersion,
    domain: Root,
    message_root: Root,
    signing_root: Root,
    signature: BlsSignature,
    data_root: Root,
}

#[derive(Deserialize)]
struct Domain {
    fork: String,
    preset: String,
    capella_fork_version: ForkVersion,
    genesis_validators_root: Root,
    message: ExitMessage,
    exit_root: Root,
    versions: Vec<Tried>,
}

#[derive(Deserialize)]
struct Tried {
    name: String,
    version: ForkVersion,
    domain: Root,
    signing_root: Root,
    accepted: bool,
}

#[derive(Deserialize)]
struct Electra {
    spec: Spec,
    genesis: Genesis,
    clock: Vec<BTreeMap<String, String>>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    epoch: String,
    validator: Option<Validator>,
    signed: SignedExit,
    signing_root: Root,
    /// The specification's line that stopped the exit; none: accepted.
    refused: Option<String>,
    after: Option<BTreeMap<String, String>>,
}

impl Case {
    fn now(&self) -> u64 {
        self.epoch.parse().unwrap()
    }

    fn after(&self) -> Option<(u64, u64)> {
        let after = self.after.as_ref()?;
        Some((number(after, "exit_epoch"), number(after, "withdrawable_epoch")))
    }
}

fn number(map: &BTreeMap<String, String>, name: &str) -> u64 {
    map[name].parse().unwrap()
}

fn vectors() -> Vectors {
    serde_json::from_str(VECTORS).unwrap()
}

impl Electra {
    fn rules(&self) -> ExitRules {
        self.spec.exit_rules(self.genesis).unwrap()
    }
}

#[test]
fn the_specification_writes_the_committed_vectors() {
    let fresh = python::run_script("pyspec_vectors.py", "");
    let fresh: Value = serde_json::from_slice(&fresh).unwrap();
    let committed: Value = serde_json::from_str(VECTORS).unwrap();
    for part in ["source", "deposits", "domains", "electra"] {
        assert!(!committed[part].is_null(), "{part}");
        assert_eq!(fresh[part], committed[part], "{part}");
    }
    assert_eq!(fresh, committed);
}

#[test]
fn deposit_roots_are_the_specifications() {
    let deposits = vectors().deposits;
    assert_eq!(deposits.len(), 6);
    for d in deposits {
        let amount = d.amount.parse().unwrap();
        assert_eq!(deposit_domain(d.genesis_fork_version), d.domain);
        assert_eq!(
            deposit_message_root(&d.pubkey, &d.withdrawal_credentials, amount),
            d.message_root
        );
        let root = deposit_signing_root(
            &d.pubkey,
            &d.withdrawal_credentials,
            amount,
            d.genesis_fork_version,
        );
        assert_eq!(root, d.signing_root);
        assert!(verify(&d.pubkey, &root.0, &d.signature));
        assert_eq!(
            deposit_data_root(&d.pubkey, &d.withdrawal_credentials, amount, &d.signature),
            d.data_root
        );
    }
}

/// EIP-7044: at every fork, the domain that the chain accepts is the one that we compute from Capella's version.
#[test]
fn every_fork_accepts_our_domain_and_no_other() {
    let domains = vectors().domains;
    let forks: BTreeSet<_> = domains
        .iter()
        .map(|d| (d.fork.as_str(), d.preset.as_str()))
        .collect();
    for fork in ["capella", "deneb", "electra", "fulu"] {
        assert!(
            forks.contains(&(fork, "minimal")) && forks.contains(&(fork, "mainnet")),
            "{fork}"
        );
    }
    for d in &domains {
        let ours = voluntary_exit_domain(d.capella_fork_version, &d.genesis_validators_root);
        let root = voluntary_exit_signing_root(
            d.message.epoch,
            d.message.validator_index,
            d.capella_fork_version,
            &d.genesis_validators_root,
        );
        assert_eq!(
            voluntary_exit_root(d.message.epoch, d.message.validator_index),
            d.exit_root
        );
        assert!(d.versions.len() >= 4, "{}: nothing else was tried", d.fork);
        for tried in &d.versions {
            let what = format!("{} ({}) with {}", d.fork, d.preset, tried.name);
            assert_eq!(
                voluntary_exit_domain(tried.version, &d.genesis_validators_root),
                tried.domain,
                "{what}"
            );
            assert_eq!(tried.accepted, tried.domain == ours, "{what}");
            assert_eq!(tried.accepted, tried.signing_root == root, "{what}");
        }
        assert_eq!(d.versions.iter().filter(|tried| tried.accepted).count(), 1);
    }
}

#[test]
fn epochs_and_earliest_exits_are_the_specifications() {
    let electra = vectors().electra;
    let rules = electra.rules();
    assert_eq!(electra.clock.len(), 6);
    for entry in &electra.clock {
        let (epoch, time) = (number(entry, "epoch"), UnixMillis(number(entry, "time") * 1000));
        assert_eq!(rules.start_of(epoch), time);
        assert_eq!(rules.epoch_at(time), epoch);
        assert_eq!(
            rules.epoch_at(UnixMillis(time.0 - 1)),
            epoch.saturating_sub(1),
            "just before epoch {epoch}"
        );
        assert_eq!(rules.earliest_exit(epoch).0, number(entry, "earliest_exit"));
    }
}

/// The outcome that we give, beside the line by which the specification refuses.
fn outcome_fits(case: &Case, outcome: &ExitOutcome, rules: &ExitRules) -> bool {
    let message = &case.signed.message;
    let Some(line) = &case.refused else {
        return *outcome == ExitOutcome::Ready;
    };
    let Some(validator) = &case.validator else {
        return line == "IndexError" && *outcome == ExitOutcome::UnknownIndex;
    };
    let exiting = validator.exit_epoch.map(|exit_epoch| ExitOutcome::Exiting {
        exit_epoch,
        withdrawable_epoch: validator.withdrawable_epoch,
    });
    let ready = rules.ready_epoch(validator).map(|epoch| epoch.max(message.epoch));
    if line.contains("is_active_validator") {
        // not active any more, or not yet
        *outcome == exiting.unwrap_or(ExitOutcome::NotActive { ready_epoch: ready })
    } else if line.contains("exit_epoch == FAR_FUTURE_EPOCH") {
        Some(outcome) == exiting.as_ref()
    } else if line.contains(">= voluntary_exit.epoch") || line.contains("SHARD_COMMITTEE_PERIOD") {
        *outcome
            == ExitOutcome::TooEarly {
                ready_epoch: ready.unwrap(),
            }
    } else if line.contains("bls.Verify") || line.contains("get_pending_balance_to_withdraw") {
        // the validator's entry does not show it; the node's refusal decides, see below
        *outcome == ExitOutcome::Ready
    } else {
        panic!("{}: a line that this test does not know: {line}", case.name)
    }
}

#[test]
fn our_judgement_is_electras() {
    let electra = vectors().electra;
    let rules = electra.rules();
    let mut kinds = BTreeMap::<&str, usize>::new();
    for case in &electra.cases {
        let what = format!(
            "{} of {} in epoch {}",
            case.name, case.signed.message.validator_index, case.epoch
        );
        let message = &case.signed.message;
        let outcome = judge(message, case.validator.as_ref(), None, case.now(), &rules);
        assert!(
            outcome_fits(case, &outcome, &rules),
            "{what}: {outcome:?}, but {:?}",
            case.refused
        );
        *kinds
            .entry(case.refused.as_deref().unwrap_or("accepted"))
            .or_default() += 1;
        // what we say about waiting comes true: refused until then, accepted from then on
        let waits = match outcome {
            ExitOutcome::TooEarly { ready_epoch } => Some(ready_epoch),
            ExitOutcome::NotActive { ready_epoch } => ready_epoch,
            _ => None,
        };
        if let Some(ready_epoch) = waits {
            let same: BTreeMap<u64, bool> = electra
                .cases
                .iter()
                .filter(|other| other.name == case.name)
                .map(|other| (other.now(), other.refused.is_none()))
                .collect();
            assert_eq!(same.get(&ready_epoch), Some(&true), "{what}");
            assert!(
                same.iter()
                    .all(|(epoch, accepted)| *accepted == (*epoch >= ready_epoch)),
                "{what}: {same:?}"
            );
        }
    }
    // every rule was met
    assert_eq!(kinds.len(), 8, "{kinds:#?}");
    assert!(kinds["accepted"] >= 10 && electra.cases.len() >= 60, "{kinds:#?}");
}

#[test]
fn signatures_are_accepted_exactly_when_we_accept_them() {
    let electra = vectors().electra;
    let rules = electra.rules();
    let mut bad = 0;
    for case in &electra.cases {
        let Some(validator) = &case.validator else {
            continue;
        };
        let ours = rules.signing_root(&case.signed.message);
        let refused = case
            .refused
            .as_ref()
            .is_some_and(|line| line.contains("bls.Verify"));
        let valid = verify(&validator.public_key, &ours.0, &case.signed.signature);
        assert_eq!(valid, !refused, "{}", case.name);
        if refused {
            bad += 1;
            // right as a signature of something else, or of someone else
            assert_eq!(
                case.signing_root == ours,
                case.name == "wrong key",
                "{}",
                case.name
            );
            let judged = |refusal: &ExitRefusal| {
                judge(
                    &case.signed.message,
                    Some(validator),
                    Some(refusal),
                    case.now(),
                    &rules,
                )
            };
            assert_eq!(judged(&ExitRefusal::BadSignature), ExitOutcome::BadSignature);
        }
    }
    assert_eq!(bad, 5);
}

/// Electra's new rule is not visible in the validator's entry: the node's own words become the outcome, and the exit is
/// neither taken for sent nor signed again.
#[test]
fn a_withdrawal_in_the_queue_is_the_nodes_to_tell() {
    let electra = vectors().electra;
    let case = electra
        .cases
        .iter()
        .find(|case| case.name == "with a withdrawal in the queue")
        .unwrap();
    assert!(
        case.refused
            .as_ref()
            .unwrap()
            .contains("get_pending_balance_to_withdraw")
    );
    let words = SafeText::new("validator has pending withdrawals in the queue");
    let outcome = judge(
        &case.signed.message,
        case.validator.as_ref(),
        Some(&ExitRefusal::Other(words.clone())),
        case.now(),
        &electra.rules(),
    );
    assert_eq!(outcome, ExitOutcome::Refused(words));
}

/// Our prediction is a lower bound that is met while the queue is empty; withdrawability follows at the fixed distance.
#[test]
fn exit_epochs_are_as_predicted_or_later_in_a_full_queue() {
    let electra = vectors().electra;
    let rules = electra.rules();
    let mut queue = Vec::new();
    for case in &electra.cases {
        let Some((exit, withdrawable)) = case.after() else {
            continue;
        };
        let (earliest, _) = rules.earliest_exit(case.now());
        assert!(exit >= earliest, "{}: {exit} before {earliest}", case.name);
        assert_eq!(withdrawable - exit, rules.withdrawability_delay);
        if case.now() == 4 {
            assert_eq!(
                (exit, withdrawable),
                rules.earliest_exit(4),
                "nobody else is exiting"
            );
        }
        if case.name == "queue" {
            queue.push(exit - earliest);
        }
    }
    assert_eq!(queue, [0, 0, 1, 1, 2], "two exits of 32 ETH fill an epoch");
}
