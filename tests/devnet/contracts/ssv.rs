//! The SSV stand-in: clusters in both layouts, their books, and what SSV refuses.

use alloy::network::TransactionBuilder;
use alloy::primitives::{Bytes, U256};
use alloy::providers::Provider;
use alloy::rpc::types::TransactionRequest;
use alloy::sol_types::{SolCall, SolEvent};
use casimir_dkg::devnet::DevnetOptions;
use casimir_dkg::types::ClusterLayout;

use super::super::support::{Deposit, Snapshot, active_then_balance, as_oracle, devnet, reason, refused};
use super::{LAYOUTS, with_layout};

#[tokio::test]
async fn the_cluster_must_be_the_newest_one() {
    for layout in LAYOUTS {
        let net = with_layout(layout).await;
        let to = net.addresses();
        net.deposit_pool(3).await.unwrap();
        let mut deposit = Deposit::new(to.manager, 1);
        deposit.cluster.balance = 1;
        // IncorrectClusterState()
        refused(as_oracle(&net, deposit.call(layout)).await, "12e04c87");
        deposit.cluster.balance = 0;
        let receipt = as_oracle(&net, deposit.call(layout)).await.unwrap();
        let ssv_log = receipt.logs().iter().find(|log| log.address() == to.ssv).unwrap();
        let cluster = match layout {
            ClusterLayout::ActiveThenBalance => {
                let event = active_then_balance::Calls::ValidatorAdded::decode_log(&ssv_log.inner).unwrap();
                assert_eq!(event.owner, to.manager);
                assert_eq!(event.shares, deposit.shares);
                let c = &event.cluster;
                (c.validatorCount, c.networkFeeIndex, c.index, c.active, c.balance)
            }
            ClusterLayout::BalanceThenActive => {
                let event = super::super::support::balance_then_active::Calls::ValidatorAdded::decode_log(
                    &ssv_log.inner,
                )
                .unwrap();
                let c = &event.cluster;
                (c.validatorCount, c.networkFeeIndex, c.index, c.active, c.balance)
            }
        };
        assert_eq!((cluster.0, cluster.3, cluster.4), (1, true, U256::from(100)));
        let newest = Snapshot {
            validator_count: cluster.0,
            network_fee_index: cluster.1,
            index: cluster.2,
            active: cluster.3,
            balance: 100,
        };
        let mut second = Deposit::new(to.manager, 2);
        refused(as_oracle(&net, second.call(layout)).await, "12e04c87");
        second.cluster = newest;
        as_oracle(&net, second.call(layout)).await.unwrap();
        assert_eq!(net.manager().getReadyPoolIds().call().await.unwrap(), [3]);
    }
}

#[tokio::test]
async fn the_other_layout_is_not_understood() {
    let net = with_layout(ClusterLayout::ActiveThenBalance).await;
    net.deposit_pool(1).await.unwrap();
    let deposit = Deposit::new(net.addresses().manager, 1);
    let call = deposit.call(ClusterLayout::BalanceThenActive);
    assert!(as_oracle(&net, call).await.is_err());
    assert_eq!(net.manager().getReadyPoolIds().call().await.unwrap(), [1]);
}

#[tokio::test]
async fn ssv_refuses_what_ssv_refuses() {
    let layout = ClusterLayout::ActiveThenBalance;
    let net = with_layout(layout).await;
    net.deposit_pool(2).await.unwrap();
    let good = Deposit::new(net.addresses().manager, 1);
    for (operators, selector) in [
        (vec![1, 2, 3], "38186224"), // InvalidOperatorIdsLength()
        (vec![1, 2, 3, 4, 5], "38186224"),
        (vec![1, 2, 4, 3], "dd020e25"),  // UnsortedOperatorsList()
        (vec![1, 2, 3, 3], "a5a1ff5d"),  // OperatorsListNotUnique()
        (vec![1, 2, 3, 99], "961e3e8c"), // OperatorDoesNotExist()
    ] {
        let mut bad = good.clone();
        bad.operators = operators;
        let text = reason(as_oracle(&net, bad.call(layout)).await);
        assert!(text.contains(selector), "{:?}: {text}", bad.operators);
    }
    as_oracle(&net, good.call(layout)).await.unwrap();
    // ValidatorAlreadyExistsWithData(bytes): the key is registered once, in whatever cluster
    let mut again = good.clone();
    again.operators = vec![5, 6, 7, 8];
    refused(as_oracle(&net, again.call(layout)).await, "388e7999");
}

