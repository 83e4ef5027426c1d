//! One POST that arrives, or is tried again, or is refused.

use std::time::Duration;

use bytes::Bytes;

use crate::http::{Call, Endpoint, Http, HttpError, Limits};
use crate::ports::notifier::{Notice, NoticeKind, NotifyError};
use crate::types::{RedactedUrl, SafeText};

/// Whoever is told answers with a word or two.
const ANSWER: Limits = Limits {
    deadline: Duration::from_secs(10),
    size: 64 << 10,
};

/// Pauses before it is tried again. With [`ANSWER`] five attempts take two and a half minutes at most.
const PAUSES: [Duration; 4] = [
    Duration::from_secs(1),
    Duration::from_secs(4),
    Duration::from_secs(16),
    Duration::from_secs(60),
];

/// Somebody who takes JSON by POST.
#[derive(Debug, Clone)]
pub(super) struct Post {
    endpoint: Endpoint,
    pauses: Vec<Duration>,
}

impl Post {
    /// # Errors
    /// The URL is none.
    pub(super) fn new(http: &Http, url: &RedactedUrl) -> Result<Self, String> {
        Self::within(http, url, ANSWER)
    }

    pub(super) fn within(http: &Http, url: &RedactedUrl, answer: Limits) -> Result<Self, String> {
        let endpoint = http.endpoint(url, answer).map_err(|error| error.to_string())?;
        Ok(Self {
            endpoint,
            pauses: PAUSES.to_vec(),
        })
    }

    #[cfg(test)]
    pub(super) fn with_pauses(mut self, pauses: &[Duration]) -> Self {
        self.pauses = pauses.to_vec();
        self
    }

    /// The URL without its secrets.
    pub(super) fn name(&self) -> &SafeText {
        self.endpoint.name()
    }

    /// Posts a notice as a body of JSON to a path below the URL; `dress` adds what each attempt needs anew. Whoever only
    /// tries it out is told after one attempt.
    pub(super) async fn send(
        &self,
        notice: &Notice,
        path: &str,
        body: Bytes,
        dress: impl Fn(Call) -> Call,
    ) -> Result<(), NotifyError> {
        let tries = if notice.kind == NoticeKind::Test {
            0
        } else {
            self.pauses.len()
        };
        let mut pauses = self.pauses.iter().take(tries);
        loop {
            let call = self.endpoint.post(path).body("application/json", body.clone());
            let error = match once(dress(call)).await {
                Err(NotifyError::Away(words)) => words,
                settled => return settled,
            };
            let Some(pause) = pauses.next() else {
                return Err(NotifyError::Away(error));
            };
            tokio::time::sleep(*pause).await;
        }
    }
}

/// The status says whether it was delivered, and nothing else does: whoever repeats what was delivered because of what
/// follows tells it again and again.
async fn once(call: Call) -> Result<(), NotifyError> {
    let Err(error) = call.accepted().await else {
        return Ok(());
    };
    let words = SafeText::new(&error.to_string());
    Err(match error {
        HttpError::Status {
            status: status @ 300..=399,
            ..
        } => NotifyError::Refused(format!("status {status}: redirects are not followed").into()),
        HttpError::Status {
            status: 408 | 429 | 500..,
            ..
        } => NotifyError::Away(words),
        HttpError::Status { .. } | HttpError::Unsendable(_) => NotifyError::Refused(words),
        _ => NotifyError::Away(words),
    })
}
