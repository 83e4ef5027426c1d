//! Genesis, headers, blocks and finality.

use axum::Json;
use axum::extract::{Path, State as Extract};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::{Node, error};
use crate::devnet::beacon::{ClientFamily, Shared};
use crate::types::BlsSignature;

pub(super) async fn genesis(Extract(shared): Node) -> Json<Value> {
    let faults = shared.faults().clone();
    let state = shared.state();
    // Lodestar 1.5.1 names the fork at genesis here, and the genesis version only in its spec
    let version = match faults.family {
        ClientFamily::Lodestar => state.spec.capella_fork_version,
        _ => state.spec.genesis_fork_version,
    };
    let root = faults.other_genesis.unwrap_or(state.genesis_validators_root);
    Json(json!({"data": {
        "genesis_time": state.genesis_time.to_string(),
        "genesis_validators_root": root.to_string(),
        "genesis_fork_version": version.to_string(),
    }}))
}

/// The slot of a block id: `head`, `finalized`, `justified`, `genesis`, a slot or a root. `None`: not known.
fn slot_of(shared: &Shared, block: &str) -> Option<u64> {
    let state = shared.state();
    let finalized = state.finalized_epoch() * state.spec.slots_per_epoch;
    let slot = match block {
        "head" => state.slot,
        "finalized" => finalized,
        "justified" => (finalized + state.spec.slots_per_epoch).min(state.slot),
        "genesis" => 0,
        root if root.starts_with("0x") => {
            let wanted = root.parse().ok()?;
            (0..=state.slot)
                .rev()
                .find(|slot| state.block_root(*slot) == wanted)?
        }
        slot => slot.parse().ok()?,
    };
    (slot <= state.slot).then_some(slot)
}

fn message(shared: &Shared, slot: u64) -> Value {
    let state = shared.state();
    json!({
        "slot": slot.to_string(),
        "proposer_index": "0",
        "parent_root": state.block_root(slot.saturating_sub(1)).to_string(),
        "state_root": state.state_root(slot).to_string(),
    })
}

pub(super) async fn header(Extract(shared): Node, Path(block): Path<String>) -> Response {
    let Some(slot) = slot_of(&shared, &block) else {
        return error(&shared, 404, &format!("NOT_FOUND: beacon block {block}"));
    };
    let mut message = message(&shared, slot);
    let state = shared.state();
    message["body_root"] = state.state_root(slot).to_string().into();
    let data = json!({
        "root": state.block_root(slot).to_string(),
        "canonical": true,
        "header": {"message": message, "signature": BlsSignature::default().to_string()},
    });
    drop(state);
    wrapped(&shared, slot, data)
}

/// A block with the exits in it, and nothing else.
pub(super) async fn block(Extract(shared): Node, Path(block): Path<String>) -> Response {
    let Some(slot) = slot_of(&shared, &block) else {
        return error(&shared, 404, &format!("NOT_FOUND: beacon block {block}"));
    };
    let mut message = message(&shared, slot);
    let exits = shared.state().included.get(&slot).cloned().unwrap_or_default();
    message["body"] = json!({ "voluntary_exits": exits });
    let data = json!({"message": message, "signature": BlsSignature::default().to_string()});
    wrapped(&shared, slot, data)
}

/// Only the head is kept.
pub(super) async fn root(Extract(shared): Node, Path(state): Path<String>) -> Response {
    if state != "head" {
        return error(&shared, 404, &format!("NOT_FOUND: beacon state {state}"));
    }
    let slot = shared.state().slot;
    let root = shared.state().state_root(slot).to_string();
    wrapped(&shared, slot, json!({ "root": root }))
}

pub(super) async fn fork(Extract(shared): Node, Path(_): Path<String>) -> Response {
    let forks = shared.state().spec.forks();
    let newest: Vec<String> = forks.iter().rev().take(2).map(|(_, v)| v.to_string()).collect();
    let data = json!({
        "previous_version": newest[1],
        "current_version": newest[0],
        "epoch": "0",
    });
    wrapped(&shared, u64::MAX, data)
}

pub(super) async fn finality(Extract(shared): Node, Path(_): Path<String>) -> Response {
    let state = shared.state();
    let checkpoint = |epoch: u64| {
        let root = state.block_root(epoch * state.spec.slots_per_epoch);
        json!({"epoch": epoch.to_string(), "root": root.to_string()})
    };
    let finalized = state.finalized_epoch();
    let data = json!({
        "previous_justified": checkpoint(finalized),
        "current_justified": checkpoint((finalized + 1).min(state.epoch())),
        "finalized": checkpoint(finalized),
    });
    drop(state);
    wrapped(&shared, u64::MAX, data)
}

/// The frame of every answer about a block or a state.
pub(super) fn wrapped(shared: &Shared, slot: u64, data: Value) -> Response {
    let optimistic = shared.faults().optimistic;
    let state = shared.state();
    let finalized = slot <= state.finalized_epoch() * state.spec.slots_per_epoch;
    Json(json!({
        "version": "electra",
        "execution_optimistic": optimistic,
        "finalized": finalized,
        "data": data,
    }))
    .into_response()
}
