//! Who holds a pool's key now. The 2023 contract forgets what `resharePool` is given, so the newest successful call
//! counts, found by its event; a contract that does store it answers the same.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use alloy::primitives::{Address, B256};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use super::calls::decode_reshare;
use super::{Manager, events};
use crate::chain::history_cache::HistoryCache;
use crate::chain::replay::{Reading, Replay, ReplayError, Replayed};
use crate::chain::rpc::{At, LogEntry, LogFilter, Rpc, RpcError};
use crate::chain::view::ViewError;
use crate::ports::{CommitteeSource, PoolEventKind, PresentCommittee};
use crate::types::{BlockRef, LogRef, PoolId, SafeText, in_words};

/// Whoever asks waits this long for logs that are still being read; the reading goes on.
const TIMEOUT: Duration = Duration::from_secs(8);

/// The committee cannot be told.
#[derive(Debug, Clone, thiserror::Error)]
pub(super) enum CommitteeError {
    /// The events cannot be read.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// They are still being read.
    #[error("{0}")]
    Reading(SafeText),
    /// The pool cannot be read.
    #[error(transparent)]
    View(#[from] ViewError),
    /// The transaction behind an event cannot be read.
    #[error(transparent)]
    Rpc(#[from] RpcError),
    /// The transaction behind an event is not a plain `resharePool` of this pool.
    #[error("transaction {} reshared pool {pool}, but its calldata is not a resharePool of it", .at.transaction)]
    Unreadable {
        pool: PoolId,
        /// Where its event stands.
        at: LogRef,
    },
}

/// Of each pool what happened since its last deposit.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
struct PoolEvents {
    deposited: bool,
    reshares: Vec<LogRef>,
}

type Pools = BTreeMap<PoolId, PoolEvents>;

/// The reshares of all pools, from the manager's deployment block on.
#[derive(Debug)]
pub(super) struct Reshares {
    replay: Mutex<Replay<Pools>>,
    reading: Reading,
}

impl Reshares {
    /// Going on from what was kept of the endpoints of this fingerprint.
    pub(super) fn new(manager: Address, from_block: u64, kept: Option<(Arc<HistoryCache>, String)>) -> Self {
        let kinds = [PoolEventKind::DepositInitiated, PoolEventKind::Reshared];
        let topics = events::watched(manager).filter(|event| kinds.contains(&event.kind));
        let filter = LogFilter {
            addresses: vec![manager],
            topics: vec![topics.map(|event| event.topic).collect()],
        };
        let mut replay = Replay::new(filter, from_block, fold);
        if let Some((kept, endpoints)) = kept {
            replay = replay.kept(kept, format!("reshares {endpoints}"));
        }
        let reading = replay.reading();
        Self {
            replay: Mutex::new(replay),
            reading,
        }
    }

    /// What was read is contradicted: the next question reads it from the first block again, ever more seldom.
    pub(super) fn read_anew(&self) {
        // what is being read now need not be read anew, and nobody waits for it
        if let Ok(mut replay) = self.replay.try_lock() {
            replay.read_anew("the reshares of the manager");
        }
    }

    /// Reads on up to a block, so that a later question finds little to do.
    pub(super) async fn keep_up(&self, rpc: &Rpc, block: BlockRef) -> Result<(), ReplayError> {
        let mut replay = self.replay.lock().await;
        replay.at(rpc, block).await.map(drop)
    }

    /// Of a pool since its deposit, the oldest first, as far as they are told within a moment.
    async fn of(&self, pool: PoolId, rpc: &Rpc, block: BlockRef) -> Result<Vec<LogRef>, CommitteeError> {
        match tokio::time::timeout(TIMEOUT, self.read(pool, rpc, block)).await {
            Ok(read) => Ok(read?),
            Err(_) => Err(CommitteeError::Reading(SafeText::new(
                &self
                    .reading
                    .words()
                    .unwrap_or_else(|| format!("its logs were not told within {}", in_words(TIMEOUT))),
            ))),
        }
    }

    async fn read(&self, pool: PoolId, rpc: &Rpc, block: BlockRef) -> Result<Vec<LogRef>, ReplayError> {
        let mut replay = self.replay.lock().await;
        let Replayed { settled, recent } = replay.at(rpc, block).await?;
        let recent = recent.get(&pool).cloned().unwrap_or_default();
        let mut all = Vec::new();
        if !recent.deposited {
            let before = settled.get(&pool).into_iter().flat_map(|p| &p.reshares);
            all.extend(before.copied());
        }
        all.extend(recent.reshares);
        Ok(all)
    }
}

impl Manager {
    /// Who holds a pool's key at a block.
    pub(super) async fn present_committee(
        &self,
        pool: PoolId,
        block: BlockRef,
    ) -> Result<PresentCommittee, CommitteeError> {
        let reshares = self.reshares.of(pool, &self.rpc, block).await?;
        let (view, stored_shares) = self.pool_with_shares(pool, At::block(block)).await?;
        let reshare_count = view.reshare_count.max(reshares.len() as u64);
        let Some(newest) = reshares.last() else {
            return Ok(PresentCommittee {
                operator_ids: view.operator_ids,
                shares: stored_shares,
                source: CommitteeSource::State,
                reshare_count,
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
        })
    }
}

fn fold(pools: &mut Pools, log: &LogEntry) -> Result<(), SafeText> {
    let event = events::decode(&log.topics, &log.data).known();
    let Some(event) = event.map_err(|why| why.words().clone())? else {
        return Ok(());
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
    Ok(())
}
