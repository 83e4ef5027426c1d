//! `GET /ping`, `GET /version`, `GET /metrics`.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::super::hub::Hub;
use super::super::probe::MessengerProbe;
use super::super::reply;
use crate::monitor::Probe as _;

pub(super) async fn ping() -> Response {
    reply::json(StatusCode::OK, &BTreeMap::from([("message", "pong")]))
}

pub(super) async fn version(State(hub): State<Arc<Hub>>) -> Response {
    reply::json(
        StatusCode::OK,
        &BTreeMap::from([("version", &hub.config.version)]),
    )
}

pub(super) async fn metrics(State(hub): State<Arc<Hub>>) -> Response {
    reply::prometheus(MessengerProbe(hub).metrics())
}
