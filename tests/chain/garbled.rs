//! One endpoint alters true logs, so that they cannot be read or say something else: what stands in the chain is told all
//! the same, by the others, or it is said that it is not known, and the cursor stays before it.

use std::sync::Arc;
use std::time::Duration;

use alloy::network::TransactionBuilder as _;
use alloy::primitives::{B256, U256, keccak256};
use alloy::rpc::types::TransactionRequest;
use casimir_dkg::chain::Finality;
use casimir_dkg::chain::intake::{EventSources, IntakeConfig, LocatedEvent, ObservedEvent};
use casimir_dkg::chain::rpc::Rpc;
use casimir_dkg::devnet::{Devnet, Mining};
use casimir_dkg::ports::PoolEventKind;
use casimir_dkg::ssv::SsvReader;
use casimir_dkg::types::{ClusterLayout, PoolId};
use serde_json::Value;

use super::intake::{Follower, Told, of_manager, settings};
use super::proxy::{Act, Call, Proxy};
use super::support::{deposit, devnet, encode_deposit, rpc};

const LAYOUT: ClusterLayout = ClusterLayout::ActiveThenBalance;

/// Nothing is final for long, so that every block is read by itself.
fn unsettled() -> IntakeConfig {
    IntakeConfig {
        finality: Finality::Depth(64),
        ..settings()
    }
}

/// What becomes of the pool id in a log.
type Change = fn(&str) -> String;

/// 31 bytes of it.
fn cut(data: &str) -> String {
    data[..data.len() - 2].to_owned()
}

/// More than 32 bits.
fn huge(data: &str) -> String {
    format!("0x01{}", &data[4..])
}

/// Another pool's.
fn other(data: &str) -> String {
    format!("{}9", &data[..data.len() - 1])
}

/// How far the lie goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lies {
    InLogs,
    InReceiptsToo,
}

/// Changes the requests for exits and reshares, which no state of the contract holds.
fn altered(mut answer: Value, change: Change) -> Value {
    let topics = ["PoolExitRequested(uint32)", "PoolReshareRequested(uint32)"].map(keccak256);
    let is_request = |log: &Value| {
        let topic = log["topics"][0]
            .as_str()
            .and_then(|topic| topic.parse::<B256>().ok());
        topic.is_some_and(|topic| topics.contains(&topic))
    };
    let logs = match &mut answer {
        Value::Array(logs) => Some(logs),
        receipt => receipt.get_mut("logs").and_then(Value::as_array_mut),
    };
    for log in logs.into_iter().flatten().filter(|log| is_request(log)) {
        let data = change(log["data"].as_str().unwrap());
        log["data"] = Value::from(data);
    }
    answer
}

fn liar(lies: Lies, change: Change) -> impl Fn(&Call) -> Act + Send + Sync + 'static {
    move |call| match call.method.as_str() {
        "eth_getLogs" => Act::Change(Box::new(move |logs| altered(logs, change))),
        "eth_getTransactionReceipt" if lies == Lies::InReceiptsToo => {
            Act::Change(Box::new(move |receipt| altered(receipt, change)))
        }
        _ => Act::Forward,
    }
}

/// Pool 1 has a validator.
async fn staked() -> Devnet {
    let net = devnet(LAYOUT, Mining::Instant).await;
    net.deposit_pool(1).await.unwrap();
    let to = net.addresses();
    let data = encode_deposit(&deposit(to.manager, 1), LAYOUT);
    net.send_as(to.oracle, to.manager, Default::default(), data)
        .await
        .unwrap();
    net.report_staked(PoolId(1)).await.unwrap();
    net
}

/// Its exit and a reshare are asked for, too.
async fn ground() -> Devnet {
    let net = staked().await;
    net.request_reshare(PoolId(1)).await.unwrap();
    net.request_exit(PoolId(1)).await.unwrap();
    net.mine(2).await.unwrap();
    net
}

