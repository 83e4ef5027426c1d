//! What can go wrong with a JSON-RPC call, told apart by what the caller should do next.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use crate::http::HttpError;
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
    /// This node cannot answer (pruned, lagging, broken, limited, no such method); another one may.
    NotHere,
    /// The answer to the question, though not the one hoped for.
    Answer,
}

/// Words of gateways that are asked too often.
const TOO_OFTEN: &[&str] = &[
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
];

/// Words of nodes that lack the state, the block or the method.
const LACKING: &[&str] = &[
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
];

/// Words of nodes that did not get done.
const NOT_DONE: &[&str] = &["timeout", "timed out", "overloaded", "server busy", "try again"];

impl ServerError {
    /// A question about the chain's state has no error for an answer: whatever the words, another node may know. Only a
    /// call that is tried out can revert, and only signed bytes can be refused.
    pub(crate) fn kind(&self, method: &str) -> ServerErrorKind {
        if method.starts_with("eth_call") || method == "eth_estimateGas" {
            if self.reverted() {
                return ServerErrorKind::Answer;
            }
        } else if method == "eth_sendRawTransaction" {
            let cannot =
                self.code == -32601 || self.code == -32603 || self.says(LACKING) || self.says(NOT_DONE);
            if !cannot && !self.is_too_often() {
                return ServerErrorKind::Answer;
            }
        }
        if self.is_too_often() {
            ServerErrorKind::RateLimited
        } else {
            ServerErrorKind::NotHere
        }
    }

    fn says(&self, needles: &[&str]) -> bool {
        let text = self.message.as_str().to_ascii_lowercase();
        needles.iter().any(|needle| text.contains(needle))
    }

    fn is_too_often(&self) -> bool {
        self.code == 429 || self.says(TOO_OFTEN)
    }

    /// To a question for the newest finalized block: nothing is final yet. What each client says before it has heard of
    /// a finalized block (ethereum/execution-apis, pull request 879; Nethermind, reth and ethrex answer `null`):
    ///
    /// | client | code | words |
    /// |---|---|---|
    /// | go-ethereum | -32000 | `finalized block not found` |
    /// | Besu, Erigon | -39001 | `Unknown block` |
    /// | Erigon since 2026 | -39001 or another | `block "finalized" not available (head block: …)` |
    pub(crate) fn says_nothing_is_final(&self) -> bool {
        let text = self.message.as_str().trim().to_ascii_lowercase();
        text == "finalized block not found"
            || text.starts_with("block \"finalized\" not available")
            || (self.code == -39001 && text == "unknown block")
    }

