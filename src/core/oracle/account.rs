//! The oracle's account: one nonce for each intent, for life. Whoever else uses it stops everything, because
//! two who give out its nonces replace each other's transactions.
//!
//! What is known of an account comes from the journal alone: our own nonces from what was signed, and a floor below
//! which nobody asks, set when the account is first seen and moved by the person who ends the pause. So what somebody
//! else sends while this program is down is noticed at the next start.

use std::fmt;

use alloy::primitives::{Address, U256};

use super::record::sentence::nonces;
use super::state::{Durable, Nonces};
use super::turn::Turn;
use super::{Record, State};
use serde::{Deserialize, Serialize};

use crate::types::{ActionId, NonceStatus, SafeText, counted};

/// What the chain says of the oracle's account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountFacts {
    pub address: Address,
    /// Its next nonce at the head.
    pub next: u64,
    /// Its next nonce behind what waits in a node's pool.
    pub pending: u64,
    /// Its balance at the head, wei.
    pub balance_wei: U256,
    /// One endpoint alone tells `next`, where others are configured: they contradict it, or are silent. So nobody is accused
    /// by it, and a nonce is given out only where the journal explains it.
    pub is_open: bool,
}

/// What the journal says of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Account {
    /// Nonces below are from before the journal, or a person has looked at them.
    pub(super) floor: u64,
    /// Nonces of somebody else stand below this one, and no person has looked yet.
    pub(super) told: Option<u64>,
    /// A person said that what it did before this journal is history.
    pub(super) adopted: bool,
}

/// An account that is not this journal's own, and that no person has adopted: it has done things of which the journal has
/// no record, or the journal was written for another one. Another oracle may serve it, with a journal of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unadopted {
    pub account: Address,
    /// Its next nonce when it was first seen.
    pub nonce: u64,
    /// Another account that the journal was written for.
    pub other: Option<Address>,
}

impl Unadopted {
    /// Why nothing leaves, and what a person can do.
    #[must_use]
    pub fn words(&self) -> SafeText {
        let Self {
            account,
            nonce,
            other,
        } = self;
        if let Some(other) = other {
            return SafeText::new(&format!(
                "held: this journal was written for account {other}, and {account} is another one. Configure that account \
                 again, or give this one a journal of its own (state.dir, journal.path). If it takes the other's place for \
                 good, adopt it: key T in the console, or `casimir-dkg adopt {account}`. Nothing leaves before"
            ));
        }
        let sent = counted(usize::try_from(*nonce).unwrap_or(usize::MAX), "transaction");
        SafeText::new(&format!(
            "held: account {account} has sent {sent} of which this journal knows nothing. If an oracle works for it \
             elsewhere, or its journal is kept elsewhere, stop this one and use that journal (state.dir, journal.path). \
             If its past is over, adopt it: key T in the console, or `casimir-dkg adopt {account}`. Nothing leaves \
             before"
        ))
    }
}

impl State {
    /// The nonce that a transaction from `account` would get if it were signed now. `None` while the chain's word on the
    /// account is missing.
    #[must_use]
    pub fn nonce_now(&self, account: Address) -> Option<u64> {
        next_nonce(self, account)
    }

    /// The account of this oracle, where a person has to adopt it first.
    #[must_use]
    pub fn unadopted(&self) -> Option<Unadopted> {
        let account = self.volatile.facts.account?.address;
        // one that endpoints contradict each other on is not taken down, and another one all the same
        let known = self.accounts.get(&account);
        let floor = known.map_or(0, |known| known.floor);
        let is_new = self.nonces.get(&account).is_none_or(|own| own.lowest().is_none());
        let mut others = self.accounts.keys().chain(self.nonces.keys());
        let other = others.find(|other| **other != account).copied();
        let is_strange = floor > 0 || other.is_some();
        let is_adopted = known.is_some_and(|known| known.adopted);
        (is_strange && is_new && !is_adopted).then_some(Unadopted {
            account,
            nonce: floor,
            other,
        })
    }

    /// Nonces of this oracle's account that the chain calls used, that the journal knows nothing of, and at which no person
    /// has looked: ranges, at most so many. None while one endpoint alone tells them.
    #[must_use]
    pub fn strange_nonces(&self, most: usize) -> Vec<Unexplained> {
        let facts = self.volatile.facts.account.filter(|facts| !facts.is_open);
        facts.map_or_else(Vec::new, |facts| {
            self.each_unexplained(facts.address, facts.next.max(facts.pending), most)
        })
    }

