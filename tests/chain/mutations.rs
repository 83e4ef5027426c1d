//! Answers that are nearly right, over HTTP: whatever an endpoint or a beacon node says is taken or refused.
//! `CASIMIR_DKG_MUTATIONS=10000` tries more of each.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use alloy::primitives::{Address, B256, Bytes, U256};
use axum::http::{StatusCode, Uri, header};
use axum::response::IntoResponse;
use casimir_dkg::beacon::client::{Beacon, BeaconConfig};
use casimir_dkg::chain::fees::quote;
use casimir_dkg::chain::rpc::{At, CallRequest, Rpc, RpcError};
use casimir_dkg::dkg::rockx::keys::{OperatorPrivateKey, OperatorPublicKey};
use casimir_dkg::http::Http;
use casimir_dkg::operators::{Directory, KeySources, SsvApi};
use casimir_dkg::ports::consensus::{Consensus as _, Hint};
use casimir_dkg::types::{BlsPublicKey, OperatorId, RedactedUrl};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::proxy::{Act, Call, Proxy};
use super::remote;
use super::support::{oracle, rpc};
use crate::conformance::mutate::{mutated, numbers};

/// What a node answers to what is asked here.
fn honest(method: &str) -> Value {
    let hash = format!("0x{}", "1a".repeat(32));
    match method {
        "eth_chainId" => json!("0x7a69"),
        "eth_getBlockByNumber" | "eth_getBlockByHash" => json!({
            "number": "0x10", "hash": hash, "parentHash": hash, "timestamp": "0x65000000", "baseFeePerGas": "0x7",
            "gasUsed": "0x0", "gasLimit": "0x1c9c380",
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
        "eth_call" => json!(format!("0x{}", "00".repeat(64))),
        "eth_getLogs" => json!([{
            "address": Address::ZERO, "topics": [hash], "data": "0x00", "blockNumber": "0x10", "blockHash": hash,
            "transactionHash": hash, "transactionIndex": "0x0", "logIndex": "0x0", "removed": false,
        }]),
        "eth_feeHistory" => json!({
            "oldestBlock": "0x1", "baseFeePerGas": ["0x7", "0x7"], "gasUsedRatio": [0.5], "reward": [["0x1"]],
        }),
        other => panic!("unexpected {other}"),
    }
}

const ASKED: [&str; 9] = [
    "eth_getBlockByNumber",
    "eth_getBalance",
    "eth_getTransactionCount",
    "eth_getCode",
    "eth_getTransactionReceipt",
    "eth_getTransactionByHash",
    "eth_feeHistory",
    "eth_call",
    "eth_getLogs",
];

/// A call that asks for nothing.
fn nothing() -> CallRequest {
    CallRequest {
        from: None,
        to: Address::ZERO,
        input: Bytes::new(),
        value: U256::ZERO,
    }
}

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
        "eth_feeHistory" => quote(rpc).await.map(|_| true)?,
        "eth_call" => rpc.call(&nothing(), At::Latest).await.map(|_| true)?,
        // each endpoint by itself
        _ => {
            drop(rpc.try_logs_out(nobody).await);
            true
        }
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
    let heard = tokio::time::timeout(crate::TIMEOUT, heard).await.unwrap();
    // to its last line, which is right
    assert!(
        matches!(heard.last(), Some(Hint::Head { slot: 10, .. })),
        "{:?}",
        heard.last()
    );
    server.abort();
}

/// A server whose answers to what is asked (by its path, and for calls by its method) are told anew for each mutation.
struct Scripted {
    url: String,
    says: Arc<Mutex<BTreeMap<String, String>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Scripted {
    async fn start() -> Self {
        let says: Arc<Mutex<BTreeMap<String, String>>> = Arc::default();
        let told = Arc::clone(&says);
        let answer = move |uri: Uri, body: String| async move {
            let call: Value = serde_json::from_str(&body).unwrap_or_default();
            let asked = call["method"].as_str().unwrap_or(uri.path());
            let told = told.lock().unwrap().get(asked).cloned();
            match told {
                Some(text) => ([(header::CONTENT_TYPE, "application/json")], text).into_response(),
                None => StatusCode::NOT_FOUND.into_response(),
            }
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = axum::Router::new().fallback(answer);
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, says, task }
    }

    /// Everything is told as it is, but for one answer, which is the mutation of this number.
    fn mutates(&self, number: u64, honest: &[(String, Value)]) {
        let corpus: Vec<Vec<u8>> = honest
            .iter()
            .map(|(_, answer)| answer.to_string().into_bytes())
            .collect();
        let mut says: BTreeMap<String, String> = honest
            .iter()
            .map(|(asked, answer)| (asked.clone(), answer.to_string()))
            .collect();
        let target = usize::try_from(number).unwrap() % honest.len();
        let said = mutated(number, &corpus[target..=target]);
        let said = String::from_utf8_lossy(&said).into_owned();
        says.insert(honest[target].0.clone(), said);
        *self.says.lock().unwrap() = says;
    }
}

/// What a beacon node says of the chain, of a validator and of exits that wait.
fn of_beacon_node() -> Vec<(String, Value)> {
    let (root, key) = (format!("0x{}", "2b".repeat(32)), format!("0x{}", "0a".repeat(48)));
    let far = u64::MAX.to_string();
    let validator = json!({
        "index": "7", "balance": "32000000000", "status": "active_ongoing",
        "validator": {
            "pubkey": key, "withdrawal_credentials": root, "effective_balance": "32000000000", "slashed": false,
            "activation_eligibility_epoch": "0", "activation_epoch": "0", "exit_epoch": far, "withdrawable_epoch": far,
        },
    });
    let fork = json!({"previous_version": "0x00000000", "current_version": "0x01000000", "epoch": "1"});
    let exit = json!({
        "message": {"epoch": "1", "validator_index": "7"}, "signature": format!("0x{}", "1b".repeat(96)),
    });
    let state = "/eth/v1/beacon/states/head";
    [
        (
            "/eth/v1/beacon/genesis".to_owned(),
            json!({"data": {"genesis_time": "1606824023", "genesis_validators_root": root, "genesis_fork_version": "0x00000000"}}),
        ),
        (
            "/eth/v1/node/syncing".to_owned(),
            json!({"data": {"head_slot": "77", "sync_distance": "0", "is_syncing": false, "is_optimistic": false, "el_offline": false}}),
        ),
        (
            "/eth/v1/config/spec".to_owned(),
            json!({"data": {
                "SECONDS_PER_SLOT": "12", "SLOTS_PER_EPOCH": "32", "SHARD_COMMITTEE_PERIOD": "256",
                "DOMAIN_VOLUNTARY_EXIT": "0x04000000", "CAPELLA_FORK_VERSION": "0x03000000",
            }}),
        ),
        ("/eth/v1/config/fork_schedule".to_owned(), json!({"data": [fork]})),
        ("/eth/v1/node/version".to_owned(), json!({"data": {"version": "x/1"}})),
        (
            format!("{state}/root"),
            json!({"execution_optimistic": false, "data": {"root": root}}),
        ),
        (format!("{state}/fork"), json!({"data": fork})),
        (
            format!("{state}/validators"),
            json!({"execution_optimistic": false, "data": [validator]}),
        ),
        (
            format!("{state}/validators/7"),
            json!({"execution_optimistic": false, "data": validator}),
        ),
        (
            format!("{state}/validators/{key}"),
            json!({"execution_optimistic": false, "data": validator}),
        ),
        ("/eth/v1/beacon/pool/voluntary_exits".to_owned(), json!({"data": [exit]})),
    ]
    .into()
}

#[tokio::test]
async fn answers_of_beacon_nodes() {
    let node = Scripted::start().await;
    let (honest, key) = (of_beacon_node(), BlsPublicKey([10; 48]));
    for number in numbers(4) {
        node.mutates(number, &honest);
        let beacon = Beacon::new(BeaconConfig::new(vec![RedactedUrl::new(&node.url)], None)).unwrap();
        // what it is taken for does not matter here: a panic is the only wrong end
        drop(beacon.nodes().await);
        drop(beacon.rules().await);
        drop(beacon.forks().await);
        drop(beacon.validator(&key).await);
        drop(beacon.validator_at(7).await);
        drop(beacon.validators(&[key]).await);
        drop(beacon.pool_exits().await);
    }
}

#[tokio::test]
async fn answers_of_the_ssv_api() {
    let server = Scripted::start().await;
    let public = OperatorPrivateKey::generate()
        .unwrap()
        .public()
        .to_registry_text();
    let record = json!({
        "id": 7, "owner_address": Address::ZERO, "public_key": public, "status": "Active", "fee": "0", "name": "x",
        "is_private": false, "validators_count": 1,
    });
    let honest = [("/api/v4/hoodi/operators/7".to_owned(), record)];
    let api = || SsvApi::new(&Http::direct(), &RedactedUrl::new(&server.url), "hoodi").unwrap();
    let directory = || {
        let sources = KeySources {
            configured: Vec::new(),
            well_known: Vec::new(),
            api: Some(api()),
        };
        Directory::<OperatorPublicKey>::new(sources).unwrap()
    };
    server.mutates(0, &honest);
    for number in numbers(20) {
        server.mutates(number, &honest);
        drop(directory().resolve(OperatorId(7)).await);
    }
}

/// Whatever a signer elsewhere answers, nothing is sent but what was asked to be signed.
#[tokio::test]
async fn answers_of_a_signer_elsewhere() {
    let server = Scripted::start().await;
    let folder = tempfile::tempdir().unwrap();
    let signer = remote::opened(folder.path(), &remote::of_oracle(&server.url));
    let draft = remote::draft(oracle().address());
    let signed = draft.sign(&oracle()).await.unwrap();
    let told = |result: Value| json!({"jsonrpc": "2.0", "id": 1, "result": result});
    let honest = [
        ("eth_signTransaction".to_owned(), told(json!(signed.raw))),
        ("eth_accounts".to_owned(), told(json!([oracle().address()]))),
    ];
    for number in numbers(1) {
        server.mutates(number, &honest);
        drop(signer.reach().await);
        if let Ok(taken) = draft.sign(&*signer).await {
            assert_eq!(taken, signed, "mutation {number}");
        }
    }
}
