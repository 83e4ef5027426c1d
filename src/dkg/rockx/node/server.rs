//! The node's HTTP routes, in the shapes that RockX's programs expect: unknown routes and wrong methods alike are 404
//! with Go's text, errors are JSON with sorted keys.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Extension, Path, State};
use axum::http::{StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tokio::sync::Semaphore;

use super::service::{Refused, Service, Taken};
use super::store::KeyShare;
use crate::dkg::rockx::messenger::SERVER_NAME;
use crate::dkg::rockx::wire::{Encode, GoBytes};
use crate::listen::{BodyFault, Client, Gate};
use crate::types::{BlsPublicKey, SafeText};

/// The largest message of a ceremony, a blame in a committee of 13, takes under 64 KiB.
const MAX_BODY: usize = 1 << 20;
/// Messages that are worked on at the same time.
const MAX_REQUESTS: usize = 128;

#[derive(Clone)]
struct Shared {
    service: Arc<Service>,
    version: Arc<str>,
    slots: Arc<Semaphore>,
    gate: Gate,
    /// A body that does not come is not waited for.
    body_deadline: Duration,
}

pub(super) fn router(service: &Arc<Service>, gate: Gate, version: &str, body_deadline: Duration) -> Router {
    let shared = Shared {
        service: Arc::clone(service),
        version: version.into(),
        slots: Arc::new(Semaphore::new(MAX_REQUESTS)),
        gate,
        body_deadline,
    };
    Router::new()
        .route("/consume", post(consume))
        .route(
            "/ping",
            get(async || json(StatusCode::OK, r#"{"message":"pong"}"#.into())),
        )
        .route("/version", get(version_of))
        .route("/dkg_results/{validator}", get(result_of))
        .fallback(not_found)
        .method_not_allowed_fallback(not_found)
        .layer(middleware::map_response(named))
        .with_state(shared)
}

/// Tells our messenger that this node takes deliveries of several ceremonies at once, which RockX's nodes do not survive.
async fn named(mut response: Response) -> Response {
    response
        .headers_mut()
        .insert(header::SERVER, header::HeaderValue::from_static(SERVER_NAME));
    response
}

async fn consume(State(shared): State<Shared>, Extension(client): Extension<Client>, body: Body) -> Response {
    let (gate, deadline) = (&shared.gate, shared.body_deadline);
    let body = match gate.read(client, body, MAX_BODY, deadline).await {
        Ok(body) => body,
        Err(fault) => return no_body(&fault),
    };
    // never closed: an error here is a defect of this program, not of the request
    let Ok(_slot) = shared.slots.acquire().await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let taken = shared.service.consume(&body, client).await;
    match &taken {
        Ok(Taken::Signed) => shared.gate.mark_proven(client),
        Err(refused) if refused.is_strangers() => shared.gate.refused(client),
        _ => {}
    }
    match taken {
        Ok(_) => json(
            StatusCode::OK,
            r#"{"error":null,"message":"processed message successfully"}"#.into(),
        ),
        Err(Refused::Envelope(error)) => bad_request(&error, "failed to parse data from request body"),
        Err(refused) => {
            tracing::debug!(target: "casimir_dkg::node", %refused, "message refused");
            let text = reply(&refused.to_string(), "dkg node failed to process message");
            json(StatusCode::INTERNAL_SERVER_ERROR, text)
        }
    }
}

async fn version_of(State(shared): State<Shared>) -> Response {
    json(
        StatusCode::OK,
        format!(r#"{{"version":{}}}"#, quoted(&shared.version)),
    )
}

/// What RockX's nodes tell about a key that they hold; the share itself serialises as an empty object there.
async fn result_of(State(shared): State<Shared>, Path(validator): Path<String>) -> Response {
    let key = match validator.parse::<BlsPublicKey>() {
        Ok(validator) => shared.service.key(validator).await.ok().flatten(),
        Err(_) => None,
    };
    match key {
        Some(key) => json(StatusCode::OK, describe(&key)),
        None => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn describe(key: &KeyShare) -> String {
    let mut names: Vec<String> = key
        .share_public_keys
        .keys()
        .map(|id| format!(r#""{id}":{{}}"#))
        .collect();
    names.sort_unstable();
    format!(
        r#"{{"Share":{{}},"OperatorPubKeys":{{{}}},"ValidatorPK":{},"Threshold":{}}}"#,
        names.join(","),
        String::from_utf8_lossy(&GoBytes::from(key.validator.0).to_json()),
        key.threshold
    )
}

async fn not_found() -> Response {
    (
        StatusCode::NOT_FOUND,
        [(header::CONTENT_TYPE, "text/plain")],
        "404 page not found",
    )
        .into_response()
}

/// What passes is answered so that the messenger tries again: a bad request it drops.
fn no_body(fault: &BodyFault) -> Response {
    let message = "failed to load data from request body";
    match fault.passes() {
        true => json(
            StatusCode::SERVICE_UNAVAILABLE,
            reply(&fault.to_string(), message),
        ),
        false => bad_request(&fault.to_string(), message),
    }
}

fn bad_request(error: &str, message: &str) -> Response {
    json(StatusCode::BAD_REQUEST, reply(error, message))
}

fn reply(error: &str, message: &str) -> String {
    format!(r#"{{"error":{},"message":{}}}"#, quoted(error), quoted(message))
}

fn quoted(text: &str) -> String {
    let mut out = Vec::new();
    SafeText::new(text).as_str().to_owned().encode(&mut out);
    String::from_utf8_lossy(&out).into_owned()
}

fn json(status: StatusCode, text: String) -> Response {
    (
        status,
        [(header::CONTENT_TYPE, "application/json; charset=utf-8")],
        text,
    )
        .into_response()
}
