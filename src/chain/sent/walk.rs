//! One endpoint's logs, from the head back. What an endpoint makes up, and how slow it is, is its own affair: so many answers
//! of logs, so many transactions, and so much time are given to it, and what it told until then counts.

use std::time::Duration;

use alloy::primitives::B256;

use super::{Asked, LookBack, Sent};
use crate::chain::logs::patiently;
use crate::chain::rpc::{LogEntry, LogFilter, Rpc, RpcError};
use crate::types::{Root, SafeText, in_words};

/// Answers of logs that one look takes of an endpoint.
const PIECES: u32 = 48;
/// Transactions that one look asks an endpoint for.
const LOOKUPS: u32 = 64;
/// Blocks of one step back, where the endpoint takes as many at once.
const STEP: u64 = 2_000;

/// On the way back at one endpoint. Whenever it is stopped, `sent` and `from` are true.
pub(super) struct Walk<'a> {
    look: &'a LookBack,
    name: &'a SafeText,
    voice: &'a Rpc,
    filter: &'a LogFilter,
    asked: &'a Asked,
    sent: Vec<Sent>,
    head: u64,
    /// The block down to which everything was looked at; none before anything was.
    from: Option<u64>,
    pieces: u32,
    lookups: u32,
}

/// What one endpoint's logs say, and how far back they were read.
pub(super) struct Walked {
    pub(super) sent: Vec<Sent>,
    pub(super) from: u64,
}

impl<'a> Walk<'a> {
    pub(super) fn new(
        look: &'a LookBack,
        (name, voice): (&'a SafeText, &'a Rpc),
        filter: &'a LogFilter,
        asked: &'a Asked,
    ) -> Self {
        Self {
            look,
            name,
            voice,
            filter,
            asked,
            sent: Vec::new(),
            head: 0,
            from: None,
            pieces: 0,
            lookups: 0,
        }
    }

    /// Goes back for as long as there is something to find and something left to spend.
    ///
    /// # Errors
    /// In words, where the endpoint told nothing.
    pub(super) async fn go(mut self, within: Duration) -> Result<Walked, SafeText> {
        let why = match tokio::time::timeout(within, self.back()).await {
            Ok(Ok(())) if self.from.is_none() => {
                Some("its newest blocks have more logs than are looked at".to_owned())
            }
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some(format!("it told nothing within {}", in_words(within))),
        };
        match why {
            Some(why) if self.from.is_none() && self.sent.is_empty() => Err(SafeText::new(&why)),
            _ => Ok(Walked {
                sent: self.sent,
                from: self.from.unwrap_or_else(|| self.head.saturating_add(1)),
            }),
        }
    }

    async fn back(&mut self) -> Result<(), RpcError> {
        self.head = self.voice.head().await?.number();
        let lowest = self.look.from_block.min(self.head);
        let mut above = self.head.saturating_add(1);
        while above > lowest && self.can_go_on() {
            let Some((low, logs)) = self.step(lowest, above).await? else {
                continue;
            };
            for (hash, logs) in by_transaction(&logs).into_iter().rev() {
                let block = logs.first().map_or(low, |log| log.at().block.number);
                if block < above - 1 {
                    self.from = Some(block + 1);
                }
                if !self.can_go_on() {
                    return Ok(());
                }
                if self.is_older(hash, &logs).await? {
                    self.from = Some(block);
                    return Ok(());
                }
            }
            (above, self.from) = (low, Some(low));
        }
        Ok(())
    }

    fn can_go_on(&self) -> bool {
        self.pieces < PIECES && self.lookups < LOOKUPS && !self.asked.is_explained(&self.sent)
    }

    /// The logs of the next blocks below `above`, and the lowest of those. None where answers are used up, or the endpoint
    /// turned out to take fewer blocks at once: the newest are the next then.
    async fn step(&mut self, lowest: u64, above: u64) -> Result<Option<(u64, Vec<LogEntry>)>, RpcError> {
        let span = self.voice.log_span().clamp(1, STEP);
        let (low, high) = (lowest.max(above.saturating_sub(span)), above - 1);
        let (mut logs, mut at) = (Vec::new(), low);
        while at <= high {
            if self.pieces >= PIECES {
                return Ok(None);
            }
            self.pieces += 1;
            let piece = patiently(self.voice, self.filter, at, high).await?;
            if piece.end < high && self.voice.log_span() <= high - low {
                return Ok(None);
            }
            at = piece.end + 1;
            logs.extend(piece.logs);
        }
        Ok(Some((low, logs)))
    }

    /// Takes note of a transaction that is asked about. Whether it is one that the account sent before all of those.
    async fn is_older(&mut self, hash: B256, logs: &[&LogEntry]) -> Result<bool, RpcError> {
        self.lookups += 1;
        let info = self.voice.transaction(hash).await?;
        let Some(info) = info.filter(|info| info.hash == hash && info.from == self.asked.account) else {
            return Ok(false);
        };
        let Some(block) = info.block() else {
            return Ok(false);
        };
        if self.asked.has(info.nonce()) {
            let one = Sent {
                nonce: info.nonce(),
                transaction: Root(hash.0),
                block,
                did: self.look.did(&info, logs).await,
                told_by: vec![self.name.clone()],
                doubts: Vec::new(),
            };
            if !self.sent.iter().any(|known| known.is_same(&one)) {
                self.sent.push(one);
            }
        }
        Ok(info.nonce() < self.asked.lowest())
    }
}

/// The logs of each transaction, in the order of the chain.
fn by_transaction(logs: &[LogEntry]) -> Vec<(B256, Vec<&LogEntry>)> {
    let mut all: Vec<(B256, Vec<&LogEntry>)> = Vec::new();
    for log in logs {
        let hash = B256::from(log.at().transaction.0);
        match all.last_mut() {
            Some((last, of)) if *last == hash => of.push(log),
            _ => all.push((hash, vec![log])),
        }
    }
    all
}
