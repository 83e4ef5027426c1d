//! Heads that lag, stand still, or are claimed where no block is.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use casimir_dkg::devnet::proxy::{FaultProxy, Kind, Switch};
use serde_json::{Value, json};

use super::{Server, call, chain, hash, result, ruled, said, transaction};

async fn lying(rule: &str) -> (Server, FaultProxy, String) {
    let server = Server::rpc(chain(9)).await;
    let proxy = ruled(Kind::Execution, &server, rule).await;
    let url = proxy.url("execution.0").unwrap();
    (server, proxy, url)
}

async fn block(url: &str, tag: &str) -> Value {
    result(url, "eth_getBlockByNumber", json!([tag, false])).await
}

#[tokio::test]
async fn everything_fits_a_head_that_lags() {
    let (_server, proxy, url) = lying("does = { fault = \"head\", behind = 4 }").await;
    assert_eq!(result(&url, "eth_blockNumber", json!([])).await, "0x5");
    assert_eq!(block(&url, "latest").await["number"], "0x5");
    assert_eq!(block(&url, "0x5").await["number"], "0x5");
    assert_eq!(block(&url, "0x6").await, Value::Null);
    assert_eq!(
        block(&url, "finalized").await["number"],
        "0x3",
        "as far behind as the head"
    );
    for (n, there) in [(5, true), (6, false)] {
        let of = async |method: &str, params| !result(&url, method, params).await.is_null();
        assert_eq!(of("eth_getBlockByHash", json!([hash(n), false])).await, there);
        assert_eq!(
            of("eth_getTransactionReceipt", json!([transaction(n)])).await,
            there
        );
        assert_eq!(
            of("eth_getBlockReceipts", json!([format!("{n:#x}")])).await,
            there
        );
        let waiting = result(&url, "eth_getTransactionByHash", json!([transaction(n)])).await;
        assert_eq!(
            waiting["blockHash"].is_null(),
            !there,
            "it waits in the pool meanwhile"
        );
    }
    for method in [
        "eth_call",
        "eth_getBalance",
        "eth_getCode",
        "eth_getTransactionCount",
    ] {
        for (asked, answered) in [
            ("latest", "0x5"),
            ("pending", "0x5"),
            ("0x3", "0x3"),
            ("finalized", "0x3"),
        ] {
            assert_eq!(
                result(&url, method, json!(["0x1", asked])).await,
                answered,
                "{method}"
            );
        }
        assert_eq!(result(&url, method, json!(["0x1"])).await, "0x5", "{method}");
        for beyond in [json!("0x6"), json!({"blockHash": hash(6)})] {
            let error = call(&url, method, json!(["0x1", beyond])).await["error"].take();
            assert_eq!(error, json!({"code": -32000, "message": "header not found"}));
        }
        let there = json!({"blockHash": hash(5)});
        assert_eq!(result(&url, method, json!(["0x1", there])).await, there);
    }
    assert!(said(&proxy).contains(&"said the head is 5".to_owned()));
    assert!(said(&proxy).contains(&"has no block 6 at head 5".to_owned()));
}

#[tokio::test]
async fn logs_beyond_a_lagging_head_are_refused_or_left_out() {
    let ask = async |url: &str, from: &str, to: &str| {
        call(url, "eth_getLogs", json!([{"fromBlock": from, "toBlock": to}])).await
    };
    let told = |answer: Value| answer["result"].as_array().map(Vec::len);
    let (_server, _proxy, url) =
        lying("method = \"eth_getLogs\"\ndoes = { fault = \"head\", behind = 1 }").await;
    assert_eq!(
        result(&url, "eth_blockNumber", json!([])).await,
        "0x9",
        "only the backend for logs lags"
    );
    assert_eq!(told(ask(&url, "0x1", "0x8").await), Some(8));
    let error = ask(&url, "0x1", "0x9").await["error"].take();
    assert_eq!(
        error,
        json!({"code": -32602, "message": "block range extends beyond current head block"})
    );
    assert_eq!(told(ask(&url, "0x1", "latest").await), Some(8));
    assert_eq!(
        told(call(&url, "eth_getLogs", json!([{}])).await),
        Some(1),
        "no range is the newest block"
    );
    let unknown = call(&url, "eth_getLogs", json!([{"blockHash": hash(9)}])).await;
    assert_eq!(unknown["error"]["message"], "unknown block");
    assert_eq!(
        told(call(&url, "eth_getLogs", json!([{"blockHash": hash(8)}])).await),
        Some(1)
    );

    let (_server, proxy, url) = lying("does = { fault = \"head\", behind = 1, beyond = \"clip\" }").await;
    assert_eq!(told(ask(&url, "0x1", "0x9").await), Some(8));
    assert_eq!(told(ask(&url, "0x9", "0x9").await), Some(0));
    assert_eq!(said(&proxy)[0], "told logs up to 8 instead of 9");

    let (_server, _proxy, url) = lying("does = { fault = \"head\", behind = 1, beyond = \"empty\" }").await;
    assert_eq!(told(ask(&url, "0x1", "0x9").await), Some(0));
    assert_eq!(told(ask(&url, "0x1", "0x8").await), Some(8));
}

