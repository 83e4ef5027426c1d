//! Answers that are nearly right, over HTTP: whatever an endpoint or a beacon node says is taken or refused.
//! `CASIMIR_DKG_MUTATIONS=10000` tries more of each.

use std::sync::{Arc, Mutex};

use alloy::primitives::{Address, B256};
use axum::http::{Uri, header};
use axum::response::IntoResponse;
use casimir_dkg::beacon::client::{Beacon, BeaconConfig};
use casimir_dkg::chain::rpc::{At, Rpc, RpcError};
use casimir_dkg::ports::consensus::{Consensus as _, Hint};
use casimir_dkg::types::RedactedUrl;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::mutate::{mutated, numbers};
use super::proxy::{Act, Call, Proxy};
use super::support::rpc;

/// What a node answers to what is asked here.
fn honest(method: &str) -> Value {
    let hash = format!("0x{}", "1a".repeat(32));
    match method {
        "eth_chainId" => json!("0x7a69"),
        "eth_getBlockByNumber" => json!({
            "number": "0x10", "hash": hash, "parentHash": hash, "timestamp": "0x65000000", "baseFeePerGas": "0x7",
            "logsBloom": format!("0x{}", "00".repeat(256)),
        }),
        "eth_syncing" => json!(false),
        "eth_getBalance" | "eth_getTransactionCount" => json!("0x5"),
        "eth_getCode" => json!("0x6000"),
        "eth_getTransactionReceipt" => json!({
            "blockHash": hash, "blockNumber": "0x10", "transactionHash": hash, "transactionIndex": "0x0",
            "from": Address::ZERO, "to": Address::ZERO, "status": "0x1", "gasUsed": "0x5208",
            "effectiveGasPrice": "0x7", "logs": [{
                "address": Address::ZERO, "topics": [hash], "data": "0x00", "blockNumber": "0x10", "blockHash": hash,
                "transactionHash": hash, "transactionIndex": "0x0", "logIndex": "0x0", "removed": false,
            }],
        }),
        "eth_getTransactionByHash" => json!({
            "hash": hash, "nonce": "0x1", "from": Address::ZERO, "to": Address::ZERO, "blockNumber": "0x10",
            "blockHash": hash, "input": "0x", "value": "0x0", "gas": "0x5208", "maxFeePerGas": "0x7",
            "maxPriorityFeePerGas": "0x1", "type": "0x2",
        }),
        "eth_feeHistory" => json!({
            "oldestBlock": "0x1", "baseFeePerGas": ["0x7", "0x7"], "gasUsedRatio": [0.5], "reward": [["0x1"]],
        }),
        other => panic!("unexpected {other}"),
    }
}

const ASKED: [&str; 7] = [
    "eth_getBlockByNumber",
    "eth_getBalance",
    "eth_getTransactionCount",
    "eth_getCode",
    "eth_getTransactionReceipt",
    "eth_getTransactionByHash",
    "eth_feeHistory",
];

#[tokio::test]
async fn answers_of_endpoints() {
    let proxy = Proxy::start(None, |call: &Call| Act::Result(honest(&call.method))).await;
    let healthy = Proxy::start(None, |call: &Call| Act::Result(honest(&call.method))).await;
    for number in numbers(4) {
        let target = ASKED[number as usize % ASKED.len()];
        let corpus = ASKED.map(|method| honest(method).to_string().into_bytes());
        let own = ASKED.iter().position(|method| *method == target).unwrap();
        let said = mutated(number, &corpus[own..=own]);
        let said = String::from_utf8_lossy(&said).into_owned();
        let told = said.clone();
        proxy.rescript(move |call: &Call| match serde_json::from_str(&told) {
            // by block 0 chains are told apart
            _ if call.method != target || call.params[0] == "0x0" => Act::Result(honest(&call.method)),
            Ok(result) => Act::Result(result),
            Err(_) => Act::Http(200, Vec::new(), told.clone()),
        });
        // alone, what it is taken for does not matter: a panic is the only wrong end
        drop(asked(&rpc(&[&proxy.url]), target).await);
        // beside another one it stops nothing
        let answered = asked(&rpc(&[&proxy.url, &healthy.url]), target).await;
        assert!(matches!(answered, Ok(true)), "{target}: {answered:?} to {said}");
    }
}

