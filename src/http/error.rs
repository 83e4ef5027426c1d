//! What can go wrong with a call, told apart by what a caller should do next and by what a person should look at.

use std::error::Error;
use std::io;
use std::time::Duration;

use crate::types::{SafeText, in_words};

/// A call that gave no whole answer. Who was asked is for the caller to say; no variant holds a URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// The request could not be put together, or there is no client to send it.
    #[error("nothing was sent: {0}")]
    Unsendable(SafeText),
    /// No connection was made in this time, the TLS handshake included.
    #[error("no connection within {}", in_words(*.0))]
    ConnectTimeout(Duration),
    /// The host's name has no address.
    #[error("the host's name cannot be resolved: {0}")]
    Unresolved(SafeText),
    /// The host is there, and nobody listens.
    #[error("connection refused")]
    Refused,
    /// No connection for another reason: no route, or the proxy's refusal.
    #[error("no connection: {0}")]
    Unreachable(SafeText),
    /// The TLS handshake failed, mostly over the certificate.
    #[error("TLS: {0}")]
    Tls(SafeText),
    /// The deadline passed before the answer began. Whoever was asked may have the request.
    #[error("no answer within {}", in_words(*.0))]
    NoAnswer(Duration),
    /// The deadline passed while the answer was read.
    #[error("no whole answer within {}", in_words(*.0))]
    Incomplete(Duration),
    /// The connection broke after the request was sent.
    #[error("the connection broke: {0}")]
    Broken(SafeText),
    /// The answer had begun, and the connection ended before its end.
    #[error("the answer was cut off by the other end after {bytes} bytes: {words}")]
    CutOff {
        /// What had come of the body.
        bytes: usize,
        words: SafeText,
    },
    /// The answer is longer than this many bytes.
    #[error("the answer is longer than {0} bytes")]
    TooLarge(usize),
    /// The body is compressed, which was not asked for.
    #[error("the answer is compressed ({0}), which was not asked for")]
    Encoded(SafeText),
    /// A status that is no success, with the beginning of the body.
    #[error("status {status}{}{words}", if .words.as_str().is_empty() { "" } else { ": " })]
    Status {
        status: u16,
        /// The first bytes of the body.
        words: SafeText,
    },
    /// The endpoint asks to be left alone, for this long yet (429, or 503 with `Retry-After`).
    #[error("asked too often: left alone for {}", in_words(*.0))]
    RateLimited(Duration),
    /// The budget of calls a second is used up for this long.
    #[error("its budget of calls is used up for {}", in_words(*.0))]
    OverBudget(Duration),
}

impl HttpError {
    /// Whoever was meant has not seen the request: asking again cannot do a thing twice.
    #[must_use]
    pub fn is_unsent(&self) -> bool {
        match self {
            Self::Unsendable(_)
            | Self::ConnectTimeout(_)
            | Self::Unresolved(_)
            | Self::Refused
            | Self::Unreachable(_)
            | Self::Tls(_)
            | Self::OverBudget(_) => true,
            // it was refused unread, or by somebody in front: not safe to tell
            Self::RateLimited(_)
            | Self::NoAnswer(_)
            | Self::Incomplete(_)
            | Self::Broken(_)
            | Self::CutOff { .. }
            | Self::TooLarge(_)
            | Self::Encoded(_)
            | Self::Status { .. } => false,
        }
    }

    /// A deadline passed.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        matches!(
            self,
            Self::ConnectTimeout(_) | Self::NoAnswer(_) | Self::Incomplete(_)
        )
    }

    /// Told by the client's error: what happened before or while the request was sent.
    pub(super) fn of(error: &reqwest::Error, connect: Duration) -> Self {
        let cause = deepest(error);
        let words = SafeText::new(&cause.to_string());
        if error.is_builder() {
            Self::Unsendable(words)
        } else if !error.is_connect() {
            Self::Broken(words)
        } else if error.is_timeout() {
            Self::ConnectTimeout(connect)
        } else if error.is_dns() {
            Self::Unresolved(words)
        } else if io_kinds(error).any(|kind| kind == io::ErrorKind::ConnectionRefused) {
            Self::Refused
        } else if io_kinds(error).any(|kind| kind == io::ErrorKind::InvalidData) {
            // what the TLS library says comes as invalid data
            Self::Tls(words)
        } else {
            Self::Unreachable(words)
        }
    }
}

/// A body that is no such JSON as was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotJson {
    /// It came whole, as its length or its last piece says, and its text has no end.
    #[error("its text ends too soon, after {0} bytes: whoever made it cut it off")]
    CutOff(usize),
    /// What is wrong with it, and where.
    #[error("{0}")]
    Other(SafeText),
}

impl NotJson {
    /// Of a body of so many bytes.
    #[must_use]
    pub fn of(error: &serde_json::Error, bytes: usize) -> Self {
        match error.is_eof() && bytes > 0 {
            true => Self::CutOff(bytes),
            false => Self::Other(SafeText::new(&error.to_string())),
        }
    }
}

fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    std::iter::successors(error.source(), |cause: &&(dyn Error + 'static)| {
        let cause: &(dyn Error + 'static) = *cause;
        cause.source()
    })
}

/// Errors of the operating system, and those that the TLS library has put into one: they are no source of it.
fn io_kinds(error: &reqwest::Error) -> impl Iterator<Item = io::ErrorKind> {
    causes(error)
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .flat_map(|outer| {
            std::iter::successors(Some(outer), |error: &&io::Error| {
                let error: &io::Error = error;
                error.get_ref()?.downcast_ref::<io::Error>()
            })
        })
        .map(io::Error::kind)
}

/// The innermost cause says what happened ("connection reset"); the outermost one names the URL.
fn deepest(error: &reqwest::Error) -> &dyn std::fmt::Display {
    match causes(error).last() {
        Some(cause) => cause,
        None => &"the request failed",
    }
}
