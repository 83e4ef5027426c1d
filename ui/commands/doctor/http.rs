//! Small GETs: a deadline, a size limit, no redirects.

use std::time::{Duration, Instant};

use casimir_dkg::types::{RedactedUrl, SafeText};

/// Nothing that is asked for here is longer.
const MAX_BODY: usize = 1 << 20;

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Body.
    pub body: Vec<u8>,
    /// From the call to the last byte.
    pub took: Duration,
}

impl Answer {
    /// The body as JSON.
    pub(crate) fn json(&self) -> Option<serde_json::Value> {
        serde_json::from_slice(&self.body).ok()
    }
}

/// `GET <base><path>`.
///
/// # Errors
/// In words, without the URL.
pub(crate) async fn get(base: &RedactedUrl, path: &str, deadline: Duration) -> Result<Answer, SafeText> {
    let begun = Instant::now();
    let whole = async {
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("casimir-dkg/", env!("CARGO_PKG_VERSION")))
            .build()?;
        let mut response = client.get(format!("{}{path}", base.expose())).send().await?;
        let status = response.status().as_u16();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if body.len() + chunk.len() > MAX_BODY {
                return Ok(None);
            }
            body.extend_from_slice(&chunk);
        }
        Ok::<_, reqwest::Error>(Some((status, body)))
    };
    match tokio::time::timeout(deadline, whole).await {
        Err(_) => Err(SafeText::new(&format!("no answer within {deadline:?}"))),
        Ok(Err(e)) => Err(SafeText::new(&describe(&e.without_url()))),
        Ok(Ok(None)) => Err(SafeText::new("the answer is longer than 1 MiB")),
        Ok(Ok(Some((status, body)))) => Ok(Answer {
            status,
            body,
            took: begun.elapsed(),
        }),
    }
}

/// The cause at the bottom says more than "error sending request".
fn describe(error: &dyn std::error::Error) -> String {
    let mut deepest = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    deepest.to_string()
}
