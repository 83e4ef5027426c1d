//! What stays of closed cases when they leave memory. Everything else of them is in the journal, by case.
//!
//! The newest [`CLOSED_KEPT`] closed cases stay whole, whether they came to their end, were given up, or lost their request
//! for good. An older one leaves with its actions, transactions and ceremonies once nothing of it is under way. For each
//! pool there stays its key, and what its newest request was and how that ended; for each operator, what it did; and how
//! many there were. So memory grows by some hundred bytes with a pool, and not with its history.
//!
//! How it ended says who goes on: what a person gave up is held until a person takes it up again, what was closed on a
//! log's word or lost its request goes on by itself when the contract asks again. Either way another case begins, with the
//! next number: what the one before did is in the journal under its own.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::oracle::ways::is_settled;
use crate::oracle::{Cause, KnownKey, ValidatorPhase};
use crate::types::{
    ActionId, BlsPublicKey, CaseId, LogRef, OperatorId, PoolId, RequestId, RequestKind, SafeText,
};

use super::{Case, Durable, Shed, Step};

/// So many closed cases stay in memory: what a snapshot carries, and the first page behind it.
pub const CLOSED_KEPT: usize = 200;

#[cfg(not(test))]
fn closed_kept() -> usize {
    CLOSED_KEPT
}

#[cfg(test)]
thread_local! {
    /// So many stay in what this thread folds: lives are too short to close two hundred.
    pub(in crate::oracle) static KEPT: std::cell::Cell<usize> = const { std::cell::Cell::new(CLOSED_KEPT) };
}

#[cfg(test)]
fn closed_kept() -> usize {
    KEPT.get()
}

/// How a case that left memory ended, as far as anything follows from it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::oracle) enum End {
    /// It came to its end.
    #[default]
    Done,
    /// Its pool was served without it, by the word of a log, which may have been false.
    Served,
    /// A person gave it up, in these words, while its request was in the chain or was not.
    GivenUp { outcome: SafeText, orphaned: bool },
    /// Its request left the chain for good.
    Gone,
}

impl End {
    fn is_done(&self) -> bool {
        *self == Self::Done
    }

    fn of(case: &Case) -> Self {
        match &case.step {
            Step::Closed { outcome } if case.given_up => Self::GivenUp {
                outcome: outcome.clone(),
                orphaned: case.orphaned,
            },
            Step::Closed { .. } if case.is_gone() => Self::Gone,
            Step::Closed { outcome } if outcome.as_str() == case.kind().served() => Self::Served,
            _ => Self::Done,
        }
    }
}

/// The newest case of a kind that a pool had, where it left memory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Newest {
    kind: RequestKind,
    ordinal: u32,
    cause: Cause,
    #[serde(default, skip_serializing_if = "End::is_done")]
    end: End,
}

/// What closed cases that left memory left behind.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Retired {
    pools: BTreeMap<PoolId, Past>,
    pub cases: BTreeMap<RequestKind, u64>,
    pub actions: u64,
    pub ceremonies: u64,
    pub transactions: u64,
    /// How much of the cases in memory is among these.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub partly: BTreeMap<CaseId, Shed>,
    /// Of how many pools' keys each operator has a share.
    pub(super) holds: BTreeMap<OperatorId, u32>,
}

/// What stays of a pool.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Past {
    /// Its newest case of each kind that left.
    newest: Vec<Newest>,
    /// Of the newest key generation, by its case's number, and the record that its case ended with.
    pub(super) keygen: Option<(u32, u64, PastKey)>,
    /// Of the newest reshare, by the record that its case ended with.
    pub(super) reshare: Option<(u64, PastKey)>,
    /// Its validator has left.
    pub(super) left: bool,
}

/// A [`KnownKey`] in little room: there is one for each pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PastKey {
    validator: BlsPublicKey,
    committee: Box<[OperatorId]>,
    /// Public keys of the shares, in the order of the committee.
    shares: Box<[BlsPublicKey]>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    handed_back: BTreeMap<OperatorId, Vec<u8>>,
}

impl PastKey {
    /// Every operator of the committee has a share, as in every key that a ceremony made.
    fn of(key: &KnownKey) -> Self {
        Self {
            validator: key.validator,
            committee: key.share_public_keys.keys().copied().collect(),
            shares: key.share_public_keys.values().copied().collect(),
            handed_back: key.handed_back.clone(),
        }
    }

    pub(super) fn whole(&self) -> KnownKey {
        let shares = self.committee.iter().copied().zip(self.shares.iter().copied());
        KnownKey::of(self.validator, &shares.collect(), &self.handed_back)
    }
}

