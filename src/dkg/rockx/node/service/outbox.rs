//! What one session sends to the messenger: in order, one at a time, each until it was taken.

use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::mpsc;

use crate::http::{BadUrl, Endpoint, Http, Limits};
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
    endpoint: Endpoint,
}

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// The messenger's answers are short.
const LIMITS: Limits = Limits {
    deadline: Duration::from_secs(15),
    size: 64 * 1024,
};

impl Messenger {
    pub(in super::super) fn new(http: &Http, base: &RedactedUrl) -> Result<Self, BadUrl> {
        Ok(Self {
            endpoint: http.endpoint(base, LIMITS)?,
        })
    }

    /// One call. The error is in words.
    pub(in super::super) async fn post(&self, route: &str, body: impl Into<Bytes>) -> Result<(), SafeText> {
        let call = self.endpoint.post(route).body("application/json", body);
        let answer = call.send().await.map_err(|e| SafeText::new(&e.to_string()))?;
        if answer.status == 200 {
            return Ok(());
        }
        Err(SafeText::new(&format!(
            "the messenger answered {}: {}",
            answer.status,
            SafeText::from_bytes(&answer.body)
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
            let body = Bytes::from(post.into_body());
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
