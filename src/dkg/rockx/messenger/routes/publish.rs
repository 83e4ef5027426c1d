//! `POST /publish?topic_name=<request id>`: a node's message to all others.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::super::hub::{Hub, State as Held, request_id};
use super::super::message::{self, Inspected, Rank, ResultClaim};
use super::super::share::SignerClass;
use super::super::store::Write;
use super::super::topic::{Accepted, Origin};
use super::super::{body, keys, reply, worker};
use super::{bad_body, client, not_stored, query};
use crate::listen::Client;
use crate::log_limit::LogLimit;
use crate::types::{OperatorId, RequestId, SafeText};

static REFUSED: LogLimit = LogLimit::usual();
static OUTSIDERS: LogLimit = LogLimit::usual();

/// 200 means: on the disk, and on its way to every other subscriber.
pub(super) async fn publish(State(hub): State<Arc<Hub>>, request: Request) -> Response {
    let name = query(&request, "topic_name");
    let failed = format!("failed to publish data to topic {name}");
    let client = client(&request);
    let longest = request_id(&name).and_then(|id| Some((id, longest(&hub, id)?)));
    let Some((id, longest)) = longest else {
        return no_topic(&name, &failed);
    };
    let bytes = match body::read(&hub, client, request.into_body(), longest).await {
        Ok(bytes) => bytes,
        Err(error) => return bad_body(&hub, &error, "", &failed),
    };
    if let Err((status, text)) = accept(&hub, client, id, &bytes).await {
        hub.metrics.messages_refused.add_one();
        hub.gate.refused(client);
        if let Some(left_out) = REFUSED.line() {
            tracing::warn!(target: "messenger", topic = %id, status = status.as_u16(), reason = %text, left_out, "message refused");
        }
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

/// Longest message of a topic, if it exists.
fn longest(hub: &Hub, id: RequestId) -> Option<usize> {
    let limits = &hub.config.limits;
    let origin = hub.lock().topics.get(&id)?.origin;
    Some(match origin {
        Origin::Known => limits.body,
        Origin::Guest(_) => limits.guest_message.min(limits.body),
    })
}

fn no_topic(name: &str, failed: &str) -> Response {
    let text = format!("topic with name {name} not found\n");
    reply::error(StatusCode::INTERNAL_SERVER_ERROR, &text, failed)
}

type Refusal = (StatusCode, SafeText);

fn refusal<T>(status: StatusCode, text: &str) -> Result<T, Refusal> {
    Err((status, text.into()))
}

/// Puts a message on the lanes that an operator of this ceremony signed, or says why not.
async fn accept(hub: &Arc<Hub>, client: Client, id: RequestId, bytes: &[u8]) -> Result<(), Refusal> {
    let read = match message::inspect(bytes) {
        Ok(read) => read,
        Err(error) => return refusal(StatusCode::BAD_REQUEST, &error.to_string()),
    };
    if read.topic != id {
        let text = format!("the message belongs to request {}", read.topic);
        return refusal(StatusCode::BAD_REQUEST, &text);
    }
    if hub.store.is_overloaded() {
        return refusal(StatusCode::SERVICE_UNAVAILABLE, "could not be stored");
    }
    // what is known or of no interest costs no look at a signature
    let known = match hub.lock().topics.get(&id) {
        None => return refusal(StatusCode::NOT_FOUND, "the topic is gone"),
        Some(topic) => topic.knows(read.signer, read.root),
    };
    if let Some(known) = known {
        note(hub, client, &read, &known);
        return Ok(());
    }
    let Some((key, vouched)) = hub.key_of(read.signer).await else {
        return refusal(StatusCode::BAD_REQUEST, &keys::no_key(read.signer));
    };
    if !read.signed.verify(&key) {
        hub.metrics.signatures_refused.add_one();
        return refusal(StatusCode::BAD_REQUEST, &keys::bad_signature(read.signer));
    }
    // a key that somebody made for itself says who that is to nobody
    if vouched || hub.named.is_empty() {
        hub.gate.mark_proven(client);
    }
    let own = |output| keys::is_own_output(id, read.signer, output, &key);
    let evidence = match &read.output {
        // it is forwarded, for the others to judge, and vouches for nothing
        Some(output) if !own(output) => ResultClaim::None,
        _ => read.evidence.clone(),
    };
    take(hub, client, &read, evidence, vouched, bytes)?;
    hub.hear(&read.signer.to_string());
    Ok(())
}

fn take(
    hub: &Arc<Hub>,
    client: Client,
    read: &Inspected,
    evidence: ResultClaim,
    vouched: bool,
    bytes: &[u8],
) -> Result<(), Refusal> {
    let limits = &hub.config.limits;
    let (id, now) = (read.topic, hub.now());
    let mut state = hub.lock();
    let state = &mut *state;
    let class = state.class(read.signer, vouched);
    has_room(hub, state, class, read.signer, bytes.len())?;
    let Some(topic) = state.topics.get_mut(&id) else {
        return refusal(StatusCode::NOT_FOUND, "the topic is gone");
    };
    let accepted = topic.accept(read, evidence, Bytes::copy_from_slice(bytes), now, limits);
    match &accepted {
        Accepted::Full => return refusal(StatusCode::TOO_MANY_REQUESTS, "too many messages"),
        Accepted::Queued(message) => {
            state.shares.add(message, class);
            let message = Arc::clone(message);
            hub.store.write(Write::Message { topic: id, message });
            worker::start(hub, topic);
        }
        Accepted::Duplicate | Accepted::Outsider => {}
    }
    note(hub, client, read, &accepted);
    Ok(())
}

/// Whether there is room for a message of this operator, or can be made.
fn has_room(
    hub: &Hub,
    state: &mut Held,
    class: SignerClass,
    signer: OperatorId,
    body: usize,
) -> Result<(), Refusal> {
    let rooms = hub.config.limits.rooms(!hub.named.is_empty());
    for topic in state.make_room((signer, class), body, &rooms) {
        hub.store.write(Write::DropMessages { topic });
    }
    if state.shares.is_used_up(signer, class, &rooms) {
        let text = match class {
            SignerClass::Vouched => "too many messages of one operator held",
            SignerClass::Guest(_) => {
                "too many messages of operators of one address held, for whom nobody vouches"
            }
        };
        return refusal(StatusCode::SERVICE_UNAVAILABLE, text);
    }
    match state.shares.is_full(class, body, &rooms) {
        true => refusal(StatusCode::SERVICE_UNAVAILABLE, "too many messages held"),
        false => Ok(()),
    }
}

/// Counts and logs what became of a message.
fn note(hub: &Hub, client: Client, read: &Inspected, accepted: &Accepted) {
    let topic = read.topic;
    match accepted {
        Accepted::Full => {}
        Accepted::Duplicate => hub.metrics.messages_duplicate.add_one(),
        Accepted::Outsider => {
            hub.metrics.messages_not_forwarded.add_one();
            hub.gate.refused(client);
            if let Some(left_out) = OUTSIDERS.line() {
                tracing::warn!(target: "messenger", %topic, signer = %read.signer, round = %read.rank, left_out,
                    "not forwarded: the signer is no member of the topic");
            }
        }
        Accepted::Queued(message) => {
            hub.metrics.messages_accepted.add_one();
            if read.rank == Rank::LateTimeout {
                hub.metrics.timeouts_dropped.add_one();
            }
            tracing::debug!(target: "messenger", %topic, signer = %message.signer, round = %message.rank,
                bytes = message.body.len(), "message accepted");
        }
    }
}
