//! Logs added, left out, altered and told twice.

use casimir_dkg::devnet::proxy::{FaultProxy, Kind};
use serde_json::{Value, json};

use super::{CONTRACT, Server, TOPIC, chain, hash, log, result, ruled, said, transaction};

async fn lying(rule: &str) -> (Server, FaultProxy, String) {
    let server = Server::rpc(chain(9)).await;
    let proxy = ruled(Kind::Execution, &server, rule).await;
    let url = proxy.url("execution.0").unwrap();
    (server, proxy, url)
}

async fn logs(url: &str, filter: Value) -> Vec<Value> {
    result(url, "eth_getLogs", json!([filter]))
        .await
        .as_array()
        .unwrap()
        .clone()
}

fn blocks(logs: &[Value]) -> Vec<&str> {
    logs.iter()
        .map(|log| log["blockNumber"].as_str().unwrap())
        .collect()
}

const ADDED: &str = "fault = \"add-log\", address = \"0xCcCcCcCcCcCcCcCcCcCcCcCcCcCcCcCcCcCcCcCc\", \
    topics = [\"PoolDepositInitiated(uint32)\", 5], data = [1, \"0xff\"]";

/// keccak256 of `PoolDepositInitiated(uint32)`, as the contract's ABI has it.
fn initiated() -> String {
    use alloy::sol_types::SolEvent as _;
    alloy::sol! { event PoolDepositInitiated(uint32 poolId); }
    format!("{:#x}", PoolDepositInitiated::SIGNATURE_HASH)
}

#[tokio::test]
async fn a_log_is_added_for_those_who_ask_for_it() {
    let (_server, proxy, url) = lying(&format!("does = {{ {ADDED} }}")).await;
    let other = json!({"fromBlock": "0x2", "toBlock": "0x4", "address": CONTRACT});
    assert_eq!(blocks(&logs(&url, other).await), ["0x2", "0x3", "0x4"]);
    assert!(
        proxy.log().is_empty() && proxy.strikes("test") == 0,
        "nobody asked for such a log"
    );

    let address = format!("0x{}", "cc".repeat(20));
    let asked = json!({"fromBlock": "0x2", "toBlock": "0x4", "address": [CONTRACT, address], "topics": [[initiated(), TOPIC]]});
    let told = logs(&url, asked).await;
    assert_eq!(blocks(&told), ["0x2", "0x3", "0x4", "0x4"]);
    let added = told.last().unwrap();
    assert_eq!(added["address"], address);
    assert_eq!(added["topics"], json!([initiated(), format!("0x{:064}", 5)]));
    assert_eq!(added["data"], format!("0x{:064}{}ff", 1, "0".repeat(62)));
    assert_eq!(added["blockHash"], hash(4), "in a block that the node has");
    assert_eq!(said(&proxy), [format!("added a log of {address} in block 4")]);

    // the lie stays where it was told first
    let told = async |from: &str, to: &str| logs(&url, json!({"fromBlock": from, "toBlock": to})).await.len();
    assert_eq!((told("0x5", "0x9").await, told("0x1", "0x5").await), (5, 6));
    assert_eq!(logs(&url, json!({"blockHash": hash(4)})).await.len(), 2);
    assert_eq!(logs(&url, json!({"blockHash": hash(5)})).await.len(), 1);
    let third = json!({"fromBlock": "0x4", "toBlock": "0x4", "topics": [null, null, [TOPIC]]});
    assert_eq!(
        logs(&url, third).await.len(),
        1,
        "the node's own, for this one does not look at topics"
    );
}

#[tokio::test]
async fn a_log_is_put_where_the_rule_says() {
    for (block, from, to, at) in [
        ("\"oldest\"", "0x2", "0x4", Some("0x2")),
        ("\"newest\"", "0x2", "latest", Some("0x9")),
        ("3", "0x2", "0x4", Some("0x3")),
        ("5", "0x2", "0x4", None),
        ("77", "0x2", "0xff", None),
    ] {
        let (_server, proxy, url) = lying(&format!(
            "does = {{ {ADDED}, block = {block}, transaction = \"{TOPIC}\" }}"
        ))
        .await;
        let told = logs(&url, json!({"fromBlock": from, "toBlock": to})).await;
        let added: Vec<_> = told
            .iter()
            .filter(|log| log["transactionHash"] == TOPIC)
            .collect();
        assert_eq!(
            added.first().map(|log| log["blockNumber"].as_str().unwrap()),
            at,
            "{block}"
        );
        assert_eq!(proxy.log().len(), usize::from(at.is_some()));
        let mut sorted = blocks(&told);
        sorted.sort_unstable();
        assert_eq!(blocks(&told), sorted, "in order");
    }
    let (_server, _proxy, url) = lying(&format!("when = {{ times = 1 }}\ndoes = {{ {ADDED} }}")).await;
    let told = async || {
        logs(&url, json!({"fromBlock": "0x9", "toBlock": "0x9"}))
            .await
            .len()
    };
    assert_eq!((told().await, told().await), (2, 1), "one answer");
}

