//! Events of the manager and of SSV, decoded from logs.

use alloy::primitives::{Address, B256, U256};
use alloy::sol_types::{SolEvent, SolEventInterface};
use serde::{Deserialize, Serialize};

use super::abi::{Manager, active_then_balance, balance_then_active};
use crate::chain::rpc::LogEntry;
use crate::types::{BlsPublicKey, ClusterLayout, ClusterSnapshot, OperatorId, PoolId};

/// Which of the manager's events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ManagerEventKind {
    /// A pool is full: make a validator.
    DepositRequested,
    /// The oracle's deposit for this pool went through.
    DepositInitiated,
    /// The upkeep reports the validator as deposited.
    Deposited,
    /// Change the operators.
    ReshareRequested,
    /// The oracle's reshare went through.
    Reshared,
    /// Exit the validator.
    ExitRequested,
    /// The upkeep reports the exit; the pool is deleted.
    Exited,
}

impl ManagerEventKind {
    /// Every event of the manager.
    pub const ALL: [Self; 7] = [
        Self::DepositRequested,
        Self::DepositInitiated,
        Self::Deposited,
        Self::ReshareRequested,
        Self::Reshared,
        Self::ExitRequested,
        Self::Exited,
    ];

    /// The name in the contract.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::DepositRequested => "PoolDepositRequested",
            Self::DepositInitiated => "PoolDepositInitiated",
            Self::Deposited => "PoolDeposited",
            Self::ReshareRequested => "PoolReshareRequested",
            Self::Reshared => "PoolReshared",
            Self::ExitRequested => "PoolExitRequested",
            Self::Exited => "PoolExited",
        }
    }

    /// Topic 0. It is the same whether the pool id is indexed or not.
    #[must_use]
    pub fn topic(self) -> B256 {
        match self {
            Self::DepositRequested => Manager::PoolDepositRequested::SIGNATURE_HASH,
            Self::DepositInitiated => Manager::PoolDepositInitiated::SIGNATURE_HASH,
            Self::Deposited => Manager::PoolDeposited::SIGNATURE_HASH,
            Self::ReshareRequested => Manager::PoolReshareRequested::SIGNATURE_HASH,
            Self::Reshared => Manager::PoolReshared::SIGNATURE_HASH,
            Self::ExitRequested => Manager::PoolExitRequested::SIGNATURE_HASH,
            Self::Exited => Manager::PoolExited::SIGNATURE_HASH,
        }
    }
}

/// An event of the manager.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ManagerEvent {
    /// Which.
    pub kind: ManagerEventKind,
    /// For which pool.
    pub pool: PoolId,
}

/// Decodes a log of the manager; none when it is not one of its events, or malformed.
#[must_use]
pub fn decode_manager_event(log: &LogEntry) -> Option<ManagerEvent> {
    let topic = log.topics.first()?;
    let kind = ManagerEventKind::ALL
        .into_iter()
        .find(|kind| kind.topic() == *topic)?;
    let word = match (log.topics.len(), log.data.len()) {
        (1, 32) => B256::from_slice(&log.data),
        (2, 0) => log.topics[1],
        _ => return None,
    };
    let pool = u32::try_from(U256::from_be_bytes(word.0)).ok()?;
    Some(ManagerEvent {
        kind,
        pool: PoolId(pool),
    })
}

/// Which of SSV's events. All but the last carry the cluster's new snapshot.
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
}

/// An event of SSV.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SsvEvent {
    /// Which.
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

/// Topics 0 of SSV's events in this layout.
#[must_use]
pub fn ssv_topics(layout: ClusterLayout) -> [(SsvEventKind, B256); 7] {
    macro_rules! topics {
        ($module:ident) => {{
            use $module::Ssv::*;
            [
                (SsvEventKind::ValidatorAdded, ValidatorAdded::SIGNATURE_HASH),
                (SsvEventKind::ValidatorRemoved, ValidatorRemoved::SIGNATURE_HASH),
                (SsvEventKind::ClusterDeposited, ClusterDeposited::SIGNATURE_HASH),
                (SsvEventKind::ClusterWithdrawn, ClusterWithdrawn::SIGNATURE_HASH),
                (SsvEventKind::ClusterLiquidated, ClusterLiquidated::SIGNATURE_HASH),
                (
                    SsvEventKind::ClusterReactivated,
                    ClusterReactivated::SIGNATURE_HASH,
                ),
                (SsvEventKind::ValidatorExited, ValidatorExited::SIGNATURE_HASH),
            ]
        }};
    }
    match layout {
        ClusterLayout::BalanceThenActive => topics!(balance_then_active),
        ClusterLayout::ActiveThenBalance => topics!(active_then_balance),
    }
}

/// Decodes a log of SSV; none when it is another event, or malformed.
#[must_use]
pub fn decode_ssv_event(log: &LogEntry, layout: ClusterLayout) -> Option<SsvEvent> {
    macro_rules! decode {
        ($module:ident) => {{
            use $module::Ssv;
            match Ssv::SsvEvents::decode_raw_log(&log.topics, &log.data).ok()? {
                Ssv::SsvEvents::ValidatorAdded(e) => event(
                    SsvEventKind::ValidatorAdded,
                    e.owner,
                    e.operatorIds,
                    Some(&e.publicKey),
                    Some(e.cluster.into()),
                ),
                Ssv::SsvEvents::ValidatorRemoved(e) => event(
                    SsvEventKind::ValidatorRemoved,
                    e.owner,
                    e.operatorIds,
                    Some(&e.publicKey),
                    Some(e.cluster.into()),
                ),
                Ssv::SsvEvents::ClusterDeposited(e) => event(
                    SsvEventKind::ClusterDeposited,
                    e.owner,
                    e.operatorIds,
                    None,
                    Some(e.cluster.into()),
                ),
                Ssv::SsvEvents::ClusterWithdrawn(e) => event(
                    SsvEventKind::ClusterWithdrawn,
                    e.owner,
                    e.operatorIds,
                    None,
                    Some(e.cluster.into()),
                ),
                Ssv::SsvEvents::ClusterLiquidated(e) => event(
                    SsvEventKind::ClusterLiquidated,
                    e.owner,
                    e.operatorIds,
                    None,
                    Some(e.cluster.into()),
                ),
                Ssv::SsvEvents::ClusterReactivated(e) => event(
                    SsvEventKind::ClusterReactivated,
                    e.owner,
                    e.operatorIds,
                    None,
                    Some(e.cluster.into()),
                ),
                Ssv::SsvEvents::ValidatorExited(e) => event(
                    SsvEventKind::ValidatorExited,
                    e.owner,
                    e.operatorIds,
                    Some(&e.publicKey),
                    None,
                ),
            }
        }};
    }
    Some(match layout {
        ClusterLayout::BalanceThenActive => decode!(balance_then_active),
        ClusterLayout::ActiveThenBalance => decode!(active_then_balance),
    })
}

fn event(
    kind: SsvEventKind,
    owner: Address,
    operators: Vec<u64>,
    public_key: Option<&[u8]>,
    cluster: Option<ClusterSnapshot>,
) -> SsvEvent {
    SsvEvent {
        kind,
        owner,
        operator_ids: operators.into_iter().map(OperatorId).collect(),
        public_key: public_key.and_then(|bytes| BlsPublicKey::try_from(bytes).ok()),
        cluster,
    }
}
