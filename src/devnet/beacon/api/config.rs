//! The chain's constants.

use axum::Json;
use axum::extract::State as Extract;
use serde_json::{Value, json};

use super::Node;

pub(super) async fn spec(Extract(shared): Node) -> Json<Value> {
    Json(json!({"data": shared.state().spec.to_json()}))
}

pub(super) async fn fork_schedule(Extract(shared): Node) -> Json<Value> {
    Json(json!({"data": shared.state().spec.schedule()}))
}

pub(super) async fn deposit_contract(Extract(shared): Node) -> Json<Value> {
    let spec = &shared.state().spec;
    Json(json!({"data": {
        "chain_id": spec.deposit_chain_id.to_string(),
        "address": spec.deposit_contract.to_string(),
    }}))
}
