//! Validators of the head state, by index or key, one or many.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::{Path, RawQuery, State as Extract};
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};

use super::chain::wrapped;
use super::events::parameters;
use super::{Node, error};
use crate::devnet::beacon::state::State;
use crate::devnet::beacon::{ClientFamily, Shared};

/// Only the head is kept.
fn is_head(state: &str) -> bool {
    state == "head"
}

fn unknown_state(shared: &Shared, state: &str) -> Response {
    error(shared, 404, &format!("NOT_FOUND: beacon state {state}"))
}

fn record(state: &State, index: usize) -> Value {
    let validator = &state.validators[index];
    json!({
        "index": index.to_string(),
        "balance": validator.balance.to_string(),
        "status": validator.status(state.epoch()).name(),
        "validator": {
            "pubkey": validator.public_key.to_string(),
            "withdrawal_credentials": validator.withdrawal_credentials.to_string(),
            "effective_balance": validator.effective_balance.to_string(),
            "slashed": validator.slashed,
            "activation_eligibility_epoch": validator.activation_eligibility_epoch.to_string(),
            "activation_epoch": validator.activation_epoch.to_string(),
            "exit_epoch": validator.exit_epoch.to_string(),
            "withdrawable_epoch": validator.withdrawable_epoch.to_string(),
        },
    })
}

/// What is wrong with an id, or the index that it names.
enum Wanted {
    Malformed,
    UnknownKey,
    UnknownIndex,
    Index(usize),
}

fn find(shared: &Shared, state: &State, id: &str) -> Wanted {
    match find_any(state, id) {
        Wanted::Index(index) if shared.hidden(state) == Some(index) && id.starts_with("0x") => {
            Wanted::UnknownKey
        }
        Wanted::Index(index) if shared.hidden(state) == Some(index) => Wanted::UnknownIndex,
        wanted => wanted,
    }
}

fn find_any(state: &State, id: &str) -> Wanted {
    if id.starts_with("0x") {
        return match id.parse().ok() {
            Some(key) => state.index_of(&key).map_or(Wanted::UnknownKey, Wanted::Index),
            None => Wanted::Malformed,
        };
    }
    match id.parse::<usize>() {
        Ok(index) if index < state.validators.len() => Wanted::Index(index),
        Ok(_) => Wanted::UnknownIndex,
        Err(_) => Wanted::Malformed,
    }
}

pub(super) async fn one(Extract(shared): Node, Path((state, id)): Path<(String, String)>) -> Response {
    if !is_head(&state) {
        return unknown_state(&shared, &state);
    }
    let family = shared.faults().family;
    let (wanted, data) = {
        let state = shared.state();
        let wanted = find(&shared, &state, &id);
        let data = match wanted {
            Wanted::Index(index) => Some(record(&state, index)),
            _ => None,
        };
        (wanted, data)
    };
    if let Some(data) = data {
        return wrapped(&shared, u64::MAX, data);
    }
    let lodestar = family == ClientFamily::Lodestar;
    match wanted {
        Wanted::Malformed if !lodestar => {
            error(&shared, 400, &format!("BAD_REQUEST: invalid validator id {id}"))
        }
        Wanted::UnknownIndex if lodestar => error(&shared, 404, "Validator index from future state"),
        _ if lodestar => error(&shared, 404, "Validator pubkey not found in state"),
        _ => error(&shared, 404, "NOT_FOUND: unknown validator"),
    }
}

pub(super) async fn list(
    Extract(shared): Node,
    Path(state): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let query = query.unwrap_or_default();
    let lists_work = shared.faults().family != ClientFamily::Lodestar;
    let ids = parameters(&query, "id", lists_work);
    let statuses = parameters(&query, "status", lists_work);
    filtered(&shared, &state, &ids, &statuses)
}

#[derive(Deserialize)]
pub(super) struct Wish {
    #[serde(default)]
    ids: Option<Vec<String>>,
    #[serde(default)]
    statuses: Option<Vec<String>>,
}

pub(super) async fn list_by_body(
    Extract(shared): Node,
    Path(state): Path<String>,
    Json(wish): Json<Wish>,
) -> Response {
    let (ids, statuses) = (wish.ids.unwrap_or_default(), wish.statuses.unwrap_or_default());
    filtered(&shared, &state, &ids, &statuses)
}

/// No ids: all of them. Ids that nobody has are left out. A status may be a group's name (`active`, `pending`, ..).
fn filtered(shared: &Shared, state: &str, ids: &[String], statuses: &[String]) -> Response {
    if !is_head(state) {
        return unknown_state(shared, state);
    }
    let data: Vec<Value> = {
        let state = shared.state();
        let epoch = state.epoch();
        let chosen: BTreeSet<usize> = if ids.is_empty() {
            let hidden = shared.hidden(&state);
            (0..state.validators.len())
                .filter(|index| Some(*index) != hidden)
                .collect()
        } else {
            ids.iter()
                .filter_map(|id| match find(shared, &state, id) {
                    Wanted::Index(index) => Some(index),
                    _ => None,
                })
                .collect()
        };
        chosen
            .into_iter()
            .filter(|index| {
                let name = state.validators[*index].status(epoch).name();
                let group = name.split('_').next().unwrap_or_default();
                statuses.is_empty() || statuses.iter().any(|wanted| wanted == name || wanted == group)
            })
            .map(|index| record(&state, index))
            .collect()
    };
    wrapped(shared, u64::MAX, data.into())
}
