//! What the tests share: a network, calls in either cluster layout, deposit data that the deposit contract accepts.

use alloy::primitives::{Address, B256, Bytes, U256, keccak256};
use alloy::sol;
use alloy::sol_types::SolCall;
use casimir_dkg::devnet::{Devnet, DevnetError, DevnetOptions};
use casimir_dkg::types::ClusterLayout;
use sha2::{Digest, Sha256};

/// SSV's tuple and what names it, in the order of May 2023.
pub(crate) mod balance_then_active {
    alloy::sol! {
        #[derive(Debug, PartialEq)]
        struct Cluster { uint32 validatorCount; uint64 networkFeeIndex; uint64 index; uint256 balance; bool active; }
        #[derive(Debug)]
        interface Calls {
            function initiatePoolDeposit(bytes32 depositDataRoot, bytes publicKey, uint64[] operatorIds, bytes shares,
                Cluster cluster, bytes signature, bytes withdrawalCredentials, uint256 feeAmount) external;
            function registerValidator(bytes publicKey, uint64[] operatorIds, bytes shares, uint256 amount, Cluster cluster) external;
            event ValidatorAdded(address indexed owner, uint64[] operatorIds, bytes publicKey, bytes shares, Cluster cluster);
        }
    }
}

/// The same in the order since.
pub(crate) mod active_then_balance {
    alloy::sol! {
        #[derive(Debug, PartialEq)]
        struct Cluster { uint32 validatorCount; uint64 networkFeeIndex; uint64 index; bool active; uint256 balance; }
        #[derive(Debug)]
        interface Calls {
            function initiatePoolDeposit(bytes32 depositDataRoot, bytes publicKey, uint64[] operatorIds, bytes shares,
                Cluster cluster, bytes signature, bytes withdrawalCredentials, uint256 feeAmount) external;
            function registerValidator(bytes publicKey, uint64[] operatorIds, bytes shares, uint256 amount, Cluster cluster) external;
            function removeValidator(bytes publicKey, uint64[] operatorIds, Cluster cluster) external;
            function deposit(address clusterOwner, uint64[] operatorIds, uint256 amount, Cluster cluster) external;
            function withdraw(uint64[] operatorIds, uint256 amount, Cluster cluster) external;
            function liquidate(address clusterOwner, uint64[] operatorIds, Cluster cluster) external;
            function reactivate(uint64[] operatorIds, uint256 amount, Cluster cluster) external;
            event ValidatorAdded(address indexed owner, uint64[] operatorIds, bytes publicKey, bytes shares, Cluster cluster);
        }
    }
}

sol! {
    #[derive(Debug)]
    interface Reshare {
        function resharePool(uint32 poolId, uint64[] operatorIds, bytes shares) external;
    }
}

pub(crate) fn quiet(_: &str) {}

pub(crate) async fn devnet(options: DevnetOptions) -> Devnet {
    Devnet::start(options, &quiet).await.unwrap()
}

/// A snapshot in neither order.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Snapshot {
    pub validator_count: u32,
    pub network_fee_index: u64,
    pub index: u64,
    pub active: bool,
    pub balance: u64,
}

impl Snapshot {
    pub(crate) const FRESH: Self = Self {
        validator_count: 0,
        network_fee_index: 0,
        index: 0,
        active: true,
        balance: 0,
    };

    pub(crate) fn in_old_order(self) -> balance_then_active::Cluster {
        balance_then_active::Cluster {
            validatorCount: self.validator_count,
            networkFeeIndex: self.network_fee_index,
            index: self.index,
            balance: U256::from(self.balance),
            active: self.active,
        }
    }

    pub(crate) fn in_new_order(self) -> active_then_balance::Cluster {
        active_then_balance::Cluster {
            validatorCount: self.validator_count,
            networkFeeIndex: self.network_fee_index,
            index: self.index,
            active: self.active,
            balance: U256::from(self.balance),
        }
    }
}

