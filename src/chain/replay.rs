//! State that is rebuilt from logs. What lies deep enough is folded once and kept; the newest blocks are read again
//! each time, so that a reorg simply gives another answer.

use crate::chain::logs::{AdaptiveSpan, scan};
use crate::chain::rpc::{At, LogEntry, LogFilter, Rpc, RpcError};
use crate::types::{BlockRef, Root};

/// Blocks that are read again each time.
const UNSETTLED: u64 = 128;

/// The state can not be rebuilt.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ReplayError {
    /// No answer.
    #[error(transparent)]
    Rpc(#[from] RpcError),
    /// The block that was asked for is not in the chain any more.
    #[error("block {0} was dropped meanwhile")]
    Dropped(u64),
}

/// A fold over the logs of a filter.
#[derive(Debug)]
pub(crate) struct Replay<S> {
    filter: LogFilter,
    from: u64,
    fold: fn(&mut S, &LogEntry),
    settled: S,
    settled_at: Option<BlockRef>,
    span: AdaptiveSpan,
}

impl<S: Default> Replay<S> {
    pub(crate) fn new(filter: LogFilter, from: u64, fold: fn(&mut S, &LogEntry)) -> Self {
        Self {
            filter,
            from,
            fold,
            settled: S::default(),
            settled_at: None,
            span: AdaptiveSpan::default(),
        }
    }

    /// The state at `block` in two parts: what is settled, and what the newest blocks add.
    pub(crate) async fn at(&mut self, rpc: &Rpc, block: BlockRef) -> Result<(&S, S), ReplayError> {
        if let Some(settled) = self.settled_at {
            let stands = self.hash_at(rpc, settled.number).await? == Some(settled.hash);
            if !stands || settled.number > block.number {
                self.settled = S::default();
                self.settled_at = None;
            }
        }
        let first = self.settled_at.map_or(self.from, |s| s.number + 1);
        let logs = if first <= block.number {
            scan(rpc, &self.filter, first, block.number, &mut self.span).await?
        } else {
            Vec::new()
        };
        // a settled block is named by its hash, so that a deeper reorg is noticed too
        let settle_at = block.number.checked_sub(UNSETTLED).filter(|n| *n >= first);
        let settle_at = match settle_at {
            Some(number) => self
                .hash_at(rpc, number)
                .await?
                .map(|hash| BlockRef { number, hash }),
            None => None,
        };
        if self.hash_at(rpc, block.number).await? != Some(block.hash) {
            return Err(ReplayError::Dropped(block.number));
        }
        let mut recent = S::default();
        for log in &logs {
            if settle_at.is_some_and(|settled| log.at().block.number <= settled.number) {
                (self.fold)(&mut self.settled, log);
            } else {
                (self.fold)(&mut recent, log);
            }
        }
        if settle_at.is_some() {
            self.settled_at = settle_at;
        }
        Ok((&self.settled, recent))
    }

    async fn hash_at(&self, rpc: &Rpc, number: u64) -> Result<Option<Root>, RpcError> {
        let header = rpc.header(At::Number(number)).await?;
        Ok(header.map(|h| Root(h.hash.0)))
    }
}
