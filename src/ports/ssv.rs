//! SSV's network: what a registration needs, and what its events tell. SSV stores only hashes of clusters and no nonce
//! at all, so both are rebuilt from its logs.

use std::collections::BTreeMap;
use std::fmt;

use alloy::primitives::{Address, B256, U256};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::{Answer, At, Log, Revert};
use crate::types::{BlockRef, BlsPublicKey, BlsSignature, ClusterSnapshot, LogRef, OperatorId, SafeText};

/// What a version of SSV can and cannot do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SsvCapabilities {
    /// How many operators a cluster can have, ascending.
    pub cluster_sizes: &'static [usize],
}

/// What a registration needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SsvState {
    pub block: BlockRef,
    /// The owner's nonce: validators that it ever registered, as the logs count them. It is part of what the validator
    /// key signs.
    pub owner_nonce: u64,
    /// The newest registration.
    pub registered_at: Option<LogRef>,
    /// The cluster's snapshot, as its newest event left it.
    pub cluster: ClusterSnapshot,
    /// SSV knows this cluster; otherwise the snapshot is the fresh one.
    pub known_cluster: bool,
}

/// Which of SSV's events. All but [`SsvEventKind::ValidatorExited`] carry the cluster's new snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SsvEventKind {
    /// A validator was registered; counts for the owner's nonce.
    ValidatorAdded,
    /// A validator was removed.
    ValidatorRemoved,
    /// Balance was added.
    ClusterDeposited,
    /// Balance was taken out.
    ClusterWithdrawn,
    /// The balance ran out; operators stop.
    ClusterLiquidated,
    /// A liquidated cluster was paid again.
    ClusterReactivated,
    /// The owner asks the operators to exit the validator.
    ValidatorExited,
    /// SSV v2: the cluster pays in ETH from now on.
    ClusterMigratedToEth,
    /// SSV v2: somebody settled the cluster's fees by its effective balance. Anybody may, and its oracles do regularly.
    ClusterBalanceUpdated,
}

/// What SSV's network contract logged of one cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SsvEvent {
    pub kind: SsvEventKind,
    /// The cluster's owner: for our validators the manager contract.
    pub owner: Address,
    /// The cluster's operators.
    pub operator_ids: Vec<OperatorId>,
    /// The validator, where the event names one (and names it as a key of 48 bytes).
    pub public_key: Option<BlsPublicKey>,
    /// The cluster's snapshot after the event.
    pub cluster: Option<ClusterSnapshot>,
}

impl SsvEventKind {
    /// What it did to the cluster, for people.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::ValidatorAdded => "a validator was added to the SSV cluster",
            Self::ValidatorRemoved => "a validator was removed from the SSV cluster",
            Self::ClusterDeposited => "somebody paid into the SSV cluster",
            Self::ClusterWithdrawn => "a balance was taken out of the SSV cluster",
            Self::ClusterLiquidated => "the SSV cluster was liquidated",
            Self::ClusterReactivated => "the SSV cluster was reactivated",
            Self::ValidatorExited => "a validator of the SSV cluster was asked to exit",
            Self::ClusterMigratedToEth => "the SSV cluster was migrated to ETH",
            Self::ClusterBalanceUpdated => "the fees of the SSV cluster were settled",
        }
    }
}

/// What a registration leaves at SSV, in 10^-18 SSV.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Funding {
    /// Tokens that the network contract gets.
    pub received: U256,
    /// The cluster's balance afterwards.
    pub balance: U256,
    /// Blocks from then on until anybody may liquidate the cluster, at the fees of now; the largest number where nothing
    /// burns.
    pub runway_blocks: Answer<u64>,
    /// Without it; none where the cluster has no validator yet.
    pub before: Option<FundingBefore>,
}

/// What SSV has of a cluster before a registration, by the same fees. Its newest snapshot says it, so what was burnt since
/// that event is still in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FundingBefore {
    /// The cluster's balance, in 10^-18 SSV.
    pub balance: U256,
    /// Blocks from that event on until anybody may liquidate it.
    pub runway_blocks: Answer<u64>,
}

