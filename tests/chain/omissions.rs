//! Nodes that leave logs out of what owner nonce, committees and known deposits are rebuilt from.

use alloy::primitives::{Bytes, U256};
use casimir_dkg::chain::deposits::DepositLogs;
use casimir_dkg::chain::rpc::Rpc;
use casimir_dkg::devnet::{Devnet, Mining};
use casimir_dkg::ports::ResharePool;
use casimir_dkg::ssv::SsvReader;
use casimir_dkg::types::{BlockRef, BlsPublicKey, ClusterLayout, OperatorId, PoolId};
use serde_json::Value;

use super::proxy::{Act, Call, Proxy};
use super::support::{deposit, devnet, encode_deposit, encode_reshare, manager, rpc};

const LAYOUT: ClusterLayout = ClusterLayout::ActiveThenBalance;

/// Leaves every log out.
fn omit(call: &Call) -> Act {
    match call.method.as_str() {
        "eth_getLogs" => Act::Change(Box::new(|_| Value::Array(vec![]))),
        _ => Act::Forward,
    }
}

/// Leaves every log out, and has no receipts in which to find them.
fn omit_without_receipts(call: &Call) -> Act {
    match call.method.as_str() {
        "eth_getBlockReceipts" => Act::Error(-32601, "the method does not exist".into()),
        _ => omit(call),
    }
}

async fn head(rpc: &Rpc) -> BlockRef {
    rpc.head().await.unwrap().block()
}

fn ssv(net: &Devnet, rpc: &Rpc) -> SsvReader {
    let to = net.addresses();
    SsvReader::new(rpc.clone(), to.ssv, to.manager, LAYOUT, 0)
}

fn deposits(net: &Devnet, rpc: &Rpc) -> DepositLogs {
    DepositLogs::new(rpc.clone(), net.addresses().deposit_contract, 0)
}

/// A pool's deposit, and its key.
async fn deposited(net: &Devnet, seed: u8) -> BlsPublicKey {
    net.deposit_pool(1).await.unwrap();
    let to = net.addresses();
    let honest = rpc(&[&net.http_url()]);
    let mut call = deposit(to.manager, seed);
    let ids = call.operator_ids.clone();
    call.cluster = ssv(net, &honest)
        .at(head(&honest).await, &ids)
        .await
        .unwrap()
        .cluster;
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
    });
    net.send_as(to.oracle, to.manager, U256::ZERO, data)
        .await
        .unwrap();
}

/// How many blocks lie on top of what is left out: it is among the newest, or deep enough to be kept for good.
const DEPTHS: [u64; 2] = [0, 200];

#[tokio::test]
async fn the_owner_nonce_counts_registrations_that_a_node_leaves_out() {
    for depth in DEPTHS {
        let net = devnet(LAYOUT, Mining::Instant).await;
        deposited(&net, 1).await;
        deposited(&net, 2).await;
        net.mine(depth).await.unwrap();
        let forgetful = Proxy::start(Some(net.http_url()), omit).await;
        let rpc = rpc(&[&forgetful.url]);
        let reader = ssv(&net, &rpc);
        let ids: Vec<_> = (1..=4).map(OperatorId).collect();
        let state = reader.at(head(&rpc).await, &ids).await.unwrap();
        assert_eq!((state.owner_nonce, state.cluster.validator_count), (2, 2));
        assert_eq!(state.unproven, None);
        assert_eq!(rpc.health()[0].omitted_logs, 2, "the endpoint is flagged");

        // asked again, it neither forgets nor counts twice, and asks for little
        let asked = forgetful.calls("eth_getBlockByNumber").len();
        let again = reader.at(head(&rpc).await, &ids).await.unwrap();
        assert_eq!((again.owner_nonce, again.unproven), (2, None));
        assert_eq!(rpc.health()[0].omitted_logs, 2);
        let more = forgetful.calls("eth_getBlockByNumber").len() - asked;
        assert!(more <= 2, "{more} headers for blocks that were looked at before");
    }
}

#[tokio::test]
async fn the_present_committee_is_found_though_a_node_leaves_the_reshare_out() {
    for depth in DEPTHS {
        let net = devnet(LAYOUT, Mining::Instant).await;
        deposited(&net, 1).await;
        reshared(&net, 5).await;
        net.mine(depth).await.unwrap();
        let forgetful = Proxy::start(Some(net.http_url()), omit).await;
        let rpc = rpc(&[&forgetful.url]);
        let manager = manager(&net, &rpc);
        let committee = manager
            .committee(PoolId(1), head(&rpc).await)
            .await
            .yes()
            .unwrap();
        assert_eq!(committee.operator_ids, [1, 2, 3, 5].map(OperatorId));
        assert_eq!((committee.reshare_count, committee.unproven), (1, None));
        assert!(rpc.health()[0].omitted_logs > 0);
    }
}