#[tokio::test]
async fn a_head_stands_still_from_the_first_call_on() {
    let height = Arc::new(AtomicU64::new(9));
    let grows = Arc::clone(&height);
    let server = Server::rpc(move |method, params| chain(grows.load(Ordering::SeqCst))(method, params)).await;
    let proxy = ruled(
        Kind::Execution,
        &server,
        "does = { fault = \"head\", stands = true }",
    )
    .await;
    let url = proxy.url("execution.0").unwrap();
    for head in [9, 10, 20] {
        height.store(head, Ordering::SeqCst);
        assert_eq!(result(&url, "eth_blockNumber", json!([])).await, "0x9");
        assert_eq!(block(&url, "latest").await["number"], "0x9");
    }
    proxy.switch("test", Switch::Off).unwrap();
    assert_eq!(block(&url, "latest").await["number"], "0x14");
    proxy.switch("test", Switch::On).unwrap();
    height.store(30, Ordering::SeqCst);
    assert_eq!(
        block(&url, "latest").await["number"],
        "0x1e",
        "it stands anew where it is switched on"
    );
}

#[tokio::test]
async fn a_head_is_claimed_where_no_block_is() {
    for ahead in [1_000_u64, 1 << 60] {
        let (_server, proxy, url) = lying(&format!("does = {{ fault = \"head\", ahead = {ahead} }}")).await;
        let claimed = format!("{:#x}", 9 + ahead);
        assert_eq!(result(&url, "eth_blockNumber", json!([])).await, claimed);
        let head = block(&url, "latest").await;
        assert_eq!(head["number"], claimed);
        let by_hash = result(&url, "eth_getBlockByHash", json!([head["hash"], false])).await;
        assert_eq!(by_hash, head, "it knows what it made up");
        let parent = result(&url, "eth_getBlockByHash", json!([head["parentHash"], false])).await;
        assert_eq!(parent["number"], format!("{:#x}", 8 + ahead));
        assert_eq!(
            block(&url, "0xa").await["parentHash"],
            hash(9),
            "its chain begins on ours"
        );
        assert_eq!(block(&url, &format!("{:#x}", 10 + ahead)).await, Value::Null);
        assert_eq!(block(&url, "0x9").await["hash"], hash(9));

        let logs = async |filter: Value| {
            result(&url, "eth_getLogs", json!([filter]))
                .await
                .as_array()
                .unwrap()
                .len()
        };
        assert_eq!(logs(json!({"fromBlock": "0x8", "toBlock": claimed})).await, 2);
        assert_eq!(logs(json!({"fromBlock": "0xa", "toBlock": claimed})).await, 0);
        assert_eq!(logs(json!({"blockHash": head["hash"]})).await, 0);
        for at in [json!("0xa"), json!({"blockHash": head["hash"]})] {
            assert_eq!(
                result(&url, "eth_call", json!([{}, at])).await,
                "latest",
                "state as of the newest real block"
            );
        }
        assert_eq!(result(&url, "eth_call", json!([{}, "0x3"])).await, "0x3");
        assert_eq!(
            result(&url, "eth_getBlockReceipts", json!([head["hash"]])).await,
            json!([])
        );
        assert!(said(&proxy).contains(&format!("said the head is {}, not 9", 9 + ahead)));
    }
}