    /// Why what was signed from `account` is never sent from here: it is not this oracle's, as far as anybody has said.
    pub(super) fn is_foreign(&self, account: Address) -> bool {
        let ours = self.volatile.facts.account;
        ours.is_none_or(|ours| ours.address != account)
    }
}

/// What is said of bytes that another account signed.
pub(super) fn foreign(account: Address) -> SafeText {
    SafeText::new(&format!(
        "signed by account {account}, which is not this oracle's: it is looked for, and never sent from here. Start with \
         that account again, or give the case up"
    ))
}

/// The nonce of the next intent of `account`: the lowest that neither the chain nor a node's pool nor an intent has. An
/// intent keeps its nonce even when another transaction took it: that one may leave the chain or the pool again, and
/// then the signed bytes are good once more.
/// `None` while the chain's word on the account is missing.
pub(super) fn next_nonce(state: &State, account: Address) -> Option<u64> {
    let used = state.volatile.facts.account.filter(|a| a.address == account)?;
    if used.is_open && unexplained(state, &used).is_some() {
        return None;
    }
    let next = used.next.max(used.pending);
    let own = state.nonces.get(&account).filter(|_| !planted!(NonceTwice));
    Some(own.map_or(next, |own| own.first_free(next)))
}

/// Nonces of an account that the chain calls used and the journal knows nothing of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unexplained {
    /// The lowest of them.
    pub first: u64,
    /// The highest of them.
    pub last: u64,
}

impl fmt::Display for Unexplained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&nonces(self.first, self.last).0)
    }
}

impl Durable {
    /// Those below `used` that the journal knows nothing of and that no person has looked at; told or not.
    #[must_use]
    pub fn unexplained(&self, account: Address, used: u64) -> Option<Unexplained> {
        let own = self.nonces.get(&account);
        // a journal from before floors were kept: from its first intent on everything must be its own
        let known = self.accounts.get(&account).map(|known| known.floor);
        let from = known.or_else(|| own.and_then(Nonces::lowest))?;
        self.unexplained_from(account, from, used)
    }

    /// What [`Self::unexplained`] tells, one by one, in ranges; no more than the first so many of those.
    #[must_use]
    pub fn each_unexplained(&self, account: Address, used: u64, most: usize) -> Vec<Unexplained> {
        let Some(Unexplained { first, last: end }) = self.unexplained(account, used) else {
            return Vec::new();
        };
        let own = self.nonces.get(&account);
        let (mut ranges, mut first) = (Vec::new(), first);
        while first <= end && ranges.len() < most {
            let taken = own.and_then(|own| own.first_taken(first));
            let behind = taken.map_or(end.saturating_add(1), |taken| taken.min(end.saturating_add(1)));
            let last = behind - 1;
            ranges.push(Unexplained { first, last });
            first = own.map_or(behind, |own| own.first_free(behind));
        }
        ranges
    }

    fn unexplained_from(&self, account: Address, from: u64, used: u64) -> Option<Unexplained> {
        let own = self.nonces.get(&account);
        let first = own.map_or(from, |own| own.first_free(from));
        let last = own.map_or(used.checked_sub(1), |own| own.last_free(used));
        let last = last.filter(|last| *last >= first)?;
        Some(Unexplained { first, last })
    }
}

/// Nonces that the chain calls used, the journal knows nothing of, and nobody was told of. Of an account that was never
/// seen, all of them.
fn unexplained(state: &State, facts: &AccountFacts) -> Option<Unexplained> {
    let known = state.accounts.get(&facts.address);
    let from = known.map_or(0, |known| known.floor.max(known.told.unwrap_or(0)));
    state.unexplained_from(facts.address, from, facts.next.max(facts.pending))
}

