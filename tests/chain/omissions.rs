//! Nodes that leave logs out of what owner nonce, committees and known deposits are rebuilt from: one voice counts what it
//! is told, a second one contradicts it, and where a contract keeps a count, its state does.

use alloy::primitives::{Bytes, U256};
use casimir_dkg::chain::deposits::DepositLogs;
use casimir_dkg::chain::rpc::Rpc;
use casimir_dkg::devnet::{Devnet, Mining};
use casimir_dkg::ports::agreed::{on_committee, on_registrations};
use casimir_dkg::ports::{Accord, Agreement, Answer, At, ResharePool, SsvState};
use casimir_dkg::ssv::SsvReader;
use casimir_dkg::types::{BlockRef, BlsPublicKey, ClusterLayout, OperatorId, PoolId};
use serde_json::Value;

use super::agreement::agreement;
use super::proxy::{Act, Call, Proxy};
use super::support::{deposit, devnet, encode_deposit, encode_reshare, manager, rpc, with_cluster};

const LAYOUT: ClusterLayout = ClusterLayout::ActiveThenBalance;

/// Leaves every log out.
fn omit(call: &Call) -> Act {
    match call.method.as_str() {
        "eth_getLogs" => Act::Change(Box::new(|_| Value::Array(vec![]))),
        _ => Act::Forward,
    }
}

async fn head(rpc: &Rpc) -> BlockRef {
    rpc.head().await.unwrap().block()
}

/// Nothing was read before they are asked.
fn unread() -> Answer<SsvState> {
    Answer::not_known("nobody read them")
}

/// On the committee of pool 1, as an honest endpoint tells it.
async fn on_held(net: &Devnet, asked: &dyn Agreement, block: BlockRef) -> Accord {
    let honest = manager(net, &rpc(&[&net.http_url()]));
    let told = honest.committee(PoolId(1), block).await.yes().unwrap();
    on_committee(asked, &*honest, PoolId(1), block, &told).await
}

fn ssv(net: &Devnet, rpc: &Rpc) -> SsvReader {
    let to = net.addresses();
    SsvReader::new(rpc.clone(), to.ssv, to.manager, LAYOUT, 0)
}

fn deposits(net: &Devnet, rpc: &Rpc) -> DepositLogs {
    DepositLogs::new(rpc.clone(), net.addresses().deposit_contract)
}

/// A pool's deposit, and its key.
async fn deposited(net: &Devnet, seed: u8) -> BlsPublicKey {
    net.deposit_pool(1).await.unwrap();
    let to = net.addresses();
    let honest = rpc(&[&net.http_url()]);
    let call = deposit(to.manager, seed);
    let state = ssv(net, &honest)
        .at(head(&honest).await, &call.operator_ids)
        .await;
    let call = with_cluster(call, state.unwrap().cluster);
    let data = encode_deposit(&call, LAYOUT);
    net.send_as(to.oracle, to.manager, U256::ZERO, data)
        .await
        .unwrap();
    call.public_key
}

async fn reshared(net: &Devnet, last: u64) {
    let to = net.addresses();
    let data = encode_reshare(&ResharePool {
        pool: PoolId(1),
        operator_ids: [1, 2, 3, last].map(OperatorId).to_vec(),
        shares: Bytes::from(vec![7; 100]),
        handover: None,
    });
    net.send_as(to.oracle, to.manager, U256::ZERO, data)
        .await
        .unwrap();
}

/// How many blocks lie on top of what is left out: it is among the newest, or deep enough to be kept for good.
const DEPTHS: [u64; 2] = [0, 300];

/// An honest endpoint and one that leaves every log out, one of them first.
async fn one_of_two(net: &Devnet, forgetful_first: bool) -> (Proxy, Proxy, Rpc) {
    let honest = Proxy::start(Some(net.http_url()), |_| Act::Forward).await;
    let forgetful = Proxy::start(Some(net.http_url()), omit).await;
    let urls = match forgetful_first {
        true => [&forgetful.url, &honest.url],
        false => [&honest.url, &forgetful.url],
    };
    let rpc = rpc(&urls.map(String::as_str));
    (honest, forgetful, rpc)
}

