//! The serial queue of deposits: who may call, what it costs, what is refused.

use alloy::primitives::{Bytes, U256, hex};
use alloy::providers::Provider;
use alloy::sol_types::{SolCall, SolEvent};
use casimir_dkg::devnet::contracts::{DepositContract, Depositor, Manager};
use casimir_dkg::types::{ClusterLayout, PoolId};

use super::super::support::{Deposit, Reshare, as_oracle, reason, refused};
use super::{LAYOUTS, with_layout};

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
