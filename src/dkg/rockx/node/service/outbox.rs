//! What one session sends to the messenger, in order, one at a time, each until it was taken; and what is asked of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::{Notify, mpsc};

use crate::dkg::rockx::messenger::PROOF_HEADER;
use crate::dkg::rockx::wire::{BlameOutput, Encode, SignedMessage};
use crate::http::{BadUrl, Call, Endpoint, Http, Limits};
use crate::log_limit::LogLimit;
use crate::types::{OperatorId, RedactedUrl, RequestId, SafeText};

static AGAIN: LogLimit = LogLimit::usual();

/// Something for the messenger.
pub(super) enum Post {
    /// A broadcast: the bytes of an SSV message.
    Publish(Vec<u8>),
    /// All operators' results: JSON.
    Outputs(Vec<u8>),
    /// A blame report: JSON.
    Blame(Vec<u8>),
    /// A report that this operator gave up: JSON. It must not take the place of anything, which it would at RockX's
    /// messenger, where the last word counts.
    GivenUp(Vec<u8>),
}

impl Post {
    /// The report of an operator that goes no further. In RockX's form it is a blame that does not hold: whoever polls
    /// for a result learns that none will come, and nobody is accused.
    pub(super) fn given_up(notice: SignedMessage) -> Self {
        let report = BlameOutput {
            valid: false,
            blame_message: Some(notice),
        };
        Self::GivenUp(report.to_json())
    }

    fn route(&self) -> &'static str {
        match self {
            Self::Publish(_) => "publish?topic_name=",
            Self::Outputs(_) => "stream/dkgoutput?request_id=",
            Self::Blame(_) | Self::GivenUp(_) => "stream/dkgblame?request_id=",
        }
    }

    fn into_body(self) -> Vec<u8> {
        match self {
            Self::Publish(body) | Self::Outputs(body) | Self::Blame(body) | Self::GivenUp(body) => body,
        }
    }
}

/// The messenger as a node uses it.
#[derive(Debug, Clone)]
pub(in super::super) struct Messenger {
    endpoint: Endpoint,
    /// Told when a post was not taken: a messenger that lost its memory has lost this node too.
    refused: Arc<Notify>,
}

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// The messenger's answers are short.
const LIMITS: Limits = Limits {
    deadline: Duration::from_secs(15),
    size: 64 * 1024,
};
/// The results of 13 operators take 25 KiB, a blame's evidence under 64 KiB.
const MAX_RESULT: usize = 1 << 20;

impl Messenger {
    pub(in super::super) fn new(http: &Http, base: &RedactedUrl) -> Result<Self, BadUrl> {
        Ok(Self {
            endpoint: http.endpoint(base, LIMITS)?,
            refused: Arc::default(),
        })
    }

    /// The next time that something of a ceremony is not taken.
    pub(in super::super) async fn refusal(&self) {
        self.refused.notified().await;
    }

    /// Registers this node, with the proof of its key.
    pub(in super::super) async fn register(
        &self,
        route: &str,
        body: Vec<u8>,
        proof: &str,
    ) -> Result<(), SafeText> {
        let call = self.endpoint.post(route).header(PROOF_HEADER, proof);
        self.send(call, body).await
    }

    /// One call. The error is in words.
    async fn post(&self, route: &str, body: impl Into<Bytes>) -> Result<(), SafeText> {
        self.send(self.endpoint.post(route), body).await
    }

    async fn send(&self, call: Call, body: impl Into<Bytes>) -> Result<(), SafeText> {
        let call = call.body("application/json", body);
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

    /// What the messenger has stored for a ceremony: JSON, not checked. None: it has nothing.
    ///
    /// # Errors
    /// It does not answer, or not like a messenger.
    pub(in super::super) async fn data(&self, ceremony: RequestId) -> Result<Option<Vec<u8>>, SafeText> {
        let call = self.endpoint.get(&format!("data/{ceremony}")).at_most(MAX_RESULT);
        let answer = call.send().await.map_err(|e| SafeText::new(&e.to_string()))?;
        match answer.status {
            200 => Ok(Some(answer.body.to_vec())),
            404 => Ok(None),
            other => Err(SafeText::new(&format!("the messenger answered {other}"))),
        }
    }

    /// Ceremonies whose stored results this operator signed: not checked. None: it has no such list, as RockX's has none.
    ///
    /// # Errors
    /// It does not answer, or not like a messenger.
    pub(in super::super) async fn results_of(
        &self,
        operator: OperatorId,
    ) -> Result<Option<Vec<RequestId>>, SafeText> {
        let call = self
            .endpoint
            .get(&format!("results/{operator}"))
            .at_most(MAX_RESULT);
        let answer = call.send().await.map_err(|e| SafeText::new(&e.to_string()))?;
        match answer.status {
            200 => answer.json().map(Some).map_err(|e| SafeText::new(&e.to_string())),
            404 => Ok(None),
            other => Err(SafeText::new(&format!("the messenger answered {other}"))),
        }
    }

    /// Posts `body`; if it yields, only where nothing is yet.
    async fn attempt(
        &self,
        ceremony: RequestId,
        route: &str,
        body: Bytes,
        yields: bool,
    ) -> Result<(), SafeText> {
        if yields && self.data(ceremony).await?.is_some() {
            return Ok(());
        }
        self.post(route, body).await
    }

    /// Posts whatever comes, in order, until the session's side is closed. Each post is retried, with growing pauses, for
    /// as long as `patience`: a messenger may be restarting. After a broadcast was given up no other is tried, but a
    /// report still is: a messenger that has lost the topic takes it.
    ///
    /// # Errors
    /// That of the first post that was given up.
    pub(super) async fn deliver(
        self,
        ceremony: RequestId,
        mut posts: mpsc::Receiver<Post>,
        patience: Duration,
    ) -> Result<(), SafeText> {
        let mut given_up = Ok(());
        while let Some(post) = posts.recv().await {
            if given_up.is_err() && matches!(post, Post::Publish(_)) {
                continue;
            }
            let tried = self.persist(ceremony, post, patience).await;
            if given_up.is_ok() {
                given_up = tried;
            }
        }
        given_up
    }

    async fn persist(&self, ceremony: RequestId, post: Post, patience: Duration) -> Result<(), SafeText> {
        let route = format!("{}{ceremony}", post.route());
        let yields = matches!(post, Post::GivenUp(_));
        // a reference-counted buffer: an attempt copies nothing
        let body = Bytes::from(post.into_body());
        let began = Instant::now();
        let mut pause = FIRST_PAUSE;
        loop {
            let Err(error) = self.attempt(ceremony, &route, body.clone(), yields).await else {
                return Ok(());
            };
            self.refused.notify_one();
            if began.elapsed() >= patience {
                return Err(error);
            }
            if let Some(left_out) = AGAIN.line() {
                tracing::warn!(target: "casimir_dkg::node", %ceremony, %error, left_out, "cannot post to the messenger; trying again");
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}
