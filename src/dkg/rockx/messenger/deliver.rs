//! One delivery: `POST {address}/consume`, and what the answer means.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use reqwest::header::{CONTENT_TYPE, SERVER};
use reqwest::{Client, StatusCode, redirect};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::config::Limits;
use super::lane::Outcome;
use crate::types::SafeText;

/// Value with which our own operator node's `Server` header begins. Such a node takes deliveries for several sessions at
/// once; everything else is treated as a Go node, whose session table does not survive that.
pub const SERVER_NAME: &str = "casimir-dkg";

/// Longest reply that is read; the rest can not matter.
const REPLY_LIMIT: usize = 16 << 10;
/// How long an old address has to answer `/ping` before somebody else may take the name.
const PROBE_DEADLINE: Duration = Duration::from_millis(1500);
/// Addresses remembered before unused ones are forgotten.
const PEERS: usize = 2048;

/// Delivers to subscribers, within each address's share of parallelism.
#[derive(Debug)]
pub(super) struct Deliverer {
    client: Client,
    peers: Mutex<HashMap<String, Arc<Peer>>>,
    parallel: usize,
    overtake: Duration,
}

#[derive(Debug)]
struct Peer {
    many: Semaphore,
    one: Semaphore,
    /// It told that it is one of ours.
    concurrent: AtomicBool,
}

impl Deliverer {
    pub(super) fn new(limits: &Limits) -> Result<Self, reqwest::Error> {
        let client = Client::builder()
            .timeout(limits.delivery_deadline)
            .connect_timeout(limits.delivery_deadline.min(Duration::from_secs(5)))
            .redirect(redirect::Policy::none())
            .no_proxy()
            .http1_only()
            .tcp_nodelay(true)
            // an observer of many ceremonies is many subscribers at one host
            .pool_max_idle_per_host(64)
            // shorter than any server's usual idle time-out, so that we do not write into a closing connection
            .pool_idle_timeout(Duration::from_secs(30))
            .build()?;
        Ok(Self {
            client,
            peers: Mutex::default(),
            parallel: limits.parallel_deliveries,
            overtake: limits.overtake,
        })
    }

    /// Delivers one message. The address is used verbatim as prefix, as the Go messenger does.
    pub(super) async fn deliver(&self, address: &str, body: Bytes) -> Outcome {
        let peer = self.peer(address);
        let _turn = peer.turn(self.overtake).await;
        let sent = self
            .client
            .post(format!("{address}/consume"))
            .header(CONTENT_TYPE, "application/octet-stream")
            .body(body)
            .send()
            .await;
        let mut response = match sent {
            Ok(response) => response,
            Err(error) => return Outcome::Unreachable(describe(error)),
        };
        let status = response.status();
        let ours = response
            .headers()
            .get(SERVER)
            .is_some_and(|value| value.as_bytes().starts_with(SERVER_NAME.as_bytes()));
        peer.concurrent.store(ours, Ordering::Relaxed);
        let mut reply = Vec::new();
        while reply.len() < REPLY_LIMIT {
            match response.chunk().await {
                Ok(Some(chunk)) => {
                    reply.extend_from_slice(&chunk[..chunk.len().min(REPLY_LIMIT - reply.len())])
                }
                Ok(None) => break,
                // a success whose body is cut off is a success
                Err(_) if status.is_success() => break,
                Err(error) => return Outcome::Unreachable(describe(error)),
            }
        }
        judge(status, &reply)
    }

    /// Whether something at `address` answers `/ping` as a node does.
    pub(super) async fn answers_ping(&self, address: &str) -> bool {
        let request = self.client.get(format!("{address}/ping")).timeout(PROBE_DEADLINE);
        matches!(request.send().await, Ok(response) if response.status().is_success())
    }

    fn peer(&self, address: &str) -> Arc<Peer> {
        let mut peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(peer) = peers.get(address) {
            return Arc::clone(peer);
        }
        if peers.len() >= PEERS {
            peers.retain(|_, peer| Arc::strong_count(peer) > 1);
        }
        let peer = Arc::new(Peer {
            many: Semaphore::new(self.parallel),
            one: Semaphore::new(1),
            concurrent: AtomicBool::new(false),
        });
        peers.insert(address.to_owned(), Arc::clone(&peer));
        peer
    }
}

impl Peer {
    /// Waits for this delivery's turn; the turn ends when the result is dropped.
    async fn turn(&self, overtake: Duration) -> (Option<SemaphorePermit<'_>>, Option<SemaphorePermit<'_>>) {
        // the semaphores are never closed
        let many = self.many.acquire().await.ok();
        if self.concurrent.load(Ordering::Relaxed) {
            return (many, None);
        }
        let one = tokio::time::timeout(overtake, self.one.acquire()).await;
        (many, one.ok().and_then(Result::ok))
    }
}

/// What a node's answer means, by status and by the texts that Go nodes are known to send.
fn judge(status: StatusCode, reply: &[u8]) -> Outcome {
    if status.is_success() {
        return Outcome::Delivered;
    }
    let text = String::from_utf8_lossy(reply);
    let reason = || SafeText::new(&format!("{}: {text}", status.as_u16()));
    let has = |part: &str| text.contains(part);
    if has("could not find dkg runner") {
        Outcome::NoSession
    } else if has("missing keygen outcome or operator public keys") {
        Outcome::TooEarly
    } else if has("msg already exists")
        || has("inconsistent partial signature received")
        || has("unknown msg type")
        || (has("could not process dkg message") && has("invalid signature"))
        || matches!(
            status,
            StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE | StatusCode::UNPROCESSABLE_ENTITY
        )
    {
        Outcome::Final(reason())
    } else if matches!(
        status,
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT
    ) {
        // a proxy in front of the node speaks, not the node
        Outcome::Unreachable(reason())
    } else {
        Outcome::Failed(reason())
    }
}

/// The error and its causes, without the URL, which may hold a password.
fn describe(error: reqwest::Error) -> SafeText {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    SafeText::new(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_texts_decide() {
        let node = |error: &str| {
            let body = format!(r#"{{"error":"{error}","message":"dkg node failed to process message"}}"#);
            judge(StatusCode::INTERNAL_SERVER_ERROR, body.as_bytes())
        };
        assert_eq!(judge(StatusCode::OK, b"whatever"), Outcome::Delivered);
        assert_eq!(node("could not find dkg runner"), Outcome::NoSession);
        assert_eq!(
            node("could not process dkg message: missing keygen outcome or operator public keys"),
            Outcome::TooEarly
        );
        for text in [
            "msg already exists",
            "inconsistent partial signature received",
            "could not process dkg message: failed to verify: invalid signature",
            "unknown msg type",
        ] {
            assert!(matches!(node(text), Outcome::Final(_)), "{text}");
        }
        assert!(matches!(node("invalid signature"), Outcome::Failed(_)));
        assert!(matches!(
            node("failed to retrieve operator info for signer 3"),
            Outcome::Failed(_)
        ));
        assert!(matches!(judge(StatusCode::BAD_REQUEST, b""), Outcome::Final(_)));
        assert!(matches!(
            judge(StatusCode::BAD_GATEWAY, b""),
            Outcome::Unreachable(_)
        ));
        assert!(matches!(judge(StatusCode::FOUND, b""), Outcome::Failed(_)));
    }
}
