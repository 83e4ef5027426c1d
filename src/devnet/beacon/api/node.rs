//! What the node says about itself.

use axum::Json;
use axum::extract::State as Extract;
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::Node;
use crate::devnet::beacon::{ClientFamily, VERSION};

pub(super) async fn version() -> Json<Value> {
    Json(json!({"data": {"version": VERSION}}))
}

pub(super) async fn health(Extract(shared): Node) -> StatusCode {
    if shared.faults().syncing {
        StatusCode::PARTIAL_CONTENT
    } else {
        StatusCode::OK
    }
}

pub(super) async fn syncing(Extract(shared): Node) -> Json<Value> {
    let slot = shared.state().slot;
    let faults = shared.faults();
    // a syncing node is half an hour of mainnet behind
    let distance = if faults.syncing { 150 } else { 0 };
    let mut data = json!({
        "head_slot": slot.saturating_sub(distance).to_string(),
        "sync_distance": distance.to_string(),
        "is_syncing": faults.syncing,
        "is_optimistic": faults.optimistic,
    });
    // Lodestar 1.5.1 does not know this field yet
    if faults.family != ClientFamily::Lodestar {
        data["el_offline"] = false.into();
    }
    Json(json!({ "data": data }))
}
