//! Whether a log is believed. Every endpoint is asked for its receipt, because one may lie.
//!
//! | one endpoint | |
//! |---|---|
//! | yes | its receipt of the transaction is of the very block and holds the very log; or it keeps no receipts so far back, has the transaction in that block, and tells the log of it |
//! | no | its receipt is of the very block and does not hold the log; or it has the block, by its hash, and no such transaction in it |
//! | not known | it does not have the block, has the transaction in another one, or does not answer |
//!
//! Two that say *yes*, and more than say *no*, are believed. So is the only endpoint where no second is configured: it is
//! one voice, and whoever is told says so. Nobody's *yes* against a *no*, or two that say *no* and are the more, make it a
//! lie, and who told it is named. Everything else is a doubt: the log is not told, the doubt is, and the endpoints are
//! asked again.

use alloy::primitives::B256;
use futures_util::future::join_all;

use crate::chain::rpc::{EndpointIndex, LogEntry, Rpc, RpcError};
use crate::types::SafeText;

/// What one endpoint says.
enum Word {
    Yes,
    No(String),
    NotKnown(String),
}

/// What the endpoints come to.
#[derive(Debug)]
pub(super) enum Belief {
    Believed,
    /// A lie. Who told it was named.
    Denied,
    /// They contradict each other, in words.
    Contested(SafeText),
    /// Too few have it (yet), and none denies it, in words.
    Unconfirmed(SafeText),
}

/// Asks every endpoint. Those that are outvoted are blamed, with the one that `teller` names.
pub(super) async fn judge(rpc: &Rpc, log: &LogEntry, teller: EndpointIndex) -> Belief {
    let voices = rpc.voices();
    let words = join_all(voices.iter().map(|(_, _, rpc)| word(rpc, log))).await;
    let yes = words.iter().filter(|w| matches!(w, Word::Yes)).count();
    let no = words.iter().filter(|w| matches!(w, Word::No(_))).count();
    let names = |wanted: fn(&Word) -> Option<&String>| {
        let said = voices.iter().zip(&words);
        let said = said.filter_map(|((_, name, _), word)| Some(format!("{name} {}", wanted(word)?)));
        said.collect::<Vec<_>>().join("; ")
    };
    let denials = || {
        names(|word| match word {
            Word::No(why) => Some(why),
            Word::Yes | Word::NotKnown(_) => None,
        })
    };
    let blame = |outvoted: fn(&Word) -> bool, what: &SafeText| {
        for ((index, ..), word) in voices.iter().zip(&words) {
            if outvoted(word) {
                rpc.blame_for_contradiction(*index, what);
            }
        }
    };
    let told_by = &voices[teller.position()].1;
    let alone = voices.len() == 1;
    if yes > no && (yes >= 2 || alone) {
        if no > 0 {
            let what = SafeText::new(&format!("denies a log of block {}: {}", block(log), denials()));
            blame(|word| matches!(word, Word::No(_)), &what);
        }
        return Belief::Believed;
    }
    if no > 0 && (yes == 0 || no >= 2 && no > yes) {
        let what = SafeText::new(&format!(
            "told a log of block {} that is not there: {}",
            block(log),
            denials()
        ));
        rpc.blame_for_contradiction(teller, &what);
        return Belief::Denied;
    }
    if no > 0 {
        let what = SafeText::new(&format!(
            "told a log of block {} that another denies: {}",
            block(log),
            denials()
        ));
        rpc.blame_for_contradiction(teller, &what);
        return Belief::Contested(SafeText::new(&format!("{told_by} {what}")));
    }
    let silent = names(|word| match word {
        Word::NotKnown(why) => Some(why),
        Word::Yes | Word::No(_) => None,
    });
    Belief::Unconfirmed(SafeText::new(&format!(
        "{told_by} told a log of block {}, which too few confirm: {silent}",
        block(log)
    )))
}

fn block(log: &LogEntry) -> u64 {
    log.at().block.number
}

async fn word(rpc: &Rpc, log: &LogEntry) -> Word {
    ask(rpc, log)
        .await
        .unwrap_or_else(|error| Word::NotKnown(format!("does not answer ({error})")))
}

async fn ask(rpc: &Rpc, log: &LogEntry) -> Result<Word, RpcError> {
    let at = log.at();
    let (transaction, hash) = (B256::from(at.transaction.0), B256::from(at.block.hash.0));
    if let Some(receipt) = rpc.receipt(transaction).await? {
        if receipt.block() != at.block {
            let other = receipt.block().number;
            return Ok(Word::NotKnown(format!(
                "has its transaction in another block, {other}"
            )));
        }
        let found = receipt.logs.iter().any(|found| same(found, log));
        return Ok(match found && receipt.succeeded() {
            true => Word::Yes,
            false => Word::No("has its receipt, and no such log in it".to_owned()),
        });
    }
    Ok(match rpc.block_holds(hash, transaction).await? {
        Some(false) => Word::No("has the block, and no such transaction in it".to_owned()),
        // receipts are pruned sooner than logs
        Some(true)
            if rpc
                .logs_in(hash, log.address)
                .await?
                .iter()
                .any(|found| same(found, log)) =>
        {
            Word::Yes
        }
        Some(true) => Word::NotKnown("has the transaction, and no receipt of it".to_owned()),
        None => Word::NotKnown("does not have the block".to_owned()),
    })
}

pub(super) fn same(a: &LogEntry, b: &LogEntry) -> bool {
    (a.at(), a.address, &a.topics, &a.data) == (b.at(), b.address, &b.topics, &b.data)
}
