//! One request to one beacon node: bounded in time and size, no redirects.

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::types::{RedactedUrl, SafeText};

/// A beacon node did not give what was asked for.
#[derive(Debug, Clone, thiserror::Error)]
pub enum NodeError {
    /// No complete answer within the deadline.
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    /// Connection refused, broken, TLS.
    #[error("{0}")]
    Transport(SafeText),
    /// An error status, with the node's words.
    #[error("status {status}: {message}")]
    Status {
        /// HTTP status. Some clients answer 500 to what is the caller's fault.
        status: u16,
        /// Everything textual in the error body.
        message: SafeText,
    },
    /// An answer that can not be read.
    #[error("unexpected answer: {0}")]
    Malformed(SafeText),
    /// The answer is longer than the limit.
    #[error("answer is longer than {0} bytes")]
    TooLarge(usize),
    /// The node serves another chain.
    #[error("{0}")]
    WrongChain(SafeText),
    /// It follows the chain from afar, or without checking it.
    #[error("it is {0}")]
    NotSynced(&'static str),
}

/// A client for `url`; see `chain::rpc` for the same choices.
pub(super) fn client(url: &RedactedUrl) -> Result<reqwest::Client, SafeText> {
    let parsed = reqwest::Url::parse(url.expose()).map_err(|e| SafeText::new(&e.to_string()))?;
    if !matches!(parsed.scheme(), "http" | "https") {
        return Err("expected a URL that begins with http:// or https://".into());
    }
    let loopback = parsed
        .host_str()
        .is_some_and(|host| matches!(host, "localhost" | "127.0.0.1" | "[::1]"));
    let mut builder = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(5))
        .user_agent(concat!("casimir-dkg/", env!("CARGO_PKG_VERSION")));
    if loopback {
        builder = builder.no_proxy();
    }
    builder
        .build()
        .map_err(|e| SafeText::new(&e.without_url().to_string()))
}

/// Sends a request and reads at most `limit` bytes of the answer within `deadline`: the body of a success, or the words
/// of a failure.
pub(super) async fn exchange(
    request: reqwest::RequestBuilder,
    deadline: Duration,
    limit: usize,
) -> Result<Vec<u8>, NodeError> {
    let exchange = async {
        let mut response = request.send().await.map_err(transport)?;
        let status = response.status();
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(transport)? {
            if bytes.len() + chunk.len() > limit {
                return Err(NodeError::TooLarge(limit));
            }
            bytes.extend_from_slice(&chunk);
        }
        if status.is_success() {
            Ok(bytes)
        } else {
            Err(NodeError::Status {
                status: status.as_u16(),
                message: words(&bytes),
            })
        }
    };
    tokio::time::timeout(deadline, exchange)
        .await
        .map_err(|_| NodeError::Timeout(deadline))?
}

/// Decodes an answer.
pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, NodeError> {
    serde_json::from_slice(bytes).map_err(|e| NodeError::Malformed(SafeText::new(&e.to_string())))
}

/// Error bodies are not specified beyond `code` and `message`, and not even that is kept: some hide the reason in
/// `stacktraces`, some in `failures`, some send plain text. So every text in the body counts.
fn words(body: &[u8]) -> SafeText {
    fn collect(value: &Value, depth: usize, out: &mut Vec<String>) {
        match value {
            Value::String(text) => out.push(text.clone()),
            Value::Array(all) if depth < 4 => all.iter().for_each(|v| collect(v, depth + 1, out)),
            Value::Object(map) if depth < 4 => map.values().for_each(|v| collect(v, depth + 1, out)),
            _ => {}
        }
    }
    match serde_json::from_slice::<Value>(body) {
        Ok(value) => {
            let mut all = Vec::new();
            // what is called the message comes first
            if let Some(message) = value.get("message").and_then(Value::as_str) {
                all.push(message.to_owned());
            }
            let mut rest = Vec::new();
            collect(&value, 0, &mut rest);
            all.extend(
                rest.into_iter()
                    .filter(|text| !all.contains(text))
                    .collect::<Vec<_>>(),
            );
            SafeText::new(&all.join("; "))
        }
        Err(_) => SafeText::from_bytes(body),
    }
}

pub(super) fn transport(error: reqwest::Error) -> NodeError {
    use std::error::Error;
    // the URL may hold a key
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    NodeError::Transport(SafeText::new(&text))
}
