//! SSV's events and what is asked of it, written from its published interface, once for each field order of the cluster
//! tuple. Not public: the rest of the program sees plain types.

/// Conversions between a tuple of SSV's and the plain snapshot, for every module that has a `Cluster` of its own.
macro_rules! cluster {
    ($($module:ident),*) => {$(
        impl From<$module::Cluster> for $crate::types::ClusterSnapshot {
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
        impl From<$crate::types::ClusterSnapshot> for $module::Cluster {
            fn from(c: $crate::types::ClusterSnapshot) -> Self {
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
pub(crate) use cluster;

macro_rules! layout {
    ($module:ident, $($fields:tt)*) => {
        pub(crate) mod $module {
            alloy::sol! {
                #[derive(Debug)]
                struct Cluster { $($fields)* }

                #[derive(Debug)]
                interface Ssv {
                    event ValidatorAdded(address indexed owner, uint64[] operatorIds, bytes publicKey, bytes shares, Cluster cluster);
                    event ValidatorRemoved(address indexed owner, uint64[] operatorIds, bytes publicKey, Cluster cluster);
                    event ClusterDeposited(address indexed owner, uint64[] operatorIds, uint256 value, Cluster cluster);
                    event ClusterWithdrawn(address indexed owner, uint64[] operatorIds, uint256 value, Cluster cluster);
                    event ClusterLiquidated(address indexed owner, uint64[] operatorIds, Cluster cluster);
                    event ClusterReactivated(address indexed owner, uint64[] operatorIds, Cluster cluster);
                    event ValidatorExited(address indexed owner, uint64[] operatorIds, bytes publicKey);
                    event ClusterMigratedToETH(address indexed owner, uint64[] operatorIds, uint256 ethDeposited, uint256 ssvRefunded, uint32 effectiveBalance, Cluster cluster);
                    event ClusterBalanceUpdated(address indexed owner, uint64[] operatorIds, uint64 indexed blockNum, uint32 effectiveBalance, Cluster cluster);

                    function registerValidator(bytes publicKey, uint64[] operatorIds, bytes sharesData, uint256 amount, Cluster cluster) external;
                }
            }
        }
    };
}

layout!(balance_then_active,
    uint32 validatorCount; uint64 networkFeeIndex; uint64 index; uint256 balance; bool active;);
layout!(active_then_balance,
    uint32 validatorCount; uint64 networkFeeIndex; uint64 index; bool active; uint256 balance;);
cluster!(balance_then_active, active_then_balance);

alloy::sol! {
    /// The views of SSVNetworkViews, which the network contract answers too: it hands what it does not know on to them.
    /// Amounts are 10^-18 SSV, fees per block and validator.
    #[derive(Debug)]
    interface Views {
        function getVersion() external view returns (string memory);
        function getOperatorFee(uint64 operatorId) external view returns (uint256);
        function getNetworkFee() external view returns (uint256);
        function getLiquidationThresholdPeriod() external view returns (uint64);
        function getMinimumLiquidationCollateral() external view returns (uint256);
    }
}
