//! The stream of events.

use std::convert::Infallible;

use axum::extract::{RawQuery, State as Extract};
use axum::response::sse::{Event as Sent, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde_json::json;
use tokio::sync::broadcast::error::RecvError;

use super::{Node, error};
use crate::devnet::beacon::{ClientFamily, Event, Shared, StreamFault};

/// The last one is the one that an old node does not know.
const TOPICS: [&str; 4] = ["head", "finalized_checkpoint", "voluntary_exit", "chain_reorg"];

/// The values of a repeated query parameter; each may be a list with commas where `lists` says so. None of the values
/// that are used here needs percent-decoding, but for the comma itself.
pub(super) fn parameters(query: &str, name: &str, lists: bool) -> Vec<String> {
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .filter(|(key, _)| *key == name)
        .flat_map(|(_, value)| {
            let value = value.replace("%2C", ",").replace("%2c", ",");
            if lists {
                value.split(',').map(str::to_owned).collect()
            } else {
                vec![value]
            }
        })
        .collect()
}

pub(super) async fn stream(Extract(shared): Node, RawQuery(query): RawQuery) -> Response {
    let (family, fault) = {
        let faults = shared.faults();
        (faults.family, faults.streams)
    };
    if fault == StreamFault::Absent {
        return error(&shared, 404, "NOT_FOUND: Not Found");
    }
    let lodestar = family == ClientFamily::Lodestar;
    let known = TOPICS.len() - usize::from(fault == StreamFault::Old);
    let topics = parameters(&query.unwrap_or_default(), "topics", !lodestar);
    // Lodestar takes a list with commas for one topic that it does not know, and sends nothing
    if !lodestar
        && let Some(unknown) = topics
            .iter()
            .find(|topic| !TOPICS[..known].contains(&topic.as_str()))
    {
        return error(&shared, 400, &format!("BAD_REQUEST: unknown topic {unknown}"));
    }
    if topics.is_empty() {
        return error(&shared, 400, "BAD_REQUEST: no topics");
    }
    let start = (
        shared.events.subscribe(),
        shared.changed.subscribe(),
        shared.stop.clone(),
        shared,
        topics,
    );
    let sent = stream::unfold(
        start,
        |(mut events, mut changed, mut stop, shared, topics)| async move {
            loop {
                let event = tokio::select! {
                    event = events.recv() => event,
                    _ = changed.changed() => match shared.faults().streams {
                        StreamFault::Absent => return None,
                        _ => continue,
                    },
                    _ = stop.wait_for(|stop| *stop) => return None,
                };
                match event {
                    Ok(event) => {
                        let (topic, data) = rendered(&shared, &event);
                        if topics.iter().any(|wanted| wanted == topic) {
                            let sent = Sent::default().event(topic).data(data);
                            return Some((
                                Ok::<_, Infallible>(sent),
                                (events, changed, stop, shared, topics),
                            ));
                        }
                    }
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return None,
                }
            }
        },
    );
    Sse::new(sent).keep_alive(KeepAlive::default()).into_response()
}

fn rendered(shared: &Shared, event: &Event) -> (&'static str, String) {
    let state = shared.state();
    let (topic, data) = match event {
        Event::Head {
            slot,
            epoch_transition,
        } => (
            "head",
            json!({
                "slot": slot.to_string(),
                "block": state.block_root(*slot).to_string(),
                "state": state.state_root(*slot).to_string(),
                "epoch_transition": epoch_transition,
                "previous_duty_dependent_root": state.block_root(0).to_string(),
                "current_duty_dependent_root": state.block_root(0).to_string(),
                "execution_optimistic": false,
            }),
        ),
        Event::FinalizedCheckpoint { epoch } => {
            let slot = epoch * state.spec.slots_per_epoch;
            (
                "finalized_checkpoint",
                json!({
                    "block": state.block_root(slot).to_string(),
                    "state": state.state_root(slot).to_string(),
                    "epoch": epoch.to_string(),
                    "execution_optimistic": false,
                }),
            )
        }
        Event::VoluntaryExit(exit) => ("voluntary_exit", json!(exit)),
        Event::ChainReorg { slot, depth } => (
            "chain_reorg",
            json!({
                "slot": slot.to_string(),
                "depth": depth.to_string(),
                "old_head_block": state.block_root(*slot).to_string(),
                "new_head_block": state.block_root(*slot).to_string(),
                "old_head_state": state.state_root(*slot).to_string(),
                "new_head_state": state.state_root(*slot).to_string(),
                "epoch": state.spec.epoch_of(*slot).to_string(),
                "execution_optimistic": false,
            }),
        ),
    };
    (topic, data.to_string())
}
