//! The pool manager contract, whatever its version: the events by which it asks and reports, its state at a block, the
//! calls that the oracle makes, and what its reverts mean.

mod call;
mod capabilities;
mod revert;

use std::fmt;

use alloy::primitives::{Address, B256, Bytes, U256};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};

pub use call::{DecodedArgument, DecodedCall, InitiateDeposit, NoSuchCall, PoolCall, ResharePool};
pub use capabilities::{
    Clusters, Credentials, DepositOrder, ErrorForm, PoolCapabilities, RegistrationTime, RequestEvent,
    RequestTarget, ReshareRules,
};
pub use revert::{DecodedRevert, RevertForm};

use super::{Answer, At, Log, Revert};
use crate::types::{BlockRef, LogRef, OperatorId, PoolId, PoolView, RequestKind, Root};

/// What an event of the manager tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PoolEventKind {
    /// A pool is full: make a validator.
    DepositRequested,
    /// The oracle's deposit for this pool went through.
    DepositInitiated,
    /// The validator is reported as deposited.
    Deposited,
    /// Change the operators.
    ReshareRequested,
    /// The oracle's reshare went through.
    Reshared,
    /// Exit the validator.
    ExitRequested,
    /// The exit is reported; the pool is deleted.
    Exited,
}

impl PoolEventKind {
    /// What it asks the oracle for; none when it reports what was done.
    #[must_use]
    pub fn request(self) -> Option<RequestKind> {
        match self {
            Self::DepositRequested => Some(RequestKind::Deposit),
            Self::ReshareRequested => Some(RequestKind::Reshare),
            Self::ExitRequested => Some(RequestKind::Exit),
            Self::DepositInitiated | Self::Deposited | Self::Reshared | Self::Exited => None,
        }
    }

    /// The event that asks for this.
    #[must_use]
    pub fn requests(kind: RequestKind) -> Self {
        match kind {
            RequestKind::Deposit => Self::DepositRequested,
            RequestKind::Reshare => Self::ReshareRequested,
            RequestKind::Exit => Self::ExitRequested,
        }
    }

    /// The event by which the manager tells that this was done.
    #[must_use]
    pub fn fulfils(kind: RequestKind) -> Self {
        match kind {
            RequestKind::Deposit => Self::DepositInitiated,
            RequestKind::Reshare => Self::Reshared,
            RequestKind::Exit => Self::Exited,
        }
    }
}

impl fmt::Display for PoolEventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::DepositRequested => "deposit requested",
            Self::DepositInitiated => "deposit initiated",
            Self::Deposited => "deposited",
            Self::ReshareRequested => "reshare requested",
            Self::Reshared => "reshared",
            Self::ExitRequested => "exit requested",
            Self::Exited => "exited",
        })
    }
}

/// An event of the manager.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PoolEvent {
    /// What it tells.
    pub kind: PoolEventKind,
    /// Of which pool.
    pub pool: PoolId,
}

/// An event to listen for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WatchedEvent {
    /// The contract that emits it: the manager, or one that belongs to it.
    pub contract: Address,
    /// Topic 0.
    pub topic: B256,
    /// Its name in the contract.
    pub name: &'static str,
    /// What it tells.
    pub kind: PoolEventKind,
}

/// What a contract that is the expected one said of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// The block it was asked at.
    pub block: BlockRef,
    /// SSV's network contract.
    pub ssv_network: Address,
    /// Who reports to it.
    pub upkeep: Address,
    /// The deposit queue.
    pub ready: Vec<PoolId>,
    /// Deposited, not reported.
    pub pending: Vec<PoolId>,
    /// With a validator.
    pub staked: Vec<PoolId>,
    /// Fees in wei.
    pub reserved_fees_wei: U256,
}

/// Where a committee is known from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommitteeSource {
    /// The contract's state.
    State,
    /// The calldata behind this report of a reshare.
    Reshare(LogRef),
}

/// The operators that hold a pool's key, and what SSV is to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PresentCommittee {
    /// Operators, in the order of the call.
    pub operator_ids: Vec<OperatorId>,
    /// SSV's shares data.
    pub shares: Bytes,
    /// Where this is known from.
    pub source: CommitteeSource,
    /// Reshares used up: the larger of the contract's own count and the reports since the deposit.
    pub reshare_count: u64,
}

/// The manager contract at an address, in one of its versions.
#[async_trait]
pub trait PoolManager: Send + Sync + fmt::Debug {
    /// The version, as `contract.adapter` names it.
    fn name(&self) -> &'static str;

    /// The contract's address. It is also the owner of its validators in SSV.
    fn address(&self) -> Address;

    /// What this version can do.
    fn capabilities(&self) -> PoolCapabilities;

    /// Everything that has to be listened for.
    fn watched(&self) -> Vec<WatchedEvent>;

    /// Reads a log; none when it is none of [`PoolManager::watched`], or malformed.
    fn event(&self, log: &Log) -> Option<PoolEvent>;

    /// Whether the code at the address is this version, and what it says of itself. No: it is something else, and what,
    /// where that can be told.
    async fn probe(&self) -> Answer<Probe>;

    /// The deposit queue, in its order.
    async fn ready(&self, at: At) -> Answer<Vec<PoolId>>;

    /// Pools whose deposit the oracle made and nobody reported yet.
    async fn pending(&self, at: At) -> Answer<Vec<PoolId>>;

    /// Pools with a validator, exiting ones included.
    async fn staked(&self, at: At) -> Answer<Vec<PoolId>>;

    /// A pool: all zero for one that never was, or has exited.
    async fn pool(&self, id: PoolId, at: At) -> Answer<PoolView>;

    /// Who holds a pool's key at a block. Where that rests on logs it is one endpoint's word, and takes a second.
    async fn committee(&self, pool: PoolId, block: BlockRef) -> Answer<PresentCommittee>;

    /// Reads on, up to a block, what [`PoolManager::committee`] is rebuilt from, so that a later question finds little
    /// to do.
    async fn keep_up(&self, block: BlockRef) -> Answer<()>;

    /// Fees from which deposits are paid, in wei.
    async fn reserved_fees(&self, at: At) -> Answer<U256>;

    /// Where the manager registers its validators.
    async fn ssv_network(&self, at: At) -> Answer<Address>;

    /// Whether the manager takes calls from `oracle`. No: it refuses them.
    async fn authorises(&self, oracle: Address, at: At) -> Answer<()>;

    /// To whom the validator of this pool must pay out.
    async fn withdrawal_credentials(&self, pool: PoolId, at: At) -> Answer<Root>;

    /// The owner nonce that SSV must expect of the next registration, as the manager's own state implies it. None where
    /// this version has no such rule. No: nothing waits to be registered.
    async fn implied_owner_nonce(&self, at: At) -> Option<Answer<u64>>;

    /// Calldata.
    ///
    /// # Errors
    /// This version has no such call.
    fn encode(&self, call: &PoolCall) -> Result<Bytes, NoSuchCall>;

    /// Reads calldata back. None when it is another call, or when it would not encode to the same bytes again: an
    /// approver must not be shown a reading that leaves part of the bytes out.
    fn decode(&self, data: &[u8]) -> Option<PoolCall>;

    /// Calldata in words, for people who decide about it: every argument, in the order of the contract. None as for
    /// [`PoolManager::decode`].
    fn describe(&self, data: &[u8]) -> Option<DecodedCall>;

    /// What a revert of one of these calls means, and what to do about it.
    fn explain(&self, revert: &Revert) -> DecodedRevert;
}
