//! The Beacon API, as far as the oracle needs it.

mod chain;
mod config;
mod events;
mod node;
mod pool;
mod validators;

use std::sync::Arc;

use axum::Json;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State as Extract};
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use serde_json::Value;

use super::Shared;

/// An exit is a few hundred bytes, a list of validators to ask for some thousands.
const MAX_BODY: usize = 256 * 1024;

type Node = Extract<Arc<Shared>>;

pub(super) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/eth/v1/node/version", get(node::version))
        .route("/eth/v1/node/health", get(node::health))
        .route("/eth/v1/node/syncing", get(node::syncing))
        .route("/eth/v1/config/spec", get(config::spec))
        .route("/eth/v1/config/fork_schedule", get(config::fork_schedule))
        .route("/eth/v1/config/deposit_contract", get(config::deposit_contract))
        .route("/eth/v1/beacon/genesis", get(chain::genesis))
        .route("/eth/v1/beacon/headers/{block}", get(chain::header))
        .route("/eth/v2/beacon/blocks/{block}", get(chain::block))
        .route("/eth/v1/beacon/states/{state}/root", get(chain::root))
        .route("/eth/v1/beacon/states/{state}/fork", get(chain::fork))
        .route(
            "/eth/v1/beacon/states/{state}/finality_checkpoints",
            get(chain::finality),
        )
        .route(
            "/eth/v1/beacon/states/{state}/validators",
            get(validators::list).post(validators::list_by_body),
        )
        .route(
            "/eth/v1/beacon/states/{state}/validators/{validator}",
            get(validators::one),
        )
        .route(
            "/eth/v1/beacon/pool/voluntary_exits",
            get(pool::list).post(pool::submit),
        )
        .route("/eth/v1/events", get(events::stream))
        .fallback(not_found)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(middleware::from_fn_with_state(Arc::clone(&shared), misbehave))
        .with_state(shared)
}

/// The faults that spoil every answer.
async fn misbehave(Extract(shared): Node, request: Request, next: Next) -> Response {
    let faults = shared.faults().clone();
    tokio::time::sleep(faults.delay).await;
    if faults.unavailable {
        return error(&shared, 503, "Service unavailable");
    }
    if faults.garbage {
        return Html("<html><body><h1>It works!</h1></body></html>").into_response();
    }
    next.run(request).await
}

async fn not_found(Extract(shared): Node) -> Response {
    error(&shared, 404, "NOT_FOUND: Not Found")
}

/// An error in the words of the node's family.
fn error(shared: &Shared, status: u16, text: &str) -> Response {
    answer(shared.faults().family.error(status, text))
}

fn answer((status, body): (u16, Value)) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, Json(body)).into_response()
}
