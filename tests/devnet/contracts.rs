//! The contracts behave as described: each revert text, the serial queue, who may call what, both cluster layouts, and
//! reshares that are stored or forgotten.

use alloy::network::TransactionBuilder;
use alloy::primitives::{Bytes, U256, hex};
use alloy::providers::Provider;
use alloy::rpc::types::TransactionRequest;
use alloy::sol_types::{SolCall, SolEvent};
use casimir_dkg::devnet::contracts::{DepositContract, Depositor, Manager, ManagerActors};
use casimir_dkg::devnet::{Devnet, DevnetOptions, ManagerVersion};
use casimir_dkg::types::{ClusterLayout, PoolId};

use super::support::{Deposit, Reshare, Snapshot, active_then_balance, as_oracle, devnet, reason, refused};

const LAYOUTS: [ClusterLayout; 2] = [ClusterLayout::BalanceThenActive, ClusterLayout::ActiveThenBalance];

async fn with_layout(layout: ClusterLayout) -> Devnet {
    devnet(DevnetOptions {
        cluster_layout: layout,
        ..DevnetOptions::default()
    })
    .await
}

#[tokio::test]
async fn the_empty_deposit_tree_has_its_known_root() {
    let net = with_layout(ClusterLayout::ActiveThenBalance).await;
    let contract = Depositor::new(net.addresses().deposit_contract, net.provider().clone());
    assert_eq!(
        contract.get_deposit_root().call().await.unwrap(),
        hex!("d70a234731285c6804c2a4f56711ddb8c82c99740f207854891028af34e27e5e")
    );
}

#[tokio::test]
async fn pools_are_served_in_the_order_of_the_queue() {
    for layout in LAYOUTS {
        let net = with_layout(layout).await;
        let to = net.addresses();
        let first = Deposit::new(to.manager, 1);
        refused(as_oracle(&net, first.call(layout)).await, "No ready pools");
        assert_eq!(
            net.deposit_pool(3).await.unwrap(),
            [PoolId(1), PoolId(2), PoolId(3)]
        );

        let receipt = as_oracle(&net, first.call(layout)).await.unwrap();
        let initiated: Vec<u32> = receipt
            .logs()
            .iter()
            .filter_map(|log| Manager::PoolDepositInitiated::decode_log(&log.inner).ok())
            .map(|event| event.poolId)
            .collect();
        assert_eq!(initiated, [1]);
        let deposit = receipt
            .logs()
            .iter()
            .find(|log| log.address() == to.deposit_contract)
            .expect("the deposit contract was paid");
        let deposit = DepositContract::DepositEvent::decode_log(&deposit.inner).unwrap();
        assert_eq!(deposit.pubkey, first.public_key);
        assert_eq!(deposit.withdrawal_credentials, first.credentials);
        assert_eq!(deposit.amount, 32_000_000_000_u64.to_le_bytes().to_vec());
        let balance = net.provider().get_balance(to.deposit_contract).await.unwrap();
        assert_eq!(balance, U256::from(32) * U256::from(10).pow(U256::from(18)));

        let manager = net.manager();
        assert_eq!(manager.getReadyPoolIds().call().await.unwrap(), [2, 3]);
        assert_eq!(manager.getPendingPoolIds().call().await.unwrap(), [1]);
        let pool = manager.getPool(1).call().await.unwrap();
        assert_eq!(pool.publicKey, first.public_key);
        assert_eq!(pool.operatorIds, first.operators);
        assert_eq!(pool.depositDataRoot, first.root);
        assert_eq!(pool.withdrawalCredentials, first.credentials);
        assert_eq!(
            manager.getValidatorPublicKeys().call().await.unwrap(),
            [Bytes::from(first.public_key)]
        );
    }
}

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
                let event =
                    super::support::balance_then_active::Calls::ValidatorAdded::decode_log(&ssv_log.inner)
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
async fn only_the_oracle_may_call_and_fees_must_suffice() {
    let layout = ClusterLayout::ActiveThenBalance;
    let net = with_layout(layout).await;
    let to = net.addresses();
    net.deposit_pool(1).await.unwrap();
    let mut deposit = Deposit::new(to.manager, 1);
    let reshare = Reshare::resharePoolCall {
        poolId: 1,
        operatorIds: vec![1, 2, 3, 4],
        shares: Bytes::new(),
    };
    for call in [deposit.call(layout), reshare.abi_encode()] {
        let owner = net.accounts().owner;
        let answer = net
            .send("a stranger's call", owner, to.manager, U256::ZERO, call)
            .await;
        refused(answer, "Only DKG oracle can initiate pools");
    }
    deposit.fee = net.manager().getReservedFees().call().await.unwrap() + U256::ONE;
    refused(
        as_oracle(&net, deposit.call(layout)).await,
        "Not enough reserved fees",
    );
    deposit.fee -= U256::ONE;
    as_oracle(&net, deposit.call(layout)).await.unwrap();
    assert_eq!(net.manager().getReservedFees().call().await.unwrap(), U256::ZERO);
    // another oracle: the former one has no say any more
    net.set_oracle(net.accounts().owner).await.unwrap();
    refused(as_oracle(&net, reshare.abi_encode()).await, "Only DKG oracle");
}

