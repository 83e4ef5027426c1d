//! Whole nodes over HTTP with a real messenger between them, and what an initiator does with them.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use casimir_dkg::dkg::rockx::messenger::{self, MessengerConfig, MessengerHandle};
use casimir_dkg::dkg::rockx::node::directory::DirectorySources;
use casimir_dkg::dkg::rockx::node::{self, NodeConfig, NodeHandle};
use casimir_dkg::dkg::rockx::wire::{
    CreateTopic, DataStore, Decode, Encode, GoMap, Init, KeySign, Message, MsgType, Reshare, SignedMessage,
    SignedOutput,
};
use casimir_dkg::dkg::threshold;
use casimir_dkg::types::{
    BlsPublicKey, BlsSignature, OperatorId, OperatorRecord, RedactedUrl, RequestId, SafeText,
};
use tempfile::TempDir;

use super::net::{CREDENTIALS, FORK, identity, ids, public, request, threshold_of};

pub(crate) const DEADLINE: Duration = crate::TIMEOUT;

pub(crate) fn client() -> reqwest::Client {
    reqwest::Client::builder()
        .no_proxy()
        .timeout(DEADLINE)
        .build()
        .unwrap()
}

pub(crate) fn loopback() -> SocketAddr {
    crate::own_loopback()
}

pub(crate) async fn messenger() -> MessengerHandle {
    messenger::spawn(MessengerConfig::new(loopback())).await.unwrap()
}

pub(crate) fn directory() -> DirectorySources {
    let record = |id: OperatorId| OperatorRecord {
        id,
        name: SafeText::default(),
        endpoint: String::new(),
        public_key: public(id).to_registry_text(),
    };
    DirectorySources {
        configured: ids(1..=13).into_iter().map(record).collect(),
        ..DirectorySources::default()
    }
}

pub(crate) fn config(id: u64, messenger_url: &str, dir: &Path) -> NodeConfig {
    let messenger_url = RedactedUrl::new(messenger_url);
    let dir = dir.join(id.to_string());
    let mut config = NodeConfig::new(OperatorId(id), identity(id).key, messenger_url, dir);
    config.directory = directory();
    config.round_timeout = DEADLINE;
    config
}

pub(crate) async fn spawn(config: NodeConfig) -> NodeHandle {
    let node = node::spawn(config).await.unwrap();
    tokio::time::timeout(DEADLINE, node.registered())
        .await
        .expect("registration");
    node
}

/// A messenger and nodes 1 to n, and what an initiator does with them.
pub(crate) struct Stage {
    pub(crate) messenger: MessengerHandle,
    pub(crate) nodes: Vec<NodeHandle>,
    pub(crate) dir: TempDir,
    pub(crate) http: reqwest::Client,
}

impl Stage {
    pub(crate) async fn new(n: u64) -> Self {
        Self::with(n, |_| {}).await
    }

    pub(crate) async fn with(n: u64, change: impl Fn(&mut NodeConfig)) -> Self {
        let messenger = messenger().await;
        let dir = tempfile::tempdir().unwrap();
        let mut nodes = Vec::new();
        for id in 1..=n {
            let mut config = config(id, &messenger.url(), dir.path());
            change(&mut config);
            nodes.push(spawn(config).await);
        }
        Self {
            messenger,
            nodes,
            dir,
            http: client(),
        }
    }

    pub(crate) async fn topic(&self, ceremony: RequestId, members: &[OperatorId]) {
        let body = CreateTopic {
            topic_name: ceremony.to_string(),
            subscribers: members.iter().map(ToString::to_string).collect(),
        };
        let url = format!("{}/topics", self.messenger.url());
        let answer = self.http.post(url).body(body.to_json()).send().await.unwrap();
        assert_eq!(answer.status(), 200);
    }

