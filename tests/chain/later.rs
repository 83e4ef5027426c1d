//! The calls of the manager since June 2023, which no version here has as yet: whatever one of them carries has its place in
//! [`PoolCall`], so that its adapter is a room and a line.

use alloy::primitives::{Bytes, U256};
use alloy::sol;
use alloy::sol_types::SolCall;
use casimir_dkg::ports::{ActivateDeposit, Handover, InitiateDeposit, PoolCall, Registering, ResharePool};
use casimir_dkg::types::{ClusterSnapshot, OperatorId, PoolId, Root};

use super::support::deposit;

sol! {
    #[derive(Debug)]
    struct Cluster { uint32 validatorCount; uint64 networkFeeIndex; uint64 index; bool active; uint256 balance; }
    #[derive(Debug)]
    interface Later {
        // autumn 2023; `initiateDeposit` of June carries the same
        function initiatePool(bytes32 depositDataRoot, bytes publicKey, bytes signature, bytes withdrawalCredentials, uint64[] operatorIds, bytes shares, Cluster cluster, uint256 feeAmount, bool processed) external;
        function reportReshare(uint32 poolId, uint64[] operatorIds, uint64[] oldOperatorIds, uint64 newOperatorId, uint64 oldOperatorId, bytes shares, Cluster cluster, Cluster oldCluster, uint256 feeAmount, bool processed) external;
        // the latest
        function initiatePool(bytes32 depositDataRoot, bytes publicKey, bytes signature, bytes withdrawalCredentials, uint64[] operatorIds, bytes shares) external;
        function activatePool(uint256 pendingPoolIndex, Cluster cluster, uint256 feeAmount, uint256 minTokenAmount, bool processed) external;
        function resharePool(uint32 poolId, uint64[] operatorIds, uint64 newOperatorId, uint64 oldOperatorId, bytes shares, Cluster cluster, Cluster oldCluster, uint256 feeAmount, uint256 minTokenAmount, bool processed) external;
    }
}
use Later::{
    activatePoolCall as Activate, initiatePool_0Call as InitiateAndRegister, initiatePool_1Call as Initiate,
    reportReshareCall as ReportReshare, resharePoolCall as Reshare,
};

fn numbers(ids: &[OperatorId]) -> Vec<u64> {
    ids.iter().map(|id| id.0).collect()
}

fn operators(ids: Vec<u64>) -> Vec<OperatorId> {
    ids.into_iter().map(OperatorId).collect()
}

fn tuple(c: &ClusterSnapshot) -> Cluster {
    Cluster {
        validatorCount: c.validator_count,
        networkFeeIndex: c.network_fee_index,
        index: c.index,
        active: c.active,
        balance: c.balance,
    }
}

fn snapshot(c: Cluster) -> ClusterSnapshot {
    ClusterSnapshot {
        validator_count: c.validatorCount,
        network_fee_index: c.networkFeeIndex,
        index: c.index,
        active: c.active,
        balance: c.balance,
    }
}

fn registering(cluster: Cluster, fee_amount: U256, min_token_amount: U256, processed: bool) -> Registering {
    Registering {
        cluster: snapshot(cluster),
        fee_amount,
        min_token_amount,
        processed,
    }
}

/// The call as whichever version has it.
#[expect(non_snake_case, reason = "named as the contract names its parameters")]
fn write(call: &PoolCall) -> Bytes {
    match call {
        PoolCall::InitiateDeposit(a) => {
            let (depositDataRoot, publicKey) = (a.deposit_data_root.0.into(), a.public_key.0.into());
            let (signature, withdrawalCredentials) =
                (a.signature.0.into(), a.withdrawal_credentials.0.into());
            let (operatorIds, shares) = (numbers(&a.operator_ids), a.shares.clone());
            match &a.registering {
                None => Initiate {
                    depositDataRoot,
                    publicKey,
                    signature,
                    withdrawalCredentials,
                    operatorIds,
                    shares,
                }
                .abi_encode(),
                Some(with) => InitiateAndRegister {
                    depositDataRoot,
                    publicKey,
                    signature,
                    withdrawalCredentials,
                    operatorIds,
                    shares,
                    cluster: tuple(&with.cluster),
                    feeAmount: with.fee_amount,
                    processed: with.processed,
                }
                .abi_encode(),
            }
        }
        PoolCall::ActivateDeposit(a) => Activate {
            pendingPoolIndex: U256::from(a.pending_index),
            cluster: tuple(&a.registering.cluster),
            feeAmount: a.registering.fee_amount,
            minTokenAmount: a.registering.min_token_amount,
            processed: a.registering.processed,
        }
        .abi_encode(),
        PoolCall::Reshare(a) => {
            let over = a.handover.as_ref().unwrap();
            let (poolId, operatorIds, shares) = (a.pool.0, numbers(&a.operator_ids), a.shares.clone());
            let (newOperatorId, oldOperatorId) = (over.new_operator.0, over.old_operator.0);
            let (cluster, oldCluster) = (
                tuple(&over.registering.cluster),
                tuple(over.old_cluster.as_ref().unwrap()),
            );
            let (feeAmount, processed) = (over.registering.fee_amount, over.registering.processed);
            match &over.old_operator_ids {
                Some(old) => ReportReshare {
                    poolId,
                    operatorIds,
                    oldOperatorIds: numbers(old),
                    newOperatorId,
                    oldOperatorId,
                    shares,
                    cluster,
                    oldCluster,
                    feeAmount,
                    processed,
                }
                .abi_encode(),
                None => Reshare {
                    poolId,
                    operatorIds,
                    newOperatorId,
                    oldOperatorId,
                    shares,
                    cluster,
                    oldCluster,
                    feeAmount,
                    minTokenAmount: over.registering.min_token_amount,
                    processed,
                }
                .abi_encode(),
            }
        }
    }
    .into()
}

