//! A messenger under test, nodes that answer as told, and messages for them.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::http::StatusCode;
use axum::routing::{get, post};
use casimir_dkg::dkg::rockx::messenger::{self, MessengerConfig, MessengerHandle};
use casimir_dkg::dkg::rockx::wire::{Encode as _, Message, MsgType, SignedMessage};
use casimir_dkg::types::{OperatorId, OperatorRecord, RequestId};
use tokio::net::TcpListener;

use crate::node::net::{identity, public};

/// Everything that is waited for must come within this.
pub(crate) const SOON: Duration = crate::TIMEOUT;

pub(crate) const NO_SESSION: &str =
    r#"{"error":"could not find dkg runner","message":"dkg node failed to process message"}"#;
pub(crate) const PROCESSED: &str = r#"{"error":null,"message":"processed message successfully"}"#;

/// A messenger on loopback that knows the keys of operators 1 to 13.
pub(crate) fn config() -> MessengerConfig {
    let mut config = MessengerConfig::new(crate::own_loopback());
    config.operators = (1..=13).map(|n| operator(n, "")).collect();
    // whoever is there answers, however busy the machine is
    config.limits.probe_deadline = Duration::from_secs(30);
    config
}

/// An operator with its published key, that is let in without a proof at this address.
pub(crate) fn operator(n: u64, address: &str) -> OperatorRecord {
    let id = OperatorId(n);
    OperatorRecord {
        id,
        name: "".into(),
        endpoint: address.to_owned(),
        public_key: public(id).to_registry_text(),
    }
}

/// A reply, with the headers that tests look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) content_type: Option<String>,
    pub(crate) body: String,
}

/// A running messenger and a client for it.
pub(crate) struct Messenger {
    pub(crate) handle: MessengerHandle,
    pub(crate) client: reqwest::Client,
}

impl Messenger {
    pub(crate) async fn start(config: MessengerConfig) -> Self {
        Self {
            handle: messenger::spawn(config).await.unwrap(),
            client: reqwest::Client::builder().no_proxy().build().unwrap(),
        }
    }

