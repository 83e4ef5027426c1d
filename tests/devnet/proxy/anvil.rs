//! `eth_getLogs` of the real node and the real contracts, with one liar among three endpoints before it.

use casimir_dkg::chain::rpc::{LogFilter, Rpc, RpcConfig};
use casimir_dkg::devnet::proxy::{FaultProxy, Kind, Switch, Target};
use casimir_dkg::devnet::{Devnet, DevnetOptions};
use casimir_dkg::types::{PoolId, RedactedUrl};
use serde_json::{Value, json};

use super::super::support::devnet;
use super::result;
use super::scenarios::ship;

async fn three(net: &Devnet) -> FaultProxy {
    let target = |n| Target::new(Kind::Execution, &format!("execution.{n}"), &net.http_url()).unwrap();
    FaultProxy::start((0..3).map(target).collect()).await.unwrap()
}

/// What each endpoint tells of the manager, as blocks and data.
async fn told(proxy: &FaultProxy, net: &Devnet) -> Vec<Vec<(Value, Value)>> {
    let filter = json!({"fromBlock": "0x0", "toBlock": "latest", "address": net.addresses().manager});
    let mut all = Vec::new();
    for n in 0..3 {
        let url = proxy.url(&format!("execution.{n}")).unwrap();
        let logs = result(&url, "eth_getLogs", json!([filter])).await;
        let logs = logs.as_array().unwrap().iter();
        all.push(
            logs.map(|log| (log["topics"][0].clone(), log["data"].clone()))
                .collect(),
        );
    }
    all
}

#[tokio::test]
async fn one_of_three_endpoints_adds_leaves_out_and_alters_logs() {
    let net = devnet(DevnetOptions::default()).await;
    assert_eq!(net.deposit_pool(2).await.unwrap(), [PoolId(1), PoolId(2)]);
    let proxy = three(&net).await;
    let honest = told(&proxy, &net).await;
    assert!(honest[0].len() >= 2 && honest[0] == honest[1] && honest[1] == honest[2]);

    for (name, count) in [
        ("log-added-deposit-initiated", honest[0].len() + 1),
        ("log-added-deposit-requested", honest[0].len() + 1),
        ("log-left-out", honest[0].len() - 2),
        ("log-altered", honest[0].len()),
        ("log-told-twice", 2 * honest[0].len()),
    ] {
        proxy.load(ship(name, &net, "execution.1")).unwrap();
        proxy.switch(name, Switch::On).unwrap();
        let lies = told(&proxy, &net).await;
        assert_eq!(
            (&lies[0], &lies[2]),
            (&honest[0], &honest[0]),
            "{name}: the others are honest"
        );
        assert_eq!(lies[1].len(), count, "{name}");
        assert_ne!(lies[1], honest[0], "{name}");
        assert_eq!(proxy.strikes(name), 1, "{name}");
        assert_eq!(proxy.log().last().unwrap().target, "execution.1");
        proxy.switch(name, Switch::Off).unwrap();
        assert_eq!(told(&proxy, &net).await, honest, "{name} is over");
    }
}

#[tokio::test]
async fn the_lie_is_what_the_contract_would_have_said() {
    use alloy::sol_types::SolEvent as _;
    alloy::sol! {
        event PoolDepositInitiated(uint32 poolId);
        event PoolDeposited(uint32 poolId);
    }
    let net = devnet(DevnetOptions::default()).await;
    let proxy = three(&net).await;
    proxy
        .load(ship(
            "log-added-deposit-initiated-with-receipts",
            &net,
            "execution.0",
        ))
        .unwrap();
    proxy
        .switch("log-added-deposit-initiated-with-receipts", Switch::On)
        .unwrap();
    // the program's own client takes it for a log like any other
    let url = proxy.url("execution.0").unwrap();
    let rpc = Rpc::new(RpcConfig::new(vec![RedactedUrl::new(url.clone())], 31337)).unwrap();
    let head = rpc.head().await.unwrap();
    let filter = LogFilter {
        addresses: vec![net.addresses().manager],
        topics: vec![vec![
            PoolDepositInitiated::SIGNATURE_HASH,
            PoolDeposited::SIGNATURE_HASH,
        ]],
    };
    let filter = json!({
        "fromBlock": "0x0", "toBlock": "latest", "address": filter.addresses, "topics": filter.topics,
    });
    let logs = result(&url, "eth_getLogs", json!([filter])).await;
    let log: alloy::rpc::types::Log = serde_json::from_value(logs[0].clone()).unwrap();
    assert_eq!(log.block_number, Some(head.number()));
    assert_eq!(log.block_hash, Some(head.hash), "in a block of the chain");
    let event = PoolDepositInitiated::decode_log(&log.inner).unwrap();
    assert_eq!(event.poolId, 1);
    let receipt = rpc.receipt(log.transaction_hash.unwrap()).await.unwrap().unwrap();
    assert!(receipt.succeeded() && receipt.block() == head.block());
    assert_eq!(receipt.logs.len(), 1);
    let transaction = rpc
        .transaction(log.transaction_hash.unwrap())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(transaction.to, Some(net.addresses().manager));
    let header = rpc.head().await.unwrap();
    assert_eq!(header.logs_bloom.unwrap().0, [0xff; 256]);
}
