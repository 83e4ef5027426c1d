//! What an operator of a shown network says to the messenger goes through here: as it is, later, or not as it was said.
//!
//! A lie is told with the operator's own key, so that it is the operator's before everybody: a relay that only damaged
//! bytes would make it look silent.

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::failed_part;
use crate::devnet::DevnetError;
use crate::dkg::rockx::keys::OperatorPrivateKey;
use crate::dkg::rockx::wire::{Decode, Encode, GoBytes, KeygenMessage, MsgType, SignedMessage};
use crate::types::OperatorId;

/// The messenger takes no more, either.
const MAX_BODY: usize = 16 << 20;
/// Longer than any answer of the messenger takes.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Whether the operator keeps to what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Honesty {
    #[default]
    Honest,
    /// The proof of knowledge beside its commitments is false.
    Lies,
    /// It sends two different messages for one round.
    Equivocates,
}

#[derive(Debug)]
struct Orders {
    honesty: Honesty,
    /// Before each message, more or less: half of it at least, one and a half times at most.
    pace: Duration,
    /// And this on top.
    delay: Duration,
    chance: ChaCha8Rng,
}

struct Shared {
    id: OperatorId,
    key: Arc<OperatorPrivateKey>,
    target: String,
    client: reqwest::Client,
    /// The messenger has taken a registration.
    known: watch::Sender<bool>,
    orders: Mutex<Orders>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the way of operator {}", self.id)
    }
}

/// A running relay. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct Mouth {
    shared: Arc<Shared>,
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for Mouth {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Mouth {
    /// Stands before the messenger at `target`. The same seed gives the same course of delays.
    pub(super) async fn open(
        id: OperatorId,
        key: Arc<OperatorPrivateKey>,
        target: &str,
        seed: u64,
    ) -> Result<Self, DevnetError> {
        let failed = |error: &dyn std::fmt::Display| failed_part("an operator's way to the messenger", error);
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0))
            .await
            .map_err(|error| failed(&error))?;
        let address = listener.local_addr().map_err(|error| failed(&error))?;
        // a proxy from the environment has no business on the loopback
        let client = reqwest::Client::builder()
            .no_proxy()
            .timeout(TIMEOUT)
            .build()
            .map_err(|error| failed(&error))?;
        let shared = Arc::new(Shared {
            id,
            key,
            target: target.trim_end_matches('/').to_owned(),
            client,
            known: watch::Sender::new(false),
            orders: Mutex::new(Orders {
                honesty: Honesty::Honest,
                pace: Duration::ZERO,
                delay: Duration::ZERO,
                chance: ChaCha8Rng::seed_from_u64(seed.wrapping_mul(1009).wrapping_add(id.0)),
            }),
        });
        let router = Router::new().fallback(relay).with_state(Arc::clone(&shared));
        let task = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::warn!(target: "devnet::demo", operator = %id, %error, "an operator's way to the messenger ended");
            }
        });
        Ok(Self {
            shared,
            address,
            task,
        })
    }

    /// The messenger, as the operator is told.
    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns once the messenger has taken the operator's registration.
    pub(super) async fn registered(&self) {
        // an error means that the relay is gone: there is nothing to wait for then
        let _ = self.shared.known.subscribe().wait_for(|known| *known).await;
    }

    pub(super) fn set_honesty(&self, honesty: Honesty) {
        self.shared.change(|orders| orders.honesty = honesty);
    }

    pub(super) fn set_pace(&self, pace: Duration) {
        self.shared.change(|orders| orders.pace = pace);
    }

    pub(super) fn set_delay(&self, delay: Duration) {
        self.shared.change(|orders| orders.delay = delay);
    }
}

impl Shared {
    fn change<T>(&self, change: impl FnOnce(&mut Orders) -> T) -> T {
        change(&mut self.orders.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// How long the next message waits.
    fn wait(&self) -> Duration {
        self.change(|orders| orders.pace.mul_f64(orders.chance.gen_range(0.5..1.5)) + orders.delay)
    }

    /// What is said in place of a message, in order.
    fn said(&self, body: &Bytes) -> Vec<Bytes> {
        let as_it_is = vec![body.clone()];
        match self.change(|orders| orders.honesty) {
            Honesty::Honest => as_it_is,
            Honesty::Lies => self.altered(body, false_proof).map_or(as_it_is, |lie| vec![lie]),
            Honesty::Equivocates => match self.altered(body, false_proof) {
                Some(other) => vec![body.clone(), other],
                None => as_it_is,
            },
        }
    }

    /// The first round of a key generation or reshare, changed and signed anew; none where it is something else.
    fn altered(&self, body: &[u8], change: fn(&mut KeygenMessage) -> Option<()>) -> Option<Bytes> {
        let mut message = SignedMessage::from_ssv(body).ok()?.message?;
        if message.msg_type != MsgType::Protocol {
            return None;
        }
        let mut payload = KeygenMessage::from_json(message.data.as_slice()).ok()?;
        change(&mut payload)?;
        message.data = GoBytes::from(payload.to_json());
        let signed = message.sign(self.id, &self.key).ok()?;
        Some(Bytes::from(signed.to_ssv()))
    }

    async fn forward(
        &self,
        method: Method,
        path: &str,
        headers: &HeaderMap,
        body: Bytes,
    ) -> reqwest::Result<Response> {
        let call = self.client.request(method, format!("{}{path}", self.target));
        // the rest is about this connection, or says it for itself
        let kept = headers.iter().filter(|(name, _)| {
            !["host", "content-length", "connection", "accept-encoding"].contains(&name.as_str())
        });
        let call = kept.fold(call, |call, (name, value)| call.header(name, value));
        let answer = call.body(body).send().await?;
        let status = answer.status();
        let mut kept = HeaderMap::new();
        for name in ["content-type", "retry-after"] {
            if let Some(value) = answer.headers().get(name) {
                kept.insert(name, value.clone());
            }
        }
        Ok((status, kept, answer.bytes().await?).into_response())
    }
}

/// Another response to the challenge: no longer a proof.
fn false_proof(message: &mut KeygenMessage) -> Option<()> {
    let proof = message.round1.as_mut()?.proof_s.0.as_mut()?;
    *proof.last_mut()? ^= 1;
    Some(())
}

async fn relay(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_BODY).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    let says = path.trim_start_matches('/').starts_with("publish");
    let bodies = if says { shared.said(&body) } else { vec![body] };
    if says {
        tokio::time::sleep(shared.wait()).await;
    }
    let mut last = StatusCode::BAD_GATEWAY.into_response();
    for body in bodies {
        last = match shared
            .forward(head.method.clone(), path, &head.headers, body)
            .await
        {
            Ok(answer) => {
                if path.contains("register_node") && answer.status().is_success() {
                    shared.known.send_replace(true);
                }
                answer
            }
            Err(error) => {
                tracing::debug!(target: "devnet::demo", operator = %shared.id, %error, "the messenger does not answer");
                StatusCode::BAD_GATEWAY.into_response()
            }
        };
    }
    last
}