/// The parts of SSV's `sharesData`, by operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharesData {
    /// Over owner and nonce, by the validator key.
    pub signature: BlsSignature,
    pub share_public_keys: BTreeMap<OperatorId, BlsPublicKey>,
    /// Shares encrypted to the operators' RSA keys.
    pub encrypted_shares: BTreeMap<OperatorId, Vec<u8>>,
}

/// Why shares cannot be written, or bytes are not the shares of a committee.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotShares(pub SafeText);

/// SSV's network contract, for one owner of validators.
#[async_trait]
pub trait Ssv: Send + Sync + fmt::Debug {
    /// What this version can do.
    fn capabilities(&self) -> SsvCapabilities;

    /// The network contract.
    fn network(&self) -> Address;

    /// Topics 0 of the events that change what is told here.
    fn topics(&self) -> Vec<B256>;

    /// Reads a log. No: it is another contract's, another event than [`Ssv::topics`] names, or of another owner. Not known:
    /// it is one of this owner's, by contract and topics, and what it says cannot be read.
    fn event(&self, log: &Log) -> Answer<SsvEvent>;

    /// The owner's nonce, and the snapshot of its cluster with these operators (in any order), at a block. One endpoint's
    /// word: a snapshot is right when a call with it does not revert, and a nonce takes a second voice.
    async fn state(&self, block: BlockRef, operators: &[OperatorId]) -> Answer<SsvState>;

    /// Whether the network takes registrations that are paid in its token, as every known manager pays them; its version,
    /// empty where it tells none. No: it has another version, which takes none.
    async fn takes_tokens(&self, at: At) -> Answer<SafeText>;

    /// Reads on, up to a block, what [`Ssv::state`] is rebuilt from, however long that takes.
    async fn keep_up(&self, block: BlockRef) -> Answer<()>;

    /// What was read so far is contradicted, by the manager's own state or by another endpoint: all of it is read from the
    /// first block again. An endpoint that left out logs for a while, or made some up, is heard anew then. At once, and ever
    /// more seldom after that, because what comes out the same each time is so.
    async fn read_anew(&self) {}

    /// While [`Ssv::keep_up`] reads what takes long: the block that it has reached, and the one that it aims at.
    fn reading(&self) -> Option<(u64, u64)>;

    /// Why a registration that reverted so can never go through with these operators as they are: one of them does not
    /// exist, does not let the owner in, or has no room. `None` where the revert says something else.
    fn refuses_operators(&self, revert: &Revert) -> Option<SafeText>;

    /// Why a registration that reverted so goes through with another committee only: one of these operators does not exist
    /// any more, does not let the owner in, or has no room, or their cluster takes no validator. `None` where the revert
    /// says something else.
    fn refuses_committee(&self, revert: &Revert) -> Option<SafeText>;

    /// Which of these operators SSV has removed since the owner began, and in which block each. SSV's own errors name none.
    /// One endpoint's word, for people to read: nothing is decided by it. Never a no.
    async fn removed(&self, operators: &[OperatorId]) -> Answer<BTreeMap<OperatorId, u64>>;

    /// The revert says that the snapshot which the call brought is not the cluster's newest (any more).
    fn snapshot_was_stale(&self, revert: &Revert) -> bool;

    /// What a registration that would log this leaves at SSV; `before`: the cluster's newest snapshot. Never a no.
    async fn funding(&self, logs: &[Log], before: &ClusterSnapshot, at: At) -> Answer<Funding>;

    /// The bytes that a registration carries.
    ///
    /// # Errors
    /// An operator lacks a part, or a part has the wrong length.
    fn encode_shares(&self, shares: &SharesData) -> Result<Vec<u8>, NotShares>;

    /// Splits what a registration carried for a committee, whose order does not matter.
    ///
    /// # Errors
    /// The length does not fit the number of operators.
    fn decode_shares(&self, bytes: &[u8], committee: &[OperatorId]) -> Result<SharesData, NotShares>;
}