    pub(crate) async fn new() -> Self {
        Self::start(config()).await
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.handle.url())
    }

    pub(crate) async fn send(&self, method: &str, path: &str, body: impl Into<reqwest::Body>) -> Reply {
        let response = self
            .client
            .request(method.parse().unwrap(), self.url(path))
            .body(body)
            .send()
            .await
            .unwrap();
        Reply {
            status: response.status().as_u16(),
            content_type: response
                .headers()
                .get("content-type")
                .map(|value| value.to_str().unwrap().to_owned()),
            body: response.text().await.unwrap(),
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send("GET", path, "").await
    }

    pub(crate) async fn post(&self, path: &str, body: impl Into<reqwest::Body>) -> Reply {
        self.send("POST", path, body).await
    }

    pub(crate) async fn register(&self, topic: &str, name: &str, address: &str) -> Reply {
        let body = format!(r#"{{"name":"{name}","srv_addr":"{address}"}}"#);
        self.post(&format!("/register_node?subscribes_to={topic}"), body)
            .await
    }

    pub(crate) async fn topic(&self, id: RequestId, names: &[&str]) -> Reply {
        let names: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
        let body = format!(r#"{{"topic_name":"{id}","subscribers":[{}]}}"#, names.join(","));
        self.post("/topics", body).await
    }

    pub(crate) async fn publish(&self, id: RequestId, message: &[u8]) -> Reply {
        self.post(&format!("/publish?topic_name={id}"), message.to_vec())
            .await
    }

    /// Until one of our metrics has this value.
    pub(crate) async fn metric_becomes(&self, name: &str, value: f64) {
        self.metric_is(name, |told| told == value).await;
    }

    /// Until one of our metrics is as it should be: what is held is counted now and then, and may be told as it was.
    pub(crate) async fn metric_is(&self, name: &str, should: impl Fn(f64) -> bool) {
        let until = tokio::time::Instant::now() + SOON;
        loop {
            let told = self.metric(name).await;
            if should(told) {
                return;
            }
            assert!(tokio::time::Instant::now() < until, "{name} stays {told}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// The value of one of our metrics.
    pub(crate) async fn metric(&self, name: &str) -> f64 {
        let text = self.get("/metrics").await.body;
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(&format!("casimir_messenger_{name} ")));
        line.unwrap_or_else(|| panic!("no metric {name} in {text}"))
            .parse()
            .unwrap()
    }
}

type Script = Box<dyn FnMut(&Bytes, usize) -> (u16, &'static str) + Send>;

/// A node that records deliveries and answers as its script says. The script gets the body and the number of
/// deliveries before it.
pub(crate) struct Node {
    pub(crate) url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    script: Arc<Mutex<Script>>,
    server: tokio::task::JoinHandle<()>,
}

/// One delivery.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) body: Bytes,
    pub(crate) status: u16,
}

impl Node {
    pub(crate) async fn new(
        script: impl FnMut(&Bytes, usize) -> (u16, &'static str) + Send + 'static,
    ) -> Self {
        Self::on(&crate::own_loopback().to_string(), script).await
    }

    pub(crate) async fn willing() -> Self {
        Self::new(|_, _| (200, PROCESSED)).await
    }

    pub(crate) async fn on(
        address: &str,
        script: impl FnMut(&Bytes, usize) -> (u16, &'static str) + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let script: Arc<Mutex<Script>> = Arc::new(Mutex::new(Box::new(script)));
        let (record, rule) = (Arc::clone(&seen), Arc::clone(&script));
        let consume = post(async move |body: Bytes| {
            let mut seen = record.lock().unwrap();
            let (status, text) = rule.lock().unwrap()(&body, seen.len());
            seen.push(Seen { body, status });
            (StatusCode::from_u16(status).unwrap(), text)
        });
        let router = Router::new()
            .route("/consume", consume)
            .route("/ping", get(async || r#"{"message":"pong"}"#));
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            url,
            seen,
            script,
            server,
        }
    }

    pub(crate) fn change(&self, script: impl FnMut(&Bytes, usize) -> (u16, &'static str) + Send + 'static) {
        *self.script.lock().unwrap() = Box::new(script);
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// Bodies answered with 200, in order.
    pub(crate) fn taken(&self) -> Vec<Bytes> {
        let seen = self.seen.lock().unwrap();
        seen.iter()
            .filter(|s| s.status == 200)
            .map(|s| s.body.clone())
            .collect()
    }

    pub(crate) async fn takes(&self, count: usize) -> Vec<Bytes> {
        eventually(&format!("{count} messages taken"), || self.taken().len() >= count).await;
        self.taken()
    }

    /// Stops listening; the port is free afterwards, and connections that were open are closed.
    pub(crate) async fn stop(self) {
        self.server.abort();
        let _ = self.server.await;
    }
}

/// Polls until `condition` holds; panics when it does not in time.
pub(crate) async fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < SOON, "waited in vain for: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A request id made of one byte.
pub(crate) fn id(n: u8) -> RequestId {
    RequestId([n; 24])
}

/// A message with this payload text, signed by one of operators 1 to 13.
pub(crate) fn message(id: RequestId, kind: MsgType, signer: u64, payload: &str) -> Vec<u8> {
    let message = Message {
        msg_type: kind,
        identifier: id,
        data: payload.as_bytes().into(),
    };
    let key = identity(signer).key;
    message.sign(OperatorId(signer), &key).unwrap().to_ssv()
}

/// The same message with a signature that is none.
pub(crate) fn forged(id: RequestId, kind: MsgType, signer: u64, payload: &str) -> Vec<u8> {
    let genuine = message(id, kind, signer, payload);
    let signed = SignedMessage::from_ssv(&genuine).unwrap();
    SignedMessage {
        signature: vec![7; 256].into(),
        ..signed
    }
    .to_ssv()
}

/// A protocol message of this round (1 preparation, 2 round 1, 3 round 2), recognisable by `mark`.
pub(crate) fn round(id: RequestId, signer: u64, round: u8, mark: u8) -> Vec<u8> {
    let body = match round {
        1 => r#""preparation":{"SessionPk":"#,
        2 => r#""round1":{"ProofS":"#,
        _ => r#""round2":{"Vk":"#,
    };
    use base64::Engine as _;
    let mark = base64::engine::general_purpose::STANDARD.encode([mark; 33]);
    message(
        id,
        MsgType::Protocol,
        signer,
        &format!(r#"{{"round":{round},{body}"{mark}"}}}}"#),
    )
}

/// Payload of an output message and the entry of the streamed map that goes with it, signed by its operator.
pub(crate) fn output(id: RequestId, signer: u64, mark: u8) -> String {
    use casimir_dkg::dkg::rockx::wire::{GoBytes, Output, SignedOutput};
    let output = Output {
        request_id: id,
        encrypted_share: vec![mark; 256].into(),
        share_pub_key: vec![mark; 48].into(),
        validator_pub_key: vec![9; 48].into(),
        deposit_data_signature: GoBytes::NIL,
    };
    let signed = SignedOutput::of_output(output, OperatorId(signer), &identity(signer).key).unwrap();
    String::from_utf8(signed.to_json()).unwrap()
}