/// `initiatePoolDeposit` of 2023-05-26, in today's order of the cluster's fields.
mod may26 {
    alloy::sol! {
        struct Cluster { uint32 validatorCount; uint64 networkFeeIndex; uint64 index; bool active; uint256 balance; }
        interface Calls {
            function initiatePoolDeposit(bytes32 depositDataRoot, bytes publicKey, bytes signature,
                bytes withdrawalCredentials, uint64[] operatorIds, bytes shares, Cluster cluster, uint256 feeAmount) external;
        }
    }
}

#[tokio::test]
async fn the_later_manager_takes_another_order_and_refuses_in_other_words() {
    let net = devnet(DevnetOptions {
        manager: ManagerVersion::May26,
        ..DevnetOptions::default()
    })
    .await;
    let to = net.addresses();
    net.deposit_pool(1).await.unwrap();
    let deposit = Deposit::new(to.manager, 1);
    let call = may26::Calls::initiatePoolDepositCall {
        depositDataRoot: deposit.root,
        publicKey: deposit.public_key.clone().into(),
        signature: deposit.signature.clone().into(),
        withdrawalCredentials: deposit.credentials.clone().into(),
        operatorIds: deposit.operators.clone(),
        shares: deposit.shares.clone().into(),
        cluster: may26::Cluster {
            validatorCount: 0,
            networkFeeIndex: 0,
            index: 0,
            active: true,
            balance: U256::ZERO,
        },
        feeAmount: deposit.fee,
    };
    let reshare = Reshare::resharePoolCall {
        poolId: 1,
        operatorIds: vec![1, 2, 3, 5],
        shares: Bytes::new(),
    };
    for call in [call.abi_encode(), reshare.abi_encode()] {
        let owner = net.accounts().owner;
        let answer = net
            .send("a stranger's call", owner, to.manager, U256::ZERO, call)
            .await;
        refused(answer, "Only manager oracle can initiate pools");
    }
    // the order of before is not a call of this contract
    let before = deposit.call(ClusterLayout::ActiveThenBalance);
    assert!(as_oracle(&net, before).await.is_err());
    as_oracle(&net, call.abi_encode()).await.unwrap();
    let pool = net.manager().getPool(1).call().await.unwrap();
    assert_eq!(pool.publicKey, deposit.public_key);
    assert_eq!(pool.signature, deposit.signature);
    assert_eq!(pool.withdrawalCredentials, deposit.credentials);
    assert_eq!(pool.shares, deposit.shares);
    net.report_staked(PoolId(1)).await.unwrap();
    as_oracle(&net, reshare.abi_encode()).await.unwrap();
}

