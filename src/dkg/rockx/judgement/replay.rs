//! Recordings of the real programs, fed to the record as the observer would have seen them.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::accept::judge_stored;
use super::judge::BlameVerdict;
use super::record::Record;
use crate::dkg::rockx::committee::threshold_for;
use crate::dkg::rockx::keys::OperatorPublicKey;
use crate::dkg::rockx::round::Round;
use crate::dkg::rockx::wire::{DataStore, Decode, Init, MsgType, SignedMessage};
use crate::dkg::tracker::View;
use crate::types::{
    BlsPublicKey, CeremonyPlan, CeremonyResult, FailureKind, OperatorId, OperatorState, Root, SignPurpose,
    UnixMillis,
};

fn json(name: &str) -> Value {
    let path = format!("{}/tests/vectors/rockx/{name}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn ids(list: impl IntoIterator<Item = u64>) -> Vec<OperatorId> {
    list.into_iter().map(OperatorId).collect()
}

fn keys(plan: &CeremonyPlan) -> BTreeMap<OperatorId, OperatorPublicKey> {
    let file = json("hardcoded-operators.json");
    let key_of = |id: OperatorId| {
        let operator = &file["operators"][id.to_string()];
        let text = operator["public_key_base64_as_registry_or_keyshares_file_carry_it"].as_str();
        OperatorPublicKey::parse(text.unwrap()).unwrap()
    };
    plan.participants()
        .into_iter()
        .map(|id| (id, key_of(id)))
        .collect()
}

/// Envelopes of one kind of request, with their times.
fn bodies(recording: &Value, to_messenger: bool) -> Vec<(UnixMillis, Vec<u8>)> {
    let mut found: Vec<(UnixMillis, Vec<u8>)> = recording["exchanges"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|exchange| {
            let request = exchange["request"].as_str().unwrap();
            request.starts_with(if to_messenger {
                "POST /publish"
            } else {
                "POST /consume"
            })
        })
        .map(|exchange| {
            let at = (exchange["t"].as_f64().unwrap() * 1000.0) as u64;
            let raw = STANDARD.decode(exchange["body_b64"].as_str().unwrap()).unwrap();
            (UnixMillis(at), raw)
        })
        .collect();
    found.sort_by_key(|(at, _)| *at);
    found
}

fn replay(recording: &Value, plan: &CeremonyPlan) -> Record {
    let id = recording["request_id"].as_str().unwrap().parse().unwrap();
    let mut record = Record::new(id, plan, keys(plan), View::Whole);
    record.tracker.starting();
    for (at, raw) in bodies(recording, true) {
        record.take(&raw, at).unwrap();
    }
    record
}

fn key_of(recording: &Value) -> BlsPublicKey {
    let bytes = STANDARD
        .decode(recording["validator_pk"].as_str().unwrap())
        .unwrap();
    BlsPublicKey::try_from(bytes.as_slice()).unwrap()
}

fn keygen_plan(recording: &Value) -> CeremonyPlan {
    let start = bodies(recording, false)
        .into_iter()
        .filter_map(|(_, raw)| SignedMessage::from_ssv(&raw).ok()?.message)
        .find(|message| message.msg_type == MsgType::Init)
        .unwrap();
    let init = Init::from_json(start.data.as_slice()).unwrap();
    let mut committee: Vec<OperatorId> = init.operator_ids.iter().copied().collect();
    committee.sort();
    CeremonyPlan::Keygen {
        threshold: threshold_for(committee.len()).unwrap(),
        committee,
        withdrawal_credentials: Root::try_from(init.withdrawal_credentials.as_slice()).unwrap(),
        fork_version: init.fork,
        registration: None,
    }
}

/// Everything was seen, and the stored result is accepted.
fn succeeds(recording: &Value, plan: &CeremonyPlan) -> CeremonyResult {
    let record = replay(recording, plan);
    assert_eq!(record.faults(), []);
    assert_eq!(record.tracker.gate(), None);
    assert!(record.tracker.complete(&Round::Output.id()));
    for id in plan.committee() {
        assert_eq!(record.tracker.progress()[id].state, OperatorState::Done);
    }
    let stored = recording["data"].to_string();
    let accepted = judge_stored(&record.evidence, stored.as_bytes()).unwrap();
    accepted.unwrap_or_else(|failure| panic!("{failure}")).result
}

#[test]
fn recorded_keygen() {
    let recording = json("live/keygen-n4.json");
    let result = succeeds(&recording, &keygen_plan(&recording));
    assert!(matches!(result, CeremonyResult::Keygen(_)));
}

#[test]
fn recorded_reshare_with_overlap() {
    let recording = json("live/reshare-overlap-4.json");
    let list = |name: &str| {
        let mut list: Vec<u64> = recording[name]
            .as_array()
            .unwrap()
            .iter()
            .map(|id| id.as_u64().unwrap())
            .collect();
        list.sort_unstable();
        ids(list)
    };
    let plan = CeremonyPlan::Reshare {
        validator: key_of(&recording),
        old: list("old_sent"),
        new: list("new"),
        threshold: 3,
        brought: None,
        registration: None,
    };
    let CeremonyResult::Reshare(output) = succeeds(&recording, &plan) else {
        panic!()
    };
    assert_eq!(output.validator, key_of(&recording));
}

#[test]
fn recorded_signature() {
    let recording = json("live/keysign-exit-n4.json");
    let plan = CeremonyPlan::Sign {
        validator: key_of(&recording),
        committee: ids(1..=4),
        threshold: 3,
        signing_root: recording["signing_root_hex"].as_str().unwrap().parse().unwrap(),
        what: SignPurpose::VoluntaryExit {
            validator_index: 0,
            epoch: 0,
            domain: None,
        },
        share_public_keys: BTreeMap::new(),
        brought: None,
    };
    assert!(matches!(succeeds(&recording, &plan), CeremonyResult::Sign { .. }));
}

/// Operator 4 was never started. After ten minutes the others blamed each other over Timeout messages, judged "valid".
#[test]
fn recorded_timeout_names_the_operator_that_sent_nothing() {
    let recording = json("live/keygen-timeout-n4.json");
    let plan = CeremonyPlan::Keygen {
        committee: ids(1..=4),
        threshold: 3,
        withdrawal_credentials: Root::default(),
        fork_version: crate::types::ForkVersion::default(),
        registration: None,
    };
    let mut record = replay(&recording, &plan);
    let stored = DataStore::from_json(recording["last_data"].as_str().unwrap().as_bytes()).unwrap();
    let _ = record.take_stored_blame(&stored, UnixMillis(700_000));
    assert_eq!(record.blames_judged(BlameVerdict::Proven).count(), 0);
    assert_eq!(record.blames_judged(BlameVerdict::False).count(), 0);
    let blames: Vec<_> = record.blames_judged(BlameVerdict::Nothing).collect();
    assert!(blames.len() >= 3, "{blames:?}");
    assert!(blames.iter().all(|blame| blame.culprit.is_none()));
    let gate = record.tracker.gate().unwrap();
    let failure = record.expired_failure(&gate, &BTreeMap::new());
    assert_eq!(failure.kind, FailureKind::Timeout);
    assert_eq!(failure.culprits, ids([4]));
}
