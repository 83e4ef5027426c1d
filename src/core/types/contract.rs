//! What the oracle reads from the execution layer, free of ABI types.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{BlsPublicKey, OperatorId, ParseIdError, PoolId, Root};

/// What a pool deposits for its validator, in gwei: 32 ETH, the consensus specification's `MAX_EFFECTIVE_BALANCE` (phase 0).
pub const DEPOSIT_GWEI: u64 = 32_000_000_000;
/// The same in wei.
pub const DEPOSIT_WEI: u128 = DEPOSIT_GWEI as u128 * 1_000_000_000;

/// The three requests of the pool manager contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RequestKind {
    /// `PoolDepositRequested`: make a validator key and deposit 32 ETH.
    Deposit,
    /// `PoolReshareRequested`: give the key to a changed committee.
    Reshare,
    /// `PoolExitRequested`: sign and broadcast the voluntary exit.
    Exit,
}

impl RequestKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Deposit, Self::Reshare, Self::Exit];
}

impl fmt::Display for RequestKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Deposit => "deposit",
            Self::Reshare => "reshare",
            Self::Exit => "exit",
        })
    }
}

impl FromStr for RequestKind {
    type Err = ParseIdError;
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        match s {
            "deposit" => Ok(Self::Deposit),
            "reshare" => Ok(Self::Reshare),
            "exit" => Ok(Self::Exit),
            _ => Err(ParseIdError {
                text: s.into(),
                expected: "deposit, reshare or exit",
            }),
        }
    }
}

/// How a deposit finds its pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DepositOrder {
    /// The call names no pool and serves the head of the queue: deposits are strictly serial.
    HeadOfQueue,
    /// The call names its pool: none waits for another one.
    ById,
}

/// A block, by number and hash: after a reorg the same number has another hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct BlockRef {
    /// Blocks before it: genesis has 0.
    pub number: u64,
    /// keccak256 of the RLP of its header.
    pub hash: Root,
}

/// Where an event stands: block, transaction, index of the log in the block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LogRef {
    pub block: BlockRef,
    /// keccak256 of the signed envelope.
    pub transaction: Root,
    /// `logIndex`, within the block.
    pub index: u64,
}

/// The two field orders of SSV's `Cluster` tuple. They differ in the selector of `initiatePoolDeposit`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClusterLayout {
    /// `(validatorCount, networkFeeIndex, index, balance, active)`: SSV at the time of the 2023-05 contract.
    BalanceThenActive,
    /// `(validatorCount, networkFeeIndex, index, active, balance)`: SSV since.
    ActiveThenBalance,
}

impl fmt::Display for ClusterLayout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::BalanceThenActive => "balance-then-active",
            Self::ActiveThenBalance => "active-then-balance",
        })
    }
}

/// SSV's snapshot of a cluster (owner, operator ids), independent of the field order on the wire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterSnapshot {
    /// Validators registered in the cluster.
    pub validator_count: u32,
    /// SSV's running sum of network fees for one validator, at the time of the snapshot.
    pub network_fee_index: u64,
    /// The running sum of the fees of the cluster's operators, likewise.
    pub index: u64,
    /// Balance in SSV base units (10^-18 SSV), as a decimal string in JSON.
    pub balance: alloy::primitives::U256,
    /// False once SSV liquidated the cluster: it takes no more validators until it is reactivated.
    pub active: bool,
}

impl ClusterSnapshot {
    /// What SSV expects for a cluster that it has not seen: all zero and active.
    #[must_use]
    pub fn fresh() -> Self {
        Self {
            validator_count: 0,
            network_fee_index: 0,
            index: 0,
            balance: Default::default(),
            active: true,
        }
    }
}

/// `getPool` of the manager contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolView {
    pub id: PoolId,
    /// Stake in the pool, wei; a full pool has 32 ETH.
    pub deposits_wei: alloy::primitives::U256,
    /// An exit was requested.
    pub exiting: bool,
    /// The contract's own count; the 2023-05 contract never stores it.
    pub reshare_count: u64,
    /// Deposit data root, zero before the deposit.
    pub deposit_data_root: Root,
    /// Validator key, absent before the deposit.
    pub public_key: Option<BlsPublicKey>,
    /// Operators of the deposit, empty before it.
    pub operator_ids: Vec<OperatorId>,
}