#[tokio::test]
async fn a_thorough_liar_has_receipts() {
    let (_server, _proxy, url) = lying(&format!("does = {{ {ADDED}, thorough = true }}")).await;
    let block =
        async || result(&url, "eth_getBlockByNumber", json!(["0x9", false])).await["logsBloom"].take();
    assert_eq!(
        block().await,
        format!("0x{}", "0".repeat(512)),
        "nothing is known of it before it was told"
    );
    let told = logs(&url, json!({"fromBlock": "0x9", "toBlock": "0x9"})).await;
    let forged = told[1]["transactionHash"].clone();
    let receipt = result(&url, "eth_getTransactionReceipt", json!([forged])).await;
    assert_eq!(
        (&receipt["status"], &receipt["blockHash"]),
        (&json!("0x1"), &json!(hash(9)))
    );
    assert_eq!(receipt["logs"], json!([told[1]]));
    let transaction_told = result(&url, "eth_getTransactionByHash", json!([forged])).await;
    assert_eq!(
        (&transaction_told["hash"], &transaction_told["blockHash"]),
        (&forged, &json!(hash(9)))
    );
    for parameter in [json!(hash(9)), json!("0x9")] {
        let receipts = result(&url, "eth_getBlockReceipts", json!([parameter])).await;
        assert_eq!(receipts.as_array().unwrap().len(), 2);
    }
    assert_eq!(block().await, format!("0x{}", "f".repeat(512)));
    // what has nothing to do with it is the node's
    let receipt = result(&url, "eth_getTransactionReceipt", json!([transaction(3)])).await;
    assert_eq!(receipt["logs"], json!([log(3)]));
    assert_eq!(
        result(&url, "eth_getBlockReceipts", json!(["0x8"]))
            .await
            .as_array()
            .unwrap()
            .len(),
        1
    );

    let (_server, _proxy, url) = lying(&format!("does = {{ {ADDED} }}")).await;
    let told = logs(&url, json!({"fromBlock": "0x9", "toBlock": "0x9"})).await;
    let receipt = result(
        &url,
        "eth_getTransactionReceipt",
        json!([told[1]["transactionHash"]]),
    )
    .await;
    assert_eq!(receipt, Value::Null, "a careless one has not");
}

#[tokio::test]
async fn logs_are_left_out_altered_and_told_twice() {
    let all = json!({"fromBlock": "0x1", "toBlock": "0x4"});
    let (_server, proxy, url) = lying("does = { fault = \"drop-log\", data = [3] }").await;
    assert_eq!(blocks(&logs(&url, all.clone()).await), ["0x1", "0x2", "0x4"]);
    let receipt = result(&url, "eth_getTransactionReceipt", json!([transaction(3)])).await;
    assert_eq!(receipt["logs"], json!([]));
    let receipts = result(&url, "eth_getBlockReceipts", json!(["0x3"])).await;
    assert_eq!(receipts[0]["logs"], json!([]));
    logs(&url, json!({"fromBlock": "0x1", "toBlock": "0x2"})).await;
    assert_eq!(said(&proxy), ["left out 1 log"; 3], "where it found one");

    let rule = format!(
        "does = {{ fault = \"alter-log\", topics = [\"{TOPIC}\"], set = {{ \"/removed\" = true, \"/topics/0\" = \"0x\" }} }}"
    );
    let (_server, proxy, url) = lying(&rule).await;
    let told = logs(&url, all.clone()).await;
    assert!(
        told.iter()
            .all(|log| log["removed"] == true && log["topics"] == json!(["0x"]))
    );
    assert_eq!(said(&proxy), ["altered 4 logs"]);

    let rule = format!(
        "does = {{ fault = \"repeat-log\", address = \"{}\", topics = [\"*\"] }}",
        CONTRACT.to_uppercase().replace('X', "x")
    );
    let (_server, proxy, url) = lying(&rule).await;
    let told = logs(&url, json!({"fromBlock": "0x3", "toBlock": "0x4"})).await;
    assert_eq!(blocks(&told), ["0x3", "0x3", "0x4", "0x4"]);
    assert_eq!(said(&proxy), ["told 2 logs twice"]);

    let (_server, proxy, url) = lying("does = { fault = \"drop-log\", topics = [\"*\", \"*\"] }").await;
    assert_eq!(logs(&url, all).await.len(), 4, "none has a second topic");
    assert!(proxy.log().is_empty());
}
