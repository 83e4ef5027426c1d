//! Every old block against its header, behind everything else. A header carries a bloom filter over the logs of its block:
//! where it promises something that an endpoint did not tell, the receipts of the block say what it was. An endpoint is
//! accused with evidence only: the receipts are proven by the header that it tells itself, or they are its own. Where
//! nothing proves either, endpoints disagree: both are named, and neither is accused.
//!
//! On a busy chain most filters promise everything, so this is nearly two questions a block: for a year of mainnet days or
//! weeks, by its own small budget. Nothing waits for it. It goes on over restarts, all filters in one pass, and what it
//! finds is an alarm: decisions rest on state and on two voices.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use alloy::primitives::{Address, B256};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::history_cache::{HistoryCache, Looked, Seal, look};
use super::proof::{ByReceipts, Receipts, by_receipts, shares};
use super::rpc::{At, BlockHeader, EndpointIndex, LogEntry, LogFilter, Rpc, RpcError};
use crate::chain::logs::asked_for;
use crate::log_limit::LogLimit;
use crate::types::{BlockRef, LogRef, SafeText};

/// Lines about what is found: one endpoint can invent as many logs as it likes.
static FOUND: LogLimit = LogLimit::slow();

/// Under which name it is kept.
const ENTRY: &str = "comparison";
/// Blocks of one step. After each the position is kept.
const BATCH: u64 = 64;
/// Findings that are kept in full; the others are counted.
const LISTED: usize = 32;

/// Logs that matter, and what to call them.
#[derive(Debug, Clone)]
pub struct WatchedLogs {
    /// For people: "events of the manager".
    pub what: &'static str,
    pub filter: LogFilter,
}

impl WatchedLogs {
    /// Logs of one contract by topic 0, and by the first indexed argument where one is given.
    #[must_use]
    pub fn of(what: &'static str, contract: Address, topics: Vec<B256>, first: Option<B256>) -> Self {
        let mut topics = vec![topics];
        topics.extend(first.map(|first| vec![first]));
        Self {
            what,
            filter: LogFilter {
                addresses: vec![contract],
                topics,
            },
        }
    }
}

/// What an endpoint told otherwise than its own chain has it, or than another endpoint does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The endpoint, its secrets hidden.
    pub endpoint: SafeText,
    /// Whose log it is, in words.
    pub what: SafeText,
    /// It left the log out; otherwise it told one that the receipts of the block do not hold.
    pub left_out: bool,
    pub log: LogRef,
    /// Whose receipts say otherwise, where nothing proves who of the two is wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disagrees_with: Option<SafeText>,
}

impl Finding {
    /// What was found, in a sentence that names the endpoint, the block and the transaction.
    #[must_use]
    pub fn words(&self) -> String {
        let Self {
            endpoint, what, log, ..
        } = self;
        let (block, transaction) = (log.block.number, log.transaction);
        if let Some(other) = &self.disagrees_with {
            let (has, lacks) = match self.left_out {
                true => (other, endpoint),
                false => (endpoint, other),
            };
            format!(
                "endpoints disagree: {has} has one of the {what} in block {block}, by transaction {transaction}, {lacks} has \
                 none, and nothing proves either wrong"
            )
        } else if self.left_out {
            format!("{endpoint} left one of the {what} out of block {block}, by transaction {transaction}")
        } else {
            format!("{endpoint} told one of the {what} in block {block} that its receipts do not hold")
        }
    }
}

/// How far it has got, and what came of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compared {
    /// Every block up to this one.
    pub upto: Option<BlockRef>,
    /// Blocks whose header promised something and whose receipts nobody has, or none that the header confirms.
    pub untold: u64,
    /// Findings in all.
    pub found: u64,
    /// The first ones.
    pub findings: Vec<Finding>,
}

impl Compared {
    /// What was found, in words; none when nothing was.
    #[must_use]
    pub fn alarm(&self) -> Option<SafeText> {
        let first = self.findings.first()?;
        let more = match self.found {
            0 | 1 => String::new(),
            n => format!("; and {} more", n - 1),
        };
        Some(SafeText::new(&format!(
            "old blocks were compared with their headers: {}{more}",
            first.words()
        )))
    }
}

/// How far the comparison of a file beside the journal has got, and from which block on; nothing where it has not begun.
///
/// # Errors
/// The file cannot be read.
pub fn kept_at(path: &std::path::Path, seal: &Seal) -> std::io::Result<Looked<Compared>> {
    look(path, seal, ENTRY)
}

