//! What decides about money, asked of every endpoint. One endpoint's answer is enough for a picture on the screen; before
//! a transaction leaves, and before its receipt counts as final, those that are configured have to say the same.

use std::time::Duration;

use alloy::primitives::{Address, B256};
use futures_util::future::join_all;

use super::contracts::{Manager, decode_manager_event};
use super::intake::Finality;
use super::rpc::{At, BlockHeader, Receipt, Rpc, RpcError};
use super::ssv::SsvReader;
use crate::types::{BlockRef, Check, PoolId, SafeText};

/// Time that one endpoint has for all of it. The first reading of a long history takes the longest.
const DEADLINE: Duration = Duration::from_secs(60);
/// Providers are a second or two apart: this often, with this pause, a block is asked for that is not there yet.
const WAITS_FOR_BLOCK: (u32, Duration) = (8, Duration::from_millis(400));

/// What one endpoint says: a subject and a value each.
type Word = Vec<(&'static str, String)>;

/// How far the endpoints agree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Only one is configured.
    Alone,
    /// All that answered say the same, and at least two answered.
    Agree {
        /// How many answered.
        agreeing: usize,
        /// Who did not, and why.
        silent: Vec<SafeText>,
    },
    /// They do not say the same.
    Disagree(SafeText),
    /// Several are configured, fewer than two answered.
    TooFew {
        /// How many are configured.
        configured: usize,
        /// Who did not answer, and why.
        silent: Vec<SafeText>,
    },
}

impl Verdict {
    /// Nobody contradicts, and as many answered as can be asked for.
    #[must_use]
    pub fn holds(&self) -> bool {
        matches!(self, Self::Alone | Self::Agree { .. })
    }

    /// In words.
    #[must_use]
    pub fn words(&self) -> String {
        let list = |silent: &[SafeText]| {
            let words: Vec<_> = silent.iter().map(SafeText::as_str).collect();
            words.join("; ")
        };
        match self {
            Self::Alone => {
                "only one endpoint is configured (rpc.urls): nobody could contradict it".to_owned()
            }
            Self::Agree { agreeing, silent } if silent.is_empty() => {
                format!("all {agreeing} endpoints say the same")
            }
            Self::Agree { agreeing, silent } => {
                let all = agreeing + silent.len();
                format!(
                    "{agreeing} of {all} endpoints say the same; no answer: {}",
                    list(silent)
                )
            }
            Self::Disagree(words) => words.to_string(),
            Self::TooFew { configured, silent } => {
                let answered = configured - silent.len();
                format!(
                    "{answered} of {configured} endpoints answered; no answer: {}",
                    list(silent)
                )
            }
        }
    }

    /// As a check of this name.
    #[must_use]
    pub fn check(&self, name: &str) -> Check {
        match self {
            Self::Alone | Self::Agree { .. } => Check::pass(name, self.words()),
            Self::Disagree(_) => Check::fail(name, self.words()),
            Self::TooFew { .. } => Check::unknown(name, self.words()),
        }
    }
}

#[derive(Debug)]
struct Lane {
    name: SafeText,
    manager: Manager,
    ssv: SsvReader,
}

impl Lane {
    fn rpc(&self) -> &Rpc {
        self.manager.rpc()
    }
}

/// Asks every endpoint.
#[derive(Debug)]
pub struct Agreement {
    lanes: Vec<Lane>,
    finality: Finality,
}

impl Agreement {
    /// For the endpoints of `manager`; SSV's events count from `from_block` on.
    #[must_use]
    pub fn new(manager: &Manager, ssv_network: Address, from_block: u64, finality: Finality) -> Self {
        let lane = |(name, rpc): (SafeText, Rpc)| {
            let owner = manager.address();
            let layout = manager.layout();
            Lane {
                name,
                ssv: SsvReader::new(rpc.clone(), ssv_network, owner, layout, from_block),
                manager: manager.through(rpc),
            }
        };
        Self {
            lanes: manager.rpc().each().into_iter().map(lane).collect(),
            finality,
        }
    }

