//! What can go wrong with a JSON-RPC call, told apart by what the caller should do next.

use std::time::Duration;

use super::server_error::ServerError;
use crate::http::HttpError;
use crate::types::{SafeText, in_words};

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
    /// A JSON-RPC answer, and not one that this method can have: it is there, and another endpoint may say more.
    #[error("its answer cannot be used: {0}")]
    Unusable(SafeText),
    /// It serves another chain.
    #[error("{0}")]
    WrongChain(SafeText),
    /// It failed too often, the last time so, and is left alone for a while. For how long is not in the words: they would
    /// be others at every look.
    #[error("left alone after repeated failures: {0}")]
    BreakerOpen(SafeText),
    /// The node says that it cannot answer this.
    #[error("{} (code {})", .0.message, .0.code)]
    NotHere(ServerError),
    /// It does not tell the logs of even one block, in its own words.
    #[error("tells no logs, not even of one block: {0}")]
    NoLogs(SafeText),
    /// It has no logs beyond this block yet.
    #[error("its logs end at block {0}")]
    Behind(u64),
}

impl EndpointError {
    /// It is there and answered, though not in the way that was asked for.
    pub(crate) fn is_of_somebody_there(&self) -> bool {
        matches!(self, Self::Malformed(_) | Self::Http(HttpError::Status { .. }))
    }

    /// It was asked too often, by its own word or by our pace: it may not even have been asked.
    pub(super) fn is_of_too_many_calls(&self) -> bool {
        matches!(self, Self::RateLimited(_) | Self::Http(HttpError::OverBudget(_)))
    }

    /// The node says that it lacks blocks: of old ones another answer is one of another node behind the same address.
    pub(super) fn lacks_blocks(&self) -> bool {
        matches!(self, Self::NotHere(error) if error.lacks_a_block())
    }

    /// A smaller question may be answered: the node refused it, was not done in time, or said something that is no answer.
    /// Vendors word refusals of a range or of a size in too many ways to be told apart, in every status and form, so
    /// everything counts but what a smaller question is refused with as well. Whether one that says that it is asked too
    /// often means the size, only its answers to other questions tell.
    pub(crate) fn may_be_too_big(&self) -> bool {
        match self {
            Self::NotHere(_) | Self::Malformed(_) | Self::Unusable(_) => true,
            Self::Http(error) => matches!(
                error,
                HttpError::NoAnswer(_)
                    | HttpError::Incomplete(_)
                    | HttpError::Broken(_)
                    | HttpError::CutOff { .. }
                    | HttpError::TooLarge(_)
                    | HttpError::Status { .. }
            ),
            Self::RateLimited(_)
            | Self::WrongChain(_)
            | Self::BreakerOpen(_)
            | Self::NoLogs(_)
            | Self::Behind(_) => false,
        }
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
    #[error("{method}: {}", unanswered(.attempts))]
    Unanswered {
        /// The JSON-RPC method.
        method: &'static str,
        /// One entry for each endpoint, in the order they were asked.
        attempts: Vec<Attempt>,
    },
    /// Every endpoint that answers says that there is nothing where something must be.
    #[error("{method}: {reason}")]
    Nowhere {
        /// The JSON-RPC method.
        method: &'static str,
        /// What nobody has.
        reason: SafeText,
    },
    /// Those that answer contradict each other, and nobody has most voices.
    #[error("{method}: {reason}")]
    Contradicted {
        /// The JSON-RPC method.
        method: &'static str,
        /// Who says what.
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
            Self::Server { .. } | Self::Nowhere { .. } | Self::Contradicted { .. } => false,
        }
    }

    /// Not one endpoint can be talked to: none said anything that could be understood. One that asks to wait is there.
    #[must_use]
    pub fn no_connection(&self) -> bool {
        let mute = |error: &EndpointError| match error {
            EndpointError::Http(HttpError::TooLarge(_) | HttpError::OverBudget(_))
            | EndpointError::RateLimited(_)
            | EndpointError::NotHere(_)
            | EndpointError::Unusable(_)
            | EndpointError::NoLogs(_)
            | EndpointError::Behind(_) => false,
            EndpointError::Http(_)
            | EndpointError::Malformed(_)
            | EndpointError::WrongChain(_)
            | EndpointError::BreakerOpen(_) => true,
        };
        match self {
            Self::Unanswered { attempts, .. } => attempts.iter().all(|attempt| mute(&attempt.error)),
            Self::Server { .. } | Self::Nowhere { .. } | Self::Contradicted { .. } => false,
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
            Self::Nowhere { .. } | Self::Contradicted { .. } => None,
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
            Self::Nowhere { .. } | Self::Contradicted { .. } => false,
        }
    }
}

/// Where one was asked alone, others may answer.
fn unanswered(attempts: &[Attempt]) -> String {
    match attempts {
        [alone] => format!("endpoint {} did not answer: {}", alone.endpoint, alone.error),
        _ => format!("no endpoint answered: {}", list(attempts)),
    }
}

pub(super) fn list(attempts: &[Attempt]) -> String {
    if attempts.is_empty() {
        return "none is configured".into();
    }
    let parts: Vec<_> = attempts
        .iter()
        .map(|attempt| format!("{}: {}", attempt.endpoint, attempt.error))
        .collect();
    parts.join("; ")
}

#[cfg(test)]
mod too_big {
    use super::*;

    #[test]
    fn every_refusal_counts_but_what_a_smaller_question_is_refused_with_as_well() {
        let status = |status| {
            let words = SafeText::new("range too wide");
            EndpointError::Http(HttpError::Status { status, words })
        };
        for code in [400, 401, 402, 403, 404, 408, 413, 414, 422, 500, 502, 503, 504] {
            assert!(status(code).may_be_too_big(), "{code}");
        }
        assert!(EndpointError::Malformed("no JSON".into()).may_be_too_big());
        assert!(EndpointError::Unusable("no list".into()).may_be_too_big());
        for error in [
            EndpointError::RateLimited(Duration::from_secs(1)),
            EndpointError::WrongChain("chain 5".into()),
            EndpointError::BreakerOpen("connection refused".into()),
            EndpointError::NoLogs("not supported on free tier".into()),
            EndpointError::Behind(7),
            EndpointError::Http(HttpError::Refused),
        ] {
            assert!(!error.may_be_too_big(), "{error}");
        }
    }
}