/// The comparison, as far as it has got.
#[derive(Debug)]
pub struct Comparison {
    rpc: Rpc,
    wanted: Vec<WatchedLogs>,
    from: u64,
    kept: Arc<HistoryCache>,
    pace: Pace,
    compared: Compared,
    /// What was kept by an earlier run has not been asked about yet.
    is_old: bool,
}

/// So many calls a second.
#[derive(Debug)]
struct Pace {
    between: Duration,
    next: Instant,
}

impl Pace {
    async fn turn(&mut self) {
        let now = Instant::now();
        self.next = self.next.max(now);
        tokio::time::sleep_until(self.next).await;
        self.next += self.between;
    }
}

/// One endpoint's logs of a batch, by what they are of.
struct EndpointLogs {
    endpoint: EndpointIndex,
    name: SafeText,
    logs: Vec<Vec<LogEntry>>,
}

impl EndpointLogs {
    fn of(&self, wanted: usize, block: u64) -> impl Iterator<Item = &LogEntry> {
        self.logs[wanted]
            .iter()
            .filter(move |log| log.at().block.number == block)
    }
}

/// A block could not be compared now.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ComparisonError {
    /// No answer.
    #[error(transparent)]
    Rpc(#[from] RpcError),
    /// The chain moved meanwhile, or what was compared is of another branch.
    #[error("the chain changed while it was read, at block {0}")]
    Moved(u64),
}

impl Comparison {
    /// From block `from` on, or from where it was kept.
    #[must_use]
    pub fn new(
        rpc: Rpc,
        wanted: Vec<WatchedLogs>,
        from: u64,
        kept: Arc<HistoryCache>,
        calls_per_second: NonZeroU32,
    ) -> Self {
        let compared = kept.get::<Compared>(ENTRY).unwrap_or_default();
        Self {
            rpc,
            wanted,
            from,
            kept,
            pace: Pace {
                between: Duration::from_secs(1) / calls_per_second.get(),
                next: Instant::now(),
            },
            is_old: compared.upto.is_some(),
            compared,
        }
    }

    /// How far it has got.
    #[must_use]
    pub fn compared(&self) -> &Compared {
        &self.compared
    }

    /// The first block.
    #[must_use]
    pub fn from(&self) -> u64 {
        self.from
    }

    /// The next block.
    #[must_use]
    pub fn next(&self) -> u64 {
        self.compared.upto.map_or(self.from, |upto| upto.number + 1)
    }

    /// Compares the next blocks, at most up to a final one. What was compared stays when this is given up half-way.
    ///
    /// # Errors
    /// No endpoint tells headers or logs now, or the chain moved.
    pub async fn step(&mut self, last: u64) -> Result<(), ComparisonError> {
        self.take_up().await?;
        let from = self.next();
        let to = last.min(from + BATCH - 1);
        if from > to {
            return Ok(());
        }
        let told = self.told(from, to).await?;
        let mut parent = self.compared.upto;
        for number in from..=to {
            self.pace.turn().await;
            let header = self.rpc.header(At::Number(number)).await?;
            let header = header.ok_or(ComparisonError::Moved(number))?;
            if parent.is_some_and(|parent| parent.hash.0 != header.parent_hash.0) {
                // from the start again: a finality that was given up is rare enough
                self.compared = Compared::default();
                return Err(ComparisonError::Moved(number));
            }
            self.block(&header, &told).await?;
            parent = Some(header.block());
            self.compared.upto = parent;
        }
        self.kept.put(ENTRY, &self.compared, self.next() > last).await;
        Ok(())
    }

    /// What an earlier run kept counts while its last block stands.
    async fn take_up(&mut self) -> Result<(), ComparisonError> {
        let Some(upto) = self.compared.upto.filter(|_| self.is_old) else {
            return Ok(());
        };
        self.pace.turn().await;
        let header = self.rpc.header(At::Number(upto.number)).await?;
        let header = header.ok_or(ComparisonError::Moved(upto.number))?;
        self.is_old = false;
        if header.block() != upto {
            tracing::warn!(target: "chain", block = upto.number, "the kept comparison is of another branch, and begins again");
            self.compared = Compared::default();
        }
        Ok(())
    }

    /// What every endpoint tells of these blocks.
    async fn told(&mut self, from: u64, to: u64) -> Result<Vec<EndpointLogs>, ComparisonError> {
        let mut told = Vec::new();
        let mut failure = None;
        for (endpoint, name, rpc) in self.rpc.voices() {
            match self.logs_of(&rpc, from, to).await {
                Ok(logs) => told.push(EndpointLogs { endpoint, name, logs }),
                // one that does not answer now leaves nothing out
                Err(error) => failure = Some(error),
            }
        }
        match failure {
            Some(error) if told.is_empty() => Err(error.into()),
            _ => Ok(told),
        }
    }