#[tokio::test]
async fn the_stand_in_keeps_a_clusters_books() {
    let net = with_layout(ClusterLayout::ActiveThenBalance).await;
    let (owner, ssv) = (net.accounts().owner, net.addresses().ssv);
    let ids = vec![1, 2, 3, 4];
    let send = |data: Vec<u8>| net.send("SSV call", owner, ssv, U256::ZERO, data);
    /// The tuple of the newest event: always its last five words, whatever stands before.
    fn newest(receipt: &alloy::rpc::types::TransactionReceipt) -> active_then_balance::Cluster {
        // a transfer of tokens may stand before it
        let is_cluster = |log: &&alloy::rpc::types::Log| log.inner.data.data.len() > 5 * 32;
        let data = &receipt.logs().iter().find(is_cluster).unwrap().inner.data.data;
        // the head of the event data: operatorIds offset, then (bytes, bytes | value | nothing), then the tuple inline
        let words: Vec<U256> = data.chunks(32).map(U256::from_be_slice).collect();
        let tuple = (words[0].to::<usize>() / 32) - 5;
        active_then_balance::Cluster {
            validatorCount: words[tuple].to(),
            networkFeeIndex: words[tuple + 1].to(),
            index: words[tuple + 2].to(),
            active: !words[tuple + 3].is_zero(),
            balance: words[tuple + 4],
        }
    }
    use active_then_balance::Calls;
    let register = Calls::registerValidatorCall {
        publicKey: vec![7; 48].into(),
        operatorIds: ids.clone(),
        shares: Bytes::new(),
        amount: U256::from(50),
        cluster: Snapshot::FRESH.in_new_order(),
    };
    let cluster = newest(&send(register.abi_encode()).await.unwrap());
    assert_eq!((cluster.validatorCount, cluster.balance), (1, U256::from(50)));
    let call = Calls::depositCall {
        clusterOwner: owner,
        operatorIds: ids.clone(),
        amount: U256::from(5),
        cluster,
    };
    let cluster = newest(&send(call.abi_encode()).await.unwrap());
    assert_eq!(cluster.balance, U256::from(55));
    // the snapshot before is void
    refused(send(call.abi_encode()).await, "12e04c87");
    let call = Calls::withdrawCall {
        operatorIds: ids.clone(),
        amount: U256::from(15),
        cluster,
    };
    let cluster = newest(&send(call.abi_encode()).await.unwrap());
    assert_eq!(cluster.balance, U256::from(40));
    let call = Calls::liquidateCall {
        clusterOwner: owner,
        operatorIds: ids.clone(),
        cluster,
    };
    let cluster = newest(&send(call.abi_encode()).await.unwrap());
    assert_eq!((cluster.active, cluster.balance), (false, U256::ZERO));
    let mut another = register.clone();
    another.publicKey = vec![8; 48].into();
    another.cluster = cluster.clone();
    // ClusterIsLiquidated()
    refused(send(another.abi_encode()).await, "95a0cf33");
    let call = Calls::reactivateCall {
        operatorIds: ids.clone(),
        amount: U256::from(9),
        cluster,
    };
    let cluster = newest(&send(call.abi_encode()).await.unwrap());
    assert_eq!((cluster.active, cluster.balance), (true, U256::from(9)));
    let call = Calls::removeValidatorCall {
        publicKey: vec![7; 48].into(),
        operatorIds: ids,
        cluster,
    };
    let cluster = newest(&send(call.abi_encode()).await.unwrap());
    assert_eq!(cluster.validatorCount, 0);
}

#[tokio::test]
async fn operators_are_registered_in_the_order_of_their_ids() {
    let keys: Vec<String> = ["first", "second"].map(str::to_owned).to_vec();
    let net = devnet(DevnetOptions {
        operators: keys.clone(),
        ..DevnetOptions::default()
    })
    .await;
    use casimir_dkg::devnet::contracts::SsvOperators::OperatorAdded;
    let filter = alloy::rpc::types::Filter::new()
        .address(net.addresses().ssv)
        .event_signature(OperatorAdded::SIGNATURE_HASH)
        .from_block(0);
    let logs = net.provider().get_logs(&filter).await.unwrap();
    let added: Vec<(u64, String)> = logs
        .iter()
        .map(|log| {
            let event = OperatorAdded::decode_log(&log.inner).unwrap();
            let key = <String as alloy::sol_types::SolValue>::abi_decode(&event.publicKey).unwrap();
            (event.operatorId, key)
        })
        .collect();
    assert_eq!(added, [(1, keys[0].clone()), (2, keys[1].clone())]);
    // an account that anvil does not sign for pays its own way
    let request = TransactionRequest::default().with_from(net.addresses().oracle);
    let answer = net
        .rpc::<serde_json::Value>("eth_sendTransaction", (request,))
        .await;
    assert!(answer.is_err(), "the oracle's key is not anvil's");
}
