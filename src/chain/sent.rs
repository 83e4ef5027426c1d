//! What an account sent to the manager with nonces that the journal does not know, by the manager's own logs: a person has to
//! judge whether a journal that lost records sent it, and nothing is believed because of it.
//!
//! The logs are read from the head back, until every nonce is explained, or a transaction of the account is older than all of
//! them; at most [`PIECES`] answers of logs and [`LOOKUPS`] transactions of each endpoint are asked for. Only two kinds of
//! event are: those by which the contract says that a call of its oracle went through.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use alloy::primitives::{Address, B256};

use super::logs::patiently;
use super::rpc::{LogEntry, LogFilter, Rpc, RpcError, TransactionInfo};
use crate::ports::{Answer, PoolEventKind, PoolManager, Unknown};
use crate::types::{BlockRef, Root, SafeText, listed};

/// Answers of logs that one look takes of an endpoint.
const PIECES: u32 = 48;
/// Transactions that one look asks an endpoint for.
const LOOKUPS: u32 = 64;
/// Endpoints whose logs are read: what the first explains nothing of the second may.
const READ: usize = 2;
/// Blocks of one step back, where the endpoint takes as many at once.
const STEP: u64 = 2_000;

/// Nonces, from the first to the last.
pub type Range = (u64, u64);

/// The nonces that are asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Who sent.
    pub account: Address,
    /// Ascending.
    pub nonces: Vec<Range>,
    /// The newest block of which all is known: what is asked about is not older.
    pub after: Option<u64>,
}

impl Asked {
    fn has(&self, nonce: u64) -> bool {
        self.nonces
            .iter()
            .any(|(first, last)| (*first..=*last).contains(&nonce))
    }

    fn lowest(&self) -> u64 {
        self.nonces.first().map_or(0, |(first, _)| *first)
    }

    fn is_explained(&self, by: &BTreeMap<u64, Sent>) -> bool {
        let known = by.len() as u64;
        let asked: u64 = self.nonces.iter().map(|(first, last)| last - first + 1).sum();
        known >= asked
    }
}

/// A transaction of the account that made the contract log something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    pub transaction: Root,
    pub block: BlockRef,
    /// What it did: the call, and the pools of its events.
    pub did: SafeText,
    /// The endpoints that tell it.
    pub told_by: Vec<SafeText>,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// By nonce.
    pub sent: BTreeMap<u64, Sent>,
    /// Nonces that no log explains.
    pub rest: Vec<Range>,
    /// The block down to which logs were read.
    pub from: u64,
    /// Endpoints that were asked, and did not fail.
    pub voices: usize,
}

impl Found {
    /// The whole in half a sentence.
    #[must_use]
    pub fn short(&self) -> SafeText {
        let known = self
            .sent
            .iter()
            .map(|(nonce, sent)| format!("{nonce} {}", sent.did));
        let rest = ranges(&self.rest).map_or_else(Vec::new, |rest| vec![format!("{rest} in no log of it")]);
        SafeText::new(&format!(
            "by the contract's logs: {}",
            known.chain(rest).collect::<Vec<_>>().join(", ")
        ))
    }

    /// A line for each transaction, and one for what no log explains.
    #[must_use]
    pub fn lines(&self) -> Vec<SafeText> {
        let known = self.sent.iter().map(|(nonce, sent)| {
            let Sent {
                transaction,
                block,
                did,
                told_by,
            } = sent;
            let by = match told_by.as_slice() {
                [one] => format!("one voice: {one}"),
                several => format!("{} endpoints say so", several.len()),
            };
            format!(
                "nonce {nonce}: {did}, transaction {transaction} in block {} ({by})",
                block.number
            )
        });
        let rest = ranges(&self.rest).map(|rest| {
            let by = match self.voices {
                1 => ", by one voice",
                _ => "",
            };
            format!(
                "{rest}: in no log of the contract from block {} on{by}: not to the contract, reverted, or older; look them \
                 up by the account and nonce",
                self.from
            )
        });
        known.chain(rest).map(|line| SafeText::new(&line)).collect()
    }
}