fn read(data: &[u8]) -> PoolCall {
    let initiated = |root: [u8; 32], parts: [&[u8]; 3], ids, shares, registering| {
        PoolCall::InitiateDeposit(Box::new(InitiateDeposit {
            pool: None,
            deposit_data_root: Root(root),
            public_key: parts[0].try_into().unwrap(),
            operator_ids: operators(ids),
            shares,
            signature: parts[1].try_into().unwrap(),
            withdrawal_credentials: parts[2].try_into().unwrap(),
            registering,
        }))
    };
    if let Ok(c) = Initiate::abi_decode(data) {
        let parts = [&c.publicKey[..], &c.signature, &c.withdrawalCredentials];
        return initiated(c.depositDataRoot.0, parts, c.operatorIds, c.shares, None);
    }
    if let Ok(c) = InitiateAndRegister::abi_decode(data) {
        let parts = [&c.publicKey[..], &c.signature, &c.withdrawalCredentials];
        let with = registering(c.cluster, c.feeAmount, U256::ZERO, c.processed);
        return initiated(c.depositDataRoot.0, parts, c.operatorIds, c.shares, Some(with));
    }
    if let Ok(c) = Activate::abi_decode(data) {
        return PoolCall::ActivateDeposit(ActivateDeposit {
            pending_index: c.pendingPoolIndex.to(),
            registering: registering(c.cluster, c.feeAmount, c.minTokenAmount, c.processed),
        });
    }
    let (pool, ids, shares, handover) = match ReportReshare::abi_decode(data) {
        Ok(c) => {
            let handover = Handover {
                new_operator: OperatorId(c.newOperatorId),
                old_operator: OperatorId(c.oldOperatorId),
                old_operator_ids: Some(operators(c.oldOperatorIds)),
                old_cluster: Some(snapshot(c.oldCluster)),
                registering: registering(c.cluster, c.feeAmount, U256::ZERO, c.processed),
            };
            (c.poolId, c.operatorIds, c.shares, handover)
        }
        Err(_) => {
            let c = Reshare::abi_decode(data).unwrap();
            let handover = Handover {
                new_operator: OperatorId(c.newOperatorId),
                old_operator: OperatorId(c.oldOperatorId),
                old_operator_ids: None,
                old_cluster: Some(snapshot(c.oldCluster)),
                registering: registering(c.cluster, c.feeAmount, c.minTokenAmount, c.processed),
            };
            (c.poolId, c.operatorIds, c.shares, handover)
        }
    };
    PoolCall::Reshare(ResharePool {
        pool: PoolId(pool),
        operator_ids: operators(ids),
        shares,
        handover: Some(Box::new(handover)),
    })
}

#[test]
fn every_call_since_june_2023_can_be_said() {
    let cluster = |n: u32| ClusterSnapshot {
        validator_count: n,
        network_fee_index: 2,
        index: 3,
        balance: U256::from(4),
        active: true,
    };
    let registering = |floor: u64| Registering {
        cluster: cluster(1),
        fee_amount: U256::from(5),
        min_token_amount: U256::from(floor),
        processed: true,
    };
    let plain = deposit(Default::default(), 7);
    let initiate = |registering| {
        PoolCall::InitiateDeposit(Box::new(InitiateDeposit {
            registering,
            ..plain.clone()
        }))
    };
    let reshare = |old_operator_ids, floor| {
        PoolCall::Reshare(ResharePool {
            pool: PoolId(6),
            operator_ids: operators(vec![1, 2, 3, 5]),
            shares: vec![8; 100].into(),
            handover: Some(Box::new(Handover {
                new_operator: OperatorId(5),
                old_operator: OperatorId(4),
                old_operator_ids,
                old_cluster: Some(cluster(9)),
                registering: registering(floor),
            })),
        })
    };
    let activate = ActivateDeposit {
        pending_index: 2,
        registering: registering(11),
    };
    for call in [
        initiate(Some(registering(0))),
        reshare(Some(operators(vec![1, 2, 3, 4])), 0),
        initiate(None),
        PoolCall::ActivateDeposit(activate),
        reshare(None, 11),
    ] {
        assert_eq!(read(&write(&call)), call);
    }
}
