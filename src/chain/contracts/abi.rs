//! Solidity interfaces of what is called and read, written from the contracts' published interfaces. Not public: the
//! rest of the program sees plain types; only the local network shows them to its tests, and adds what others call.
#![allow(missing_docs, unreachable_pub, clippy::too_many_arguments)]

use alloy::sol;

sol! {
    /// The parts of the manager (2023-05) that do not depend on the cluster layout.
    #[sol(rpc)]
    #[derive(Debug)]
    interface Manager {
        struct Pool {
            uint256 deposits;
            bool exiting;
            uint256 reshareCount;
            bytes32 depositDataRoot;
            bytes publicKey;
            uint64[] operatorIds;
            bytes shares;
            bytes signature;
            bytes withdrawalCredentials;
        }

        event PoolDepositRequested(uint32 poolId);
        event PoolDepositInitiated(uint32 poolId);
        event PoolDeposited(uint32 poolId);
        event PoolReshareRequested(uint32 poolId);
        event PoolReshared(uint32 poolId);
        event PoolExitRequested(uint32 poolId);
        event PoolExited(uint32 poolId);

        function resharePool(uint32 poolId, uint64[] operatorIds, bytes shares) external;

        function getPool(uint32 poolId) external view returns (Pool memory);
        function getReadyPoolIds() external view returns (uint32[] memory);
        function getPendingPoolIds() external view returns (uint32[] memory);
        function getStakedPoolIds() external view returns (uint32[] memory);
        function getSSVNetworkAddress() external view returns (address);
        function getUpkeepAddress() external view returns (address);
        function getReservedFees() external view returns (uint256);
        function getValidatorPublicKeys() external view returns (bytes[] memory);
        function getExitingValidatorCount() external view returns (uint256);
    }

    /// The beacon chain's deposit contract.
    #[derive(Debug)]
    interface DepositContract {
        event DepositEvent(bytes pubkey, bytes withdrawal_credentials, bytes amount, bytes signature, bytes index);
    }

    /// What reverts say.
    #[derive(Debug)]
    interface Reverts {
        error Error(string reason);
        error Panic(uint256 code);
    }
}

/// Everything that names the cluster tuple, once for each field order.
macro_rules! layout {
    ($module:ident, $($fields:tt)*) => {
        pub(crate) mod $module {
            alloy::sol! {
                #[derive(Debug)]
                struct Cluster { $($fields)* }

                #[derive(Debug)]
                interface Manager {
                    function initiatePoolDeposit(
                        bytes32 depositDataRoot,
                        bytes publicKey,
                        uint64[] operatorIds,
                        bytes shares,
                        Cluster cluster,
                        bytes signature,
                        bytes withdrawalCredentials,
                        uint256 feeAmount
                    ) external;
                }

                #[derive(Debug)]
                interface Ssv {
                    event ValidatorAdded(address indexed owner, uint64[] operatorIds, bytes publicKey, bytes shares, Cluster cluster);
                    event ValidatorRemoved(address indexed owner, uint64[] operatorIds, bytes publicKey, Cluster cluster);
                    event ClusterDeposited(address indexed owner, uint64[] operatorIds, uint256 value, Cluster cluster);
                    event ClusterWithdrawn(address indexed owner, uint64[] operatorIds, uint256 value, Cluster cluster);
                    event ClusterLiquidated(address indexed owner, uint64[] operatorIds, Cluster cluster);
                    event ClusterReactivated(address indexed owner, uint64[] operatorIds, Cluster cluster);
                    event ValidatorExited(address indexed owner, uint64[] operatorIds, bytes publicKey);
                }
            }
        }
    };
}

layout!(balance_then_active,
    uint32 validatorCount; uint64 networkFeeIndex; uint64 index; uint256 balance; bool active;);
layout!(active_then_balance,
    uint32 validatorCount; uint64 networkFeeIndex; uint64 index; bool active; uint256 balance;);

/// Conversions between a layout's tuple and the plain snapshot.
macro_rules! cluster {
    ($($module:ident),*) => {$(
        impl From<$module::Cluster> for crate::types::ClusterSnapshot {
            fn from(c: $module::Cluster) -> Self {
                Self {
                    validator_count: c.validatorCount,
                    network_fee_index: c.networkFeeIndex,
                    index: c.index,
                    balance: c.balance,
                    active: c.active,
                }
            }
        }
        impl From<crate::types::ClusterSnapshot> for $module::Cluster {
            fn from(c: crate::types::ClusterSnapshot) -> Self {
                Self {
                    validatorCount: c.validator_count,
                    networkFeeIndex: c.network_fee_index,
                    index: c.index,
                    balance: c.balance,
                    active: c.active,
                }
            }
        }
    )*};
}
cluster!(balance_then_active, active_then_balance);
