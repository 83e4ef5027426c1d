//! The routes, one file per noun. Methods, paths, status codes and bodies are those of the Go messenger.

mod data;
mod info;
mod observe;
mod publish;
mod register;
mod stream;
mod topics;

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{get, post};

use super::body::BodyError;
use super::deliver::SERVER_NAME;
use super::hub::Hub;
use super::{OWNER_HEADER, message, reply};
use crate::listen::Client;

/// Longest body of what names subscribers, in bytes: what a topic may have of them takes half of it.
const SHORT_BODY: usize = 32 << 10;

pub(super) fn router(hub: Arc<Hub>) -> Router {
    Router::new()
        .route("/register_node", post(register::register))
        .route("/topics", post(topics::create).get(topics::list))
        .route("/topics/{name}", get(topics::show).delete(topics::delete))
        .route("/publish", post(publish::publish))
        .route("/stream/dkgoutput", post(stream::output))
        .route("/stream/dkgblame", post(stream::blame))
        .route("/data/{request_id}", get(data::show))
        .route("/data/{request_id}/conflicts", get(data::conflicts))
        .route("/results/{operator}", get(data::of_operator))
        .route("/keys/{operator}", get(register::key_of))
        .route("/ping", get(info::ping))
        .route("/version", get(info::version))
        .route("/metrics", get(info::metrics))
        .fallback(async || reply::not_found())
        .method_not_allowed_fallback(async || reply::not_found())
        .layer(middleware::from_fn(common))
        .with_state(hub)
}

/// axum answers HEAD wherever GET is routed; gin does not. And we say who we are.
async fn common(request: Request, next: Next) -> Response {
    let mut response = if request.method() == Method::HEAD {
        reply::not_found()
    } else {
        next.run(request).await
    };
    response
        .headers_mut()
        .insert(header::SERVER, header::HeaderValue::from_static(SERVER_NAME));
    response
}

/// Who sent the request. The gate tells of every request; without it nobody is told apart.
fn client(request: &Request) -> Client {
    let told = request.extensions().get::<Client>().copied();
    told.unwrap_or(Client::unknown())
}

/// Hash of the secret that came with the request. Only the hash is kept.
fn owner(headers: &HeaderMap) -> Option<[u8; 32]> {
    headers
        .get(OWNER_HEADER)
        .map(|secret| message::hash(secret.as_bytes()))
}

/// The value of a query parameter; the first one counts, an absent one is empty.
fn query(request: &Request, name: &str) -> String {
    parameter(request.uri(), name).unwrap_or_default()
}

/// The value of a query parameter, if it is there; the first one counts.
fn parameter(uri: &Uri, name: &str) -> Option<String> {
    type Pairs = axum::extract::Query<Vec<(String, String)>>;
    let pairs = Pairs::try_from_uri(uri).ok()?.0;
    pairs
        .into_iter()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value)
}

/// The reply to a body that cannot be used.
fn bad_body(hub: &Hub, error: &BodyError, prefix: &str, message: &str) -> Response {
    if error.status == StatusCode::PAYLOAD_TOO_LARGE {
        hub.metrics.bodies_too_large.add_one();
    }
    reply::error(error.status, &format!("{prefix}{}", error.text), message)
}

/// The reply when what must be durable could not be stored.
fn not_stored(hub: &Hub, message: &str) -> Response {
    hub.metrics.storage_failed();
    reply::error(StatusCode::INTERNAL_SERVER_ERROR, "could not be stored", message)
}
