//! HTTP as this room uses it: every call has a deadline, every answer a size limit, no redirect is followed.

use std::time::Duration;

use crate::types::SafeText;

/// Why a call gave no usable answer.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum CallError {
    /// No connection was made, so the other side has not seen the request.
    #[error("cannot be reached: {0}")]
    Unreachable(SafeText),
    /// The request was sent and no whole answer came: the other side may have acted on it.
    #[error("gave no answer: {0}")]
    NoAnswer(SafeText),
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
    /// The other side is down, as opposed to talking nonsense.
    pub(crate) fn is_transport(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::NoAnswer(_))
    }
}

/// A whole answer.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn unexpected(&self) -> CallError {
        CallError::Unexpected {
            status: self.status,
            text: self.text(),
        }
    }

    pub(crate) fn text(&self) -> SafeText {
        SafeText::from_bytes(&self.body)
    }

    pub(crate) fn json<T: serde::de::DeserializeOwned>(&self) -> Result<T, CallError> {
        serde_json::from_slice(&self.body).map_err(|error| CallError::Unexpected {
            status: self.status,
            text: error.to_string().into(),
        })
    }
}

/// The client of this room. Requests go straight to the configured hosts: a proxy from the environment would see
/// encrypted shares and could not be told from the messenger.
pub(crate) fn client() -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .connect_timeout(Duration::from_secs(5))
        .pool_idle_timeout(Duration::from_secs(30))
        .user_agent(concat!("casimir-dkg/", env!("CARGO_PKG_VERSION")))
        .build()
}

/// Sends `request` and reads at most `limit` bytes, all within `deadline`.
pub(crate) async fn call(
    request: reqwest::RequestBuilder,
    deadline: Duration,
    limit: usize,
) -> Result<Answer, CallError> {
    let exchange = async {
        let mut response = request.send().await.map_err(|error| {
            let text = describe(&error);
            if error.is_connect() || error.is_builder() {
                CallError::Unreachable(text)
            } else {
                CallError::NoAnswer(text)
            }
        })?;
        let status = response.status().as_u16();
        let mut body = Vec::new();
        while let Some(chunk) = response
            .chunk()
            .await
            .map_err(|error| CallError::NoAnswer(describe(&error)))?
        {
            if body.len() + chunk.len() > limit {
                return Err(CallError::TooLong(limit));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status, body })
    };
    tokio::time::timeout(deadline, exchange)
        .await
        .unwrap_or_else(|_| {
            Err(CallError::NoAnswer(
                format!("no answer within {deadline:?}").into(),
            ))
        })
}

/// The innermost cause says what happened ("connection refused"); the outermost one names the URL, which may hold a
/// password.
fn describe(error: &reqwest::Error) -> SafeText {
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause.and_then(std::error::Error::source) {
        cause = Some(inner);
    }
    cause.map_or_else(
        || "request failed".into(),
        |cause| SafeText::new(&cause.to_string()),
    )
}

/// `base` plus `path`, with exactly one slash between.
pub(crate) fn join(base: &str, path: &str) -> String {
    format!("{}/{path}", base.trim_end_matches('/'))
}
