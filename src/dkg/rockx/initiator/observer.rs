//! The observer: an HTTP listener that is subscribed to each ceremony's topic, so that the initiator sees every
//! message the operators see. One listener serves all ceremonies: each has its own address prefix,
//! `{public url}/{request id}`, to which the messenger appends `/consume`.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::types::{RequestId, UnixMillis};

/// The longest message of a committee of 13 is 5 KB; a blame with two of them in base64 of base64 of base64 is 30 KB.
const MAX_MESSAGE: usize = 256 * 1024;

/// Messages that wait for their ceremony's task. A keygen of 13 has 65 in all.
const QUEUE: usize = 512;

/// A message as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Arrival {
    pub(crate) at: UnixMillis,
    pub(crate) raw: Vec<u8>,
}

type Routes = Arc<Mutex<HashMap<RequestId, mpsc::Sender<Arrival>>>>;

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
    arrivals: mpsc::Receiver<Arrival>,
}

impl Observer {
    pub(crate) async fn bind(listen: SocketAddr) -> std::io::Result<Self> {
        let listener = TcpListener::bind(listen).await?;
        let local = listener.local_addr()?;
        let routes = Routes::default();
        let app = Router::new()
            .route("/{request_id}/consume", post(consume))
            .route("/ping", get(ping))
            // the messenger asks whether an address is alive
            .route("/{request_id}/ping", get(ping))
            .layer(DefaultBodyLimit::max(MAX_MESSAGE))
            .with_state(routes.clone());
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, app).await {
                tracing::error!(target: "dkg::observer", %error, "the observer's listener ended");
            }
        });
        Ok(Self {
            routes,
            local,
            server,
        })
    }

    pub(crate) fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Opens the stream of a ceremony. `None` when one is open already: a request id is watched once.
    pub(crate) fn subscribe(&self, id: RequestId) -> Option<Subscription> {
        let (sender, arrivals) = mpsc::channel(QUEUE);
        let mut routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        if routes.contains_key(&id) {
            return None;
        }
        routes.insert(id, sender);
        Some(Subscription {
            id,
            routes: self.routes.clone(),
            arrivals,
        })
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Subscription {
    /// The next message.
    pub(crate) async fn next(&mut self) -> Arrival {
        match self.arrivals.recv().await {
            Some(arrival) => arrival,
            // the sender lives in `routes` until this subscription is dropped
            None => std::future::pending().await,
        }
    }

    /// A message that is here already.
    pub(crate) fn ready(&mut self) -> Option<Arrival> {
        self.arrivals.try_recv().ok()
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
async fn consume(State(routes): State<Routes>, Path(id): Path<String>, body: Bytes) -> Response {
    let Ok(id) = id.parse::<RequestId>() else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let route = {
        let routes = routes.lock().unwrap_or_else(PoisonError::into_inner);
        routes.get(&id).cloned()
    };
    if let Some(route) = route {
        let arrival = Arrival {
            at: UnixMillis::now(),
            raw: body.to_vec(),
        };
        if route.try_send(arrival).is_err() {
            tracing::warn!(target: "dkg::observer", request = %id, "message dropped: too many at once");
        }
    }
    json(r#"{"error":null,"message":"processed message successfully"}"#)
}

async fn ping() -> Response {
    json(r#"{"message":"pong"}"#)
}

fn json(text: &'static str) -> Response {
    ([(header::CONTENT_TYPE, "application/json; charset=utf-8")], text).into_response()
}
