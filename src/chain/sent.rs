//! What an account sent to the manager with nonces that the journal does not know, by the manager's own logs: a person has to
//! judge whether a journal that lost records sent it, and nothing is believed because of it.
//!
//! The logs are read from the head back, until every nonce is explained, or a transaction of the account is older than all of
//! them; so many answers, transactions and seconds are given to each endpoint. No block of the journal bounds it:
//! a journal reads on while a stranger's nonce is not told yet. Only two kinds of event are read: those by which the contract
//! says that a call of its oracle went through. Every other endpoint is asked for what one tells: sender, nonce, block, and
//! what it did by its own calldata and receipt; who denies it is named.

mod did;
mod second;
mod walk;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use alloy::primitives::Address;
use futures_util::future::join_all;

use self::second::Second;
use self::walk::{Walk, Walked};
use super::rpc::{LogFilter, Rpc};
use crate::ports::{PoolEventKind, PoolManager, Unknown};
use crate::types::{BlockRef, Root, SafeText, listed};

/// Endpoints whose logs are read: what the first explains nothing of, or nobody bears out, the second may tell.
const READ: usize = 2;
/// What an endpoint has for the way back, and once more for what others tell.
const WITHIN: Duration = Duration::from_secs(30);

/// Nonces, from the first to the last.
pub type Range = (u64, u64);

/// The nonces that are asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Who sent.
    pub account: Address,
    /// Ascending.
    pub nonces: Vec<Range>,
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

    fn is_explained(&self, by: &[Sent]) -> bool {
        rest_of(self, by).is_empty()
    }
}

/// A transaction of the account that made the contract log something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    pub nonce: u64,
    pub transaction: Root,
    pub block: BlockRef,
    /// What it did: the call, and the pools of its events.
    pub did: SafeText,
    /// The endpoints that tell it.
    pub told_by: Vec<SafeText>,
    /// Which endpoints deny it, or do not know it, in words.
    pub doubts: Vec<Doubt>,
}

/// An endpoint that does not bear out what another tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubt {
    pub by: SafeText,
    pub words: SafeText,
}

impl Sent {
    /// Both tell the same, by whomever.
    fn is_same(&self, other: &Self) -> bool {
        let said = |one: &Self| (one.nonce, one.transaction, one.block);
        said(self) == said(other) && self.did == other.did
    }

    fn is_borne_out(&self) -> bool {
        self.told_by.len() > 1
    }

    /// Who says so and who does not.
    fn voices(&self) -> String {
        let by = match self.told_by.as_slice() {
            [one] => format!("one voice: {one}"),
            several => format!("{} endpoints say so", several.len()),
        };
        let doubts = self
            .doubts
            .iter()
            .map(|Doubt { by, words }| format!("{by} {words}"));
        std::iter::once(by).chain(doubts).collect::<Vec<_>>().join("; ")
    }
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// By nonce; several of the same one where endpoints disagree.
    pub sent: Vec<Sent>,
    /// Nonces that no log explains.
    pub rest: Vec<Range>,
    /// The block down to which logs were read.
    pub from: u64,
    /// Endpoints whose logs were read.
    pub voices: usize,
}

impl Found {
    /// The whole in half a sentence.
    #[must_use]
    pub fn short(&self) -> SafeText {
        let known = self.sent.iter().map(|sent| match sent.doubts.as_slice() {
            [] => format!("{} {}", sent.nonce, sent.did),
            _ => format!("{} {} ({})", sent.nonce, sent.did, sent.voices()),
        });
        let rest = ranges(&self.rest).map_or_else(Vec::new, |rest| vec![format!("{rest} in no log of it")]);
        SafeText::new(&format!(
            "by the contract's logs: {}",
            known.chain(rest).collect::<Vec<_>>().join(", ")
        ))
    }

