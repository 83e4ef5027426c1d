//! The fault proxy: each fault against tiny servers of the tests, and the real node where only that will do.

mod anvil;
mod bodies;
mod fake;
mod head;
mod levers;
mod limits;
mod logs;
mod rest;
mod rpc;
mod scenarios;
mod schema;
mod sends;
mod socket;
mod streams;
mod wire;

use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{Method, Uri};
use axum::response::{IntoResponse, Response};
use casimir_dkg::devnet::proxy::{FaultProxy, Kind, Scenario, Switch, Target, Variables};
pub(crate) use fake::{CONTRACT, TOPIC, chain, hash, log, transaction};
use serde_json::{Value, json};

type Answer = dyn Fn(&str, &[u8]) -> Response + Send + Sync;
/// Calls with their bodies.
type Asked = Arc<Mutex<Vec<(String, Vec<u8>)>>>;

/// A server that answers as a function says and keeps what it was asked.
pub(crate) struct Server {
    pub(crate) url: String,
    asked: Asked,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    /// `answer` gets method and path with query, such as `GET /x?y`, and the body.
    pub(crate) async fn start(answer: impl Fn(&str, &[u8]) -> Response + Send + Sync + 'static) -> Self {
        type Shared = (Arc<Answer>, Asked);
        async fn serve(
            State((answer, asked)): State<Shared>,
            method: Method,
            uri: Uri,
            body: Bytes,
        ) -> Response {
            let call = format!("{method} {uri}");
            asked.lock().unwrap().push((call.clone(), body.to_vec()));
            answer(&call, &body)
        }
        let asked = Asked::default();
        let answer: Arc<Answer> = Arc::new(answer);
        let router = Router::new()
            .fallback(serve)
            .with_state((answer, Arc::clone(&asked)));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, asked, task }
    }

    /// A REST server that answers everything with this.
    pub(crate) async fn saying(body: Value) -> Self {
        Self::start(move |_, _| axum::Json(body.clone()).into_response()).await
    }

    /// A JSON-RPC server.
    pub(crate) async fn rpc(answer: impl Fn(&str, &Value) -> Value + Send + Sync + 'static) -> Self {
        Self::start(move |_, body| {
            let one = |call: &Value| {
                let method = call["method"].as_str().unwrap();
                json!({"jsonrpc": "2.0", "id": call["id"], "result": answer(method, &call["params"])})
            };
            let body: Value = serde_json::from_slice(body).unwrap();
            let reply = match &body {
                Value::Array(calls) => Value::from(calls.iter().map(one).collect::<Vec<_>>()),
                call => one(call),
            };
            axum::Json(reply).into_response()
        })
        .await
    }

    /// What it was asked, `METHOD /path?query`, or the methods of a JSON-RPC server.
    pub(crate) fn asked(&self) -> Vec<String> {
        let asked = self.asked.lock().unwrap();
        let name = |(call, body): &(String, Vec<u8>)| match serde_json::from_slice::<Value>(body) {
            Ok(Value::Array(calls)) => calls
                .iter()
                .map(|call| call["method"].as_str().unwrap().to_owned())
                .collect(),
            Ok(body) if body["method"].is_string() => vec![body["method"].as_str().unwrap().to_owned()],
            _ => vec![call.clone()],
        };
        asked.iter().flat_map(name).collect()
    }
}

/// The scenario of this text, which is called `test`.
pub(crate) fn scenario(text: &str) -> Scenario {
    let text = format!("about = \"for a test\"\n{text}");
    Scenario::parse(Path::new("test.toml"), &text, &Variables::new())
        .unwrap_or_else(|error| panic!("{error}"))
}

/// A proxy before these URLs, all of one kind, called `execution.0` and so on; the scenario `test` is in force.
pub(crate) async fn proxy(kind: Kind, urls: &[&str], text: &str) -> FaultProxy {
    let targets = urls
        .iter()
        .enumerate()
        .map(|(n, url)| Target::new(kind, &format!("{kind}.{n}"), url).unwrap());
    let proxy = FaultProxy::start(targets.collect()).await.unwrap();
    if !text.is_empty() {
        proxy.load(scenario(text)).unwrap();
        proxy.switch("test", Switch::On).unwrap();
    }
    proxy
}

/// One rule before one target of this kind.
pub(crate) async fn ruled(kind: Kind, server: &Server, rule: &str) -> FaultProxy {
    proxy(
        kind,
        &[&server.url],
        &format!("[[rule]]\nname = \"r\"\nat = \"{kind}\"\n{rule}"),
    )
    .await
}

/// One for all tests, because making one takes longer than most of them; it keeps no connection, because each test has a
/// runtime of its own.
pub(crate) fn client() -> &'static reqwest::Client {
    static CLIENT: OnceLock<reqwest::Client> = OnceLock::new();
    CLIENT.get_or_init(|| {
        reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(crate::TIMEOUT)
            .pool_max_idle_per_host(0)
            .tls_certs_only([])
            .build()
            .unwrap()
    })
}

/// The whole answer to a JSON-RPC call.
pub(crate) async fn call(url: &str, method: &str, params: Value) -> Value {
    let body = json!({"jsonrpc": "2.0", "id": 7, "method": method, "params": params});
    let answer = client().post(url).json(&body).send().await.unwrap();
    answer.json().await.unwrap()
}

/// The result of a JSON-RPC call.
pub(crate) async fn result(url: &str, method: &str, params: Value) -> Value {
    let mut answer = call(url, method, params).await;
    assert_eq!(answer["id"], 7, "{answer}");
    assert!(answer.get("error").is_none(), "{answer}");
    answer["result"].take()
}

/// Status and body as text of a GET.
pub(crate) async fn get(url: &str) -> (u16, String) {
    let answer = client().get(url).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

pub(crate) async fn get_json(url: &str) -> Value {
    let (status, body) = get(url).await;
    assert_eq!(status, 200, "{body}");
    serde_json::from_str(&body).unwrap()
}

/// What the log says was said, in order.
pub(crate) fn said(proxy: &FaultProxy) -> Vec<String> {
    proxy
        .log()
        .into_iter()
        .map(|entry| entry.said.to_string())
        .collect()
}

/// The log has one entry, about this call, and it says this.
#[track_caller]
pub(crate) fn struck_once(proxy: &FaultProxy, call: &str, words: &str) {
    let log = proxy.log();
    assert_eq!(log.len(), 1, "{log:?}");
    assert!(log[0].call.starts_with(call), "{call:?} expected in {}", log[0]);
    assert!(
        log[0].said.as_str().contains(words),
        "{words:?} expected in {}",
        log[0]
    );
    assert_eq!(proxy.strikes("test"), 1);
}