    /// What a transaction for `pool` rests on, at `block`: the queue, the pool, fees, nonces, and what is final.
    pub async fn on_facts(&self, pool: PoolId, oracle: Address, block: BlockRef) -> Verdict {
        if self.lanes.len() < 2 {
            return Verdict::Alone;
        }
        let ask = |lane| async move { timed(facts(lane, pool, oracle, block, self.finality)).await };
        let said = join_all(self.lanes.iter().map(ask)).await;
        // finality moves between two questions: what is compared is the lowest block that one of them calls final
        let lowest = said
            .iter()
            .flatten()
            .filter_map(|(_, last)| *last)
            .map(|b| b.number)
            .min();
        let finish = |(lane, said): (_, Result<(Word, Option<BlockRef>), SafeText>)| async move {
            let (mut word, last) = said?;
            if let Some(lowest) = lowest {
                let hash = timed(final_hash(lane, last, lowest)).await?;
                word.push(("the hash of the finalized block", hash));
            }
            Ok(word)
        };
        let said = join_all(self.lanes.iter().zip(said).map(finish)).await;
        self.judge(&format!("at block {}", block.number), said)
    }

    /// Where a transaction is included, and what came of it.
    pub async fn on_receipt(&self, transaction: B256) -> Verdict {
        if self.lanes.len() < 2 {
            return Verdict::Alone;
        }
        let ask = |lane: &'_ Lane| {
            let (rpc, manager) = (lane.rpc().clone(), lane.manager.address());
            let finality = self.finality;
            async move { timed(receipt(rpc, manager, transaction, finality)).await }
        };
        let said = join_all(self.lanes.iter().map(ask)).await;
        self.judge(&format!("on transaction {transaction}"), said)
    }

    fn judge(&self, about: &str, said: Vec<Result<Word, SafeText>>) -> Verdict {
        let mut words: Vec<(&SafeText, Word)> = Vec::new();
        let mut silent = Vec::new();
        for (lane, said) in self.lanes.iter().zip(said) {
            match said {
                Ok(word) => words.push((&lane.name, word)),
                Err(why) => silent.push(SafeText::new(&format!("{}: {why}", lane.name))),
            }
        }
        // what most say is what the others are held against; the endpoint asked first wins a tie
        let support = |word: &Word| words.iter().filter(|(_, other)| other == word).count();
        let most = words
            .iter()
            .map(|(_, word)| support(word))
            .max()
            .unwrap_or_default();
        let Some((reference, standard)) = words.iter().find(|(_, word)| support(word) == most) else {
            return Verdict::TooFew {
                configured: self.lanes.len(),
                silent,
            };
        };
        let others: Vec<String> = words
            .iter()
            .filter_map(|(name, word)| difference(standard, word).map(|what| format!("{name} {what}")))
            .collect();
        if !others.is_empty() {
            let words = format!("{about} {reference} is contradicted: {}", others.join("; "));
            return Verdict::Disagree(SafeText::new(&words));
        }
        if words.len() < 2 {
            return Verdict::TooFew {
                configured: self.lanes.len(),
                silent,
            };
        }
        Verdict::Agree {
            agreeing: words.len(),
            silent,
        }
    }
}

/// The first subject on which two differ.
fn difference(standard: &Word, word: &Word) -> Option<String> {
    if standard == word {
        return None;
    }
    let differs = standard.iter().zip(word).find(|(a, b)| a != b);
    Some(match differs {
        Some(((subject, there), (_, here))) => format!("says of {subject} {here}, not {there}"),
        None => "says less".to_owned(),
    })
}

async fn timed<T>(answer: impl Future<Output = Result<T, SafeText>>) -> Result<T, SafeText> {
    tokio::time::timeout(DEADLINE, answer)
        .await
        .unwrap_or_else(|_| Err(SafeText::new(&format!("no answer within {DEADLINE:?}"))))
}

fn said(error: impl std::fmt::Display) -> SafeText {
    SafeText::new(&error.to_string())
}

