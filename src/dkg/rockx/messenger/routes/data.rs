//! `GET /data/{request_id}`, and our own additions: `?wait=<milliseconds>`, `GET /data/{request_id}/conflicts`, and
//! `GET /results/{operator}`.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::super::hub::{Hub, request_id};
use super::super::keys::operator_id;
use super::super::reply;
use super::query;

/// Longest time that a request for a result waits for it.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// The result, or 404 without a body. With `wait`, the 404 comes only after that time, and the result as soon as there is
/// one: no poller has to choose between asking too often and hearing too late. Only a part of all connections waits, and a
/// smaller one for ids that no topic has; the 404 of all others comes at once.
pub(super) async fn show(
    State(hub): State<Arc<Hub>>,
    name: Result<Path<String>, PathRejection>,
    request: Request,
) -> Response {
    let Some(id) = name.ok().and_then(|path| request_id(&path.0)) else {
        return reply::empty(StatusCode::NOT_FOUND);
    };
    let wait = query(&request, "wait")
        .parse()
        .map_or(Duration::ZERO, Duration::from_millis);
    // the connection's own deadline must not cut the wait short
    let longest = LONGEST_WAIT.min(hub.config.limits.request_deadline / 2);
    let (mut booked, mut stop) = (hub.booked.subscribe(), hub.stop.subscribe());
    let over = tokio::time::sleep(wait.min(longest));
    tokio::pin!(over);
    // whoever waits holds a connection
    let is_made = hub.lock().topics.contains_key(&id);
    let places = if is_made { &hub.waiting } else { &hub.hoping };
    let place = places.try_acquire().ok();
    loop {
        let text = hub.lock().results.get(&id).map(|kept| kept.text.clone());
        if let Some(text) = text {
            return reply::json_shared(StatusCode::OK, text);
        }
        if wait.is_zero() || place.is_none() {
            return reply::empty(StatusCode::NOT_FOUND);
        }
        tokio::select! {
            // the hub outlives its requests: there is always a sender
            _ = booked.changed() => {}
            () = &mut over => return reply::empty(StatusCode::NOT_FOUND),
            _ = stop.wait_for(|stop| *stop) => return reply::empty(StatusCode::NOT_FOUND),
        }
    }
}

/// Request ids of the results that an operator signed, as a JSON array, the newest first: by it a node finds out that its store
/// was lost. Everybody may look: what they lead to is open to everybody, too.
pub(super) async fn of_operator(
    State(hub): State<Arc<Hub>>,
    name: Result<Path<String>, PathRejection>,
) -> Response {
    let Some(operator) = name.ok().and_then(|path| operator_id(&path.0)) else {
        return reply::empty(StatusCode::NOT_FOUND);
    };
    let ids = hub.lock().results.signed_by(operator);
    let quoted: Vec<String> = ids.iter().map(|id| format!("\"{id}\"")).collect();
    reply::json_text(StatusCode::OK, format!("[{}]", quoted.join(",")))
}

/// Results that differ from the one above, as a JSON array of the same form, by arrival; 404 as above.
pub(super) async fn conflicts(
    State(hub): State<Arc<Hub>>,
    name: Result<Path<String>, PathRejection>,
) -> Response {
    let id = name.ok().and_then(|path| request_id(&path.0));
    let texts: Option<Vec<Arc<str>>> = id.and_then(|id| {
        let state = hub.lock();
        let kept = state.results.get(&id)?;
        Some(kept.conflicts.iter().map(|(_, text)| Arc::clone(text)).collect())
    });
    match texts {
        Some(texts) => reply::json_text(StatusCode::OK, format!("[{}]", texts.join(","))),
        None => reply::empty(StatusCode::NOT_FOUND),
    }
}
