//! One JSON-RPC call to one endpoint over HTTP: bounded in time and size, no redirects.

use std::time::Duration;

use reqwest::header::RETRY_AFTER;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::error::{EndpointError, ServerError};
use crate::types::{RedactedUrl, SafeText};

/// What an endpoint said.
pub(super) enum Reply {
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

/// A client for `url`. Redirects are refused, because they could lead credentials and calls elsewhere; a proxy from the
/// environment is never used for a loopback address.
pub(super) fn client(url: &RedactedUrl) -> Result<reqwest::Client, SafeText> {
    let parsed = reqwest::Url::parse(url.expose()).map_err(|e| SafeText::new(&e.to_string()))?;
    if !matches!(parsed.scheme(), "http" | "https") {
        return Err(SafeText::new(
            "expected a URL that begins with http:// or https://",
        ));
    }
    let mut builder = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(5))
        .user_agent(concat!("casimir-dkg/", env!("CARGO_PKG_VERSION")));
    if parsed
        .host_str()
        .is_some_and(|host| matches!(host, "localhost" | "127.0.0.1" | "[::1]" | "::1"))
    {
        builder = builder.no_proxy();
    }
    builder
        .build()
        .map_err(|e| SafeText::new(&e.without_url().to_string()))
}

/// Sends one call and reads at most `limit` bytes of the answer within `deadline`.
pub(super) async fn call(
    client: &reqwest::Client,
    url: &RedactedUrl,
    id: u64,
    method: &str,
    params: &Value,
    deadline: Duration,
    limit: usize,
) -> Result<Reply, EndpointError> {
    let body = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
    let exchange = async {
        let mut response = client
            .post(url.expose())
            .json(&body)
            .send()
            .await
            .map_err(transport)?;
        let status = response.status().as_u16();
        let retry_after = response
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| value.to_str().ok()?.trim().parse::<u64>().ok())
            .map(Duration::from_secs);
        if status == 429 || (status == 503 && retry_after.is_some()) {
            return Err(EndpointError::RateLimited(retry_after.unwrap_or_default()));
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(transport)? {
            if bytes.len() + chunk.len() > limit {
                return Err(EndpointError::TooLarge(limit));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok((status, bytes))
    };
    let (status, bytes) = tokio::time::timeout(deadline, exchange)
        .await
        .map_err(|_| EndpointError::Timeout(deadline))??;
    // several vendors send their JSON-RPC errors with a status of 400 or 500: the body counts, if there is one
    let envelope = match serde_json::from_slice::<Envelope>(&bytes) {
        Ok(envelope) => envelope,
        Err(_) if !(200..300).contains(&status) => return Err(EndpointError::Status(status)),
        Err(e) => return Err(EndpointError::Malformed(SafeText::new(&e.to_string()))),
    };
    if let Some(error) = envelope.error {
        return Ok(Reply::Error(error));
    }
    if !(200..300).contains(&status) {
        return Err(EndpointError::Status(status));
    }
    if envelope.id != json!(id) {
        return Err(EndpointError::Malformed("the id is not the call's".into()));
    }
    // `"result": null` is an answer, and serde reads it as None
    let null = || RawValue::from_string("null".into()).expect("null is JSON");
    Ok(Reply::Result(envelope.result.unwrap_or_else(null)))
}

fn transport(error: reqwest::Error) -> EndpointError {
    use std::error::Error;
    // the URL may hold an API key; the cause says more than "error sending request"
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    EndpointError::Transport(SafeText::new(&text))
}
