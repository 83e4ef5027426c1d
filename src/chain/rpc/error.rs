//! What can go wrong with a JSON-RPC call, told apart by what the caller should do next.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use crate::types::{SafeText, in_words};

/// The error object of a JSON-RPC answer.
#[derive(Debug, Clone, Deserialize)]
pub struct ServerError {
    /// JSON-RPC error code; clients disagree about most of them.
    #[serde(default)]
    pub code: i64,
    /// The node's words.
    #[serde(default)]
    pub message: SafeText,
    /// Whatever the node added; revert bytes of a call, for instance.
    #[serde(default)]
    pub data: Option<Value>,
}

/// What a server error means for the choice of the next step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ServerErrorKind {
    /// Too many requests: wait, then ask again.
    RateLimited,
    /// This node cannot answer (pruned, lagging, broken, no such method); another one may.
    NotHere,
    /// The answer to the question, though not the one hoped for.
    Answer,
}

impl ServerError {
    pub(crate) fn kind(&self) -> ServerErrorKind {
        let text = self.message.as_str().to_ascii_lowercase();
        let has = |needles: &[&str]| needles.iter().any(|needle| text.contains(needle));
        if self.code == 429
            || has(&[
                "rate limit",
                "ratelimit",
                "too many requests",
                "request limit reached",
                "compute units per second",
                "throughput",
                "request count exceeded",
                "requests per second",
                "exceeded its quota",
                "capacity exceeded",
            ])
        {
            return ServerErrorKind::RateLimited;
        }
        if self.code == -32601
            || has(&[
                "header not found",
                "unknown block",
                "block not found",
                "missing trie node",
                "state not available",
                "historical state",
                "state is not available",
                "method not found",
                "not supported",
                "pruned",
            ])
            || (!self.is_revert()
                && self.revert_data().is_none()
                && (self.code == -32603
                    || has(&["timeout", "timed out", "overloaded", "server busy", "try again"])))
        {
            return ServerErrorKind::NotHere;
        }
        ServerErrorKind::Answer
    }

    /// The bytes that a reverted call returned, where the node tells them: as `data`, as `data.data` or inside the
    /// text (`Reverted 0x…`), by the habits of the clients.
    #[must_use]
    pub fn revert_data(&self) -> Option<Vec<u8>> {
        fn from_text(text: &str) -> Option<Vec<u8>> {
            let start = text.find("0x")?;
            let digits: String = text[start + 2..]
                .chars()
                .take_while(char::is_ascii_hexdigit)
                .collect();
            hex::decode(digits).ok()
        }
        match self.data.as_ref()? {
            Value::String(text) => from_text(text),
            Value::Object(map) => ["data", "result", "output"]
                .iter()
                .find_map(|key| map.get(*key)?.as_str())
                .and_then(from_text),
            _ => None,
        }
    }

    /// The node says that the call reverted.
    #[must_use]
    pub fn is_revert(&self) -> bool {
        let text = self.message.as_str().to_ascii_lowercase();
        self.code == 3
            || text.contains("revert")
            || text.contains("vm execution error")
            || text.contains("invalid opcode")
            || text.contains("out of gas")
    }
}

/// Why one endpoint did not answer a call.
#[derive(Debug, Clone, thiserror::Error)]
pub enum EndpointError {
    /// No complete answer within the deadline.
    #[error("no answer within {}", in_words(*.0))]
    Timeout(Duration),
    /// Connection refused, broken, TLS.
    #[error("{0}")]
    Transport(SafeText),
    /// An HTTP status that carries no JSON-RPC answer.
    #[error("HTTP status {0}")]
    Status(u16),
    /// HTTP 429 or its JSON-RPC counterparts.
    #[error("rate limited, asks to wait {}", in_words(*.0))]
    RateLimited(Duration),
    /// Not a JSON-RPC answer to this call.
    #[error("not a JSON-RPC answer: {0}")]
    Malformed(SafeText),
    /// The answer is longer than the limit.
    #[error("answer is longer than {0} bytes")]
    TooLarge(usize),
    /// It serves another chain.
    #[error("{0}")]
    WrongChain(SafeText),
    /// It failed too often and is left alone for a while.
    #[error("left alone for {} after repeated failures", in_words(*.0))]
    BreakerOpen(Duration),
    /// The node says that it cannot answer this.
    #[error("{} (code {})", .0.message, .0.code)]
    NotHere(ServerError),
}

/// One endpoint's part in a call that no endpoint answered.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// The endpoint, its secrets hidden.
    pub endpoint: SafeText,
    /// Why it did not answer.
    pub error: EndpointError,
}

/// A call that failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RpcError {
    /// A node answered with an error, and it is the answer.
    #[error("{method}: {} (code {})", .error.message, .error.code)]
    Server {
        /// The JSON-RPC method.
        method: &'static str,
        /// The error object.
        error: ServerError,
    },
    /// No endpoint answered.
    #[error("{method}: no endpoint answered: {}", list(.attempts))]
    Unanswered {
        /// The JSON-RPC method.
        method: &'static str,
        /// One entry for each endpoint, in the order they were asked.
        attempts: Vec<Attempt>,
    },
    /// The answer does not have the form that the method promises.
    #[error("{method}: unexpected answer: {reason}")]
    Unexpected {
        /// The JSON-RPC method.
        method: &'static str,
        /// What was wrong with it.
        reason: SafeText,
    },
}

impl RpcError {
    /// A smaller question may be answered: the node refused the range or the size of it, or it was not done in time.
    /// Vendors word these refusals in too many ways to be told apart, so every refusal that is not a rate limit counts.
    #[must_use]
    pub fn may_be_too_big(&self) -> bool {
        match self {
            Self::Server { .. } => true,
            Self::Unanswered { attempts, .. } => attempts.iter().any(|attempt| {
                matches!(
                    attempt.error,
                    EndpointError::Timeout(_)
                        | EndpointError::TooLarge(_)
                        | EndpointError::Status(400 | 413 | 500..)
                )
            }),
            Self::Unexpected { .. } => false,
        }
    }

    /// Not one endpoint can be talked to: none said anything that could be understood. One that asks to wait is there.
    #[must_use]
    pub fn no_connection(&self) -> bool {
        let mute = |error: &EndpointError| match error {
            EndpointError::Timeout(_)
            | EndpointError::Transport(_)
            | EndpointError::Status(_)
            | EndpointError::Malformed(_)
            | EndpointError::WrongChain(_)
            | EndpointError::BreakerOpen(_) => true,
            EndpointError::RateLimited(_) | EndpointError::TooLarge(_) | EndpointError::NotHere(_) => false,
        };
        match self {
            Self::Unanswered { attempts, .. } => attempts.iter().all(|attempt| mute(&attempt.error)),
            Self::Server { .. } | Self::Unexpected { .. } => false,
        }
    }

    /// The error object of the node, when it is what failed.
    #[must_use]
    pub fn server(&self) -> Option<&ServerError> {
        match self {
            Self::Server { error, .. } => Some(error),
            _ => None,
        }
    }
}

fn list(attempts: &[Attempt]) -> String {
    if attempts.is_empty() {
        return "none is configured".into();
    }
    let parts: Vec<_> = attempts
        .iter()
        .map(|attempt| format!("{}: {}", attempt.endpoint, attempt.error))
        .collect();
    parts.join("; ")
}
