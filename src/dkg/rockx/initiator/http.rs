//! What a failed call means to an initiator: whether the other side may have acted on it.

use std::time::Duration;

use crate::http::{Endpoint, Http, HttpError, Limits, Reply};
use crate::types::{RedactedUrl, SafeText};

/// Before each further try of a call whose connection broke.
pub(crate) const PAUSES: [Duration; 4] = [
    Duration::ZERO,
    Duration::from_millis(50),
    Duration::from_millis(200),
    Duration::from_millis(800),
];

/// Why a call gave no usable answer.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum CallError {
    /// No connection was made, so the other side has not seen the request.
    #[error("cannot be reached: {0}")]
    Unreachable(SafeText),
    /// No connection was made: at the address itself nobody listens, or at that of a proxy.
    #[error("cannot be reached: connection refused")]
    Refused,
    /// The request was sent and no whole answer came: the other side may have acted on it.
    #[error("gave no answer: {0}")]
    NoAnswer(SafeText),
    /// The request was sent, and the connection ended before the answer: likewise.
    #[error("gave no answer: {0}")]
    Broken(SafeText),
    /// The answer is longer than allowed.
    #[error("answered with more than {0} bytes")]
    TooLong(usize),
    /// The answer is not what the protocol says.
    #[error("answered {status}: {text}")]
    Unexpected {
        /// HTTP status.
        status: u16,
        /// Beginning of the body, or what is wrong with it.
        text: SafeText,
    },
}

impl CallError {
    /// Whoever is meant is away, or a proxy before it says so: 502, 429 and pages of HTML are no answers of the protocol. That
    /// nothing is there is one, and no error.
    pub(crate) fn is_away(&self) -> bool {
        match self {
            Self::Unreachable(_)
            | Self::Refused
            | Self::NoAnswer(_)
            | Self::Broken(_)
            | Self::Unexpected { .. } => true,
            // strangers make stored results and lists of subscribers long
            Self::TooLong(_) => false,
        }
    }

    /// Somebody answers as if all were well, with what cannot be read.
    pub(crate) fn is_malformed(&self) -> bool {
        matches!(self, Self::Unexpected { status: 200, .. })
    }
}

impl From<HttpError> for CallError {
    fn from(error: HttpError) -> Self {
        let words = || SafeText::new(&error.to_string());
        match &error {
            HttpError::Refused => Self::Refused,
            HttpError::TooLarge(limit) => Self::TooLong(*limit),
            HttpError::Broken(_) => Self::Broken(words()),
            unsent if unsent.is_unsent() => Self::Unreachable(words()),
            _ => Self::NoAnswer(words()),
        }
    }
}

/// Asks what may be asked twice. A server under pressure closes connections that wait, one of them just as a request comes
/// in: that says nothing of the server, and the next connection is another one. A machine that is busy is slow to send on
/// that one, too, and finds it closed: the pauses let it catch up.
///
/// # Errors
/// As the last call.
pub(crate) async fn again_if_broken<T, E: Into<CallError>, F: Future<Output = Result<T, E>>>(
    call: impl Fn() -> F,
) -> Result<T, CallError> {
    for pause in PAUSES {
        match call().await.map_err(Into::into) {
            Err(CallError::Broken(_)) => tokio::time::sleep(pause).await,
            answer => return answer,
        }
    }
    call().await.map_err(Into::into)
}

/// Somebody to ask, at a URL that is configured.
///
/// # Errors
/// The URL is not one that can be asked.
pub(crate) fn endpoint(
    http: &Http,
    base: &str,
    deadline: Duration,
    size: usize,
) -> Result<Endpoint, CallError> {
    http.endpoint(&RedactedUrl::new(base), Limits { deadline, size })
        .map_err(|error| CallError::Unreachable(SafeText::new(&error.to_string())))
}

/// The answer is not what the protocol says: its status and words.
pub(crate) fn unexpected(answer: &Reply) -> CallError {
    CallError::Unexpected {
        status: answer.status,
        text: SafeText::from_bytes(&answer.body),
    }
}
