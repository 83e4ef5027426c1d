//! The fault proxy: each fault against tiny servers of the tests, and the real node where only that will do.

mod anvil;
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
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{Method, Uri};
use axum::response::{IntoResponse, Response};
use casimir_dkg::devnet::proxy::{FaultProxy, Kind, Scenario, Switch, Target, Variables};
use serde_json::{Value, json};

type Answer = dyn Fn(&str, &[u8]) -> Response + Send + Sync;

/// A server that answers as a function says and keeps what it was asked.
pub(super) struct Server {
    pub(super) url: String,
    asked: Arc<Mutex<Vec<(String, Vec<u8>)>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    /// `answer` gets method and path with query, such as `GET /x?y`, and the body.
    pub(super) async fn start(answer: impl Fn(&str, &[u8]) -> Response + Send + Sync + 'static) -> Self {
        type Shared = (Arc<Answer>, Arc<Mutex<Vec<(String, Vec<u8>)>>>);
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
        let asked: Arc<Mutex<Vec<(String, Vec<u8>)>>> = Arc::default();
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
    pub(super) async fn saying(body: Value) -> Self {
        Self::start(move |_, _| axum::Json(body.clone()).into_response()).await
    }

    /// A JSON-RPC server.
    pub(super) async fn rpc(answer: impl Fn(&str, &Value) -> Value + Send + Sync + 'static) -> Self {
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
    pub(super) fn asked(&self) -> Vec<String> {
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
pub(super) fn scenario(text: &str) -> Scenario {
    let text = format!("about = \"for a test\"\n{text}");
    Scenario::parse(Path::new("test.toml"), &text, &Variables::new())
        .unwrap_or_else(|error| panic!("{error}"))
}

/// A proxy before these URLs, all of one kind, called `execution.0` and so on; the scenario `test` is in force.
pub(super) async fn proxy(kind: Kind, urls: &[&str], text: &str) -> FaultProxy {
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
pub(super) async fn ruled(kind: Kind, server: &Server, rule: &str) -> FaultProxy {
    proxy(
        kind,
        &[&server.url],
        &format!("[[rule]]\nname = \"r\"\nat = \"{kind}\"\n{rule}"),
    )
    .await
}

pub(super) fn client() -> reqwest::Client {
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(10))
        .build()
        .unwrap()
}

/// The whole answer to a JSON-RPC call.
pub(super) async fn call(url: &str, method: &str, params: Value) -> Value {
    let body = json!({"jsonrpc": "2.0", "id": 7, "method": method, "params": params});
    let answer = client().post(url).json(&body).send().await.unwrap();
    answer.json().await.unwrap()
}

/// The result of a JSON-RPC call.
pub(super) async fn result(url: &str, method: &str, params: Value) -> Value {
    let mut answer = call(url, method, params).await;
    assert_eq!(answer["id"], 7, "{answer}");
    assert!(answer.get("error").is_none(), "{answer}");
    answer["result"].take()
}

/// Status and body as text of a GET.
pub(super) async fn get(url: &str) -> (u16, String) {
    let answer = client().get(url).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

pub(super) async fn get_json(url: &str) -> Value {
    let (status, body) = get(url).await;
    assert_eq!(status, 200, "{body}");
    serde_json::from_str(&body).unwrap()
}

/// What the log says was said, in order.
pub(super) fn said(proxy: &FaultProxy) -> Vec<String> {
    proxy
        .log()
        .into_iter()
        .map(|entry| entry.said.to_string())
        .collect()
}

/// The log has one entry, about this call, and it says this.
#[track_caller]
pub(super) fn struck_once(proxy: &FaultProxy, call: &str, words: &str) {
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

/// A chain of blocks 0 to `head`, in each block from 1 on one log of contract `0xaa…` whose data is the block's number.
pub(super) fn chain(head: u64) -> impl Fn(&str, &Value) -> Value + Send + Sync + 'static {
    move |method, params| {
        let number = |tag: &Value| match tag.as_str() {
            Some("latest" | "pending") | None => head,
            Some("finalized" | "safe") => head - 2,
            Some("earliest") => 0,
            Some(text) => u64::from_str_radix(&text[2..], 16).unwrap(),
        };
        let there = |n: u64| n <= head;
        match method {
            "eth_chainId" => json!("0x7a69"),
            "net_version" => json!("31337"),
            "eth_syncing" => json!(false),
            "eth_blockNumber" => json!(format!("{head:#x}")),
            "eth_getBlockByNumber" => Some(number(&params[0]))
                .filter(|n| there(*n))
                .map_or(Value::Null, block),
            "eth_getBlockByHash" => block_of(&params[0])
                .filter(|n| there(*n))
                .map_or(Value::Null, block),
            "eth_getLogs" => {
                let filter = &params[0];
                let (from, to) = match block_of(&filter["blockHash"]) {
                    Some(n) => (n, n),
                    None => (number(&filter["fromBlock"]), number(&filter["toBlock"])),
                };
                (from.max(1)..=to.min(head)).map(log).collect::<Vec<_>>().into()
            }
            "eth_getTransactionReceipt" => match transaction_of(&params[0]).filter(|n| there(*n)) {
                Some(n) => receipt(n),
                None => Value::Null,
            },
            "eth_getTransactionByHash" => match transaction_of(&params[0]).filter(|n| there(*n)) {
                Some(n) => json!({
                    "hash": params[0], "blockNumber": format!("{n:#x}"), "blockHash": hash(n), "transactionIndex": "0x0",
                }),
                None => Value::Null,
            },
            "eth_getBlockReceipts" => {
                let n = block_of(&params[0]).unwrap_or_else(|| number(&params[0]));
                if there(n) {
                    json!([receipt(n)])
                } else {
                    Value::Null
                }
            }
            // says at which block it was asked
            "eth_call" | "eth_getBalance" | "eth_getCode" | "eth_getTransactionCount" => params[1].clone(),
            "eth_sendRawTransaction" => json!(hash(0x5e)),
            other => panic!("unexpected {other}"),
        }
    }
}

pub(super) fn hash(number: u64) -> String {
    format!("0xb10c{number:060x}")
}

pub(super) fn transaction(number: u64) -> String {
    format!("0x7a{number:062x}")
}

fn block_of(hash: &Value) -> Option<u64> {
    u64::from_str_radix(hash.as_str()?.strip_prefix("0xb10c")?, 16).ok()
}

fn transaction_of(hash: &Value) -> Option<u64> {
    u64::from_str_radix(hash.as_str()?.strip_prefix("0x7a")?, 16).ok()
}

fn block(number: u64) -> Value {
    json!({
        "number": format!("{number:#x}"), "hash": hash(number), "parentHash": hash(number.saturating_sub(1)),
        "timestamp": format!("{:#x}", 1_700_000_000 + 12 * number), "logsBloom": format!("0x{}", "0".repeat(512)),
        "transactions": [],
    })
}

pub(super) const CONTRACT: &str = "0xaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
pub(super) const TOPIC: &str = "0x1111111111111111111111111111111111111111111111111111111111111111";

pub(super) fn log(number: u64) -> Value {
    json!({
        "address": CONTRACT, "topics": [TOPIC], "data": format!("0x{number:064x}"),
        "blockNumber": format!("{number:#x}"), "blockHash": hash(number), "transactionHash": transaction(number),
        "transactionIndex": "0x0", "logIndex": "0x0", "removed": false,
        "blockTimestamp": format!("{:#x}", 1_700_000_000 + 12 * number),
    })
}

fn receipt(number: u64) -> Value {
    json!({
        "transactionHash": transaction(number), "blockNumber": format!("{number:#x}"), "blockHash": hash(number),
        "status": "0x1", "logs": [log(number)],
    })
}
