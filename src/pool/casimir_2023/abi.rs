//! What the managers of May 2023 have in common, written from the contract's published interface. Not public: the rest
//! of the program sees plain types; only the local network shows it to its tests.

use alloy::sol;

sol! {
    /// Everything that does not depend on the edition or on the order of the cluster tuple.
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
}
