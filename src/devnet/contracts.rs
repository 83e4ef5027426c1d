//! The contracts of the local network, compiled in. The Solidity sources, their compile script and the artifacts are in
//! the folder of the same name; a test compiles the sources again and compares.

use alloy::primitives::{B256, Bytes, U256};
use alloy::sol;
use alloy::sol_types::SolConstructor;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::types::ClusterLayout;

sol! {
    /// What the local network itself calls of the pool manager: the parts that do not depend on the cluster layout.
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

        constructor(address oracle, address ssvNetwork, address depositContract, address upkeep, bool storesReshare);

        function deposit() external payable;
        function reserveFees() external payable;
        function resharePool(uint32 poolId, uint64[] operatorIds, bytes shares) external;
        function reportDeposited(uint32 poolId) external;
        function requestReshare(uint32 poolId) external;
        function requestExit(uint32 poolId) external;
        function reportExited(uint32 poolId) external;
        function setOracle(address oracle) external;

        function oracle() external view returns (address);
        function storesReshare() external view returns (bool);
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

    /// The operators' part of the SSV stand-in.
    #[sol(rpc)]
    #[derive(Debug)]
    interface SsvOperators {
        event OperatorAdded(uint64 indexed operatorId, address indexed owner, bytes publicKey, uint256 fee);
        function registerOperator(bytes publicKey, uint256 fee, bool setPrivate) external returns (uint64);
    }

    /// The beacon chain's deposit contract.
    #[sol(rpc)]
    #[derive(Debug)]
    interface DepositContract {
        event DepositEvent(bytes pubkey, bytes withdrawal_credentials, bytes amount, bytes signature, bytes index);
        function deposit(bytes pubkey, bytes withdrawal_credentials, bytes signature, bytes32 deposit_data_root) external payable;
        function get_deposit_root() external view returns (bytes32);
        function get_deposit_count() external view returns (bytes);
    }
}

/// The data of an artifact that deployment needs.
#[derive(Deserialize)]
struct Artifact {
    bytecode: Bytes,
}

/// The installed form of a contract that has no creation code here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Runtime {
    runtime_code: Bytes,
}

/// Creation code of the pool manager, without constructor arguments.
#[must_use]
pub fn pool_manager_code(layout: ClusterLayout) -> Bytes {
    creation_code(match layout {
        ClusterLayout::BalanceThenActive => {
            include_str!("contracts/artifacts/PoolManager.balance-then-active.json")
        }
        ClusterLayout::ActiveThenBalance => {
            include_str!("contracts/artifacts/PoolManager.active-then-balance.json")
        }
    })
}

/// Creation code of the SSV stand-in; its constructor takes nothing.
#[must_use]
pub fn ssv_stand_in_code(layout: ClusterLayout) -> Bytes {
    creation_code(match layout {
        ClusterLayout::BalanceThenActive => {
            include_str!("contracts/artifacts/SsvStandIn.balance-then-active.json")
        }
        ClusterLayout::ActiveThenBalance => {
            include_str!("contracts/artifacts/SsvStandIn.active-then-balance.json")
        }
    })
}

fn creation_code(artifact: &str) -> Bytes {
    let artifact: Artifact = serde_json::from_str(artifact).expect("the artifact is compiled in and tested");
    artifact.bytecode
}

/// Creation code of the pool manager with its constructor arguments.
#[must_use]
pub fn pool_manager_deployment(layout: ClusterLayout, arguments: &Manager::constructorCall) -> Bytes {
    let mut code = pool_manager_code(layout).to_vec();
    code.extend_from_slice(&arguments.abi_encode());
    code.into()
}

/// The official deposit contract's runtime code.
#[must_use]
pub fn deposit_contract_runtime() -> Bytes {
    let runtime: Runtime = serde_json::from_str(include_str!("contracts/DepositContract.runtime.json"))
        .expect("the file is compiled in and tested");
    runtime.runtime_code
}

/// The storage that the deposit contract's constructor writes: `zero_hashes[1..32]` in slots 34 to 64, where
/// `zero_hashes[0]` is zero and each further one is SHA-256 of the former, twice. (Slots 0 to 31 are the branch, 32 is
/// the count, 33 is `zero_hashes[0]`.)
#[must_use]
pub fn deposit_contract_storage() -> Vec<(U256, B256)> {
    let mut hash = [0_u8; 32];
    (34_u64..=64)
        .map(|slot| {
            let digest = Sha256::new().chain_update(hash).chain_update(hash).finalize();
            hash.copy_from_slice(&digest);
            (U256::from(slot), B256::from(hash))
        })
        .collect()
}
