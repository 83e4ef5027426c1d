//! State that is rebuilt from logs. What lies deep enough is folded once and kept, but only after it was compared with
//! what the headers promise: a log that a node left out would otherwise stay unknown for good. The newest blocks are
//! folded again each time, so that a reorg simply gives another answer.

use std::collections::BTreeMap;

use crate::chain::logs::patiently;
use crate::chain::omission::{CompareError, Hidden, hidden};
use crate::chain::rpc::{
    At, BlockHeader, EndpointIndex, HeadersError, LogEntry, LogFilter, Piece, Rpc, RpcError,
};
use crate::types::{BlockRef, Root, SafeText};

/// Blocks that are folded again each time.
const UNSETTLED: u64 = 128;
/// Old blocks that are compared with their headers in one go, so that no look takes for ever. Several looks do the
/// rest; until then the state is said to be unproven.
const COMPARED_AT_ONCE: u64 = 4_000;
/// Answers after which what was read counts as read: each time costs the header of its last block.
const KEPT_AT_ONCE: usize = 8;

/// The state cannot be rebuilt.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ReplayError {
    /// No endpoint has the logs or headers that it is made of.
    #[error(transparent)]
    Rpc(#[from] RpcError),
    /// The block that was asked for is not in the chain any more.
    #[error("block {0} was dropped meanwhile")]
    Dropped(u64),
    /// It was read, but something may be missing.
    #[error("it is not certain that no log was left out: {0}")]
    Unproven(SafeText),
}

impl From<HeadersError> for ReplayError {
    fn from(error: HeadersError) -> Self {
        match error {
            HeadersError::Rpc(error) => Self::Rpc(error),
            HeadersError::Moved(number) => Self::Dropped(number),
        }
    }
}

impl From<CompareError> for ReplayError {
    fn from(error: CompareError) -> Self {
        match error {
            CompareError::Rpc(error) => Self::Rpc(error),
            CompareError::Moved(number) => Self::Dropped(number),
        }
    }
}

/// The state at a block, in two parts.
#[derive(Debug)]
pub(crate) struct Replayed<'a, S> {
    /// What is settled.
    pub(crate) settled: &'a S,
    /// What later blocks add.
    pub(crate) recent: S,
    /// Why it is not certain that nothing is missing; none when every block was compared with its header.
    pub(crate) unproven: Option<SafeText>,
}

/// A fold over the logs of a filter.
#[derive(Debug)]
pub(crate) struct Replay<S> {
    filter: LogFilter,
    from: u64,
    fold: fn(&mut S, &LogEntry),
    /// Folded from what was read and compared, up to `settled_at`.
    settled: S,
    settled_at: Option<BlockRef>,
    /// Read, and deep enough to stay, but not compared yet: what lies between `settled_at` and `read_at`.
    backlog: Vec<Piece>,
    read_at: Option<BlockRef>,
    /// Of the newest blocks that were compared: their hashes, and what had been left out of them.
    compared: BTreeMap<u64, (Root, Vec<LogEntry>)>,
}

impl<S: Default> Replay<S> {
    pub(crate) fn new(filter: LogFilter, from: u64, fold: fn(&mut S, &LogEntry)) -> Self {
        Self {
            filter,
            from,
            fold,
            settled: S::default(),
            settled_at: None,
            backlog: Vec::new(),
            read_at: None,
            compared: BTreeMap::new(),
        }
    }

    /// The state at `block`.
    pub(crate) async fn at(&mut self, rpc: &Rpc, block: BlockRef) -> Result<Replayed<'_, S>, ReplayError> {
        if block.number < self.from {
            return Ok(Replayed {
                settled: &self.settled,
                recent: S::default(),
                unproven: None,
            });
        }
        if !self.stands(rpc, block).await? {
            self.forget();
        }
        let settle = block.number.checked_sub(UNSETTLED);
        if let Some(settle) = settle {
            self.read_on(rpc, settle).await?;
        }
        let first = self.read_at.map_or(self.from, |read| read.number + 1);
        let tied = settle.filter(|settle| self.read_at.is_some_and(|read| read.number == *settle));
        let headers = rpc.headers_to(tied.unwrap_or(first), block).await?;
        // a settled block is named by its hash, so that a deeper reorg is noticed too
        if let (Some(number), Some(header)) = (tied, headers.first())
            && self.read_at != Some(header.block())
        {
            self.forget();
            return Err(ReplayError::Dropped(number));
        }
        let mut new = Vec::new();
        let mut next = first;
        while next <= block.number {
            let piece = patiently(rpc, &self.filter, next, block.number).await?;
            next = piece.end + 1;
            new.push(piece);
        }
        let mut unproven = match self.settle(rpc).await {
            Err(ReplayError::Dropped(number)) => {
                // what was read is of another branch
                self.forget();
                return Err(ReplayError::Dropped(number));
            }
            other => other?,
        };

