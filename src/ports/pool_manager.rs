//! The pool manager contract, whatever its version: the events by which it asks and reports, its state at a block, the
//! calls that the oracle makes, and what its reverts mean.

mod call;
mod capabilities;
mod event;
mod revert;

use std::fmt;

use alloy::primitives::{Address, Bytes, U256};
use async_trait::async_trait;

pub use call::{
    ActivateDeposit, DecodedArgument, DecodedCall, Handover, InitiateDeposit, NoSuchCall, PoolCall,
    Registering, ResharePool,
};
pub use capabilities::{
    Clusters, Credentials, DepositOrder, PoolCapabilities, RegistrationTime, ReshareRules,
};
pub use event::{ManagerEvent, PoolEvent, PoolEventKind, RequestTarget, WatchedEvent};
pub use revert::{DecodedRevert, RevertForm};

use super::{Answer, At, Log, Revert, Unknown};
use crate::types::{BlockRef, LogRef, OperatorId, PoolId, PoolView, Root};

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
    /// From which deposits are paid.
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

    /// Everything that has to be listened for. Where other contracts belong to the manager, it may have to be asked which;
    /// what it told once holds for this value. No: never.
    async fn watched(&self) -> Answer<Vec<WatchedEvent>>;

    /// Reads a log. No: it is none of [`PoolManager::watched`]. Not known: it is, by contract and topic, and what it says
    /// cannot be read; or which contracts are watched is not told.
    async fn event(&self, log: &Log) -> Answer<ManagerEvent>;

    /// The pools that an event means, as the contract stood when the block of its log ended. The same log means the same
    /// pools whenever it is asked about: what it opened is taken back by it. No: it means none.
    async fn meant(&self, event: ManagerEvent, block: BlockRef) -> Answer<Vec<PoolId>>;

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

    /// What was rebuilt from logs is contradicted by another endpoint: it is read from the first block again, as
    /// [`super::Ssv::read_anew`].
    async fn read_anew(&self) {}

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

/// What logs of one receipt tell of the pools that they name.
///
/// # Errors
/// One of them cannot be read, so what it tells, and of which pool, is not known.
pub async fn told_of_pools(manager: &dyn PoolManager, logs: &[Log]) -> Result<Vec<PoolEvent>, Unknown> {
    let mut events = Vec::new();
    for log in logs {
        let event = manager.event(log).await.known()?;
        events.extend(event.and_then(ManagerEvent::of_its_pool));
    }
    Ok(events)
}