/// So many honest endpoints behind the one that lies and is asked first.
async fn behind(liar: &Proxy, net: &Devnet, honest: usize) -> (Rpc, Vec<Proxy>) {
    let mut others = Vec::new();
    for _ in 0..honest {
        others.push(Proxy::start(Some(net.http_url()), |_| Act::Forward).await);
    }
    let urls = std::iter::once(liar)
        .chain(&others)
        .map(|proxy| proxy.url.as_str());
    (rpc(&urls.collect::<Vec<_>>()), others)
}

fn asked(told: &Told) -> Vec<(PoolEventKind, u32)> {
    let of_manager = told.standing.iter().filter_map(|o| match &o.event {
        ObservedEvent::Manager(e) => Some((e.kind, e.pool.0)),
        ObservedEvent::Ssv(_) => None,
    });
    let requests = [PoolEventKind::ReshareRequested, PoolEventKind::ExitRequested];
    let mut asked: Vec<_> = of_manager.filter(|(kind, _)| requests.contains(kind)).collect();
    asked.sort();
    asked
}

fn all() -> [(PoolEventKind, u32); 2] {
    [
        (PoolEventKind::ReshareRequested, 1),
        (PoolEventKind::ExitRequested, 1),
    ]
}

#[tokio::test]
async fn what_one_endpoint_garbles_is_read_of_the_others_and_names_it() {
    let net = ground().await;
    for (honest, lies) in [(1, Lies::InLogs), (2, Lies::InLogs), (2, Lies::InReceiptsToo)] {
        for change in [cut as Change, huge, other] {
            let proxy = Proxy::start(Some(net.http_url()), liar(lies, change)).await;
            let (rpc, _honest) = behind(&proxy, &net, honest).await;
            let mut follower = Follower::new(&net, &rpc, unsettled(), Told::default());
            follower.look().await;
            let setting = format!("{honest} honest, {lies:?}, {}", change("0x00000001"));
            assert_eq!(asked(&follower.told), all(), "{setting}");
            assert_eq!(follower.told.doubts, "", "{setting}");
            let head = net.block_number().await.unwrap();
            assert_eq!(follower.told.cursor.unwrap().number, head, "{setting}");
            let blamed: Vec<_> = rpc
                .health()
                .iter()
                .map(|health| health.contradicted > 0)
                .collect();
            assert!(blamed[0] && !blamed[1..].contains(&true), "{setting}: {blamed:?}");
        }
    }
}

#[tokio::test]
async fn of_two_endpoints_that_contradict_each_other_nothing_is_lost() {
    let net = ground().await;
    for change in [cut as Change, other] {
        let proxy = Proxy::start(Some(net.http_url()), liar(Lies::InReceiptsToo, change)).await;
        let (rpc, _honest) = behind(&proxy, &net, 1).await;
        let mut follower = Follower::new(&net, &rpc, unsettled(), Told::default());
        follower.look().await;
        assert_eq!(asked(&follower.told), []);
        let doubts = &follower.told.doubts;
        assert!(doubts.contains("is not believed"), "{doubts}");
        assert!(
            doubts.contains(proxy.url.trim_start_matches("http://")),
            "{doubts}"
        );
        let head = net.block_number().await.unwrap();
        assert!(
            follower.told.cursor.unwrap().number < head - 2,
            "it stays before it"
        );
        proxy.rescript(|_| Act::Forward);
        while asked(&follower.told) != all() {
            tokio::time::sleep(Duration::from_millis(200)).await;
            follower.look().await;
        }
        while !follower.told.doubts.is_empty() {
            tokio::time::sleep(Duration::from_millis(200)).await;
            follower.look().await;
        }
    }
}

/// Whoever has one endpoint hears of it at least, again after a restart.
#[tokio::test]
async fn what_the_only_endpoint_garbles_is_said_and_not_passed() {
    let net = ground().await;
    for lies in [Lies::InLogs, Lies::InReceiptsToo] {
        let proxy = Proxy::start(Some(net.http_url()), liar(lies, cut)).await;
        let (rpc, _) = behind(&proxy, &net, 0).await;
        let mut follower = Follower::new(&net, &rpc, unsettled(), Told::default());
        for _ in 0..2 {
            follower.look().await;
            assert_eq!(asked(&follower.told), []);
            let doubts = follower.told.doubts.clone();
            let expected = match lies {
                Lies::InLogs => "denies it by its own receipt",
                Lies::InReceiptsToo => "cannot be read, and opens nothing",
            };
            assert!(doubts.contains(expected), "{doubts}");
            let head = net.block_number().await.unwrap();
            assert!(
                follower.told.cursor.unwrap().number < head - 2,
                "it stays before it"
            );
            let mut told = std::mem::take(&mut follower.told);
            told.doubts.clear();
            follower = Follower::new(&net, &rpc, unsettled(), told);
        }
    }
}

