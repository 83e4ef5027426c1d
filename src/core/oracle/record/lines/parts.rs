//! Records with every field that may be left out, one by one where no demo and no life has them.

use serde_json::{Value, json};

use super::{exit, hex};

/// All of them.
pub(super) fn records() -> Vec<Value> {
    let plans = [reshare(), sign(), exit()];
    let started = json!({
        "record": "ceremony-started", "request": "0a".repeat(24), "case": "exit/3", "action": "exit/3#1", "role": "main",
        "attempt": 1, "plan": sign(), "backend": "ssv-dkg",
    });
    let proposed = plans.iter().flat_map(|plan| {
        let payload = json!({"type": "ceremony", "plan": plan, "backend": "ssv-dkg"});
        ["action-proposed", "action-changed"].map(|kind| proposal(kind, payload.clone()))
    });
    let called = json!({
        "type": "transaction", "chain_id": 1, "from": hex(1, 20), "to": hex(7, 20), "value_wei": "0x0", "data": "0x0102",
        "fee_ceiling_wei": "0xbb8",
        "call": {
            "function": "depositStake",
            "arguments": [{"name": "poolId", "solidity_type": "uint32", "value": "3"}],
        },
    });
    let called = ["action-proposed", "action-changed"].map(|kind| proposal(kind, called.clone()));
    let decided = ["decided", "endorsed"].map(decision);
    let all = proposed.chain(called).chain(decided.into_iter().flatten());
    all.chain([started, resharing()]).chain(others()).collect()
}

fn brought() -> Value {
    json!({
        "handed_back": {"1": "0x0102"}, "withdrawal_credentials": hex(3, 32), "fork_version": "0x10000038",
        "owner_signature": hex(7, 65),
    })
}

fn reshare() -> Value {
    json!({
        "kind": "reshare", "validator": hex(5, 48), "old": [1, 2, 3], "new": [1, 2, 3, 5], "threshold": 3,
        "registration": {"owner": hex(8, 20), "nonce": 7}, "brought": brought(),
    })
}

fn sign() -> Value {
    let mut plan = exit();
    plan["brought"] = brought();
    plan
}

fn proposal(kind: &str, payload: Value) -> Value {
    json!({
        "record": kind, "action": "exit/3#1",
        "proposal": {
            "kind": "sign-exit", "title": "do it", "facts": [{"label": "balance", "value": "3", "kind": "text"}],
            "checks": [{"name": "endpoints-agree", "status": "pass", "reason": "they do"}], "payload": payload,
        },
        "digest": hex(6, 32),
    })
}

/// By somebody at a seat who became another user, and by the signature of a key.
fn decision(kind: &str) -> [Value; 2] {
    let statement = json!({
        "chain_id": 1, "manager": hex(8, 20), "account": hex(9, 20), "action": "exit/3#1", "proposed_at": 5,
        "digest": hex(6, 32), "verdict": "approve", "unknown": [], "phrase": "exit pool 3", "expires": 9,
    });
    let signed = json!({"statement": statement, "key": hex(2, 32), "signature": hex(4, 64)});
    let deciders = [
        json!({"by": "person", "name": "ann", "uid": 0, "login": 1000}),
        json!({"by": "person", "name": "ann", "uid": 1000, "signed": signed}),
    ];
    deciders.map(|decider| {
        json!({
            "record": kind, "action": "exit/3#1",
            "decision": {
                "verdict": {"verdict": "approve"}, "decider": decider, "at": 7, "digest": hex(6, 32),
                "nth": {"number": 1, "of": 2}, "unknown": [],
            },
        })
    })
}

/// The result of a reshare with everything that a backend may give.
fn resharing() -> Value {
    json!({
        "record": "ceremony-verified", "request": "0a".repeat(24),
        "result": {
            "result": "reshare", "validator": hex(5, 48), "share_public_keys": {"1": hex(5, 48)},
            "encrypted_shares": {"1": "0x0102"}, "registration": hex(9, 96), "handed_back": {"1": "0x0102"},
        },
        "checks": [], "transcript": ["t.json", hex(3, 32)],
    })
}

fn others() -> [Value; 3] {
    let included = json!({
        "status": "included", "hash": hex(3, 32), "block": {"number": 7, "hash": hex(3, 32)}, "success": false,
        "reason": "the pool is not at the head of the queue", "fee_paid_wei": "0xc8", "served": null, "is_final": true,
    });
    [
        json!({"record": "transaction-status", "action": "deposit/3#2", "status": included}),
        json!({"record": "validator-phase-seen", "case": "exit/3", "phase": "exiting", "validator": hex(5, 48)}),
        json!({
            "record": "people-demanded",
            "two_persons": [{"kinds": ["send-deposit"], "at_least_wei": "0x7", "personal_keys": true}],
            "persons": [{"name": "ann", "uid": 1000, "key": hex(2, 32)}],
        }),
    ]
}
