//! Limits on `eth_getLogs`, in the words of those who have them.

use casimir_dkg::devnet::proxy::{FaultProxy, Kind};
use serde_json::{Value, json};

use super::{Server, chain, client, ruled, said};

async fn limited(limit: &str, words: &str) -> (Server, FaultProxy, String) {
    let server = Server::rpc(chain(40)).await;
    let rule = format!("does = {{ fault = \"range-limit\", {limit}, words = \"{words}\" }}");
    let proxy = ruled(Kind::Execution, &server, &rule).await;
    let url = proxy.url("execution.0").unwrap();
    (server, proxy, url)
}

/// HTTP status and answer.
async fn ask(url: &str, filter: Value) -> (u16, Value) {
    let body = json!({"jsonrpc": "2.0", "id": 7, "method": "eth_getLogs", "params": [filter]});
    let answer = client().post(url).json(&body).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

fn range(from: &str, to: &str) -> Value {
    json!({"fromBlock": from, "toBlock": to})
}

#[tokio::test]
async fn every_vendor_refuses_in_its_own_words() {
    for (words, status, code, message) in [
        (
            "drpc",
            200,
            35,
            "ranges over 10 blocks are not supported on free tier",
        ),
        (
            "infura",
            200,
            -32005,
            "query returned more than 10 results. Try with this block range [0x1, 0xa].",
        ),
        ("alchemy", 200, -32602, "Log response size exceeded."),
        (
            "alchemy-free",
            400,
            -32600,
            "You can make eth_getLogs requests with up to a 10 block range.",
        ),
        ("quicknode", 413, -32614, "eth_getLogs is limited to a 10 range"),
        ("ankr", 200, -32000, "block range is too wide"),
        ("blockpi", 200, -32602, "eth_getLogs is limited to 10 block range"),
        ("publicnode", 200, -32701, "exceed maximum block range: 10"),
        ("reth", 200, -32602, "query exceeds max block range 10"),
        ("geth", 200, -32002, "request timed out"),
    ] {
        let (server, proxy, url) = limited("blocks = 10", words).await;
        let (fits, logs) = ask(&url, range("0x1", "0xa")).await;
        assert_eq!(
            (fits, logs["result"].as_array().map(Vec::len)),
            (200, Some(10)),
            "{words}"
        );
        assert!(proxy.log().is_empty());
        let (refused, error) = ask(&url, range("0x1", "0xb")).await;
        assert_eq!((refused, error["id"].as_u64()), (status, Some(7)), "{words}");
        assert_eq!(error["error"]["code"], code);
        let told = error["error"]["message"].as_str().unwrap();
        assert!(told.starts_with(message), "{told}");
        assert_eq!(server.asked().len(), 1, "{words}: the node is not asked");
        assert_eq!(said(&proxy), ["refused 11 blocks, more than 10"]);
    }
}

#[tokio::test]
async fn tags_are_blocks_too() {
    let (_server, _proxy, url) = limited("blocks = 10", "drpc").await;
    for (filter, fits) in [
        (range("0x1f", "latest"), true),
        (range("0x1e", "latest"), false),
        (range("earliest", "0x9"), true),
        (range("earliest", "0xa"), false),
        (json!({}), true),
        (json!({"fromBlock": "0x1"}), false),
        (json!({"blockHash": super::hash(3)}), true),
        (range("0x9", "0x1"), true),
    ] {
        let (_, answer) = ask(&url, filter.clone()).await;
        assert_eq!(answer.get("error").is_none(), fits, "{filter}");
    }
}

#[tokio::test]
async fn results_are_counted() {
    let (server, proxy, url) = limited("results = 4", "infura").await;
    let (_, logs) = ask(&url, range("0x1", "0x4")).await;
    assert_eq!(logs["result"].as_array().map(Vec::len), Some(4));
    let (_, error) = ask(&url, range("0x2", "0x14")).await;
    assert_eq!(error["error"]["code"], -32005);
    assert_eq!(
        error["error"]["data"],
        json!({"from": "0x2", "limit": 4, "to": "0x5"})
    );
    let (_, logs) = ask(&url, range("0x2", "0x5")).await;
    assert_eq!(
        logs["result"].as_array().map(Vec::len),
        Some(4),
        "what it proposes works"
    );
    assert_eq!(server.asked().len(), 3);
    assert_eq!(said(&proxy), ["refused 19 results, more than 4"]);
}

#[tokio::test]
async fn a_limit_of_nothing_serves_nothing() {
    let (_server, _proxy, url) = limited("blocks = 0", "geth").await;
    for filter in [
        range("0x1", "0x1"),
        json!({}),
        json!({"blockHash": super::hash(3)}),
    ] {
        let (_, answer) = ask(&url, filter).await;
        assert_eq!(answer["error"]["message"], "request timed out");
    }
}