#[tokio::test]
async fn a_deposit_that_a_node_leaves_out_is_known() {
    for depth in DEPTHS {
        let net = devnet(LAYOUT, Mining::Instant).await;
        let key = deposited(&net, 1).await;
        net.mine(depth).await.unwrap();
        let forgetful = Proxy::start(Some(net.http_url()), omit).await;
        let rpc = rpc(&[&forgetful.url]);
        let known = deposits(&net, &rpc).of(&key, head(&rpc).await).await.unwrap();
        assert_eq!(known.len(), 1);
        assert!(rpc.health()[0].omitted_logs > 0);
    }
}

#[tokio::test]
async fn what_can_not_be_found_out_is_said_to_be_uncertain_and_found_later() {
    for depth in DEPTHS {
        let net = devnet(LAYOUT, Mining::Instant).await;
        let key = deposited(&net, 1).await;
        reshared(&net, 5).await;
        net.mine(depth).await.unwrap();
        let blind = Proxy::start(Some(net.http_url()), omit_without_receipts).await;
        let rpc = rpc(&[&blind.url]);
        let (ssv, deposits) = (ssv(&net, &rpc), deposits(&net, &rpc));
        let manager = manager(&net, &rpc);
        let state = ssv.at(head(&rpc).await, &[]).await.unwrap();
        let why = state.unproven.expect("nothing proves the nonce").to_string();
        assert!(why.contains("may hold logs that were left out"), "{why}");
        let committee = manager
            .committee(PoolId(1), head(&rpc).await)
            .await
            .yes()
            .unwrap();
        assert!(committee.unproven.is_some());
        let none = deposits.of(&key, head(&rpc).await).await.unwrap_err().to_string();
        assert!(none.contains("not certain that no log was left out"), "{none}");

        // the receipts come back: what was taken for settled is not wrong for good
        blind.rescript(omit);
        let state = ssv.at(head(&rpc).await, &[]).await.unwrap();
        assert_eq!((state.owner_nonce, state.unproven), (1, None));
        let committee = manager
            .committee(PoolId(1), head(&rpc).await)
            .await
            .yes()
            .unwrap();
        assert_eq!((committee.reshare_count, committee.unproven), (1, None));
        assert_eq!(deposits.of(&key, head(&rpc).await).await.unwrap().len(), 1);
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
        .of(&unused, head(&rpc).await)
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("2 deposits are in the logs"),
        "{error}"
    );
}

#[tokio::test]
async fn a_long_history_is_compared_in_several_looks() {
    let net = devnet(LAYOUT, Mining::Instant).await;
    deposited(&net, 1).await;
    for _ in 0..43 {
        net.mine(100).await.unwrap();
    }
    deposited(&net, 2).await;
    net.mine(300).await.unwrap();
    let forgetful = Proxy::start(Some(net.http_url()), omit).await;
    let rpc = rpc(&[&forgetful.url]);
    let reader = ssv(&net, &rpc);
    let first = reader.at(head(&rpc).await, &[]).await.unwrap();
    let why = first.unproven.expect("not done yet").to_string();
    assert!(why.contains("not compared with their headers yet"), "{why}");
    let second = reader.at(head(&rpc).await, &[]).await.unwrap();
    assert_eq!((second.owner_nonce, second.unproven), (2, None));
}

#[tokio::test]
async fn a_reorg_of_what_was_compared_gives_another_answer() {
    let net = devnet(LAYOUT, Mining::Instant).await;
    deposited(&net, 1).await;
    let registered = net.block_number().await.unwrap();
    net.mine(140).await.unwrap();
    let rpc = rpc(&[&net.http_url()]);
    let reader = ssv(&net, &rpc);
    deposited(&net, 2).await;
    let before = reader.at(head(&rpc).await, &[]).await.unwrap();
    assert_eq!((before.owner_nonce, before.unproven), (2, None));
    net.reorg(1).await.unwrap();
    let after = reader.at(head(&rpc).await, &[]).await.unwrap();
    assert_eq!((after.owner_nonce, after.unproven), (1, None));
    // and deeper than what is folded for good
    let depth = head(&rpc).await.number - registered + 1;
    net.reorg(depth).await.unwrap();
    let gone = reader.at(head(&rpc).await, &[]).await.unwrap();
    assert_eq!((gone.owner_nonce, gone.unproven), (0, None));
}
