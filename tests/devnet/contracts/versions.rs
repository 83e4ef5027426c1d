//! The manager of 2023-05-26.

use alloy::primitives::{Bytes, U256};
use alloy::sol_types::SolCall;
use casimir_dkg::devnet::{DevnetOptions, ManagerVersion};
use casimir_dkg::types::{ClusterLayout, PoolId};

use super::super::support::{Deposit, Reshare, as_oracle, devnet, refused};

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
