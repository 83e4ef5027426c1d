//! The exchanges of the real programs, replayed against our messenger: same statuses, same bodies, and the nodes get the
//! same messages.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use casimir_dkg::dkg::rockx::wire::{Decode as _, KeygenMessage, MsgType, SignedMessage};
use serde_json::Value;

use super::support::{Messenger, Node};

fn load(file: &str) -> Value {
    let path = format!("{}/tests/vectors/rockx/live/{file}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn body(exchange: &Value) -> Vec<u8> {
    match (exchange["body_b64"].as_str(), exchange["body"].as_str()) {
        (Some(text), _) => base64::engine::general_purpose::STANDARD.decode(text).unwrap(),
        (_, Some(text)) => text.as_bytes().to_vec(),
        _ => Vec::new(),
    }
}

fn topic_and_rank(message: &[u8]) -> (String, u64) {
    let message = SignedMessage::from_ssv(message).unwrap().message.unwrap();
    let rank = match message.msg_type {
        MsgType::Protocol => KeygenMessage::from_json(message.data.as_slice())
            .unwrap()
            .round
            .into(),
        // after round 2
        MsgType::DepositData => 10,
        MsgType::Output => 11,
        other => panic!("{other:?} was published"),
    };
    (message.identifier.to_string(), rank)
}

/// Replays what the messenger was asked, in the order in which it was asked, and returns how many replies were compared.
async fn replay(file: &str, late_blames_differ: bool) -> usize {
    let recording = load(file);
    let messenger = Messenger::new().await;
    let mut nodes = BTreeMap::new();
    for n in 1..=8 {
        let node = Node::willing().await;
        assert_eq!(
            messenger
                .register("default", &n.to_string(), &node.url)
                .await
                .status,
            200
        );
        nodes.insert(n, node);
    }
    let exchanges = recording["exchanges"].as_array().unwrap();
    let mut asked: Vec<&Value> = exchanges.iter().filter(|e| e["to"] == "messenger").collect();
    // the recording is in the order of completion
    asked.sort_by(|a, b| a["t"].as_f64().unwrap().total_cmp(&b["t"].as_f64().unwrap()));
    let mut compared = 0;
    for exchange in &asked {
        let (method, path) = exchange["request"].as_str().unwrap().split_once(' ').unwrap();
        let reply = messenger.send(method, path, body(exchange)).await;
        let mut expected = exchange["response"].as_str().unwrap().to_owned();
        for (n, node) in &nodes {
            expected = expected.replace(&format!("http://127.0.0.1:908{n}"), &node.url);
        }
        assert_eq!(
            u64::from(reply.status),
            exchange["status"].as_u64().unwrap(),
            "{file}: {path}"
        );
        assert_eq!(reply.body, expected, "{file}: {path}");
        compared += 1;
    }

    // what each node took from the real messenger, in any order and without repetitions, ours must deliver, too
    for (n, node) in &nodes {
        let wanted: BTreeSet<Vec<u8>> = exchanges
            .iter()
            .filter(|e| e["to"] == format!("node{n}") && matches!(e["msg_type"].as_u64(), Some(1..=3)))
            .filter(|e| e["status"] == 200)
            .map(body)
            .collect();
        let taken = node.takes(wanted.len()).await;
        let got: BTreeSet<Vec<u8>> = taken.iter().map(|bytes| bytes.to_vec()).collect();
        assert_eq!(got.len(), taken.len(), "{file}: node {n} got something twice");
        assert!(got.is_superset(&wanted), "{file}: node {n} misses messages");
        let mut last: BTreeMap<String, u64> = BTreeMap::new();
        for message in &taken {
            let (topic, rank) = topic_and_rank(message);
            let before = last.insert(topic, rank).unwrap_or_default();
            assert!(
                before <= rank || late_blames_differ,
                "{file}: node {n} saw rounds go backwards"
            );
        }
    }

    if late_blames_differ {
        // the real messenger kept the last accusation that it was told; ours keeps the first, and the others aside
        let id = recording["request_id"].as_str().unwrap();
        let kept = messenger.get(&format!("/data/{id}")).await.body;
        let first = asked.iter().find(|e| {
            e["request"]
                .as_str()
                .unwrap()
                .starts_with("POST /stream/dkgblame")
        });
        let first = first.unwrap()["body"].as_str().unwrap();
        assert_eq!(kept, format!(r#"{{"DKGOutputs":null,"BlameOutput":{first}}}"#));
        let others = messenger.get(&format!("/data/{id}/conflicts")).await.body;
        let last = recording["last_data"].as_str().unwrap();
        assert_ne!(kept, last);
        assert!(
            others.contains(last),
            "the last one is among the conflicts, byte for byte"
        );
        assert!(!others.contains(&kept));
    } else if let Some(data) = recording.get("data") {
        let id = recording["request_id"].as_str().unwrap();
        let kept: Value = serde_json::from_str(&messenger.get(&format!("/data/{id}")).await.body).unwrap();
        assert_eq!(&kept, data);
        assert_eq!(messenger.get(&format!("/data/{id}/conflicts")).await.body, "[]");
    }
    compared
}

#[tokio::test]
async fn keygen() {
    assert_eq!(replay("keygen-n4.json", false).await, 25);
}

#[tokio::test]
async fn keysign() {
    assert_eq!(replay("keysign-exit-n4.json", false).await, 17);
}

#[tokio::test]
async fn reshare() {
    assert_eq!(replay("reshare-overlap-4.json", false).await, 20);
}

#[tokio::test]
async fn command_line_keygen_and_keyshares() {
    assert_eq!(replay("cli-keygen-n4.json", false).await, 47);
}

#[tokio::test]
async fn command_line_resharing() {
    assert_eq!(replay("cli-resharing.json", false).await, 44);
}

#[tokio::test]
async fn three_accusations_after_the_timers() {
    assert_eq!(replay("keygen-timeout-n4.json", true).await, 13);
}

#[tokio::test]
async fn registration_of_the_real_nodes() {
    let messenger = Messenger::new().await;
    let recording = load("cli-keygen-n4.json");
    let registrations = recording["registration"].as_array().unwrap();
    assert_eq!(registrations.len(), 8);
    for exchange in registrations {
        let (method, path) = exchange["request"].as_str().unwrap().split_once(' ').unwrap();
        let reply = messenger.send(method, path, body(exchange)).await;
        assert_eq!(reply.status, 200);
        assert_eq!(reply.body, exchange["response"].as_str().unwrap());
    }
}
