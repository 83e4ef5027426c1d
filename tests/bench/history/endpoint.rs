//! An ordinary provider before such a chain: so much latency, so many calls a second, so many blocks a log query.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use axum::routing::post;
use axum::serve::ListenerExt as _;
use serde_json::{Value, json};

use super::chain::Chain;

/// What a provider allows.
#[derive(Clone, Copy)]
pub(crate) struct Terms {
    pub(crate) latency: Duration,
    pub(crate) calls_per_second: f64,
    pub(crate) blocks: u64,
}

struct Shared {
    chain: Arc<Chain>,
    terms: Terms,
    bucket: Mutex<(f64, Instant)>,
    calls: AtomicU64,
    refused: AtomicU64,
    sent: Mutex<Option<Instant>>,
}

pub(crate) struct Endpoint {
    pub(crate) url: String,
    shared: Arc<Shared>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Endpoint {
    pub(crate) async fn start(chain: Arc<Chain>, terms: Terms) -> Self {
        let shared = Arc::new(Shared {
            chain,
            terms,
            bucket: Mutex::new((terms.calls_per_second, Instant::now())),
            calls: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            sent: Mutex::new(None),
        });
        let router = Router::new()
            .route("/", post(answer))
            .with_state(Arc::clone(&shared));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        // latency is what the terms say, not what the kernel adds while it waits for a longer packet
        let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
        let task = tokio::spawn(async move { axum::serve(listener, router).await.expect("served") });
        Self { url, shared, task }
    }

    /// When a transaction was offered first.
    pub(crate) fn sent(&self) -> Option<Instant> {
        *self.shared.sent.lock().expect("not poisoned")
    }

    /// Calls, and how many of them were refused because of their number.
    pub(crate) fn calls(&self) -> (u64, u64) {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        (of(&self.shared.calls), of(&self.shared.refused))
    }
}

impl Shared {
    fn takes(&self) -> bool {
        let mut bucket = self.bucket.lock().expect("not poisoned");
        let (tokens, filled) = *bucket;
        let rate = self.terms.calls_per_second;
        let tokens = (tokens + filled.elapsed().as_secs_f64() * rate).min(rate);
        *bucket = ((tokens - 1.0).max(0.0), Instant::now());
        tokens >= 1.0
    }
}

async fn answer(State(shared): State<Arc<Shared>>, body: String) -> Response {
    tokio::time::sleep(shared.terms.latency).await;
    shared.calls.fetch_add(1, Ordering::Relaxed);
    if !shared.takes() {
        shared.refused.fetch_add(1, Ordering::Relaxed);
        let refused = Response::builder().status(429).header("retry-after", "1");
        return refused.body(Body::empty()).expect("an answer");
    }
    let request: Value = serde_json::from_str(&body).expect("a request");
    let method = request["method"].as_str().expect("a method");
    if method == "eth_sendRawTransaction" {
        let mut sent = shared.sent.lock().expect("not poisoned");
        sent.get_or_insert_with(Instant::now);
    }
    let id = &request["id"];
    let said = shared
        .chain
        .answer(method, &request["params"], shared.terms.blocks);
    let reply = match said {
        Ok(result) => json!({ "jsonrpc": "2.0", "id": id, "result": result }),
        Err((code, message, data)) => {
            json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": message, "data": data } })
        }
    };
    Response::new(Body::from(reply.to_string()))
}