/// What `initiatePoolDeposit` is given. The BLS parts are made up: neither contract looks at them.
#[derive(Debug, Clone)]
pub(crate) struct Deposit {
    pub public_key: Vec<u8>,
    pub signature: Vec<u8>,
    pub credentials: Vec<u8>,
    pub operators: Vec<u64>,
    pub shares: Vec<u8>,
    pub cluster: Snapshot,
    pub fee: U256,
    pub root: B256,
}

impl Deposit {
    /// A deposit for `manager` whose key is derived from `seed`.
    pub(crate) fn new(manager: Address, seed: u8) -> Self {
        let mut public_key = keccak256([seed]).to_vec();
        public_key.extend_from_slice(&[seed; 16]);
        let signature = [keccak256([seed, 1]), keccak256([seed, 2]), keccak256([seed, 3])].concat();
        let credentials = [&[1], [0; 11].as_slice(), manager.as_slice()].concat();
        let root = deposit_data_root(&public_key, &credentials, &signature);
        Self {
            public_key,
            signature,
            credentials,
            operators: vec![1, 2, 3, 4],
            shares: vec![seed; 96],
            cluster: Snapshot::FRESH,
            fee: U256::from(100),
            root,
        }
    }

    pub(crate) fn call(&self, layout: ClusterLayout) -> Vec<u8> {
        macro_rules! call {
            ($module:ident, $cluster:expr) => {
                $module::Calls::initiatePoolDepositCall {
                    depositDataRoot: self.root,
                    publicKey: self.public_key.clone().into(),
                    operatorIds: self.operators.clone(),
                    shares: self.shares.clone().into(),
                    cluster: $cluster,
                    signature: self.signature.clone().into(),
                    withdrawalCredentials: self.credentials.clone().into(),
                    feeAmount: self.fee,
                }
                .abi_encode()
            };
        }
        match layout {
            ClusterLayout::BalanceThenActive => call!(balance_then_active, self.cluster.in_old_order()),
            ClusterLayout::ActiveThenBalance => call!(active_then_balance, self.cluster.in_new_order()),
        }
    }
}

/// SSZ root of DepositData for 32 ETH, with nothing of the program's own in it.
fn deposit_data_root(public_key: &[u8], credentials: &[u8], signature: &[u8]) -> B256 {
    let sha = |a: &[u8], b: &[u8]| Sha256::new().chain_update(a).chain_update(b).finalize().to_vec();
    let mut amount = 32_000_000_000_u64.to_le_bytes().to_vec();
    amount.resize(32, 0);
    let key = sha(public_key, &[0; 16]);
    let sig = sha(&sha(&signature[..64], &[]), &sha(&signature[64..], &[0; 32]));
    B256::from_slice(&sha(&sha(&key, credentials), &sha(&amount, &sig)))
}

/// Sends `data` to the manager as the oracle.
pub(crate) async fn as_oracle(
    net: &Devnet,
    data: impl Into<Bytes>,
) -> Result<alloy::rpc::types::TransactionReceipt, DevnetError> {
    let to = net.addresses();
    net.send_as(to.oracle, to.manager, U256::ZERO, data).await
}

/// The text of the error, which holds the revert's reason.
pub(crate) fn reason<T: std::fmt::Debug>(result: Result<T, DevnetError>) -> String {
    result.unwrap_err().to_string()
}

/// The call failed, and the text of the error says why.
#[track_caller]
pub(crate) fn refused<T: std::fmt::Debug>(result: Result<T, DevnetError>, why: &str) {
    let text = reason(result);
    assert!(text.contains(why), "{why:?} expected in {text:?}");
}

/// Polls until it holds; what never does fails in the end.
pub(crate) async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = std::time::Instant::now() + crate::TIMEOUT;
    while !holds().await {
        assert!(std::time::Instant::now() < deadline, "not in time: {what}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}