/// Nonces in words; none where there is none.
fn ranges(nonces: &[Range]) -> Option<String> {
    let words: Vec<_> = nonces
        .iter()
        .map(|(first, last)| match first == last {
            true => first.to_string(),
            false => format!("{first} to {last}"),
        })
        .collect();
    let noun = match nonces {
        [] => return None,
        [(first, last)] if first == last => "nonce",
        _ => "nonces",
    };
    Some(format!("{noun} {}", listed(&words, "and")))
}

/// Looks back through the contract's logs.
#[derive(Debug)]
pub struct LookBack {
    rpc: Rpc,
    manager: Arc<dyn PoolManager>,
    /// Of the contract's deployment.
    from_block: u64,
}

/// What one endpoint's logs say, and how far back they were read.
struct Walked {
    sent: BTreeMap<u64, Sent>,
    from: u64,
}

impl LookBack {
    /// Through the logs of `manager`, which has none before `from_block`.
    #[must_use]
    pub fn new(rpc: Rpc, manager: Arc<dyn PoolManager>, from_block: u64) -> Self {
        Self {
            rpc,
            manager,
            from_block,
        }
    }

    /// What the account sent with these nonces.
    ///
    /// # Errors
    /// No endpoint tells, and why.
    pub async fn look(&self, asked: &Asked) -> Result<Found, Unknown> {
        let filter = self.filter().await?;
        let (mut sent, mut from, mut voices, mut silent) = (BTreeMap::new(), None, 0, Vec::new());
        for (name, voice) in self.rpc.each() {
            if voices >= READ {
                break;
            }
            match self.walk(&name, &voice, &filter, asked).await {
                Ok(walked) => {
                    voices += 1;
                    from = from.max(Some(walked.from));
                    for (nonce, one) in walked.sent {
                        sent.entry(nonce).or_insert(one);
                    }
                    if asked.is_explained(&sent) {
                        break;
                    }
                }
                Err(error) => silent.push(format!("{name}: {error}")),
            }
        }
        let Some(from) = from else {
            return Err(Unknown::because(silent.join("; ")));
        };
        self.confirm(asked.account, &mut sent).await;
        let rest = rest_of(asked, &sent);
        Ok(Found {
            sent,
            rest,
            from,
            voices,
        })
    }

    /// Whatever tells that a call of the oracle went through.
    async fn filter(&self) -> Result<LogFilter, Unknown> {
        let watched = self.manager.watched().await.value()?;
        let is_ours = |kind| matches!(kind, PoolEventKind::DepositInitiated | PoolEventKind::Reshared);
        let ours: Vec<_> = watched.into_iter().filter(|event| is_ours(event.kind)).collect();
        let addresses: BTreeSet<_> = ours.iter().map(|event| event.contract).collect();
        let topics: BTreeSet<_> = ours.iter().map(|event| event.topic).collect();
        Ok(LogFilter {
            addresses: addresses.into_iter().collect(),
            topics: vec![topics.into_iter().collect()],
        })
    }

    async fn walk(
        &self,
        name: &SafeText,
        voice: &Rpc,
        filter: &LogFilter,
        asked: &Asked,
    ) -> Result<Walked, RpcError> {
        let head = voice.head().await?.number();
        let lowest = asked
            .after
            .map_or(self.from_block, |after| after.saturating_add(1));
        let lowest = lowest.max(self.from_block).min(head);
        let (mut sent, mut from, mut pieces, mut lookups) = (BTreeMap::new(), head.saturating_add(1), 0, 0);
        while from > lowest && pieces < PIECES && lookups < LOOKUPS && !asked.is_explained(&sent) {
            let step = voice.log_span().clamp(1, STEP);
            let (low, high) = (lowest.max(from.saturating_sub(step)), from - 1);
            let (mut logs, mut at) = (Vec::new(), low);
            while at <= high {
                let piece = patiently(voice, filter, at, high).await?;
                (pieces, at) = (pieces + 1, piece.end + 1);
                logs.extend(piece.logs);
            }
            from = low;
            let mut is_past = false;
            for (hash, logs) in by_transaction(&logs).into_iter().rev() {
                lookups += 1;
                let info = voice.transaction(hash).await?;
                let Some(info) = info.filter(|info| info.from == asked.account) else {
                    continue;
                };
                let Some(block) = info.block() else { continue };
                is_past |= info.nonce() < asked.lowest();
                if asked.has(info.nonce()) {
                    let one = Sent {
                        transaction: Root(hash.0),
                        block,
                        did: self.did(&info, &logs).await,
                        told_by: vec![name.clone()],
                    };
                    sent.insert(info.nonce(), one);
                }
            }
            if is_past {
                break;
            }
        }
        Ok(Walked { sent, from })
    }

