//! Who holds a pool's key now. The 2023 contract forgets what `resharePool` is given, so the newest successful call
//! counts, found by its event; a contract that does store it answers the same.

use std::collections::BTreeMap;

use alloy::primitives::{B256, Bytes};
use tokio::sync::Mutex;

use super::contracts::{
    Manager, ManagerCall, ManagerEventKind, ViewError, decode_manager_call, decode_manager_event,
};
use super::replay::{Replay, ReplayError, Replayed};
use super::rpc::{At, LogEntry, LogFilter, RpcError};
use crate::types::{BlockRef, LogRef, OperatorId, PoolId, SafeText};

/// Where a committee is known from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommitteeSource {
    /// `getPool`: the deposit's.
    Deposit,
    /// The calldata behind this `PoolReshared`.
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
    /// Reshares used up: the larger of the contract's own count and the events since the deposit.
    pub reshare_count: u64,
    /// Why it is not certain that no event was left out; none when it is.
    pub unproven: Option<SafeText>,
}

/// The committee can not be told.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CommitteeError {
    /// The events can not be read.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// The pool can not be read.
    #[error(transparent)]
    View(#[from] ViewError),
    /// The transaction behind an event can not be read.
    #[error(transparent)]
    Rpc(#[from] RpcError),
    /// The transaction behind an event is not a plain `resharePool` of this pool.
    #[error("transaction {} reshared pool {pool}, but its calldata is not a resharePool of it", .at.transaction)]
    Unreadable {
        /// The pool.
        pool: PoolId,
        /// The event.
        at: LogRef,
    },
}

/// Of each pool what happened since its last deposit.
#[derive(Debug, Default, Clone)]
struct PoolEvents {
    deposited: bool,
    reshares: Vec<LogRef>,
}

type Pools = BTreeMap<PoolId, PoolEvents>;

/// Reads the present committees of the manager's pools.
#[derive(Debug)]
pub struct Committees {
    manager: Manager,
    replay: Mutex<Replay<Pools>>,
}

impl Committees {
    /// From the manager's deployment block on.
    #[must_use]
    pub fn new(manager: Manager, from_block: u64) -> Self {
        let kinds = [ManagerEventKind::DepositInitiated, ManagerEventKind::Reshared];
        let filter = LogFilter {
            addresses: vec![manager.address()],
            topics: vec![kinds.map(ManagerEventKind::topic).to_vec()],
        };
        Self {
            manager,
            replay: Mutex::new(Replay::new(filter, from_block, fold)),
        }
    }

    /// Reads on up to a block, so that a later question finds little to do.
    pub async fn keep_up(&self, block: BlockRef) -> Result<(), ReplayError> {
        let mut replay = self.replay.lock().await;
        replay.at(self.manager.rpc(), block).await.map(drop)
    }

    /// The committee of a pool at a block.
    pub async fn of(&self, pool: PoolId, block: BlockRef) -> Result<PresentCommittee, CommitteeError> {
        let rpc = self.manager.rpc();
        let (reshares, unproven) = {
            let mut replay = self.replay.lock().await;
            let Replayed {
                settled,
                recent,
                unproven,
            } = replay.at(rpc, block).await?;
            let recent = recent.get(&pool).cloned().unwrap_or_default();
            let mut all = Vec::new();
            if !recent.deposited {
                all.extend(
                    settled
                        .get(&pool)
                        .into_iter()
                        .flat_map(|p| p.reshares.iter().copied()),
                );
            }
            all.extend(recent.reshares);
            (all, unproven)
        };
        let (view, stored_shares) = self.manager.pool_with_shares(pool, At::block(block)).await?;
        let reshare_count = view.reshare_count.max(reshares.len() as u64);
        let Some(newest) = reshares.last() else {
            return Ok(PresentCommittee {
                operator_ids: view.operator_ids,
                shares: stored_shares,
                source: CommitteeSource::Deposit,
                reshare_count,
                unproven,
            });
        };
        let unreadable = CommitteeError::Unreadable { pool, at: *newest };
        let transaction = rpc.transaction(B256::from(newest.transaction.0)).await?;
        let Some(transaction) = transaction.filter(|tx| tx.to == Some(self.manager.address())) else {
            return Err(unreadable);
        };
        match decode_manager_call(&transaction.input) {
            Some(ManagerCall::ResharePool(call)) if call.pool == pool => Ok(PresentCommittee {
                operator_ids: call.operator_ids,
                shares: call.shares,
                source: CommitteeSource::Reshare(*newest),
                reshare_count,
                unproven,
            }),
            _ => Err(unreadable),
        }
    }
}

fn fold(pools: &mut Pools, log: &LogEntry) {
    let Some(event) = decode_manager_event(log) else {
        return;
    };
    let pool = pools.entry(event.pool).or_default();
    match event.kind {
        ManagerEventKind::DepositInitiated => {
            *pool = PoolEvents {
                deposited: true,
                reshares: Vec::new(),
            };
        }
        ManagerEventKind::Reshared => pool.reshares.push(log.at()),
        _ => {}
    }
}