    pub(crate) async fn send(&self, url: &str, message: &SignedMessage) -> (u16, String) {
        let answer = self
            .http
            .post(format!("{url}/consume"))
            .body(message.to_ssv())
            .send()
            .await
            .unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// Sends the start message to these nodes at the same time; all must take it.
    pub(crate) async fn start(&self, message: &SignedMessage, urls: &[String]) {
        let answers = urls.iter().map(|url| self.send(url, message));
        for (status, text) in futures_util::future::join_all(answers).await {
            assert_eq!(status, 200, "{text}");
        }
    }

    pub(crate) fn urls(&self, members: &[OperatorId]) -> Vec<String> {
        let of = |id: &OperatorId| {
            self.nodes
                .iter()
                .find(|n| n.id() == *id)
                .unwrap()
                .public_url()
                .to_owned()
        };
        members.iter().map(of).collect()
    }

    pub(crate) async fn data(&self, ceremony: RequestId) -> Option<DataStore> {
        let url = format!("{}/data/{ceremony}", self.messenger.url());
        let answer = self.http.get(url).send().await.unwrap();
        if answer.status() != 200 {
            return None;
        }
        Some(DataStore::from_json(&answer.bytes().await.unwrap()).unwrap())
    }

    pub(crate) async fn result(&self, ceremony: RequestId) -> DataStore {
        let until = Instant::now() + DEADLINE;
        loop {
            if let Some(data) = self.data(ceremony).await {
                return data;
            }
            assert!(Instant::now() < until, "no result of {ceremony}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    pub(crate) async fn keygen(&self, n: u64, seed: u64) -> GoMap<SignedOutput> {
        let members = ids(1..=n);
        self.topic(request(seed), &members).await;
        self.start(&init(seed, &members), &self.urls(&members)).await;
        self.result(request(seed)).await.dkg_outputs
    }

    pub(crate) async fn sign(
        &self,
        validator: BlsPublicKey,
        members: &[OperatorId],
        root: &[u8],
        seed: u64,
    ) -> BlsSignature {
        self.topic(request(seed), members).await;
        self.start(&keysign(seed, validator, root), &self.urls(members))
            .await;
        let outputs = self.result(request(seed)).await.dkg_outputs;
        assert_eq!(outputs.len(), members.len());
        let (_, output) = outputs.iter().next().unwrap();
        let signature = output.key_sign_data.as_ref().unwrap().signature.as_slice();
        let signature = BlsSignature::try_from(signature).unwrap();
        assert!(threshold::verify(&validator, root, &signature));
        signature
    }

    pub(crate) async fn shutdown(self) {
        for node in self.nodes {
            node.shutdown().await;
        }
        self.messenger.shutdown().await;
    }
}

pub(crate) fn signed(msg_type: MsgType, seed: u64, payload: &impl Encode) -> SignedMessage {
    let message = Message::new(msg_type, request(seed), payload);
    message.sign(OperatorId(1), &identity(1).key).unwrap()
}

pub(crate) fn init(seed: u64, members: &[OperatorId]) -> SignedMessage {
    let init = Init {
        operator_ids: members.iter().copied().collect(),
        threshold: threshold_of(members.len()).into(),
        withdrawal_credentials: CREDENTIALS.0.into(),
        fork: FORK,
    };
    signed(MsgType::Init, seed, &init)
}

pub(crate) fn reshare(
    seed: u64,
    validator: BlsPublicKey,
    old: &[OperatorId],
    new: &[OperatorId],
) -> SignedMessage {
    let start = Reshare {
        validator_pk: validator.0.into(),
        operator_ids: new.iter().copied().collect(),
        threshold: threshold_of(new.len()).into(),
        old_operator_ids: old.iter().copied().collect(),
    };
    signed(MsgType::Reshare, seed, &start)
}

pub(crate) fn keysign(seed: u64, validator: BlsPublicKey, root: &[u8]) -> SignedMessage {
    let start = KeySign {
        validator_pk: validator.0.into(),
        signing_root: root.into(),
        ..KeySign::default()
    };
    signed(MsgType::KeySign, seed, &start)
}

pub(crate) fn validator_of(outputs: &GoMap<SignedOutput>) -> BlsPublicKey {
    let (_, output) = outputs.iter().next().expect("results");
    BlsPublicKey::try_from(output.data.as_ref().unwrap().validator_pub_key.as_slice()).unwrap()
}

/// Waits until the ceremony of this start message is over at all of these nodes.
pub(crate) async fn ended(stage: &Stage, urls: &[String], start: &SignedMessage) {
    let until = Instant::now() + DEADLINE;
    for url in urls {
        loop {
            let (_, text) = stage.send(url, start).await;
            if text.contains("never used again") {
                break;
            }
            assert!(Instant::now() < until, "{text}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}
