//! Who holds a pool's key now. The 2023 contract forgets what `resharePool` is given, so the newest successful call
//! counts, found by its event; a contract that does store it answers the same.

use std::collections::BTreeMap;

use alloy::primitives::{Address, B256};
use tokio::sync::Mutex;

use super::calls::decode_reshare;
use super::{Manager, events};
use crate::chain::replay::{Replay, ReplayError, Replayed};
use crate::chain::rpc::{At, LogEntry, LogFilter, Rpc, RpcError};
use crate::chain::view::ViewError;
use crate::ports::{CommitteeSource, PoolEventKind, PresentCommittee};
use crate::types::{BlockRef, LogRef, PoolId, SafeText};

/// The committee cannot be told.
#[derive(Debug, Clone, thiserror::Error)]
pub(super) enum CommitteeError {
    /// The events cannot be read.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// The pool cannot be read.
    #[error(transparent)]
    View(#[from] ViewError),
    /// The transaction behind an event cannot be read.
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

/// The reshares of all pools, from the manager's deployment block on.
#[derive(Debug)]
pub(super) struct Reshares {
    replay: Mutex<Replay<Pools>>,
}

impl Reshares {
    pub(super) fn new(manager: Address, from_block: u64) -> Self {
        let kinds = [PoolEventKind::DepositInitiated, PoolEventKind::Reshared];
        let topics = events::watched(manager).filter(|event| kinds.contains(&event.kind));
        let filter = LogFilter {
            addresses: vec![manager],
            topics: vec![topics.map(|event| event.topic).collect()],
        };
        Self {
            replay: Mutex::new(Replay::new(filter, from_block, fold)),
        }
    }

    /// Reads on up to a block, so that a later question finds little to do.
    pub(super) async fn keep_up(&self, rpc: &Rpc, block: BlockRef) -> Result<(), ReplayError> {
        let mut replay = self.replay.lock().await;
        replay.at(rpc, block).await.map(drop)
    }

    /// Of a pool since its deposit, the oldest first; and why one may be missing, if one may.
    async fn of(
        &self,
        pool: PoolId,
        rpc: &Rpc,
        block: BlockRef,
    ) -> Result<(Vec<LogRef>, Option<SafeText>), ReplayError> {
        let mut replay = self.replay.lock().await;
        let Replayed {
            settled,
            recent,
            unproven,
        } = replay.at(rpc, block).await?;
        let recent = recent.get(&pool).cloned().unwrap_or_default();
        let mut all = Vec::new();
        if !recent.deposited {
            let before = settled.get(&pool).into_iter().flat_map(|p| &p.reshares);
            all.extend(before.copied());
        }
        all.extend(recent.reshares);
        Ok((all, unproven))
    }
}

impl Manager {
    /// Who holds a pool's key at a block.
    pub(super) async fn present_committee(
        &self,
        pool: PoolId,
        block: BlockRef,
    ) -> Result<PresentCommittee, CommitteeError> {
        let (reshares, unproven) = self.reshares.of(pool, &self.rpc, block).await?;
        let (view, stored_shares) = self.pool_with_shares(pool, At::block(block)).await?;
        let reshare_count = view.reshare_count.max(reshares.len() as u64);
        let Some(newest) = reshares.last() else {
            return Ok(PresentCommittee {
                operator_ids: view.operator_ids,
                shares: stored_shares,
                source: CommitteeSource::State,
                reshare_count,
                unproven,
            });
        };
        let transaction = self.rpc.transaction(B256::from(newest.transaction.0)).await?;
        let call = transaction
            .filter(|tx| tx.to == Some(self.address))
            .and_then(|tx| decode_reshare(&tx.input))
            .filter(|call| call.pool == pool)
            .ok_or(CommitteeError::Unreadable { pool, at: *newest })?;
        Ok(PresentCommittee {
            operator_ids: call.operator_ids,
            shares: call.shares,
            source: CommitteeSource::Reshare(*newest),
            reshare_count,
            unproven,
        })
    }
}

fn fold(pools: &mut Pools, log: &LogEntry) {
    let Some(event) = events::decode(&log.topics, &log.data) else {
        return;
    };
    let pool = pools.entry(event.pool).or_default();
    match event.kind {
        PoolEventKind::DepositInitiated => {
            *pool = PoolEvents {
                deposited: true,
                reshares: Vec::new(),
            };
        }
        PoolEventKind::Reshared => pool.reshares.push(log.at()),
        _ => {}
    }
}