async fn facts(
    lane: &Lane,
    pool: PoolId,
    oracle: Address,
    block: BlockRef,
    finality: Finality,
) -> Result<(Word, Option<BlockRef>), SafeText> {
    let header = patiently(lane.rpc(), block.number).await?;
    let mut word: Word = vec![("the block's hash", header.hash.to_string())];
    if header.block() != block {
        return Ok((word, None));
    }
    let at = At::block(block);
    let (manager, rpc) = (&lane.manager, lane.rpc());
    let (ready, view, fees, nonce, ssv, last) = tokio::join!(
        manager.ready_pools(at),
        manager.pool(pool, at),
        manager.reserved_fees(at),
        rpc.nonce(oracle, at),
        lane.ssv.at(block, &[]),
        finalized(rpc, &header, finality),
    );
    let ready = ready.map_err(said)?;
    let view = view.map_err(said)?;
    let key = view
        .public_key
        .map_or_else(|| "none".to_owned(), |key| key.to_string());
    let head = ready
        .first()
        .map_or_else(|| "empty".to_owned(), |head| format!("pool {head}"));
    word.extend([
        ("the head of the ready queue", head),
        ("the pool's key", key),
        ("the pool's operators", format!("{:?}", view.operator_ids)),
        ("the pool's deposits", view.deposits_wei.to_string()),
        ("the pool's deposit data root", view.deposit_data_root.to_string()),
        ("the pool's exiting", view.exiting.to_string()),
        ("the pool's reshares", view.reshare_count.to_string()),
        ("the reserved fees", fees.map_err(said)?.to_string()),
        ("the oracle account's nonce", nonce.map_err(said)?.to_string()),
        (
            "the registrations at SSV",
            ssv.map_err(said)?.owner_nonce.to_string(),
        ),
    ]);
    Ok((word, last.map_err(said)?))
}

/// A block that a node may get to know a moment later.
async fn patiently(rpc: &Rpc, number: u64) -> Result<BlockHeader, SafeText> {
    let (times, pause) = WAITS_FOR_BLOCK;
    for _ in 0..times {
        match rpc.header(At::Number(number)).await {
            Ok(Some(header)) => return Ok(header),
            Ok(None) => {}
            Err(error) if error.server().is_some() => {}
            Err(error) => return Err(said(error)),
        }
        tokio::time::sleep(pause).await;
    }
    Err(SafeText::new(&format!("does not know block {number}")))
}

async fn finalized(rpc: &Rpc, head: &BlockHeader, finality: Finality) -> Result<Option<BlockRef>, RpcError> {
    let at = match finality {
        Finality::Tag => At::Finalized,
        Finality::Depth(depth) => match head.number().checked_sub(depth) {
            Some(number) => At::Number(number),
            None => return Ok(None),
        },
    };
    match rpc.header(at).await {
        Ok(header) => Ok(header.map(|h| h.block())),
        // a chain that has not finalized anything yet has no such block
        Err(error) if error.server().is_some() => Ok(None),
        Err(error) => Err(error),
    }
}

async fn final_hash(lane: &Lane, last: Option<BlockRef>, number: u64) -> Result<String, SafeText> {
    match last {
        Some(last) if last.number == number => Ok(last.hash.to_string()),
        // it calls nothing final yet, or a later block
        _ => {
            let header = lane.rpc().header(At::Number(number)).await.map_err(said)?;
            Ok(header.map_or_else(|| "unknown".to_owned(), |h| h.hash.to_string()))
        }
    }
}

async fn receipt(
    rpc: Rpc,
    manager: Address,
    transaction: B256,
    finality: Finality,
) -> Result<Word, SafeText> {
    let found: Option<Receipt> = rpc.receipt(transaction).await.map_err(said)?;
    // a node that lags is not a liar: it has not answered yet
    let found = found.ok_or_else(|| SafeText::new("has no receipt"))?;
    let block = found.block();
    let head = rpc.head().await.map_err(said)?;
    let last = finalized(&rpc, &head, finality).await.map_err(said)?;
    if last.is_none_or(|last| last.number < block.number) {
        return Err(SafeText::new("does not call its block final yet"));
    }
    let events: Vec<String> = found
        .logs
        .iter()
        .filter(|log| log.address == manager)
        .filter_map(decode_manager_event)
        .map(|event| format!("{:?} of pool {}", event.kind, event.pool))
        .collect();
    Ok(vec![
        ("its block", format!("{} {}", block.number, block.hash)),
        ("its success", found.succeeded().to_string()),
        ("its events", events.join(", ")),
    ])
}
