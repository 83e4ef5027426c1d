//! State that is rebuilt from logs, as one endpoint tells them. What lies deep enough is folded once and kept, over a
//! restart too; the newest blocks are folded again each time, so that a reorg simply gives another answer.
//!
//! That nothing is missing is not proven here: one endpoint is one voice. Whoever decides on it asks a second one, and
//! compares with what the contract's state implies; every block is compared with its header behind all that
//! ([`super::comparison`]).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use alloy::primitives::B256;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::history_cache::HistoryCache;
use crate::chain::logs::patiently;
use crate::chain::rpc::{At, LogEntry, LogFilter, Rpc, RpcError};
use crate::types::{BlockRef, LogRef, SafeText, in_words};

/// Blocks that are folded again each time, at least.
const UNSETTLED: u64 = 128;
/// As many more come before any of them is settled: settling takes two questions.
const SETTLED_AT_ONCE: u64 = 64;
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
    /// It was read, but something is missing.
    #[error("it is not certain that no log was left out: {0}")]
    Unproven(SafeText),
    /// A log cannot be read, so that what it changes is not known.
    #[error("log {} of block {} cannot be read: {why}", .at.index, .at.block.number)]
    Unreadable {
        /// Where it stands.
        at: LogRef,
        /// What is wrong with it.
        why: SafeText,
    },
}

/// Takes a log into a state, or says why it cannot be read.
type Fold<S> = fn(&mut S, &LogEntry) -> Result<(), SafeText>;

/// The state at a block, in two parts.
#[derive(Debug)]
pub(crate) struct Replayed<'a, S> {
    /// Up to a block that lies so deep that no reorg is expected there.
    pub(crate) settled: &'a S,
    /// What later blocks add.
    pub(crate) recent: S,
}

/// How far a long reading has got, for whoever waits for it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reading(Arc<Mutex<Option<Pace>>>);

#[derive(Debug, Clone, Copy)]
struct Pace {
    begun: (u64, Instant),
    at: u64,
    to: u64,
}

impl Reading {
    fn pace(&self) -> MutexGuard<'_, Option<Pace>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, at: u64, to: u64) {
        let mut pace = self.pace();
        let begun = pace.map_or((at, Instant::now()), |pace| pace.begun);
        *pace = Some(Pace { begun, at, to });
    }

    /// Block reached, block aimed at, and the time that the rest takes at this pace. None while nothing long is read, and
    /// where reading failed.
    pub(crate) fn progress(&self) -> Option<(u64, u64, Option<std::time::Duration>)> {
        let Pace { begun, at, to } = (*self.pace())?;
        let (done, left) = (at.saturating_sub(begun.0), to.saturating_sub(at));
        let spent = begun.1.elapsed();
        let rest = (done > 0).then(|| spent.mul_f64(left as f64 / done as f64));
        Some((at, to, rest))
    }

    pub(crate) fn words(&self) -> Option<String> {
        let (at, to, rest) = self.progress()?;
        let rest = rest.map_or_else(String::new, |rest| format!(", about {} more", in_words(rest)));
        Some(format!("the logs are being read, block {at} of {to}{rest}"))
    }
}

/// How often everything is read from the first block again: at once, then ever more seldom, because what comes out the
/// same each time is so.
#[derive(Debug)]
struct RereadBackoff {
    from: Instant,
    pause: Duration,
}

impl RereadBackoff {
    const PAUSES: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(3_600));

    fn new() -> Self {
        Self {
            from: Instant::now(),
            pause: Self::PAUSES.0,
        }
    }

    /// Whether it may be now; then not again for a while.
    fn is_due(&mut self) -> bool {
        let now = Instant::now();
        let is_due = now >= self.from;
        if is_due {
            self.from = now + self.pause;
            self.pause = (self.pause * 2).min(Self::PAUSES.1);
        }
        is_due
    }
}

/// A fold over the logs of a filter.
#[derive(Debug)]
pub(crate) struct Replay<S> {
    filter: LogFilter,
    from: u64,
    fold: Fold<S>,
    /// Where it is kept for the next start, and under which name.
    kept: Option<(Arc<HistoryCache>, String)>,
    settled: S,
    settled_at: Option<BlockRef>,
    /// What lies above, at the block that was asked for last: many pools are asked about at one block.
    newest: Option<(BlockRef, S)>,
    reading: Reading,
    anew: RereadBackoff,
}

#[derive(Serialize, Deserialize)]
struct Entry<S> {
    at: BlockRef,
    state: S,
}

impl<S: Default + Clone + Serialize + DeserializeOwned> Replay<S> {
    pub(crate) fn new(filter: LogFilter, from: u64, fold: Fold<S>) -> Self {
        Self {
            filter,
            from,
            fold,
            kept: None,
            settled: S::default(),
            settled_at: None,
            newest: None,
            reading: Reading::default(),
            anew: RereadBackoff::new(),
        }
    }

    /// The same, going on from what is kept under this name.
    pub(crate) fn kept(mut self, kept: Arc<HistoryCache>, name: String) -> Self {
        if let Some(Entry { at, state }) = kept.get::<Entry<S>>(&name).filter(|e| e.at.number >= self.from) {
            (self.settled, self.settled_at) = (state, Some(at));
        }
        self.kept = Some((kept, name));
        self
    }

    /// How far it has got.
    pub(crate) fn reading(&self) -> Reading {
        self.reading.clone()
    }