#[tokio::test]
async fn registrations_that_one_of_two_endpoints_leaves_out_are_a_contradiction_and_no_number() {
    for depth in DEPTHS {
        let net = devnet(LAYOUT, Mining::Instant).await;
        deposited(&net, 1).await;
        deposited(&net, 2).await;
        net.mine(depth).await.unwrap();
        for first in [true, false] {
            let (_honest, forgetful, rpc) = one_of_two(&net, first).await;
            let verdict = on_registrations(&agreement(&net, &rpc), head(&rpc).await, &unread()).await;
            assert!(verdict.contradiction().is_some(), "{verdict:?}");
            let words = verdict.words();
            assert!(words.contains("the owner's registrations at SSV"), "{words}");
            let name = forgetful.url.trim_start_matches("http://");
            assert!(words.contains(name), "{words}");
            let compared = forgetful.calls("eth_getBlockReceipts").len();
            assert_eq!(compared, 0, "no block is compared for it");
        }
        // the only endpoint counts what it is told, and the state implies another number
        let forgetful = Proxy::start(Some(net.http_url()), omit).await;
        let rpc = rpc(&[&forgetful.url]);
        let block = head(&rpc).await;
        let counted = ssv(&net, &rpc).at(block, &[]).await.unwrap();
        assert_eq!(counted.owner_nonce, 0);
        let verdict = on_registrations(&agreement(&net, &rpc), block, &unread()).await;
        assert_eq!(verdict, Accord::Alone);
        net.deposit_pool(1).await.unwrap();
        let implied = manager(&net, &rpc).implied_owner_nonce(At::Latest).await;
        assert_eq!(implied, Some(Answer::Yes(2)));
    }
}

