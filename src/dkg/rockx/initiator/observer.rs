//! The observer: an HTTP listener that is subscribed to each ceremony's topic, so that the initiator sees every
//! message the operators see. One listener serves all ceremonies: each has its own address prefix,
//! `{public url}/{request id}`, to which the messenger appends `/consume`.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Extension, Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tokio::sync::mpsc;

use crate::dkg::rockx::keys::OperatorPublicKey;
use crate::dkg::rockx::seen::{PER_SIGNER, Seen, Sight};
use crate::dkg::rockx::sign::message_root;
use crate::dkg::rockx::wire::SignedMessage;
use crate::listen::{self, BodyFault, Bounds, Client, Gate, Listener, Network};
use crate::log_limit::LogLimit;
use crate::types::{OperatorId, RequestId, Root, UnixMillis};

/// The longest message of a committee of 13 is 5 KB; a blame with two of them in base64 of base64 of base64 is 30 KB.
const MAX_MESSAGE: usize = 256 * 1024;

/// Messages of the participants that wait for their ceremony's task: room for all that a committee of 13 and its
/// successors may say. A keygen of 13 has 65 in all.
const QUEUE: usize = 26 * PER_SIGNER;
/// Messages that no participant signed: the ceremony notes some of them, and none takes the place of a signed one.
const STRANGE: usize = 16;
/// The messenger holds one connection for each ceremony: the rest is room.
const CONNECTIONS: usize = 1024;
/// A request must be complete, and its answer begun, within this time.
const REQUEST_DEADLINE: Duration = Duration::from_secs(15);
/// A body must come within this time.
const BODY_DEADLINE: Duration = Duration::from_secs(10);
/// A connection may be silent for this long between two requests: longer than Go's client keeps it.
const IDLE: Duration = Duration::from_secs(120);

static DROPPED: LogLimit = LogLimit::usual();

/// A message as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Arrival {
    pub(crate) at: UnixMillis,
    pub(crate) raw: Vec<u8>,
}

/// The keys of those who take part in a ceremony.
type Keys = BTreeMap<OperatorId, OperatorPublicKey>;

/// The way to one ceremony's task.
#[derive(Debug, Clone)]
struct Route {
    keys: Arc<Keys>,
    signed: mpsc::Sender<Arrival>,
    strange: mpsc::Sender<Arrival>,
    seen: Arc<Mutex<Seen>>,
}

type Routes = Arc<Mutex<HashMap<RequestId, Route>>>;

#[derive(Debug, Clone)]
struct Shared {
    routes: Routes,
    gate: Gate,
}

/// The listener. Dropping it closes the port.
#[derive(Debug)]
pub(crate) struct Observer {
    routes: Routes,
    local: SocketAddr,
    server: tokio::task::JoinHandle<()>,
}

/// One ceremony's stream of messages; ends when dropped.
#[derive(Debug)]
pub(crate) struct Subscription {
    id: RequestId,
    routes: Routes,
    signed: mpsc::Receiver<Arrival>,
    strange: mpsc::Receiver<Arrival>,
}

impl Observer {
    /// `proxies`: whose `X-Forwarded-For` tells who asks.
    pub(crate) async fn bind(listen: SocketAddr, proxies: Vec<Network>) -> std::io::Result<Self> {
        let (tcp, local) = listen::bind(listen).await?;
        let bounds = Bounds::new(CONNECTIONS, REQUEST_DEADLINE, IDLE);
        let listener = Listener::new("observer", tcp, bounds, proxies);
        let routes = Routes::default();
        let shared = Shared {
            routes: routes.clone(),
            gate: listener.gate(),
        };
        let app = Router::new()
            .route("/{request_id}/consume", post(consume))
            .route("/ping", get(ping))
            // the messenger asks whether an address is alive
            .route("/{request_id}/ping", get(ping))
            .with_state(shared);
        let server = tokio::spawn(listen::serve(listener, app, std::future::pending()));
        Ok(Self {
            routes,
            local,
            server,
        })
    }

