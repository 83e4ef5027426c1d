//! What is wrong with the answers of an execution node: any value, another chain, another time.

use casimir_dkg::devnet::proxy::Kind;
use serde_json::{Value, json};

use super::{Server, call, chain, client, hash, result, ruled, said, struck_once};

async fn lying(rule: &str) -> (Server, casimir_dkg::devnet::proxy::FaultProxy, String) {
    let server = Server::rpc(chain(9)).await;
    let proxy = ruled(Kind::Execution, &server, rule).await;
    let url = proxy.url("execution.0").unwrap();
    (server, proxy, url)
}

#[tokio::test]
async fn values_are_replaced_and_taken_out() {
    let rule = "method = \"eth_getBlockByNumber\"\nparams = { \"/0\" = \"0x3\" }\n\
        does = { fault = \"rewrite\", set = { \"/result/number\" = \"0x4\", \"/id\" = 99 }, remove = [\"/result/logsBloom\"] }";
    let (_server, proxy, url) = lying(rule).await;
    let honest = result(&url, "eth_getBlockByNumber", json!(["0x2", false])).await;
    assert_eq!(honest["number"], "0x2");
    assert!(proxy.log().is_empty());
    let lie = call(&url, "eth_getBlockByNumber", json!(["0x3", false])).await;
    assert_eq!(
        (&lie["id"], &lie["result"]["number"]),
        (&json!(99), &json!("0x4"))
    );
    assert!(lie["result"].get("logsBloom").is_none());
    assert_eq!(lie["result"]["hash"], hash(3), "the rest is the node's");
    struck_once(
        &proxy,
        "eth_getBlockByNumber [\"0x3\",false]",
        "said /id is 99, /result/number is \"0x4\", no /result/logsBloom",
    );
}

#[tokio::test]
async fn answers_are_the_scenarios_own() {
    let rule = "method = \"eth_get*\"\ndoes = { fault = \"answer\", result = \"0x\" }";
    let (server, proxy, url) = lying(rule).await;
    assert_eq!(result(&url, "eth_getCode", json!(["0x1", "latest"])).await, "0x");
    assert!(server.asked().is_empty());
    struck_once(&proxy, "eth_getCode", "answered \"0x\"");

    let rule =
        "method = \"eth_getTransactionReceipt\"\ndoes = { fault = \"answer\", null = true, forward = true }";
    let (server, _proxy, url) = lying(rule).await;
    let answer = call(&url, "eth_getTransactionReceipt", json!([super::transaction(3)])).await;
    assert_eq!(answer, json!({"jsonrpc": "2.0", "id": 7, "result": null}));
    assert_eq!(
        server.asked(),
        ["eth_getTransactionReceipt"],
        "the node had it all the same"
    );

    let rule = "method = \"eth_call\"\n\
        does = { fault = \"answer\", error = { code = 3, message = \"execution reverted\", data = \"0x08c379a0\" } }";
    let (_server, _proxy, url) = lying(rule).await;
    let error = call(&url, "eth_call", json!([{}, "latest"])).await["error"].take();
    assert_eq!(
        error,
        json!({"code": 3, "message": "execution reverted", "data": "0x08c379a0"})
    );
}

