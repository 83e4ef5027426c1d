//! HTTP as a node uses it towards others: deadlines, bounded answers, verified certificates, no redirects, connections
//! kept open.

use std::time::Duration;

use crate::types::SafeText;

/// A client whose every call ends within `deadline`.
pub(crate) fn client(deadline: Duration) -> Result<reqwest::Client, SafeText> {
    reqwest::Client::builder()
        .timeout(deadline)
        .connect_timeout(deadline.min(Duration::from_secs(5)))
        .redirect(reqwest::redirect::Policy::none())
        .pool_idle_timeout(Duration::from_secs(90))
        .tcp_nodelay(true)
        .user_agent(concat!("casimir-dkg/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|e| SafeText::new(&format!("no HTTP client: {e}")))
}

/// The body of an answer, if it is not longer than `limit` bytes.
pub(crate) async fn body_of(mut answer: reqwest::Response, limit: usize) -> Result<Vec<u8>, SafeText> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|e| describe(&e))? {
        if body.len() + chunk.len() > limit {
            return Err(SafeText::new(&format!("an answer of more than {limit} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// An error without its URL, which may hold a secret; with its cause, which says more.
pub(crate) fn describe(error: &reqwest::Error) -> SafeText {
    let mut text = if error.is_timeout() {
        "no answer in time".to_owned()
    } else if error.is_connect() {
        "cannot connect".to_owned()
    } else {
        "the request failed".to_owned()
    };
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        if error.source().is_none() {
            text.push_str(": ");
            text.push_str(&error.to_string());
        }
        cause = error.source();
    }
    SafeText::new(&text)
}