    async fn logs_of(&mut self, rpc: &Rpc, from: u64, to: u64) -> Result<Vec<Vec<LogEntry>>, RpcError> {
        let mut all = Vec::new();
        for wanted in &self.wanted {
            let (mut logs, mut next) = (Vec::new(), from);
            while next <= to {
                self.pace.turn().await;
                let piece = rpc.logs(&wanted.filter, next, to).await?;
                next = piece.end + 1;
                logs.extend(piece.logs);
            }
            all.push(logs);
        }
        Ok(all)
    }

    async fn block(&mut self, header: &BlockHeader, told: &[EndpointLogs]) -> Result<(), ComparisonError> {
        let number = header.number();
        let Some(bloom) = &header.logs_bloom else {
            self.compared.untold += 1;
            return Ok(());
        };
        let suspicious = |n: usize| {
            let mut counts = told.iter().map(|told| told.of(n, number).count());
            let first = counts.next().unwrap_or_default();
            let differ = counts.any(|count| count != first);
            differ || (first == 0) == self.wanted[n].filter.may_match(bloom)
        };
        let suspicious: Vec<_> = (0..self.wanted.len()).filter(|n| suspicious(*n)).collect();
        if suspicious.is_empty() {
            return Ok(());
        }
        let Some(by_receipts) = self.receipts(header).await? else {
            self.compared.untold += 1;
            return Ok(());
        };
        for n in suspicious {
            let there = asked_for(by_receipts.logs.clone(), &self.wanted[n].filter, number, number);
            if there.iter().any(|log| log.at().block != header.block()) {
                return Err(ComparisonError::Moved(number));
            }
            for told in told {
                self.judge(n, &there, told, (header, &by_receipts)).await?;
            }
        }
        // the header does not confirm them, so what everybody told alike may lack something as well
        if !by_receipts.proven && header.receipts_root.is_some() {
            self.compared.untold += 1;
        }
        Ok(())
    }

    async fn receipts(&mut self, header: &BlockHeader) -> Result<Option<ByReceipts>, ComparisonError> {
        self.pace.turn().await;
        let found = match by_receipts(&self.rpc, header).await? {
            Receipts::Told(found) => Some(found),
            Receipts::Nowhere(why) => {
                tracing::debug!(target: "chain", block = header.number(), %why, "no endpoint has the receipts of a block");
                None
            }
        };
        // those that were asked beyond the first are paid for afterwards
        for _ in 1..found.as_ref().map_or(1, |found| found.asked) {
            self.pace.turn().await;
        }
        Ok(found)
    }

    /// Holds one endpoint's logs of a block against those in its receipts.
    async fn judge(
        &mut self,
        wanted: usize,
        there: &[LogEntry],
        told: &EndpointLogs,
        (header, receipts): (&BlockHeader, &ByReceipts),
    ) -> Result<(), ComparisonError> {
        let said: Vec<LogRef> = told.of(wanted, header.number()).map(LogEntry::at).collect();
        let there: Vec<LogRef> = there.iter().map(LogEntry::at).collect();
        let left_out = there.iter().filter(|at| !said.contains(at)).map(|at| (true, *at));
        let made_up = said
            .iter()
            .filter(|at| !there.contains(at))
            .map(|at| (false, *at));
        let found: Vec<_> = left_out.chain(made_up).collect();
        if found.is_empty() {
            return Ok(());
        }
        let is_proven = told.endpoint == receipts.teller
            || receipts.proven && {
                self.pace.turn().await;
                shares(&self.rpc, told.endpoint, header).await?
            };
        let names = self.rpc.health();
        let other = || names[receipts.teller.position()].name.clone();
        for (left_out, log) in found {
            let finding = Finding {
                endpoint: told.name.clone(),
                what: self.wanted[wanted].what.into(),
                left_out,
                log,
                disagrees_with: (!is_proven).then(other),
            };
            self.note(told.endpoint, finding);
        }
        Ok(())
    }

    fn note(&mut self, endpoint: EndpointIndex, finding: Finding) {
        let words = finding.words();
        if let Some(left_out) = FOUND.line() {
            tracing::error!(target: "chain", finding = %words, left_out, "an old block is not as an endpoint told it");
        }
        if finding.disagrees_with.is_some() {
            // nobody is accused
        } else if finding.left_out {
            self.rpc.blame_for_omission(endpoint);
        } else {
            self.rpc.blame_for_contradiction(endpoint, &SafeText::new(&words));
        }
        self.compared.found += 1;
        if self.compared.findings.len() < LISTED {
            self.compared.findings.push(finding);
        }
    }
}
