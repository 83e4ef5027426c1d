//! `POST /publish?topic_name=<request id>`: a node's message to all others.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::super::hub::{Hub, request_id};
use super::super::message::{self, Rank};
use super::super::store::Write;
use super::super::topic::Accepted;
use super::super::{body, reply, worker};
use super::{bad_body, not_stored, query};
use crate::types::RequestId;

/// 200 means: on the disk, and on its way to every other subscriber.
pub(super) async fn publish(State(hub): State<Arc<Hub>>, request: Request) -> Response {
    let name = query(&request, "topic_name");
    let failed = format!("failed to publish data to topic {name}");
    let Some(id) = request_id(&name).filter(|id| hub.lock().topics.contains_key(id)) else {
        return no_topic(&name, &failed);
    };
    let bytes = match body::read(request.into_body(), hub.config.limits.body).await {
        Ok(bytes) => bytes,
        Err(error) => return bad_body(&hub, &error, "", &failed),
    };
    if let Err((status, text)) = accept(&hub, id, &bytes) {
        hub.metrics.messages_refused.add_one();
        tracing::warn!(target: "messenger", topic = %id, status = status.as_u16(), reason = %text, "message refused");
        return match status {
            StatusCode::NOT_FOUND => no_topic(&name, &failed),
            status => reply::error(status, text.as_str(), &failed),
        };
    }
    if hub.store.flush().await.is_err() {
        return not_stored(&hub, &failed);
    }
    let done = format!("message successfully published to topic {name}");
    reply::error(StatusCode::OK, "", &done)
}

fn no_topic(name: &str, failed: &str) -> Response {
    let text = format!("topic with name {name} not found\n");
    reply::error(StatusCode::INTERNAL_SERVER_ERROR, &text, failed)
}

/// Puts a message on the lanes, or says why not.
fn accept(hub: &Arc<Hub>, id: RequestId, bytes: &Bytes) -> Result<(), (StatusCode, crate::types::SafeText)> {
    let limits = &hub.config.limits;
    let refuse = |status, text: &str| Err((status, text.into()));
    let read = match message::inspect(bytes) {
        Ok(read) => read,
        Err(error) => return refuse(StatusCode::BAD_REQUEST, &error.to_string()),
    };
    if read.topic != id {
        let text = format!("the message belongs to request {}", read.topic);
        return refuse(StatusCode::BAD_REQUEST, &text);
    }
    if hub.store.is_overloaded() {
        return refuse(StatusCode::SERVICE_UNAVAILABLE, "could not be stored");
    }
    let now = hub.now();
    let mut state = hub.lock();
    let state = &mut *state;
    let Some(topic) = state.topics.get_mut(&id) else {
        return refuse(StatusCode::NOT_FOUND, "the topic is gone");
    };
    if state.message_bytes + bytes.len() > limits.message_bytes {
        return refuse(StatusCode::SERVICE_UNAVAILABLE, "too many messages held");
    }
    match topic.accept(read.signer, read.rank, read.evidence, bytes.clone(), now, limits) {
        Accepted::Full => return refuse(StatusCode::TOO_MANY_REQUESTS, "too many messages"),
        Accepted::Duplicate => hub.metrics.messages_duplicate.add_one(),
        Accepted::Outsider => {
            hub.metrics.messages_not_forwarded.add_one();
            tracing::warn!(target: "messenger", topic = %id, signer = %read.signer, round = %read.rank,
                "not forwarded: the signer is no member of the topic");
        }
        Accepted::Queued(message) => {
            state.message_bytes += message.body.len();
            hub.metrics.messages_accepted.add_one();
            if read.rank == Rank::LateTimeout {
                hub.metrics.timeouts_dropped.add_one();
            }
            tracing::debug!(target: "messenger", topic = %id, signer = %message.signer, round = %message.rank,
                bytes = message.body.len(), "message accepted");
            hub.store.write(Write::Message { topic: id, message });
            worker::start(hub, topic);
        }
    }
    Ok(())
}