    /// The call as the contract's version reads it, and the pools that its events name.
    async fn did(&self, info: &TransactionInfo, logs: &[&LogEntry]) -> SafeText {
        let call = (info.to == Some(self.manager.address()))
            .then(|| self.manager.describe(&info.input))
            .flatten();
        let mut told = Vec::new();
        for log in logs {
            if let Answer::Yes(event) = self.manager.event(&log.log()).await {
                told.push(match (&call, event.of_its_pool()) {
                    (Some(_), Some(event)) => format!("pool {}", event.pool),
                    _ => event.to_string(),
                });
            }
        }
        let told = listed(&told, "and");
        SafeText::new(&match call {
            Some(call) => format!("{} of {told}", call.function),
            None => format!("a call that this version cannot read: {told}"),
        })
    }

    /// Who else tells the same of a transaction: its sender, its nonce, its block.
    async fn confirm(&self, account: Address, sent: &mut BTreeMap<u64, Sent>) {
        let voices = self.rpc.each();
        for (nonce, one) in sent.iter_mut() {
            for (name, voice) in &voices {
                if one.told_by.contains(name) {
                    continue;
                }
                let told = voice
                    .transaction(B256::from(one.transaction.0))
                    .await
                    .ok()
                    .flatten();
                let says_so = |info: &TransactionInfo| {
                    info.from == account && info.nonce() == *nonce && info.block() == Some(one.block)
                };
                if told.is_some_and(|info| says_so(&info)) {
                    one.told_by.push(name.clone());
                }
            }
        }
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

/// Those of the asked nonces that nothing explains.
fn rest_of(asked: &Asked, sent: &BTreeMap<u64, Sent>) -> Vec<Range> {
    let mut rest = Vec::new();
    for (first, last) in &asked.nonces {
        let mut from = *first;
        for (nonce, _) in sent.range(*first..=*last) {
            if *nonce > from {
                rest.push((from, nonce - 1));
            }
            from = nonce + 1;
        }
        if from <= *last {
            rest.push((from, *last));
        }
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(told_by: &[&str]) -> Sent {
        Sent {
            transaction: Root([0xab; 32]),
            block: BlockRef {
                number: 41,
                hash: Root([1; 32]),
            },
            did: "resharePool of pool 3".into(),
            told_by: told_by.iter().map(|name| SafeText::new(name)).collect(),
        }
    }

    #[test]
    fn every_nonce_is_explained_or_said_to_be_in_no_log_and_one_voice_is_said() {
        let asked = Asked {
            account: Address::ZERO,
            nonces: vec![(3, 4), (7, 11)],
            after: None,
        };
        let sent = BTreeMap::from([(4, sent(&["a", "b"])), (8, sent(&["a"]))]);
        assert!(!asked.is_explained(&sent) && asked.has(9) && !asked.has(5));
        let rest = rest_of(&asked, &sent);
        assert_eq!(rest, [(3, 3), (7, 7), (9, 11)]);
        let found = Found {
            sent,
            rest,
            from: 12,
            voices: 1,
        };
        let hash = Root([0xab; 32]);
        let lines: Vec<_> = found.lines().iter().map(ToString::to_string).collect();
        assert_eq!(
            lines,
            [
                format!(
                    "nonce 4: resharePool of pool 3, transaction {hash} in block 41 (2 endpoints say so)"
                ),
                format!("nonce 8: resharePool of pool 3, transaction {hash} in block 41 (one voice: a)"),
                "nonces 3, 7 and 9 to 11: in no log of the contract from block 12 on, by one voice: not to the contract, \
                 reverted, or older; look them up by the account and nonce"
                    .to_owned(),
            ]
        );
        assert_eq!(
            found.short().as_str(),
            "by the contract's logs: 4 resharePool of pool 3, 8 resharePool of pool 3, nonces 3, 7 and 9 to 11 in no log of it"
        );
    }
}