impl Past {
    fn newest(&self, kind: RequestKind) -> Option<&Newest> {
        self.newest.iter().find(|newest| newest.kind == kind)
    }

    /// Whoever has shares of a key that is of use, and since when: whether by a reshare, and the record.
    pub(super) fn holders(&self) -> Option<((bool, u64), &[OperatorId])> {
        if self.left {
            return None;
        }
        let reshared = self
            .reshare
            .as_ref()
            .map(|(at, key)| ((true, *at), &*key.committee));
        let made = || {
            self.keygen
                .as_ref()
                .map(|(_, at, key)| ((false, *at), &*key.committee))
        };
        reshared.or_else(made)
    }
}

impl Retired {
    pub(super) fn past(&self, pool: PoolId) -> Option<&Past> {
        self.pools.get(&pool)
    }

    /// The newest case of this kind for this pool that left memory.
    pub(in crate::oracle) fn newest(&self, kind: RequestKind, pool: PoolId) -> Option<CaseId> {
        let ordinal = self.pools.get(&pool)?.newest(kind)?.ordinal;
        Some(CaseId { kind, pool, ordinal })
    }

    /// Whether a request at this place was told before: the newest one that left memory stands there, or later. One that
    /// left the chain for good was not, should it be there after all.
    pub(in crate::oracle) fn has_been_told(&self, kind: RequestKind, pool: PoolId, log: LogRef) -> bool {
        let newest = self.pools.get(&pool).and_then(|past| past.newest(kind));
        let place = |log: LogRef| (log.block.number, log.index);
        newest.is_some_and(|newest| match newest.cause {
            Cause::Event { log: known, .. } if newest.end == End::Gone => place(log) < place(known),
            Cause::Event { log: known, .. } => place(log) <= place(known),
            Cause::State { .. } | Cause::Manual { .. } => false,
        })
    }

    /// Whether there is anything in the journal that is not in memory.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.cases.is_empty() && self.partly.is_empty()
    }

    /// More of a case that stays left memory.
    pub(super) fn sheds(&mut self, case: CaseId, more: impl Fn(&mut Shed)) {
        more(self.partly.entry(case).or_default());
        let mut one = Shed::default();
        more(&mut one);
        self.actions += one.actions;
        self.ceremonies += one.ceremonies;
        self.transactions += one.transactions;
    }

    /// The cases of a pool that left memory, newest first within each kind.
    #[must_use]
    pub fn cases_of(&self, pool: PoolId) -> Vec<CaseId> {
        let newest = self.pools.get(&pool).map(|past| &past.newest);
        let kinds = newest.into_iter().flatten();
        let all = |newest: &Newest| {
            let kind = newest.kind;
            (0..=newest.ordinal)
                .rev()
                .map(move |ordinal| CaseId { kind, pool, ordinal })
        };
        kinds.flat_map(all).collect()
    }

    fn hold(&mut self, holders: &[OperatorId], change: i32) {
        for id in holders {
            let count = self.holds.entry(*id).or_default();
            *count = count.saturating_add_signed(change);
            if *count == 0 {
                self.holds.remove(id);
            }
        }
    }
}

impl Durable {
    /// Whether there is or was a case of this name.
    #[must_use]
    pub fn knows(&self, case: CaseId) -> bool {
        let left = self.retired.newest(case.kind, case.pool);
        self.cases.contains_key(&case) || left.is_some_and(|newest| case.ordinal <= newest.ordinal)
    }

    /// The newest case of a kind for a pool, in memory or not.
    pub(in crate::oracle) fn newest_of(&self, kind: RequestKind, pool: PoolId) -> Option<CaseId> {
        let here = self.cases_of(kind, pool).next_back().map(|case| case.id);
        here.max(self.retired.newest(kind, pool))
    }

    /// The newest case of a kind for a pool, where that one left memory: what opened it, and how it ended.
    pub(in crate::oracle) fn newest_gone(
        &self,
        kind: RequestKind,
        pool: PoolId,
    ) -> Option<(CaseId, &Cause, &End)> {
        let newest = self.retired.past(pool)?.newest(kind)?;
        let ordinal = newest.ordinal;
        let id = CaseId { kind, pool, ordinal };
        let here = self.cases_of(kind, pool).next_back();
        let is_newest = here.is_none_or(|case| case.id < id);
        (is_newest && !planted!(RetiredForgotten)).then_some((id, &newest.cause, &newest.end))
    }

    /// The newest case of a kind for a pool, where a person gave it up: in memory or not, and in which words.
    pub(in crate::oracle) fn given_up_last(
        &self,
        kind: RequestKind,
        pool: PoolId,
    ) -> Option<(CaseId, &SafeText)> {
        if let Some((id, _, End::GivenUp { outcome, .. })) = self.newest_gone(kind, pool) {
            return Some((id, outcome));
        }
        let newest = self
            .cases_of(kind, pool)
            .next_back()
            .filter(|case| case.given_up)?;
        match &newest.step {
            Step::Closed { outcome } => Some((newest.id, outcome)),
            _ => None,
        }
    }