#[tokio::test]
async fn each_call_of_a_batch_is_lied_about_by_itself() {
    let rule = "method = \"eth_getCode\"\ndoes = { fault = \"answer\", result = \"0x\" }";
    let (server, proxy, url) = lying(rule).await;
    let one = |id: Value, method: &str| json!({"jsonrpc": "2.0", "id": id, "method": method, "params": ["0x1", "latest"]});
    let batch = json!([
        one(json!("a"), "eth_getBalance"),
        one(json!(2), "eth_getCode"),
        one(json!(3), "eth_getTransactionCount"),
        one(json!(null), "eth_getCode"),
    ]);
    let answer: Value = client()
        .post(&url)
        .json(&batch)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let told: Vec<_> = answer
        .as_array()
        .unwrap()
        .iter()
        .map(|reply| (&reply["id"], &reply["result"]))
        .collect();
    let expected = [
        (json!("a"), json!("latest")),
        (json!(2), json!("0x")),
        (json!(3), json!("latest")),
        (json!(null), json!("0x")),
    ];
    assert_eq!(
        told,
        expected
            .iter()
            .map(|(id, result)| (id, result))
            .collect::<Vec<_>>()
    );
    assert_eq!(server.asked(), ["eth_getBalance", "eth_getTransactionCount"]);
    assert_eq!(proxy.calls("execution.0", "eth_getCode"), 2);
    assert_eq!(proxy.calls("execution.0", "eth_getBalance"), 1);
    // a batch that needs nothing of the node, and one that is a list of one
    let answer: Value = client()
        .post(&url)
        .json(&json!([one(json!(5), "eth_getCode")]))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(answer, json!([{"jsonrpc": "2.0", "id": 5, "result": "0x"}]));
}

#[tokio::test]
async fn another_chain_is_claimed() {
    let (_server, proxy, url) = lying("does = { fault = \"chain-id\", id = 5 }").await;
    assert_eq!(result(&url, "eth_chainId", json!([])).await, "0x5");
    assert_eq!(result(&url, "net_version", json!([])).await, "5");
    assert_eq!(result(&url, "eth_blockNumber", json!([])).await, "0x9");
    assert_eq!(said(&proxy), ["claimed chain 5", "claimed chain 5"]);

    let (_server, _proxy, url) = lying("does = { fault = \"genesis\" }").await;
    let block = async |number: &str| result(&url, "eth_getBlockByNumber", json!([number, false])).await;
    assert_eq!(block("0x0").await["hash"], format!("0x{}", "66".repeat(32)));
    assert_eq!(block("0x1").await["hash"], hash(1));
}

#[tokio::test]
async fn the_node_says_that_it_is_syncing() {
    let (_server, proxy, url) = lying("does = { fault = \"syncing\", behind = 4 }").await;
    let syncing = result(&url, "eth_syncing", json!([])).await;
    assert_eq!(
        (&syncing["currentBlock"], &syncing["highestBlock"]),
        (&json!("0x5"), &json!("0x9"))
    );
    struck_once(&proxy, "eth_syncing", "4 blocks behind");
}

#[tokio::test]
async fn the_clock_is_off() {
    let time = async |url: &str, number: &str| {
        let block = result(url, "eth_getBlockByNumber", json!([number, false])).await;
        i64::from_str_radix(&block["timestamp"].as_str().unwrap()[2..], 16).unwrap()
    };
    let real = |number: i64| 1_700_000_000 + 12 * number;
    for (clock, shift) in [("shift = \"+25 h\"", 90_000), ("shift = \"-25 h\"", -90_000)] {
        let (_server, proxy, url) = lying(&format!("does = {{ fault = \"clock\", {clock} }}")).await;
        assert_eq!(time(&url, "latest").await, real(9) + shift);
        struck_once(&proxy, "eth_getBlockByNumber", "said the time is");
        let logs = result(
            &url,
            "eth_getLogs",
            json!([{"fromBlock": "0x3", "toBlock": "0x3"}]),
        )
        .await;
        assert_eq!(logs[0]["blockTimestamp"], format!("{:#x}", real(3) + shift));
    }
    for (year, at) in [(3122, 36_000_000_000..37_000_000_000_i64), (1970, 0..31_556_952)] {
        let (_server, _proxy, url) = lying(&format!("does = {{ fault = \"clock\", year = {year} }}")).await;
        let (ninth, third) = (time(&url, "0x9").await, time(&url, "0x3").await);
        assert!(at.contains(&ninth), "{year}: {ninth}");
        assert_eq!(ninth - third, 72, "time passes as it does");
    }
}