/// SSV's logs tell what a registration must bring: a garbled one is no other owner's.
#[tokio::test]
async fn a_log_of_ssv_that_cannot_be_read_is_said_and_taken_of_the_others() {
    let net = staked().await;
    net.mine(2).await.unwrap();
    let ssv = net.addresses().ssv.to_string().to_lowercase();
    let shortened = move |mut logs: Value| {
        let of_ssv = |log: &&mut Value| log["address"].as_str().unwrap().to_lowercase() == ssv;
        for log in logs.as_array_mut().unwrap().iter_mut().filter(of_ssv) {
            let data = log["data"].as_str().unwrap();
            log["data"] = Value::from(&data[..data.len() - 64]);
        }
        logs
    };
    let proxy = Proxy::start(Some(net.http_url()), move |call| match call.method.as_str() {
        "eth_getLogs" => Act::Change(Box::new(shortened.clone())),
        _ => Act::Forward,
    })
    .await;
    for honest in [0, 1] {
        let (rpc, _honest) = behind(&proxy, &net, honest).await;
        let to = net.addresses();
        let sources = EventSources {
            ssv: Some(Arc::new(SsvReader::new(
                rpc.clone(),
                to.ssv,
                to.manager,
                LAYOUT,
                0,
            ))),
            ..of_manager(&net, &rpc)
        };
        let mut follower = Follower::of(sources, &rpc, unsettled(), Told::default());
        follower.look().await;
        let is_of_ssv = |told: &LocatedEvent| matches!(told.event, ObservedEvent::Ssv(_));
        let heard = follower
            .told
            .standing
            .iter()
            .filter(|told| is_of_ssv(told))
            .count();
        let doubts = &follower.told.doubts;
        let head = net.block_number().await.unwrap();
        let is_past = follower.told.cursor.unwrap().number == head;
        match honest {
            0 => assert!(
                heard == 0 && !is_past && doubts.contains("a log of SSV"),
                "{doubts}"
            ),
            _ => assert!(
                heard == 1 && is_past && doubts.is_empty(),
                "{heard} heard; {doubts}"
            ),
        }
    }
}

/// Both requests stand in one block, and of one of them nothing is told.
#[tokio::test]
async fn a_log_that_is_told_hides_no_other_of_its_block() {
    let net = staked().await;
    net.set_mining(Mining::Manual).await.unwrap();
    let before = net.block_number().await.unwrap();
    for signature in ["requestReshare(uint32)", "requestExit(uint32)"] {
        let mut data = keccak256(signature)[..4].to_vec();
        data.extend(U256::ONE.to_be_bytes::<32>());
        let request = TransactionRequest::default()
            .with_from(net.accounts().upkeep)
            .with_to(net.addresses().manager)
            .with_input(data)
            .with_gas_limit(500_000);
        let _: B256 = net.rpc("eth_sendTransaction", (request,)).await.unwrap();
    }
    net.mine(2).await.unwrap();
    let omits = Proxy::start(Some(net.http_url()), move |call| match call.method.as_str() {
        "eth_getLogs" => Act::Change(Box::new(move |mut logs| {
            let block = Value::from(format!("{:#x}", before + 1));
            let all = logs.as_array_mut().unwrap();
            let second = all.iter().rposition(|log| log["blockNumber"] == block);
            second.map(|at| all.remove(at));
            logs
        })),
        _ => Act::Forward,
    })
    .await;
    let (rpc, _honest) = behind(&omits, &net, 1).await;
    let mut follower = Follower::new(&net, &rpc, unsettled(), Told::default());
    follower.look().await;
    assert_eq!(asked(&follower.told), all());
    assert!(rpc.health()[0].omitted_logs > 0);
}
