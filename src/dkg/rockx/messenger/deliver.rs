//! One delivery: `POST {address}/consume`, and what the answer means.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{HeaderMap, SERVER};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::config::Limits;
use super::lane::DeliveryResult;
use super::reach::{Asker, Reach};
use crate::http::{self, BadUrl, Endpoint, Http};
use crate::types::{RedactedUrl, SafeText};

/// Value with which our own operator node's `Server` header begins. Such a node takes deliveries for several sessions at
/// once; everything else is treated as a Go node, whose session table does not survive that.
pub const SERVER_NAME: &str = "casimir-dkg";

/// Whether an answer with these headers is of this program, and not of a proxy before it, which would write its own name.
pub(crate) fn is_this_program(headers: &HeaderMap) -> bool {
    let server = headers.get(SERVER);
    server.is_some_and(|name| name.as_bytes().starts_with(SERVER_NAME.as_bytes()))
}

/// Longest reply that is read; the rest cannot matter.
const REPLY_LIMIT: usize = 16 << 10;
/// Old addresses that are asked at once: each question is a stranger's doing.
const QUESTIONS: usize = 16;
/// Addresses remembered before unused ones are forgotten.
const PEERS: usize = 2048;

/// Delivers to subscribers, within each address's share of parallelism.
#[derive(Debug)]
pub(super) struct Deliverer {
    /// To addresses that strangers named.
    http: Http,
    /// To those of them that may be asked whether anybody answers.
    asked: Http,
    /// To those that are reached whatever they are.
    unruled: Http,
    pub(super) reach: Reach,
    limits: http::Limits,
    peers: Mutex<HashMap<(String, bool), Arc<Peer>>>,
    /// Old addresses that are asked for life at once.
    questions: Semaphore,
    parallel: usize,
    probe: Duration,
    overtake: Duration,
}

#[derive(Debug)]
struct Peer {
    /// The address is whatever was registered.
    endpoint: Result<Endpoint, BadUrl>,
    many: Semaphore,
    one: Semaphore,
    /// It told that it is one of ours.
    concurrent: AtomicBool,
}

impl Deliverer {
    pub(super) fn new(http: &Http, limits: &Limits, reach: Reach) -> Self {
        Self {
            http: http.only_to(reach.rule()),
            asked: http.only_to(reach.asking_rule()),
            unruled: http.clone(),
            reach,
            questions: Semaphore::new(QUESTIONS),
            limits: http::Limits {
                deadline: limits.delivery_deadline,
                size: REPLY_LIMIT,
            },
            peers: Mutex::default(),
            parallel: limits.parallel_deliveries,
            probe: limits.probe_deadline,
            overtake: limits.overtake,
        }
    }

    /// Delivers one message to `/consume` below the address. `exempt`: whatever address it is.
    pub(super) async fn deliver(&self, address: &str, exempt: bool, body: Bytes) -> DeliveryResult {
        let peer = self.peer(address, exempt);
        let _turn = peer.turn(self.overtake).await;
        let unreachable =
            |error: &dyn std::fmt::Display| DeliveryResult::Unreachable(SafeText::new(&error.to_string()));
        let call = match &peer.endpoint {
            Ok(endpoint) => endpoint.post("consume"),
            Err(error) => return unreachable(error),
        };
        let response = match call.body("application/octet-stream", body).open().await {
            Ok(response) => response,
            Err(error) => return unreachable(&error),
        };
        let status = response.status();
        let ours = is_this_program(response.headers());
        peer.concurrent.store(ours, Ordering::Relaxed);
        let (reply, whole) = response.read_head(REPLY_LIMIT).await;
        match whole {
            // a success whose body is cut off is a success
            Err(error) if !is_success(status) => unreachable(&error),
            _ => judge(status, &reply),
        }
    }

    /// Whether it may be told whether something answers at `address`.
    pub(super) async fn may_be_asked(&self, address: &str, asker: Asker) -> bool {
        self.reach.may_be_asked(address, asker).await
    }

    /// Whether something at `address` answers `/ping` as a node does. When too many are asked, it is taken to.
    pub(super) async fn answers_ping(&self, address: &str) -> bool {
        let Ok(_turn) = self.questions.try_acquire() else {
            return true;
        };
        let Ok(endpoint) = self.asked.endpoint(&RedactedUrl::new(address), self.limits) else {
            return false;
        };
        let response = endpoint.get("ping").within(self.probe).open().await;
        response.is_ok_and(|response| is_success(response.status()))
    }

    fn peer(&self, address: &str, exempt: bool) -> Arc<Peer> {
        let key = (address.to_owned(), exempt);
        let mut peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(peer) = peers.get(&key) {
            return Arc::clone(peer);
        }
        if peers.len() >= PEERS {
            peers.retain(|_, peer| Arc::strong_count(peer) > 1);
        }
        let peer = Arc::new(Peer {
            endpoint: if exempt { &self.unruled } else { &self.http }
                .endpoint(&RedactedUrl::new(address), self.limits),
            many: Semaphore::new(self.parallel),
            one: Semaphore::new(1),
            concurrent: AtomicBool::new(false),
        });
        peers.insert(key, Arc::clone(&peer));
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
fn judge(status: u16, reply: &[u8]) -> DeliveryResult {
    if is_success(status) {
        return DeliveryResult::Delivered;
    }
    let text = String::from_utf8_lossy(reply);
    let reason = || SafeText::new(&format!("{status}: {text}"));
    let has = |part: &str| text.contains(part);
    if has("could not find dkg runner") {
        DeliveryResult::NoSession
    } else if has("missing keygen outcome or operator public keys") {
        DeliveryResult::TooEarly
    } else if has("msg already exists")
        || has("inconsistent partial signature received")
        || has("unknown msg type")
        || (has("could not process dkg message") && has("invalid signature"))
        // bad request, too large, unprocessable
        || matches!(status, 400 | 413 | 422)
    {
        DeliveryResult::Final(reason())
    } else if matches!(status, 429 | 502..=504) {
        // a proxy in front of the node speaks, not the node; or too much was asked at once, which passes
        DeliveryResult::Unreachable(reason())
    } else {
        DeliveryResult::Failed(reason())
    }
}

fn is_success(status: u16) -> bool {
    (200..300).contains(&status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_texts_decide() {
        let node = |error: &str| {
            let body = format!(r#"{{"error":"{error}","message":"dkg node failed to process message"}}"#);
            judge(500, body.as_bytes())
        };
        assert_eq!(judge(200, b"whatever"), DeliveryResult::Delivered);
        assert_eq!(node("could not find dkg runner"), DeliveryResult::NoSession);
        assert_eq!(
            node("could not process dkg message: missing keygen outcome or operator public keys"),
            DeliveryResult::TooEarly
        );
        for text in [
            "msg already exists",
            "inconsistent partial signature received",
            "could not process dkg message: failed to verify: invalid signature",
            "unknown msg type",
        ] {
            assert!(matches!(node(text), DeliveryResult::Final(_)), "{text}");
        }
        assert!(matches!(node("invalid signature"), DeliveryResult::Failed(_)));
        assert!(matches!(
            node("failed to retrieve operator info for signer 3"),
            DeliveryResult::Failed(_)
        ));
        assert!(matches!(judge(400, b""), DeliveryResult::Final(_)));
        assert!(matches!(judge(502, b""), DeliveryResult::Unreachable(_)));
        assert!(matches!(judge(429, b""), DeliveryResult::Unreachable(_)));
        assert!(matches!(judge(302, b""), DeliveryResult::Failed(_)));
    }
}
