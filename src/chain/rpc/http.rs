//! One JSON-RPC call to one endpoint, and its answer unwrapped.

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::error::EndpointError;
use super::server_error::{ServerError, ServerErrorKind};
use crate::http::{Endpoint, HttpError, Reply};
use crate::types::SafeText;

/// What an endpoint said.
pub(super) enum RpcOutcome {
    Result(Box<RawValue>),
    Error(ServerError),
}

#[derive(Deserialize)]
struct Envelope {
    #[serde(default)]
    id: Value,
    result: Option<Box<RawValue>>,
    error: Option<ServerError>,
}

/// Sends one call and reads its answer. A node that says that it is asked too often has not answered.
pub(super) async fn call(
    endpoint: &Endpoint,
    id: u64,
    method: &str,
    params: &Value,
) -> Result<RpcOutcome, EndpointError> {
    let body = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
    let answer = match endpoint.post("").json(&body).send().await {
        Ok(answer) => answer,
        Err(HttpError::RateLimited(wait)) => return Err(EndpointError::RateLimited(wait)),
        Err(error) => return Err(error.into()),
    };
    match unwrap(&answer, id) {
        Ok(RpcOutcome::Error(error)) if error.kind(method) == ServerErrorKind::RateLimited => {
            Err(EndpointError::RateLimited(answer.too_often(None)))
        }
        said => said,
    }
}

/// Several vendors send their JSON-RPC errors with a status of 400 or 500: the body counts, if there is one.
fn unwrap(answer: &Reply, id: u64) -> Result<RpcOutcome, EndpointError> {
    let envelope: Envelope = match answer.json() {
        Ok(envelope) => envelope,
        Err(error) => {
            answer.succeeded()?;
            return Err(EndpointError::Malformed(SafeText::new(&error.to_string())));
        }
    };
    if let Some(error) = envelope.error {
        return Ok(RpcOutcome::Error(error));
    }
    answer.succeeded()?;
    if envelope.id != json!(id) {
        return Err(EndpointError::Malformed("the id is not the call's".into()));
    }
    // `"result": null` is an answer, and serde reads it as None
    let null = || RawValue::from_string("null".into()).expect("null is JSON");
    Ok(RpcOutcome::Result(envelope.result.unwrap_or_else(null)))
}
