//! What one session sends to the messenger: in order, one at a time, each until it was taken.

use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::super::http;
use crate::types::{RedactedUrl, RequestId, SafeText};

/// Something for the messenger.
pub(super) enum Post {
    /// A broadcast: the bytes of an SSV message.
    Publish(Vec<u8>),
    /// All operators' results: JSON.
    Outputs(Vec<u8>),
    /// A blame report: JSON.
    Blame(Vec<u8>),
}

impl Post {
    fn route(&self) -> &'static str {
        match self {
            Self::Publish(_) => "publish?topic_name=",
            Self::Outputs(_) => "stream/dkgoutput?request_id=",
            Self::Blame(_) => "stream/dkgblame?request_id=",
        }
    }

    fn into_body(self) -> Vec<u8> {
        match self {
            Self::Publish(body) | Self::Outputs(body) | Self::Blame(body) => body,
        }
    }
}

/// The messenger as a node uses it.
#[derive(Debug, Clone)]
pub(in super::super) struct Messenger {
    client: reqwest::Client,
    base: RedactedUrl,
}

const DEADLINE: Duration = Duration::from_secs(15);
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// The messenger's answers are short.
const MAX_ANSWER: usize = 64 * 1024;

impl Messenger {
    pub(in super::super) fn new(base: RedactedUrl) -> Result<Self, SafeText> {
        Ok(Self {
            client: http::client(DEADLINE)?,
            base,
        })
    }

    /// One call. The error is in words.
    pub(in super::super) async fn post(
        &self,
        route: &str,
        body: impl Into<reqwest::Body>,
    ) -> Result<(), SafeText> {
        let url = format!("{}/{route}", self.base.expose().trim_end_matches('/'));
        let answer = self
            .client
            .post(url)
            .header(reqwest::header::CONTENT_TYPE, "application/json")
            .body(body)
            .send()
            .await
            .map_err(|e| http::describe(&e))?;
        let status = answer.status();
        let text = http::body_of(answer, MAX_ANSWER).await?;
        if status == reqwest::StatusCode::OK {
            return Ok(());
        }
        Err(SafeText::new(&format!(
            "the messenger answered {}: {}",
            status.as_u16(),
            SafeText::from_bytes(&text)
        )))
    }

    /// Posts whatever comes, in order, until the session's side is closed. Each post is retried, with growing pauses, for
    /// as long as `patience`: a messenger may be restarting. Returns the error of the first post that was given up.
    pub(super) async fn deliver(
        self,
        ceremony: RequestId,
        mut posts: mpsc::UnboundedReceiver<Post>,
        patience: Duration,
    ) -> Result<(), SafeText> {
        while let Some(post) = posts.recv().await {
            let route = format!("{}{ceremony}", post.route());
            // a reference-counted buffer: an attempt copies nothing
            let body = axum::body::Bytes::from(post.into_body());
            let began = Instant::now();
            let mut pause = FIRST_PAUSE;
            loop {
                let Err(error) = self.post(&route, body.clone()).await else {
                    break;
                };
                if began.elapsed() >= patience {
                    return Err(error);
                }
                tracing::warn!(target: "casimir_dkg::node", %ceremony, %error, "cannot post to the messenger; trying again");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
        Ok(())
    }
}