#[tokio::test]
async fn a_wrong_data_root_is_refused_and_a_wrong_signature_is_not() {
    let layout = ClusterLayout::ActiveThenBalance;
    let net = with_layout(layout).await;
    net.deposit_pool(1).await.unwrap();
    let mut deposit = Deposit::new(net.addresses().manager, 1);
    deposit.root.0[0] ^= 1;
    let text = reason(as_oracle(&net, deposit.call(layout)).await);
    assert!(text.contains("deposit_data_root"), "{text}");
    // the signature of `Deposit::new` is made up: 32 ether are burnt without a word
    as_oracle(&net, Deposit::new(net.addresses().manager, 1).call(layout))
        .await
        .unwrap();
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
        let data = &receipt.logs()[0].inner.data.data;
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
async fn a_pool_lives_by_its_lists() {
    let layout = ClusterLayout::ActiveThenBalance;
    let net = with_layout(layout).await;
    let manager = net.manager();
    // a pool is requested when it is full, not before
    let (staker, to) = (net.accounts().staker, net.addresses().manager);
    let ether = |n: u64| U256::from(n) * U256::from(10_u64.pow(18));
    let stake = |n| {
        net.send(
            "stake",
            staker,
            to,
            ether(n),
            ManagerActors::depositCall {}.abi_encode(),
        )
    };
    stake(20).await.unwrap();
    assert!(manager.getReadyPoolIds().call().await.unwrap().is_empty());
    stake(50).await.unwrap();
    assert_eq!(manager.getReadyPoolIds().call().await.unwrap(), [1, 2]);
    assert_eq!(manager.getPool(3).call().await.unwrap().deposits, ether(6));

    let pool = PoolId(1);
    refused(net.report_staked(pool).await, "Pool is not pending");
    refused(net.request_exit(pool).await, "Pool is not staked");
    as_oracle(&net, Deposit::new(to, 1).call(layout)).await.unwrap();
    net.report_staked(pool).await.unwrap();
    assert_eq!(manager.getStakedPoolIds().call().await.unwrap(), [1]);
    assert!(manager.getPendingPoolIds().call().await.unwrap().is_empty());
    refused(net.report_exited(pool).await, "Pool is not exiting");

    net.request_reshare(pool).await.unwrap();
    net.request_exit(pool).await.unwrap();
    assert!(manager.getPool(1).call().await.unwrap().exiting);
    assert_eq!(
        manager.getExitingValidatorCount().call().await.unwrap(),
        U256::ONE
    );
    refused(net.request_exit(pool).await, "Pool is already exiting");
    net.report_exited(pool).await.unwrap();
    let deleted = manager.getPool(1).call().await.unwrap();
    assert!(deleted.publicKey.is_empty() && deleted.deposits.is_zero() && !deleted.exiting);
    assert!(manager.getStakedPoolIds().call().await.unwrap().is_empty());
    assert!(manager.getValidatorPublicKeys().call().await.unwrap().is_empty());

    // the upkeep's deeds are the upkeep's
    let call = ManagerActors::requestReshareCall { poolId: 2 };
    let answer = net
        .send("a stranger's call", staker, to, U256::ZERO, call.abi_encode())
        .await;
    refused(answer, "Only upkeep can report");

    use Manager::ManagerEvents as Event;
    let events: Vec<String> = net
        .events(0)
        .await
        .unwrap()
        .into_iter()
        .map(|(event, _)| match event {
            Event::PoolDepositRequested(e) => format!("deposit requested {}", e.poolId),
            Event::PoolDepositInitiated(e) => format!("deposit initiated {}", e.poolId),
            Event::PoolDeposited(e) => format!("deposited {}", e.poolId),
            Event::PoolReshareRequested(e) => format!("reshare requested {}", e.poolId),
            Event::PoolReshared(e) => format!("reshared {}", e.poolId),
            Event::PoolExitRequested(e) => format!("exit requested {}", e.poolId),
            Event::PoolExited(e) => format!("exited {}", e.poolId),
        })
        .collect();
    assert_eq!(
        events,
        [
            "deposit requested 1",
            "deposit requested 2",
            "deposit initiated 1",
            "deposited 1",
            "reshare requested 1",
            "exit requested 1",
            "exited 1",
        ]
    );
}

#[tokio::test]
async fn a_reshare_is_forgotten_or_stored() {
    for stores_reshare in [false, true] {
        let net = devnet(DevnetOptions {
            stores_reshare,
            ..DevnetOptions::default()
        })
        .await;
        let layout = net.options().cluster_layout;
        let to = net.addresses().manager;
        net.deposit_pool(1).await.unwrap();
        as_oracle(&net, Deposit::new(to, 1).call(layout)).await.unwrap();
        net.report_staked(PoolId(1)).await.unwrap();
        let reshare = |last: u64| {
            Reshare::resharePoolCall {
                poolId: 1,
                operatorIds: vec![1, 2, 3, last],
                shares: vec![9; 10].into(),
            }
            .abi_encode()
        };
        for last in 5..8 {
            as_oracle(&net, reshare(last)).await.unwrap();
        }
        let pool = net.manager().getPool(1).call().await.unwrap();
        let fourth = as_oracle(&net, reshare(8)).await;
        if stores_reshare {
            assert_eq!(pool.operatorIds, [1, 2, 3, 7]);
            assert_eq!(pool.reshareCount, U256::from(3));
            assert_eq!(pool.shares, vec![9; 10]);
            refused(fourth, "Pool has been reshared twice");
        } else {
            assert_eq!(pool.operatorIds, [1, 2, 3, 4]);
            assert_eq!(pool.reshareCount, U256::ZERO);
            fourth.unwrap();
        }
        let reshared = net.events(0).await.unwrap();
        let reshared = reshared
            .iter()
            .filter(|(event, _)| matches!(event, Manager::ManagerEvents::PoolReshared(_)));
        assert_eq!(reshared.count(), if stores_reshare { 3 } else { 4 });
    }
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
