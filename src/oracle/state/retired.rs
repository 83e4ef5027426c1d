//! What stays of closed cases when they leave memory. Everything else of them is in the journal, by case.
//!
//! The newest [`CLOSED_KEPT`] closed cases stay whole. An older one leaves with its actions, transactions and ceremonies
//! once nothing of it is under way. For each pool there stays its key and what its newest request was; for each operator,
//! what it did; and how many there were. So memory grows by some hundred bytes with a pool, and not with its history.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::oracle::{Cause, KnownKey, ValidatorPhase};
use crate::types::{
    ActionId, BlsPublicKey, CaseId, LogRef, OperatorId, PoolId, RequestId, RequestKind, UnixMillis,
};

use super::{Case, Durable};

/// So many closed cases stay in memory: what a snapshot carries, and the first page behind it.
pub const CLOSED_KEPT: usize = 200;

/// What closed cases that left memory left behind.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Retired {
    pools: BTreeMap<PoolId, Past>,
    /// Cases, by kind of request.
    pub cases: BTreeMap<RequestKind, u64>,
    pub actions: u64,
    pub ceremonies: u64,
    pub transactions: u64,
    /// Of how many pools' keys each operator has a share.
    pub(super) holds: BTreeMap<OperatorId, u32>,
}

/// What stays of a pool.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Past {
    /// Number and cause of its newest case of each kind that left.
    newest: Vec<(RequestKind, u32, Cause)>,
    /// Of the newest key generation, by its case's number.
    pub(super) keygen: Option<(u32, UnixMillis, PastKey)>,
    /// Of the newest reshare.
    pub(super) reshare: Option<(UnixMillis, PastKey)>,
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
    fn newest(&self, kind: RequestKind) -> Option<(u32, &Cause)> {
        let (_, ordinal, cause) = self.newest.iter().find(|(of, ..)| *of == kind)?;
        Some((*ordinal, cause))
    }

    /// Whoever has shares of a key that is of use, and since when: whether by a reshare, and the time.
    pub(super) fn holders(&self) -> Option<((bool, UnixMillis), &[OperatorId])> {
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
        let (ordinal, _) = self.pools.get(&pool)?.newest(kind)?;
        Some(CaseId { kind, pool, ordinal })
    }

    /// Whether a request at this place was told before: the newest one that left memory stands there, or later.
    pub(in crate::oracle) fn has_been_told(&self, kind: RequestKind, pool: PoolId, log: LogRef) -> bool {
        let newest = self.pools.get(&pool).and_then(|past| past.newest(kind));
        let place = |log: LogRef| (log.block.number, log.index);
        matches!(newest, Some((_, Cause::Event { log: known, .. })) if place(log) <= place(*known))
    }

    /// Whether there is anything in the journal that is not in memory.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.cases.is_empty()
    }

    /// The cases of a pool that left memory, newest first within each kind.
    #[must_use]
    pub fn cases_of(&self, pool: PoolId) -> Vec<CaseId> {
        let newest = self.pools.get(&pool).map(|past| &past.newest);
        let kinds = newest.into_iter().flatten();
        let all = |(kind, newest, _): &(RequestKind, u32, Cause)| {
            let kind = *kind;
            (0..=*newest)
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

    /// A case was closed: the oldest closed one leaves, where there are more than are kept.
    pub(super) fn retire(&mut self, closed: CaseId) {
        self.closed.push_back(closed);
        while self.closed.len() > CLOSED_KEPT {
            let under_way: BTreeSet<CaseId> = self
                .ceremonies
                .values()
                .filter(|c| c.ended.is_none())
                .map(|c| c.case)
                .collect();
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
        if past.newest(id.kind).is_none_or(|(known, _)| known < id.ordinal) {
            past.newest.retain(|(kind, ..)| *kind != id.kind);
            past.newest.reserve_exact(1);
            past.newest.push((id.kind, id.ordinal, case.cause.clone()));
            past.newest.sort_unstable_by_key(|(kind, ..)| *kind);
        }
        let used = |key: &KnownKey| case.served_by.is_none() && !self.condemned.contains_key(&key.validator);
        if let Some(key) = case.made_key().filter(used)
            && past
                .keygen
                .as_ref()
                .is_none_or(|(known, ..)| *known <= id.ordinal)
        {
            past.keygen = Some((id.ordinal, case.since, PastKey::of(&key)));
        }
        if let Some(key) = case.moved_key().filter(used)
            && past
                .reshare
                .as_ref()
                .is_none_or(|(known, _)| *known <= case.since)
        {
            past.reshare = Some((case.since, PastKey::of(&key)));
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