    /// The first block that is read.
    pub(crate) fn from(&self) -> u64 {
        self.from
    }

    /// The state at `block`.
    pub(crate) async fn at(&mut self, rpc: &Rpc, block: BlockRef) -> Result<Replayed<'_, S>, ReplayError> {
        if block.number < self.from {
            self.forget();
            return Ok(self.and(S::default()));
        }
        if let Some((_, recent)) = self.newest.as_ref().filter(|(at, _)| *at == block) {
            return Ok(self.and(recent.clone()));
        }
        if !self.stands(rpc, block).await? {
            self.forget();
        }
        let settle = block.number.saturating_sub(UNSETTLED);
        if settle >= self.next() + SETTLED_AT_ONCE {
            self.read_on(rpc, settle).await?;
        }
        let recent = self.newest(rpc, block).await?;
        self.newest = Some((block, recent.clone()));
        Ok(self.and(recent))
    }

    fn and(&self, recent: S) -> Replayed<'_, S> {
        Replayed {
            settled: &self.settled,
            recent,
        }
    }

    fn next(&self) -> u64 {
        self.settled_at
            .map_or(self.from, |settled| settled.number.saturating_add(1))
    }

    /// What was settled is part of the chain.
    async fn stands(&self, rpc: &Rpc, block: BlockRef) -> Result<bool, ReplayError> {
        let Some(settled) = self.settled_at else {
            return Ok(true);
        };
        if settled.number > block.number {
            return Ok(false);
        }
        match rpc.header(At::Number(settled.number)).await? {
            Some(header) => Ok(header.block() == settled),
            // a node that lags says nothing of a block
            None => Err(ReplayError::Dropped(settled.number)),
        }
    }

    /// Reads on up to a settled height. What was read stays when this is given up half-way: a history that takes longer
    /// than anybody waits is read in several goes, and none begins anew.
    async fn read_on(&mut self, rpc: &Rpc, to: u64) -> Result<(), ReplayError> {
        let read = self.read_in_pieces(rpc, to).await;
        // whoever gives up half-way is told how far it is, and goes on: only an end or a failure comes here
        *self.reading.pace() = None;
        read
    }

    async fn read_in_pieces(&mut self, rpc: &Rpc, to: u64) -> Result<(), ReplayError> {
        let mut next = self.next();
        let mut read = Vec::new();
        while next <= to {
            let piece = patiently(rpc, &self.filter, next, to).await?;
            let end = piece.end;
            next = end + 1;
            read.push(piece);
            if read.len() < KEPT_AT_ONCE && end < to {
                continue;
            }
            let header = rpc.header(At::Number(end)).await?;
            let at = header.ok_or(ReplayError::Dropped(end))?.block();
            // what is settled stays, and in the file too, so nothing of it may have been passed over
            let mut settled = self.settled.clone();
            for log in read.drain(..).flat_map(|piece| piece.logs) {
                self.fold(&mut settled, &log)?;
            }
            self.settled = settled;
            self.settled_at = Some(at);
            self.newest = None;
            self.reading.tell(end, to);
            self.keep(at, end == to).await;
        }
        Ok(())
    }

    async fn keep(&self, at: BlockRef, now: bool) {
        if let Some((kept, name)) = &self.kept {
            let state = self.settled.clone();
            kept.put(name, &Entry { at, state }, now).await;
        }
    }

    /// What lies above the settled blocks. Each log must stand in the chain that ends in `block`.
    async fn newest(&self, rpc: &Rpc, block: BlockRef) -> Result<S, ReplayError> {
        let (mut recent, mut next) = (S::default(), self.next());
        let mut standing = BTreeMap::from([(block.number, B256::from(block.hash.0))]);
        while next <= block.number {
            let piece = patiently(rpc, &self.filter, next, block.number).await?;
            next = piece.end + 1;
            for log in &piece.logs {
                let at = log.at().block;
                let hash = match standing.get(&at.number) {
                    Some(hash) => *hash,
                    None => {
                        let header = rpc.header(At::Number(at.number)).await?;
                        let hash = header.ok_or(ReplayError::Dropped(at.number))?.hash;
                        standing.insert(at.number, hash);
                        hash
                    }
                };
                if hash.0 != at.hash.0 {
                    return Err(ReplayError::Dropped(at.number));
                }
                self.fold(&mut recent, log)?;
            }
        }
        // asked last: what was read belongs to the chain that has this block
        let header = rpc.header(At::Number(block.number)).await?;
        match header {
            Some(header) if header.block() == block => Ok(recent),
            _ => Err(ReplayError::Dropped(block.number)),
        }
    }

    fn fold(&self, state: &mut S, log: &LogEntry) -> Result<(), ReplayError> {
        let at = log.at();
        (self.fold)(state, log).map_err(|why| ReplayError::Unreadable { at, why })
    }

    /// What was read is contradicted: an endpoint that left logs out for a while, or made some up, is heard anew. `what` says
    /// what is read, in the plural.
    pub(crate) fn read_anew(&mut self, what: &str) {
        if self.anew.is_due() {
            tracing::warn!(target: "chain", "{what} are read from the first block again: what was read of them is contradicted");
            self.forget();
        }
    }

    /// Everything is read from the first block again.
    pub(crate) fn forget(&mut self) {
        self.settled = S::default();
        self.settled_at = None;
        self.newest = None;
    }
}