#[tokio::test]
async fn what_an_endpoint_left_out_for_a_while_is_read_anew_once_it_is_contradicted() {
    let net = devnet(LAYOUT, Mining::Instant).await;
    let key = deposited(&net, 1).await;
    reshared(&net, 5).await;
    net.mine(300).await.unwrap();
    for first in [true, false] {
        let (_honest, forgetful, rpc) = one_of_two(&net, first).await;
        let (asked, block) = (agreement(&net, &rpc), head(&rpc).await);
        let disagree = |accord: Accord| accord.contradiction().is_some();
        assert!(disagree(on_registrations(&asked, block, &unread()).await));
        assert!(disagree(on_held(&net, &asked, block).await));
        let logs = deposits(&net, &self::rpc(&[&forgetful.url]));
        logs.of(&key, 0, block).await.unwrap_err();
        forgetful.rescript(|_| Act::Forward);
        let again = on_registrations(&asked, block, &unread()).await;
        assert!(matches!(again, Accord::Agree { agreeing: 2, .. }), "{again:?}");
        let again = on_held(&net, &asked, block).await;
        assert!(matches!(again, Accord::Agree { agreeing: 2, .. }), "{again:?}");
        assert_eq!(logs.of(&key, 0, block).await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn a_reshare_that_one_of_two_endpoints_leaves_out_is_a_contradiction() {
    for depth in DEPTHS {
        let net = devnet(LAYOUT, Mining::Instant).await;
        deposited(&net, 1).await;
        reshared(&net, 5).await;
        net.mine(depth).await.unwrap();
        let (_honest, forgetful, rpc) = one_of_two(&net, false).await;
        let block = head(&rpc).await;
        let verdict = on_held(&net, &agreement(&net, &rpc), block).await;
        let words = verdict.words();
        assert!(verdict.contradiction().is_some(), "{words}");
        assert!(words.contains("who holds the pool's key"), "{words}");
        let name = forgetful.url.trim_start_matches("http://");
        assert!(words.contains(name), "{words}");
        let honest = self::rpc(&[&net.http_url()]);
        let committee = manager(&net, &honest).committee(PoolId(1), block).await;
        let committee = committee.yes().unwrap();
        assert_eq!(committee.operator_ids, [1, 2, 3, 5].map(OperatorId));
        assert_eq!(committee.reshare_count, 1);
    }
}

#[tokio::test]
async fn a_deposit_that_a_node_leaves_out_is_missing_by_the_contracts_own_count() {
    for depth in DEPTHS {
        let net = devnet(LAYOUT, Mining::Instant).await;
        let key = deposited(&net, 1).await;
        net.mine(depth).await.unwrap();
        let forgetful = Proxy::start(Some(net.http_url()), omit).await;
        let rpc = rpc(&[&forgetful.url]);
        let none = deposits(&net, &rpc).of(&key, 0, head(&rpc).await).await;
        let why = none.unwrap_err().to_string();
        assert!(why.contains("the contract's state counts 1"), "{why}");
        assert_eq!(forgetful.calls("eth_getBlockReceipts").len(), 0);
    }
}

/// Throws every state away but the newest, and leaves the logs of this block and later ones out.
fn prunes(omitted: u64) -> impl Fn(&Call) -> Act + Send + Sync + 'static {
    move |call| match call.method.as_str() {
        // by number, where the newest is asked for by hash
        "eth_call" if call.params[1].is_string() => Act::Error(-32000, "missing trie node".to_owned()),
        "eth_getLogs" => Act::Change(Box::new(move |mut logs| {
            let stands = |log: &Value| {
                let block = log["blockNumber"].as_str().unwrap();
                u64::from_str_radix(&block[2..], 16).unwrap() < omitted
            };
            logs.as_array_mut().unwrap().retain(stands);
            logs
        })),
        _ => Act::Forward,
    }
}

#[tokio::test]
async fn without_the_old_state_an_older_deposit_tells_how_many_there_were() {
    let net = devnet(LAYOUT, Mining::Instant).await;
    deposited(&net, 1).await;
    net.mine(5).await.unwrap();
    let since = net.block_number().await.unwrap();
    net.mine(5).await.unwrap();
    let unused = deposit(net.addresses().manager, 9).public_key;
    let of = async |omitted| {
        let pruned = Proxy::start(Some(net.http_url()), prunes(omitted)).await;
        let rpc = rpc(&[&pruned.url]);
        let found = deposits(&net, &rpc).of(&unused, since, head(&rpc).await).await;
        assert!(pruned.calls("eth_call").len() > 1, "the old state was asked for");
        found
    };
    assert_eq!(of(u64::MAX).await.unwrap(), []);
    let why = of(0).await.unwrap_err().to_string();
    assert!(
        why.contains("no endpoint tells how many there were before"),
        "{why}"
    );
    deposited(&net, 2).await;
    let why = of(since + 1).await.unwrap_err().to_string();
    assert!(why.contains("the last deposit in the logs is number 0"), "{why}");
}

#[tokio::test]
async fn a_key_takes_the_deposit_contracts_logs_only_since_it_was_made() {
    let net = devnet(LAYOUT, Mining::Instant).await;
    let old = deposited(&net, 1).await;
    net.mine(50).await.unwrap();
    let since = net.block_number().await.unwrap();
    let new = deposited(&net, 2).await;
    let asked = Proxy::start(Some(net.http_url()), |_| Act::Forward).await;
    let rpc = rpc(&[&asked.url]);
    let reader = deposits(&net, &rpc);
    let unused = deposit(net.addresses().manager, 9).public_key;
    let block = head(&rpc).await;
    assert_eq!(reader.of(&unused, since, block).await.unwrap(), []);
    assert_eq!(reader.of(&new, since, block).await.unwrap().len(), 1);
    assert_eq!(reader.of(&old, since, block).await.unwrap(), []);
    for call in asked.calls("eth_getLogs") {
        let from = call.params[0]["fromBlock"].as_str().unwrap();
        let from = u64::from_str_radix(&from[2..], 16).unwrap();
        assert!(from >= since, "logs from block {from} on, before {since}");
    }
}

#[tokio::test]
async fn a_deposit_missing_among_others_of_its_block_is_noticed_by_the_numbers() {
    let net = devnet(LAYOUT, Mining::Instant).await;
    for seed in 1..=3 {
        deposited(&net, seed).await;
    }
    // as if all three stood in one block, which no bloom filter tells apart: the header promises a log, and there is one
    let lossy = Proxy::start(Some(net.http_url()), |call| match call.method.as_str() {
        "eth_getBlockByNumber" => Act::Change(Box::new(|mut header| {
            header["logsBloom"] = format!("0x{}", "00".repeat(256)).into();
            header
        })),
        "eth_getLogs" => Act::Change(Box::new(|mut logs| {
            logs.as_array_mut().unwrap().remove(1);
            logs
        })),
        _ => Act::Forward,
    })
    .await;
    let rpc = rpc(&[&lossy.url]);
    let unused = deposit(net.addresses().manager, 9).public_key;
    let error = deposits(&net, &rpc)
        .of(&unused, 0, head(&rpc).await)
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("2 deposits are in the logs"),
        "{error}"
    );
}

#[tokio::test]
async fn a_reorg_of_what_was_read_gives_another_answer() {
    let net = devnet(LAYOUT, Mining::Instant).await;
    deposited(&net, 1).await;
    let registered = net.block_number().await.unwrap();
    net.mine(240).await.unwrap();
    let rpc = rpc(&[&net.http_url()]);
    let reader = ssv(&net, &rpc);
    deposited(&net, 2).await;
    let before = reader.at(head(&rpc).await, &[]).await.unwrap();
    assert_eq!(before.owner_nonce, 2);
    net.reorg(1).await.unwrap();
    let after = reader.at(head(&rpc).await, &[]).await.unwrap();
    assert_eq!(after.owner_nonce, 1);
    // and deeper than what is folded for good
    let depth = head(&rpc).await.number - registered + 1;
    net.reorg(depth).await.unwrap();
    let gone = reader.at(head(&rpc).await, &[]).await.unwrap();
    assert_eq!(gone.owner_nonce, 0);
}
