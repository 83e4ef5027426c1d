//! One request to one beacon node, and what its answer says.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::http::{Call, HttpError, Reply};
use crate::types::SafeText;

/// A beacon node did not give what was asked for.
#[derive(Debug, Clone, thiserror::Error)]
pub enum NodeError {
    /// No whole answer.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// An error status, with the node's words.
    #[error("status {status}: {message}")]
    Status {
        /// HTTP status. Some clients answer 500 to what is the caller's fault.
        status: u16,
        /// Everything textual in the error body.
        message: SafeText,
        /// The body has the form of a beacon node's errors: a gateway's page has not.
        is_nodes: bool,
    },
    /// An answer that cannot be read.
    #[error("unexpected answer: {0}")]
    Malformed(SafeText),
    /// The node serves another chain.
    #[error("{0}")]
    WrongChain(SafeText),
    /// It follows the chain from afar, or without checking it.
    #[error("it is {0}")]
    NotSynced(&'static str),
    /// It answers 404 to what every node in sync has.
    #[error("it answers 404 also to what every node in sync has: its head state is not there")]
    NoState,
    /// It lists no validators, although every chain has one.
    #[error(
        "it lists not even validator 0, which every chain has: that a key is not in its list says nothing"
    )]
    ListsNobody,
}

/// Sends a request: the answer of a success, or the words of a failure.
pub(super) async fn exchange(call: Call) -> Result<Reply, NodeError> {
    let answer = call.send().await?;
    if answer.is_success() {
        Ok(answer)
    } else {
        Err(NodeError::Status {
            status: answer.status,
            message: words(&answer.body),
            is_nodes: is_nodes(&answer.body),
        })
    }
}

pub(super) fn decode<T: DeserializeOwned>(answer: &Reply) -> Result<T, NodeError> {
    answer
        .json()
        .map_err(|e| NodeError::Malformed(SafeText::new(&e.to_string())))
}

/// An error of the Beacon API has `message` and `code`, which one client calls `statusCode`.
fn is_nodes(body: &[u8]) -> bool {
    let Ok(value) = serde_json::from_slice::<Value>(body) else {
        return false;
    };
    let is_code = |name| {
        value
            .get(name)
            .is_some_and(|code| code.is_u64() || code.is_string())
    };
    value.get("message").is_some_and(Value::is_string) && (is_code("code") || is_code("statusCode"))
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