/// Somebody else sends from the oracle account: a second oracle on another machine, or a stolen key. Everything pauses
/// until a person has looked.
pub(super) fn watch(turn: &mut Turn<'_>) {
    let Some(facts) = turn
        .state
        .volatile
        .facts
        .account
        .filter(|_| !planted!(StrangerUnnoticed))
    else {
        return;
    };
    // one voice accuses nobody: what is so is so when they agree, too
    if facts.is_open && !planted!(OneVoiceAccuses) {
        return;
    }
    let account = facts.address;
    if !turn.state.accounts.contains_key(&account) {
        // a journal from before floors were kept: from its first intent on everything must be its own
        let own = turn.state.nonces.get(&account);
        let nonce = own.and_then(Nonces::lowest).unwrap_or(facts.next);
        turn.record(Record::AccountSeen { account, nonce });
    }
    let used = facts.next.max(facts.pending);
    if let Some(Unexplained { first, last }) = unexplained(turn.state, &facts) {
        turn.record(Record::AccountStrange {
            account,
            nonce: first,
            next: used,
            last: (last > first).then_some(last),
        });
        let (nonces, were) = nonces(first, last);
        let by = if first == last {
            "a transaction that is"
        } else {
            "transactions that are"
        };
        let alone = turn.state.facts().account_one_voice.as_ref();
        let alone = alone.map_or_else(String::new, |why| format!(". It is told by one voice: {why}"));
        pause(
            turn,
            &format!(
                "{nonces} of the oracle account {account} {were} used by {by} not in this journal: where it lost records, or \
                 was put back from an older copy, look whether they are what it sent then; else somebody else has the \
                 key{alone}"
            ),
        );
    }
}

/// The chain has another transaction with the nonce of an intent. What only waits in a node's pool is not told apart
/// from our own that another node has, so it pauses nothing; and what was looked at before our own bytes had come to the
/// nodes is not even told.
pub(super) fn replaced(turn: &mut Turn<'_>, action: ActionId, before: &NonceStatus, now: &NonceStatus) {
    if becomes_a_strangers(before, now) {
        pause(turn, &used_by_a_stranger(action));
    }
}

/// Somebody else used our nonce, and nothing pauses for that yet: it is told at once, however often an endpoint has told
/// something else in between.
pub(super) fn must_be_told(state: &State, action: ActionId, before: &NonceStatus, now: &NonceStatus) -> bool {
    becomes_a_strangers(before, now) && !is_paused_for(state, &pauses(&used_by_a_stranger(action)))
}

fn becomes_a_strangers(before: &NonceStatus, now: &NonceStatus) -> bool {
    let taken = |status: &NonceStatus| {
        matches!(
            status,
            NonceStatus::Replaced { by: Some(_), .. } | NonceStatus::Replaced { is_final: true, .. }
        )
    };
    taken(now) && !taken(before)
}

fn used_by_a_stranger(action: ActionId) -> String {
    format!("the nonce of {action} was used by a transaction that is not in this journal")
}

/// Also when a person has paused already: who resumes must know of it.
fn pause(turn: &mut Turn<'_>, words: &str) {
    let by = pauses(words);
    if !is_paused_for(turn.state, &by) {
        turn.record(Record::Paused { case: None, by });
    }
}

fn pauses(words: &str) -> SafeText {
    SafeText::new(&format!("the engine: {words}"))
}

fn is_paused_for(state: &State, by: &SafeText) -> bool {
    state.paused.as_ref().is_some_and(|(told, _)| told == by)
}

/// A person takes over an account with a past. Returns what is history from here on.
///
/// # Errors
/// In words: nobody waits for that.
pub(super) fn adopt(turn: &mut Turn<'_>, account: Address, by: &SafeText) -> Result<u64, String> {
    let waiting = turn.state.unadopted();
    let Unadopted { nonce, .. } = waiting
        .filter(|u| u.account == account)
        .ok_or_else(|| match waiting {
            Some(other) => format!("this oracle's account is {}, not {account}", other.account),
            None => "no account waits for an adoption".to_owned(),
        })?;
    let by = by.clone();
    turn.record(Record::AccountAdopted { account, nonce, by });
    Ok(nonce)
}

/// A person has looked and resumes: what was told, and is still so, is history from here on. Never more than was told.
pub(super) fn accept(turn: &mut Turn<'_>) {
    let told = turn.state.accounts.iter();
    let told: Vec<_> = told
        .filter_map(|(address, a)| Some((*address, a.told?)))
        .collect();
    for (account, told) in told {
        let facts = turn.state.volatile.facts.account.filter(|a| a.address == account);
        let nonce = facts.map_or(told, |a| told.min(a.next.max(a.pending)));
        turn.record(Record::AccountAccepted { account, nonce });
    }
}

#[cfg(test)]
mod tests;