    pub(crate) fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Opens the stream of a ceremony of those who hold these keys. `None` when one is open already: a request id is watched
    /// once.
    pub(crate) fn subscribe(&self, id: RequestId, keys: Keys) -> Option<Subscription> {
        let (to_signed, signed) = mpsc::channel(QUEUE);
        let (to_strange, strange) = mpsc::channel(STRANGE);
        let mut routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        if routes.contains_key(&id) {
            return None;
        }
        routes.insert(
            id,
            Route {
                keys: Arc::new(keys),
                signed: to_signed,
                strange: to_strange,
                seen: Arc::default(),
            },
        );
        Some(Subscription {
            id,
            routes: self.routes.clone(),
            signed,
            strange,
        })
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Subscription {
    /// The next message; those of the participants first.
    pub(crate) async fn next(&mut self) -> Arrival {
        // the senders live in `routes` until this subscription is dropped
        tokio::select! {
            biased;
            Some(arrival) = self.signed.recv() => arrival,
            Some(arrival) = self.strange.recv() => arrival,
            else => std::future::pending().await,
        }
    }

    /// A message that is here already.
    pub(crate) fn ready(&mut self) -> Option<Arrival> {
        let signed = self.signed.try_recv();
        signed.or_else(|_| self.strange.try_recv()).ok()
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        routes.remove(&self.id);
    }
}

/// Takes a message and answers at once: a slow or failing answer would fill the messenger's queue for us, and a full
/// queue stops the deployed messenger altogether. So a message that nobody waits for is answered 200 as well.
async fn consume(
    State(shared): State<Shared>,
    Extension(client): Extension<Client>,
    Path(id): Path<String>,
    body: Body,
) -> Response {
    let Ok(id) = id.parse::<RequestId>() else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let route = {
        let routes = shared.routes.lock().unwrap_or_else(PoisonError::into_inner);
        routes.get(&id).cloned()
    };
    let Some(route) = route else {
        // nobody reads it: so neither do we
        return json(TAKEN);
    };
    let body = match shared.gate.read(client, body, MAX_MESSAGE, BODY_DEADLINE).await {
        Ok(body) => body,
        Err(BodyFault::TooLarge) => return StatusCode::PAYLOAD_TOO_LARGE.into_response(),
        // an answer upon which the messenger tries again
        Err(_) => return StatusCode::SERVICE_UNAVAILABLE.into_response(),
    };
    let done = route.take(&body, id);
    match done {
        Done::New => shared.gate.mark_proven(client),
        Done::Known | Done::Strange => {}
        Done::Dropped => {
            if let Some(left_out) = DROPPED.line() {
                tracing::warn!(target: "dkg::observer", request = %id, left_out, "message dropped: too many at once");
            }
        }
    }
    json(TAKEN)
}

const TAKEN: &str = r#"{"error":null,"message":"processed message successfully"}"#;

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Done {
    /// One who takes part signed it, and it was not here before: whoever brings it has it from the ceremony.
    New,
    /// Anybody who heard it may have sent it again.
    Known,
    Strange,
    Dropped,
}

impl Route {
    fn take(&self, body: &[u8], id: RequestId) -> Done {
        let arrival = || Arrival {
            at: UnixMillis::now(),
            raw: body.to_vec(),
        };
        let signed = signed_by(body, id, &self.keys);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let sight = signed.map(|(signer, root)| (signer, root, seen.look(signer, &root)));
        let (way, done) = match sight {
            Some((.., Sight::Known)) => return Done::Known,
            Some((.., Sight::New)) => (&self.signed, Done::New),
            Some((.., Sight::TooMany)) | None => (&self.strange, Done::Strange),
        };
        if way.try_send(arrival()).is_err() {
            return Done::Dropped;
        }
        if let Some((signer, root, Sight::New)) = sight {
            seen.note(signer, root);
        }
        done
    }
}

/// Who takes part and signed this for this ceremony, and the root of what was signed.
fn signed_by(body: &[u8], id: RequestId, keys: &Keys) -> Option<(OperatorId, Root)> {
    let signed = SignedMessage::from_ssv(body).ok()?;
    let message = signed.message.as_ref().filter(|m| m.identifier == id)?;
    let root = message_root(message);
    let key = keys.get(&signed.signer)?;
    signed.verify(key).then_some((signed.signer, root))
}

async fn ping() -> Response {
    json(r#"{"message":"pong"}"#)
}

fn json(text: &'static str) -> Response {
    ([(header::CONTENT_TYPE, "application/json; charset=utf-8")], text).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dkg::rockx::keys::OperatorPrivateKey;
    use crate::dkg::rockx::wire::{Message, MsgType};

    /// Replays filled the queue, and the true message that came behind them was answered 200 and lost.
    #[tokio::test]
    async fn what_is_sent_again_takes_no_place_and_is_no_proof() {
        let observer = Observer::bind(([127, 0, 0, 1], 0).into(), Vec::new())
            .await
            .unwrap();
        let id = RequestId([7; 24]);
        let key = OperatorPrivateKey::generate().unwrap();
        let message = |n: u8| {
            let message = Message {
                msg_type: MsgType::Protocol,
                identifier: id,
                data: vec![n; 8].into(),
            };
            message.sign(OperatorId(1), &key).unwrap().to_ssv()
        };
        let keys: Keys = [(OperatorId(1), key.public().clone())].into();
        let mut subscription = observer.subscribe(id, keys).unwrap();
        let route = observer.routes.lock().unwrap().get(&id).cloned().unwrap();
        assert_eq!(route.take(&message(1), id), Done::New);
        for _ in 0..2 * QUEUE {
            assert_eq!(route.take(&message(1), id), Done::Known);
        }
        assert_eq!(route.take(&message(2), id), Done::New);
        assert_eq!(route.take(b"junk", id), Done::Strange);
        assert_eq!(subscription.next().await.raw, message(1));
        assert_eq!(subscription.next().await.raw, message(2));
        assert_eq!(subscription.next().await.raw, b"junk");
        assert!(subscription.ready().is_none());
    }
}