        let read = self.read_at.map(|read| read.number);
        self.compared
            .retain(|number, _| read.is_none_or(|read| *number > read));
        let mut recent = self.read_and_unsettled();
        for header in headers
            .iter()
            .filter(|h| read.is_none_or(|read| h.number() > read))
        {
            let Some((logs, endpoint)) = logs_of(&new, header.number()) else {
                continue;
            };
            let more = match self.compare(rpc, header, &logs, endpoint).await? {
                Ok(more) => more,
                Err(why) => {
                    unproven.get_or_insert(why);
                    Vec::new()
                }
            };
            logs.iter()
                .chain(&more)
                .for_each(|log| (self.fold)(&mut recent, log));
        }
        Ok(Replayed {
            settled: &self.settled,
            recent,
            unproven,
        })
    }

    /// What was read behind the settled blocks and waits to be settled.
    fn read_and_unsettled(&self) -> S {
        let mut recent = S::default();
        let settled = self.settled_at.map(|settled| settled.number);
        let waiting = self.backlog.iter().flat_map(|piece| &piece.logs);
        for log in waiting.filter(|log| settled.is_none_or(|n| log.at().block.number > n)) {
            (self.fold)(&mut recent, log);
        }
        recent
    }

    /// What was read before is part of the chain that ends in `block`.
    async fn stands(&self, rpc: &Rpc, block: BlockRef) -> Result<bool, ReplayError> {
        let Some(read) = self.read_at else {
            return Ok(true);
        };
        if read.number > block.number {
            return Ok(false);
        }
        // the headers in between are needed anyway, unless nobody asked for long
        if block.number - read.number <= 2 * UNSETTLED {
            let headers = rpc.headers_to(read.number, block).await?;
            return Ok(headers.first().is_some_and(|header| header.block() == read));
        }
        let header = rpc.header(At::Number(read.number)).await?;
        Ok(header.is_some_and(|header| header.block() == read))
    }

    /// Reads on up to a settled height. What was read stays when this is given up half-way: a history that takes longer
    /// than anybody waits is read in several goes, and none begins anew.
    async fn read_on(&mut self, rpc: &Rpc, to: u64) -> Result<(), ReplayError> {
        let mut next = self.read_at.map_or(self.from, |read| read.number + 1);
        let mut read = Vec::new();
        while next <= to {
            let piece = patiently(rpc, &self.filter, next, to).await?;
            let end = piece.end;
            next = end + 1;
            read.push(piece);
            if read.len() >= KEPT_AT_ONCE || end == to {
                let header = rpc.header(At::Number(end)).await?;
                let header = header.ok_or(ReplayError::Dropped(end))?;
                self.backlog.append(&mut read);
                self.read_at = Some(header.block());
            }
        }
        Ok(())
    }

    fn forget(&mut self) {
        self.settled = S::default();
        self.settled_at = None;
        self.backlog.clear();
        self.read_at = None;
    }

    /// Compares the next of what was read, and folds what holds. Says why something is left, if it is.
    async fn settle(&mut self, rpc: &Rpc) -> Result<Option<SafeText>, ReplayError> {
        let Some(read) = self.read_at else {
            return Ok(None);
        };
        let first = self.settled_at.map_or(self.from, |settled| settled.number + 1);
        if first > read.number {
            return Ok(None);
        }
        let last = read.number.min(first + COMPARED_AT_ONCE - 1);
        let tip = if last == read.number {
            read
        } else {
            let header = rpc.header(At::Number(last)).await?;
            header.ok_or(ReplayError::Dropped(last))?.block()
        };
        let headers = rpc.headers_to(first, tip).await?;
        let parent = headers.first().map(|header| Root(header.parent_hash.0));
        if self
            .settled_at
            .is_some_and(|settled| parent != Some(settled.hash))
        {
            return Err(ReplayError::Dropped(first));
        }
        let mut unproven = None;
        for header in &headers {
            let Some((logs, endpoint)) = logs_of(&self.backlog, header.number()) else {
                return Err(ReplayError::Dropped(header.number()));
            };
            match self.compare(rpc, header, &logs, endpoint).await? {
                Ok(more) => {
                    logs.iter()
                        .chain(&more)
                        .for_each(|log| (self.fold)(&mut self.settled, log));
                    self.settled_at = Some(header.block());
                }
                Err(why) => {
                    unproven = Some(why);
                    break;
                }
            }
        }
        let settled = self.settled_at.map_or(0, |settled| settled.number);
        self.backlog
            .retain(|piece| self.settled_at.is_none() || piece.end > settled);
        if unproven.is_none() && settled < read.number {
            let words = format!(
                "blocks {} to {} are not compared with their headers yet",
                settled + 1,
                read.number
            );
            unproven = Some(SafeText::new(&words));
        }
        Ok(unproven)
    }

    /// What was left out of a block, or why that cannot be told.
    async fn compare(
        &mut self,
        rpc: &Rpc,
        header: &BlockHeader,
        logs: &[LogEntry],
        endpoint: EndpointIndex,
    ) -> Result<Result<Vec<LogEntry>, SafeText>, ReplayError> {
        let hash = Root(header.hash.0);
        if logs.is_empty()
            && let Some((_, more)) = self.compared.get(&header.number()).filter(|(h, _)| *h == hash)
        {
            return Ok(Ok(more.clone()));
        }
        let more = match hidden(rpc, &self.filter, header, logs, endpoint).await? {
            Hidden::Nothing => Vec::new(),
            Hidden::Logs(more) => more,
            Hidden::Untold(why) => return Ok(Err(why)),
        };
        self.compared.insert(header.number(), (hash, more.clone()));
        Ok(Ok(more))
    }
}

/// What was told of a block, and by whom; none when it was not read.
fn logs_of(pieces: &[Piece], number: u64) -> Option<(Vec<LogEntry>, EndpointIndex)> {
    let piece = pieces.iter().find(|piece| piece.end >= number)?;
    let from = piece.logs.partition_point(|log| log.at().block.number < number);
    let of_block = piece.logs[from..]
        .iter()
        .take_while(|log| log.at().block.number == number);
    Some((of_block.cloned().collect(), piece.endpoint))
}