    /// The newest case of a kind for a pool, where it came to its end: in memory or not.
    pub(in crate::oracle) fn done_last(&self, kind: RequestKind, pool: PoolId) -> Option<CaseId> {
        if let Some((id, _, end)) = self.newest_gone(kind, pool) {
            return end.is_done().then_some(id);
        }
        let newest = self.cases_of(kind, pool).next_back()?;
        (newest.is_closed() && End::of(newest).is_done()).then_some(newest.id)
    }

    /// Cases of which something may still take effect: they stay whole.
    fn under_way(&self) -> BTreeSet<CaseId> {
        let run = self.ceremonies.values().filter(|c| c.ended.is_none());
        let sent = self.sendings.iter().filter(|(_, s)| !is_settled(&s.status));
        let sent = sent.map(|(action, _)| action.case);
        run.map(|c| c.case).chain(sent).collect()
    }

    /// The case after every one of a kind that a pool had.
    pub(in crate::oracle) fn next_of(&self, kind: RequestKind, pool: PoolId) -> CaseId {
        let newest = self.newest_of(kind, pool);
        let ordinal = newest.map_or(0, |newest| newest.ordinal + 1);
        CaseId { kind, pool, ordinal }
    }

    /// A case was closed: the oldest closed one leaves, where there are more than are kept.
    pub(super) fn retire(&mut self, closed: CaseId) {
        self.closed.push_back(closed);
        while self.closed.len() > closed_kept() {
            let under_way = if planted!(RetiredInFlight) {
                BTreeSet::new()
            } else {
                self.under_way()
            };
            let oldest = self.closed.iter().position(|id| !under_way.contains(id));
            let Some(leaves) = oldest.and_then(|place| self.closed.remove(place)) else {
                return;
            };
            self.leave(leaves);
        }
    }

    fn leave(&mut self, id: CaseId) {
        let Some(case) = self.cases.remove(&id) else {
            return;
        };
        self.keep_of(&case);
        self.retired.partly.remove(&id);
        *self.retired.cases.entry(id.kind).or_default() += 1;
        let own = self.actions.range(ActionId::all_of(id));
        let actions: Vec<ActionId> = own.map(|(id, _)| *id).collect();
        for action in actions {
            self.actions.remove(&action);
            self.retired.actions += 1;
            self.retired.transactions += u64::from(self.sendings.remove(&action).is_some());
        }
        let of_case = self.ceremonies.iter().filter(|(_, c)| c.case == id);
        let ceremonies: Vec<RequestId> = of_case.map(|(request, _)| *request).collect();
        for request in ceremonies {
            self.ceremonies.remove(&request);
            self.retired.ceremonies += 1;
        }
    }

    /// What of a case outlives it.
    fn keep_of(&mut self, case: &Case) {
        let id = case.id;
        let before = self.retired.pools.remove(&id.pool).unwrap_or_default();
        if let Some((_, holders)) = before.holders() {
            self.retired.hold(holders, -1);
        }
        let mut past = before.clone();
        if past
            .newest(id.kind)
            .is_none_or(|known| known.ordinal < id.ordinal)
        {
            past.newest.retain(|newest| newest.kind != id.kind);
            past.newest.reserve_exact(1);
            past.newest.push(Newest {
                kind: id.kind,
                ordinal: id.ordinal,
                cause: case.cause.clone(),
                end: End::of(case),
            });
            past.newest.sort_unstable_by_key(|newest| newest.kind);
        }
        let used = |key: &KnownKey| case.served_by.is_none() && !self.condemned.contains_key(&key.validator);
        if let Some(key) = case.made_key().filter(used)
            && past
                .keygen
                .as_ref()
                .is_none_or(|(known, ..)| *known <= id.ordinal)
        {
            past.keygen = Some((id.ordinal, case.moved_by, PastKey::of(&key)));
        }
        if let Some(key) = case.moved_key().filter(used)
            && past
                .reshare
                .as_ref()
                .is_none_or(|(known, _)| *known <= case.moved_by)
        {
            past.reshare = Some((case.moved_by, PastKey::of(&key)));
        }
        past.left |= case.phase.is_some_and(|phase| phase >= ValidatorPhase::Exited);
        if let Some((_, holders)) = past.holders() {
            self.retired.hold(holders, 1);
        }
        self.retired.pools.insert(id.pool, past);
    }
}

#[cfg(test)]
mod tests;