    /// The bytes that a reverted call returned, where the node tells them: as `data`, as `data.data` or inside the
    /// text (`Reverted 0x…`), by the habits of the clients.
    #[must_use]
    pub fn revert_data(&self) -> Option<Vec<u8>> {
        fn from_text(text: &str) -> Option<Vec<u8>> {
            let (before, digits) = text.split_once("0x")?;
            // other texts name blocks and hashes
            let told = before.trim().to_ascii_lowercase();
            (told.is_empty() || told.starts_with("revert"))
                .then(|| hex::decode(digits.trim()).ok())
                .flatten()
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

    /// The call ran and reverted, by the node's words or by the bytes that it returned. A node that lacks the state, is
    /// asked too often or did not get done says nothing of the call, even where it sends bytes along.
    #[must_use]
    pub fn reverted(&self) -> bool {
        if self.code == 3 || self.says(&["execution reverted"]) {
            return true;
        }
        if self.code == -32601 || self.is_too_often() || self.says(LACKING) || self.says(NOT_DONE) {
            return false;
        }
        self.says(&["revert", "vm execution error", "invalid opcode", "out of gas"])
            || self.revert_data().is_some()
    }
}

/// Why one endpoint did not answer a call.
#[derive(Debug, Clone, thiserror::Error)]
pub enum EndpointError {
    /// No whole answer, or a status that carries no JSON-RPC answer.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// HTTP 429 or its JSON-RPC counterparts.
    #[error("rate limited, left alone for {}", in_words(*.0))]
    RateLimited(Duration),
    /// Not a JSON-RPC answer to this call.
    #[error("not a JSON-RPC answer: {0}")]
    Malformed(SafeText),
    /// It serves another chain.
    #[error("{0}")]
    WrongChain(SafeText),
    /// It failed too often and is left alone for a while.
    #[error("left alone for {} after repeated failures", in_words(*.0))]
    BreakerOpen(Duration),
    /// The node says that it cannot answer this.
    #[error("{} (code {})", .0.message, .0.code)]
    NotHere(ServerError),
    /// It has no logs beyond this block yet.
    #[error("its logs end at block {0}")]
    Behind(u64),
}

impl EndpointError {
    /// A smaller question may be answered: the node refused it, or was not done in time. Vendors word refusals of a range
    /// or of a size in too many ways to be told apart, so every refusal that is not a rate limit counts.
    pub(crate) fn may_be_too_big(&self) -> bool {
        matches!(
            self,
            Self::NotHere(_)
                | Self::Http(
                    HttpError::NoAnswer(_)
                        | HttpError::Incomplete(_)
                        | HttpError::TooLarge(_)
                        | HttpError::Status {
                            status: 400 | 413 | 500..,
                            ..
                        }
                )
        )
    }
}

/// One endpoint's part in a call that no endpoint answered.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// The endpoint, its secrets hidden.
    pub endpoint: SafeText,
    /// Why it did not answer.
    pub error: EndpointError,
}

impl Attempt {
    /// What the node itself said, if it said that it cannot answer.
    fn refusal(&self) -> Option<&ServerError> {
        match &self.error {
            EndpointError::NotHere(error) => Some(error),
            _ => None,
        }
    }
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
    /// An endpoint is there and has no logs of the block yet that was asked for.
    #[must_use]
    pub fn is_behind(&self) -> bool {
        match self {
            Self::Unanswered { attempts, .. } => attempts
                .iter()
                .any(|attempt| matches!(attempt.error, EndpointError::Behind(_))),
            Self::Server { .. } | Self::Unexpected { .. } => false,
        }
    }

    /// Not one endpoint can be talked to: none said anything that could be understood. One that asks to wait is there.
    #[must_use]
    pub fn no_connection(&self) -> bool {
        let mute = |error: &EndpointError| match error {
            EndpointError::Http(HttpError::TooLarge(_) | HttpError::OverBudget(_))
            | EndpointError::RateLimited(_)
            | EndpointError::NotHere(_)
            | EndpointError::Behind(_) => false,
            EndpointError::Http(_)
            | EndpointError::Malformed(_)
            | EndpointError::WrongChain(_)
            | EndpointError::BreakerOpen(_) => true,
        };
        match self {
            Self::Unanswered { attempts, .. } => attempts.iter().all(|attempt| mute(&attempt.error)),
            Self::Server { .. } | Self::Unexpected { .. } => false,
        }
    }

    /// The error object of a node: its answer, or the last refusal where every endpoint refused.
    #[must_use]
    pub fn server(&self) -> Option<&ServerError> {
        match self {
            Self::Server { error, .. } => Some(error),
            Self::Unanswered { attempts, .. } => {
                let refusals = attempts.iter().map(Attempt::refusal);
                refusals.collect::<Option<Vec<_>>>()?.pop()
            }
            Self::Unexpected { .. } => None,
        }
    }

    /// A node was asked for the newest finalized block and says that there is none yet, and no other knows one.
    pub(crate) fn says_nothing_is_final(&self) -> bool {
        match self {
            Self::Server { error, .. } => error.says_nothing_is_final(),
            Self::Unanswered { attempts, .. } => {
                let mut refusals = attempts.iter().filter_map(Attempt::refusal);
                refusals.any(ServerError::says_nothing_is_final)
            }
            Self::Unexpected { .. } => false,
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