    /// A line for each transaction, and one for what no log explains.
    #[must_use]
    pub fn lines(&self) -> Vec<SafeText> {
        let known = self.sent.iter().map(|sent| {
            format!(
                "nonce {}: {}, transaction {} in block {} ({})",
                sent.nonce,
                sent.did,
                sent.transaction,
                sent.block.number,
                sent.voices()
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
    within: Duration,
}

impl LookBack {
    /// Through the logs of `manager`, which has none before `from_block`.
    #[must_use]
    pub fn new(rpc: Rpc, manager: Arc<dyn PoolManager>, from_block: u64) -> Self {
        Self {
            rpc,
            manager,
            from_block,
            within: WITHIN,
        }
    }

    /// With so much time for each endpoint.
    #[cfg(test)]
    pub(crate) fn within(self, within: Duration) -> Self {
        Self { within, ..self }
    }

    /// What the account sent with these nonces.
    ///
    /// # Errors
    /// No endpoint tells, and why.
    pub async fn look(&self, asked: &Asked) -> Result<Found, Unknown> {
        let filter = self.filter().await?;
        let voices = self.rpc.each();
        let (mut sent, mut from, mut read, mut silent) = (Vec::new(), None, 0, Vec::new());
        for (name, voice) in &voices {
            let walk = Walk::new(self, (name, voice), &filter, asked);
            match walk.go(self.within).await {
                Ok(walked) => {
                    read += 1;
                    from = from.max(Some(walked.from));
                    self.take(walked, asked.account, &filter, &voices, &mut sent)
                        .await;
                }
                Err(why) => silent.push(format!("{name}: {why}")),
            }
            // what nobody else bears out may hide what another one's logs tell
            let is_borne_out = voices.len() == 1 || sent.iter().all(Sent::is_borne_out);
            if read >= READ || read > 0 && is_borne_out && asked.is_explained(&sent) {
                break;
            }
        }
        let Some(from) = from else {
            return Err(Unknown::because(silent.join("; ")));
        };
        sent.sort_by_key(|one| (one.nonce, one.block.number, one.transaction));
        Ok(Found {
            rest: rest_of(asked, &sent),
            sent,
            from,
            voices: read,
        })
    }

    /// Adds what one endpoint's logs tell to what another's told, and asks the others about what is new.
    async fn take(
        &self,
        walked: Walked,
        account: Address,
        filter: &LogFilter,
        voices: &[(SafeText, Rpc)],
        sent: &mut Vec<Sent>,
    ) {
        let mut news = Vec::new();
        for one in walked.sent {
            match sent.iter_mut().find(|known| known.is_same(&one)) {
                Some(known) => {
                    known.doubts.retain(|doubt| !one.told_by.contains(&doubt.by));
                    let by = one.told_by.into_iter();
                    let more: Vec<_> = by.filter(|by| !known.told_by.contains(by)).collect();
                    known.told_by.extend(more);
                }
                None => news.push(one),
            }
        }
        let mut told: Vec<_> = voices.iter().map(|_| Vec::new()).collect();
        let asks = voices.iter().zip(&mut told).map(|(of, told)| {
            let second = Second::new(self, account, filter, of);
            tokio::time::timeout(self.within, second.hear(&news, told))
        });
        // what each said until then counts
        join_all(asks).await;
        for ((name, _), told) in voices.iter().zip(told) {
            for (one, doubt) in told {
                let by = name.clone();
                match doubt {
                    None => news[one].told_by.push(by),
                    Some(words) => news[one].doubts.push(Doubt { by, words }),
                }
            }
        }
        sent.extend(news);
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
}

/// Those of the asked nonces that nothing explains.
fn rest_of(asked: &Asked, sent: &[Sent]) -> Vec<Range> {
    let explained: BTreeSet<_> = sent.iter().map(|one| one.nonce).collect();
    let mut rest = Vec::new();
    for (first, last) in &asked.nonces {
        let mut from = *first;
        for nonce in explained.range(*first..=*last) {
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
mod tests;