/// Asks for what this method tells: whether there is an answer.
async fn asked(rpc: &Rpc, target: &str) -> Result<bool, RpcError> {
    let (nobody, hash) = (Address::ZERO, B256::ZERO);
    Ok(match target {
        "eth_getBlockByNumber" => rpc.head().await.map(|_| true)?,
        "eth_getBalance" => rpc.balance(nobody, At::Latest).await.map(|_| true)?,
        "eth_getTransactionCount" => rpc.nonce(nobody, At::Latest).await.map(|_| true)?,
        "eth_getCode" => !rpc.code(nobody, At::Latest).await?.is_empty(),
        "eth_getTransactionReceipt" => rpc.receipt(hash).await?.is_some(),
        "eth_getTransactionByHash" => rpc.transaction(hash).await?.is_some(),
        _ => rpc.fee_history(1, &[50.0]).await.map(|_| true)?,
    })
}

/// Events as nodes send them: name and data.
fn events() -> Vec<(&'static str, Value)> {
    let root = format!("0x{}", "2b".repeat(32));
    vec![
        (
            "head",
            json!({"slot": "10", "block": root, "state": root, "epoch_transition": false}),
        ),
        (
            "finalized_checkpoint",
            json!({"block": root, "state": root, "epoch": "2"}),
        ),
        (
            "chain_reorg",
            json!({"slot": "200", "depth": "50", "old_head_block": root, "new_head_block": root, "epoch": "2"}),
        ),
        (
            "voluntary_exit",
            json!({"message": {"epoch": "1", "validator_index": "1"}, "signature": format!("0x{}", "1b".repeat(96))}),
        ),
    ]
}

#[tokio::test]
async fn events_of_beacon_nodes() {
    let corpus: Vec<_> = events()
        .iter()
        .map(|(_, data)| data.to_string().into_bytes())
        .collect();
    let mut stream = String::new();
    for number in numbers(1) {
        let (name, _) = events()[number as usize % corpus.len()];
        let data = String::from_utf8_lossy(&mutated(number, &corpus)).replace(['\n', '\r'], " ");
        stream += &format!("event: {name}\ndata: {data}\n\n");
    }
    let (name, data) = &events()[0];
    stream += &format!("event: {name}\ndata: {data}\n\n");
    let stream = Arc::new(Mutex::new(Some(stream)));
    let answer = move |uri: Uri| async move {
        if uri.path() == "/eth/v1/events" {
            let body = stream.lock().unwrap().take().unwrap_or_default();
            return ([(header::CONTENT_TYPE, "text/event-stream")], body).into_response();
        }
        let genesis = json!({"data": {"genesis_time": "1606824023", "genesis_validators_root": B256::ZERO}});
        axum::Json(genesis).into_response()
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server =
        tokio::spawn(async move { axum::serve(listener, axum::Router::new().fallback(answer)).await });
    let beacon = Beacon::new(BeaconConfig::new(vec![RedactedUrl::new(&url)], None)).unwrap();
    let (out, mut hints) = mpsc::channel(16);
    let heard = async {
        let mut heard = Vec::new();
        loop {
            match hints.recv().await.expect("it listens") {
                Hint::Lost { .. } => return heard,
                hint => heard.push(hint),
            }
        }
    };
    let heard = async {
        tokio::select! {
            heard = heard => heard,
            () = beacon.listen(out) => panic!("somebody receives"),
        }
    };
    let heard = tokio::time::timeout(crate::PATIENCE, heard).await.unwrap();
    // to its last line, which is right
    assert!(
        matches!(heard.last(), Some(Hint::Head { slot: 10, .. })),
        "{:?}",
        heard.last()
    );
    server.abort();
}