/// Every lie to an execution node, with what it needs.
const LIES: [&str; 20] = [
    "method = \"*\"\ndoes = { fault = \"rewrite\", set = { \"/result/a\" = 1, \"/x/*/y\" = 2 }, remove = [\"/result/*\"] }",
    "method = \"*\"\ndoes = { fault = \"answer\", null = true, forward = true }",
    "method = \"*\"\ndoes = { fault = \"add-log\", address = \"0xaa\", topics = [1], thorough = true }",
    "method = \"*\"\ndoes = { fault = \"drop-log\" }",
    "method = \"*\"\ndoes = { fault = \"alter-log\", set = { \"/data\" = \"0x\" } }",
    "method = \"*\"\ndoes = { fault = \"repeat-log\" }",
    "method = \"*\"\ndoes = { fault = \"chain-id\", id = 5 }",
    "method = \"*\"\ndoes = { fault = \"genesis\" }",
    "method = \"*\"\ndoes = { fault = \"syncing\" }",
    "method = \"*\"\ndoes = { fault = \"clock\", shift = \"-1 d\" }",
    "method = \"*\"\ndoes = { fault = \"clock\", year = 1970 }",
    "method = \"*\"\ndoes = { fault = \"head\", behind = 3 }",
    "method = \"*\"\ndoes = { fault = \"head\", behind = 3, beyond = \"clip\" }",
    "method = \"*\"\ndoes = { fault = \"head\", stands = true }",
    "method = \"*\"\ndoes = { fault = \"head\", ahead = 18446744073709551615 }",
    "method = \"*\"\ndoes = { fault = \"range-limit\", blocks = 1, words = \"infura\" }",
    "method = \"*\"\ndoes = { fault = \"range-limit\", results = 0, words = \"reth\" }",
    "method = \"*\"\ndoes = { fault = \"refuse-transaction\", reason = \"pool-full\", forward = true }",
    "method = \"*\"\ndoes = { fault = \"swallow-transaction\" }",
    "does = { fault = \"delay\", time = \"0 s\" }",
];

#[tokio::test]
async fn nonsense_from_either_side_breaks_no_lie() {
    use axum::response::IntoResponse as _;
    let bodies = [
        json!("x"),
        json!(5),
        json!(null),
        json!([]),
        json!([[]]),
        json!({}),
        json!({"id": 7, "result": "0x5"}),
        json!({"id": 7, "result": ["0x5"]}),
        json!({"id": 7, "result": {"number": "0x5", "hash": 7, "timestamp": "0xffffffffffffffff"}}),
        json!({"id": 7, "error": "no"}),
    ];
    let params = [
        json!("x"),
        json!(null),
        json!({}),
        json!([]),
        json!([[]]),
        json!(["latest", "latest", "latest"]),
        json!([{"fromBlock": 5, "toBlock": "0x10000000000000000"}]),
        json!([{"fromBlock": "0xffffffffffffffff", "toBlock": "0x0"}]),
        json!([hash(3), "0xffffffffffffffff", {"blockHash": {}}]),
    ];
    const METHODS: [&str; 8] = [
        "eth_getLogs",
        "eth_getBlockByNumber",
        "eth_getBlockByHash",
        "eth_getTransactionReceipt",
        "eth_getTransactionByHash",
        "eth_getBlockReceipts",
        "eth_call",
        "eth_sendRawTransaction",
    ];
    let said = std::sync::Arc::new(std::sync::Mutex::new(Value::Null));
    let saying = std::sync::Arc::clone(&said);
    let server = Server::start(move |_, _| axum::Json(saying.lock().unwrap().clone()).into_response()).await;
    for lie in LIES {
        let proxy = ruled(Kind::Execution, &server, lie).await;
        let url = proxy.url("execution.0").unwrap();
        for body in &bodies {
            *said.lock().unwrap() = body.clone();
            // all of it as one batch, and some of it alone
            let calls = METHODS.iter().flat_map(|method| {
                params
                    .iter()
                    .map(move |params| json!({"id": 7, "method": method, "params": params}))
            });
            let calls: Vec<Value> = calls.collect();
            for call in [&calls[0], &Value::from(calls.clone())] {
                let answer = client().post(&url).json(call).send().await;
                assert!(answer.is_ok(), "{lie} and {body}: {}", call["params"]);
            }
        }
    }
}
