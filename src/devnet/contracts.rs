//! The contracts of the local network, compiled in. The Solidity sources, their compile script and the artifacts are in
//! the folder of the same name; a test compiles the sources again and compares.

use alloy::primitives::{B256, Bytes, U256};
use alloy::sol;
use alloy::sol_types::SolConstructor;
use serde::Deserialize;
use sha2::{Digest, Sha256};

// what the oracle itself calls and reads, as the tests see it
pub use crate::chain::deposits::abi::DepositContract;
use crate::devnet::options::ManagerVersion;
pub use crate::pool::casimir_2023::abi::Manager;
use crate::types::ClusterLayout;

sol! {
    /// The part of the pool manager that stakers, upkeep and owner call, and its constructor.
    #[derive(Debug)]
    interface ManagerActors {
        constructor(address oracle, address ssvNetwork, address depositContract, address upkeep, bool storesReshare);

        function deposit() external payable;
        function reserveFees() external payable;
        function reportDeposited(uint32 poolId) external;
        function requestReshare(uint32 poolId) external;
        function requestExit(uint32 poolId) external;
        function reportExited(uint32 poolId) external;
        function setOracle(address oracle) external;
    }

    /// The operators' part of the SSV stand-in.
    #[sol(rpc)]
    #[derive(Debug)]
    interface SsvOperators {
        event OperatorAdded(uint64 indexed operatorId, address indexed owner, bytes publicKey, uint256 fee);
        function registerOperator(bytes publicKey, uint256 fee, bool setPrivate) external returns (uint64);
        function removeOperator(uint64 operatorId) external;
        function setOperatorsPrivateUnchecked(uint64[] operatorIds) external;
        function setOperatorsPublicUnchecked(uint64[] operatorIds) external;
        function setOperatorsWhitelists(uint64[] operatorIds, address[] whitelistAddresses) external;
        function setValidatorsPerOperatorLimit(uint32 limit) external;
        function setClosed(bool closed) external;
    }

    /// A depositor's part of the beacon chain's deposit contract.
    #[sol(rpc)]
    #[derive(Debug)]
    interface Depositor {
        function deposit(bytes pubkey, bytes withdrawal_credentials, bytes signature, bytes32 deposit_data_root) external payable;
        function get_deposit_root() external view returns (bytes32);
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

/// Creation code of a pool manager, without constructor arguments.
#[must_use]
pub fn pool_manager_code(version: ManagerVersion, layout: ClusterLayout) -> Bytes {
    use ClusterLayout::{ActiveThenBalance, BalanceThenActive};
    creation_code(match (version, layout) {
        (ManagerVersion::May20, BalanceThenActive) => {
            include_str!("contracts/artifacts/PoolManager.balance-then-active.json")
        }
        (ManagerVersion::May20, ActiveThenBalance) => {
            include_str!("contracts/artifacts/PoolManager.active-then-balance.json")
        }
        (ManagerVersion::May26, BalanceThenActive) => {
            include_str!("contracts/artifacts/PoolManager26May.balance-then-active.json")
        }
        (ManagerVersion::May26, ActiveThenBalance) => {
            include_str!("contracts/artifacts/PoolManager26May.active-then-balance.json")
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

/// Creation code of a pool manager with its constructor arguments, which are those of every version.
#[must_use]
pub fn pool_manager_deployment(
    version: ManagerVersion,
    layout: ClusterLayout,
    arguments: &ManagerActors::constructorCall,
) -> Bytes {
    let mut code = pool_manager_code(version, layout).to_vec();
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
