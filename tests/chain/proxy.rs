//! A JSON-RPC endpoint that forwards to a real one, or answers as a script says.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::post;
use serde_json::{Value, json};

/// One call as it came in.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) method: String,
    pub(crate) params: Value,
    /// How many calls of this method came before.
    pub(crate) nth: usize,
}

/// What to do with it.
pub(crate) enum Act {
    /// Ask the real node.
    Forward,
    /// Ask this one.
    ForwardTo(String),
    /// Ask the real node, then change its result.
    Change(Box<dyn Fn(Value) -> Value + Send>),
    /// Answer so.
    Result(Value),
    /// Answer with a JSON-RPC error.
    Error(i64, String),
    /// Answer with this status, these headers, this body.
    Http(u16, Vec<(&'static str, String)>, String),
    /// Never answer.
    Hang,
}

type Script = dyn Fn(&Call) -> Act + Send + Sync;

struct Shared {
    upstream: Option<String>,
    script: Mutex<Arc<Script>>,
    calls: Mutex<Vec<Call>>,
    client: reqwest::Client,
    total: AtomicUsize,
}

pub(crate) struct Proxy {
    pub(crate) url: String,
    shared: Arc<Shared>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Proxy {
    pub(crate) async fn start(
        upstream: Option<String>,
        script: impl Fn(&Call) -> Act + Send + Sync + 'static,
    ) -> Self {
        let shared = Arc::new(Shared {
            upstream,
            script: Mutex::new(Arc::new(script)),
            calls: Mutex::default(),
            client: reqwest::Client::builder().no_proxy().build().unwrap(),
            total: AtomicUsize::new(0),
        });
        let router = Router::new()
            .route("/", post(answer))
            .route("/{*rest}", post(answer))
            .with_state(shared.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, shared, task }
    }

    pub(crate) fn rescript(&self, script: impl Fn(&Call) -> Act + Send + Sync + 'static) {
        *self.shared.script.lock().unwrap() = Arc::new(script);
    }

    pub(crate) fn calls(&self, method: &str) -> Vec<Call> {
        let calls = self.shared.calls.lock().unwrap();
        calls.iter().filter(|c| c.method == method).cloned().collect()
    }

    pub(crate) fn total(&self) -> usize {
        self.shared.total.load(Ordering::SeqCst)
    }
}

async fn answer(State(shared): State<Arc<Shared>>, body: String) -> Response {
    shared.total.fetch_add(1, Ordering::SeqCst);
    let request: Value = serde_json::from_str(&body).unwrap();
    let id = request["id"].clone();
    let call = {
        let mut calls = shared.calls.lock().unwrap();
        let method = request["method"].as_str().unwrap().to_owned();
        let nth = calls.iter().filter(|c| c.method == method).count();
        let call = Call {
            method,
            params: request["params"].clone(),
            nth,
        };
        calls.push(call.clone());
        call
    };
    let script = shared.script.lock().unwrap().clone();
    let forward = async |url: Option<String>| {
        let url = url
            .or(shared.upstream.clone())
            .expect("this script has no upstream");
        let answer = shared
            .client
            .post(url)
            .body(body.clone())
            .header("content-type", "application/json");
        answer.send().await.unwrap().json::<Value>().await.unwrap()
    };
    let reply = match script(&call) {
        Act::Forward => forward(None).await,
        Act::ForwardTo(url) => forward(Some(url)).await,
        Act::Change(change) => {
            let mut reply = forward(None).await;
            if reply.get("result").is_some() {
                reply["result"] = change(reply["result"].take());
            }
            reply
        }
        Act::Result(result) => json!({"jsonrpc": "2.0", "id": id, "result": result}),
        Act::Error(code, message) => {
            json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": message}})
        }
        Act::Http(status, headers, body) => {
            let mut response = Response::builder().status(StatusCode::from_u16(status).unwrap());
            for (name, value) in headers {
                response = response.header(name, value);
            }
            return response.body(Body::from(body)).unwrap();
        }
        Act::Hang => std::future::pending().await,
    };
    Response::new(Body::from(reply.to_string()))
}
