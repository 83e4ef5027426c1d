//! `POST /stream/dkgoutput` and `POST /stream/dkgblame`, each with `?request_id=<request id>`: how a ceremony ended.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::super::body::{self, BodyError};
use super::super::hub::{Hub, request_id};
use super::super::reply;
use super::super::results::Backing;
use super::super::store::Write;
use super::super::topic::Topic;
use super::{bad_body, client, not_stored, query};
use crate::dkg::rockx::wire::{BlameOutput, DataStore, Decode, Encode, GoMap, SignedOutput};
use crate::listen::{Client, Content};
use crate::log_limit::LogLimit;
use crate::types::{RequestId, SafeText};

static UNSIGNED: LogLimit = LogLimit::usual();
static BOOKED: LogLimit = LogLimit::usual();
static CONFLICTS: LogLimit = LogLimit::usual();

const BAD_BODY: &str = "failed to parse request body";

/// The signed outputs of all operators.
pub(super) async fn output(State(hub): State<Arc<Hub>>, request: Request) -> Response {
    match read::<GoMap<SignedOutput>>(&hub, request).await {
        Err(error) => bad_body(&hub, &error, "", BAD_BODY),
        Ok((client, id, outputs, _body)) => {
            let backing = match hub.check_outputs(id, &outputs).await {
                Ok(backing) => backing,
                Err(why) => return unsigned(&hub, client, id, &why, ""),
            };
            let weigh = |topic: &Topic| topic.weigh_outputs(&outputs);
            let data = DataStore {
                dkg_outputs: outputs.clone(),
                blame_output: None,
            };
            book(&hub, id, &data, backing, weigh).await
        }
    }
}

/// An accusation.
pub(super) async fn blame(State(hub): State<Arc<Hub>>, request: Request) -> Response {
    match read::<BlameOutput>(&hub, request).await {
        Err(error) => bad_body(&hub, &error, "Error: ", BAD_BODY),
        Ok((client, id, blame, _body)) => {
            let backing = match hub.check_blame(id, &blame).await {
                Ok(backing) => backing,
                Err(why) => return unsigned(&hub, client, id, &why, "Error: "),
            };
            let weigh = |topic: &Topic| topic.weigh_blame(&blame);
            let data = DataStore {
                dkg_outputs: GoMap(None),
                blame_output: Some(blame.clone()),
            };
            book(&hub, id, &data, backing, weigh).await
        }
    }
}

/// Whatever its operators did not sign is not kept, and is no conflict.
fn unsigned(hub: &Hub, client: Client, id: RequestId, why: &str, prefix: &str) -> Response {
    hub.metrics.signatures_refused.add_one();
    hub.gate.refused(client);
    if let Some(left_out) = UNSIGNED.line() {
        let reason = SafeText::new(why);
        tracing::warn!(target: "messenger", request = %id, %reason, left_out, "result refused");
    }
    reply::error(StatusCode::BAD_REQUEST, &format!("{prefix}{why}"), BAD_BODY)
}

/// The body comes along: as long as there is work with it, it is one of few.
async fn read<T: Decode>(hub: &Hub, request: Request) -> Result<(Client, RequestId, T, Content), BodyError> {
    let client = client(&request);
    let name = query(&request, "request_id");
    let limits = &hub.config.limits;
    let longest = limits.result.min(limits.body);
    let bytes = body::read(hub, client, request.into_body(), longest).await?;
    let value = body::decode(&bytes)?;
    let id = request_id(&name).ok_or_else(|| BodyError {
        status: StatusCode::BAD_REQUEST,
        text: "request_id is not 48 lower-case hex digits".to_owned(),
    })?;
    Ok((client, id, value, bytes))
}

async fn book(
    hub: &Hub,
    id: RequestId,
    data: &DataStore,
    backing: Backing,
    weigh: impl FnOnce(&Topic) -> usize,
) -> Response {
    if hub.store.is_overloaded() {
        return not_stored(hub, BAD_BODY);
    }
    // our encoder writes UTF-8
    let text = String::from_utf8(data.to_json()).unwrap_or_default().into();
    if !note(hub, id, text, backing, weigh) {
        let text = "too many results held";
        return reply::error(StatusCode::SERVICE_UNAVAILABLE, text, BAD_BODY);
    }
    hub.booked.send_replace(());
    if hub.store.flush().await.is_err() {
        return not_stored(hub, BAD_BODY);
    }
    reply::null(StatusCode::OK)
}

/// Whether there was room for it.
fn note(
    hub: &Hub,
    id: RequestId,
    text: Arc<str>,
    backing: Backing,
    weigh: impl FnOnce(&Topic) -> usize,
) -> bool {
    let limits = &hub.config.limits;
    let now = hub.now();
    let mut state = hub.lock();
    let state = &mut *state;
    let topic = state.topics.get_mut(&id);
    let weight = topic.as_deref().map_or(0, weigh);
    let booked = state
        .results
        .book(id, text.clone(), (weight, backing.clone()), now, limits);
    let has_room = !booked.evicted.contains(&id);
    if booked.kept {
        hub.metrics.results.add_one();
        if let Some(left_out) = BOOKED.line() {
            tracing::info!(target: "messenger", request = %id, vouched_for_by = weight, left_out, "result");
        }
        hub.store.write(Write::Result {
            id,
            at: now,
            weight,
            backing,
            text,
        });
    }
    if let Some(text) = booked.conflict {
        hub.metrics.conflicts.add_one();
        if let Some(left_out) = CONFLICTS.line() {
            tracing::warn!(target: "messenger", request = %id, left_out, "a result that differs from another one");
        }
        hub.store.write(Write::Conflict { id, at: now, text });
    }
    for id in booked.evicted {
        hub.store.write(Write::DropResult { id });
    }
    // only what the members themselves published ends a ceremony for the scheduler: a forged result must not
    if let Some(topic) = topic.filter(|topic| weight > 0 && topic.finished.is_none()) {
        topic.finished = Some(now);
        hub.store.write(Write::Finished { topic: id, at: now });
    }
    has_room
}
