//! Results by request id: what `GET /data/{id}` answers.
//!
//! Anybody can post a result. The first one stays; one that agrees entirely with what the members published on the topic
//! replaces one that does not, or that covers fewer operators. Everything that differs from the one that stays is kept as
//! a conflict, up to a bound, for whoever wants to look: `GET /data/{id}/conflicts`.
//!
//! Where room must be made, nobody pushes out another's results: guests have a room of their own among themselves, half of it at most, and of
//! guests and named operators alike those go first that hold most.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;

use super::config::Limits;
use crate::types::{OperatorId, RequestId, UnixMillis};

/// Whose signatures a result stands on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct Backing {
    /// The configuration vouches for every one of their keys, or for nobody's.
    pub(super) vouched: bool,
    /// In ascending order.
    pub(super) signers: Vec<OperatorId>,
}

/// A result that is kept.
#[derive(Debug)]
pub(super) struct StoredResult {
    pub(super) at: UnixMillis,
    /// Operators whose published outputs it agrees with.
    pub(super) weight: usize,
    pub(super) backing: Backing,
    /// Reply of `GET /data/{id}`.
    pub(super) text: Arc<str>,
    /// Differing results, by arrival.
    pub(super) conflicts: Vec<(UnixMillis, Arc<str>)>,
}

impl StoredResult {
    fn bytes(&self) -> usize {
        self.text.len() + self.conflict_bytes()
    }

    fn conflict_bytes(&self) -> usize {
        self.conflicts.iter().map(|(_, text)| text.len()).sum()
    }
}

/// What became of a streamed result.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Booked {
    /// It is the one that is kept now.
    pub(super) kept: bool,
    /// This text is a new conflict.
    pub(super) conflict: Option<Arc<str>>,
    /// These were removed to make room.
    pub(super) evicted: Vec<RequestId>,
}

/// All results.
#[derive(Debug, Default)]
pub(super) struct Results {
    by_id: HashMap<RequestId, StoredResult>,
    bytes: usize,
    /// Bytes of each backing; never 0.
    held: HashMap<Backing, usize>,
}

impl Results {
    pub(super) fn get(&self, id: &RequestId) -> Option<&StoredResult> {
        self.by_id.get(id)
    }

    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Puts back what was stored.
    pub(super) fn restore(&mut self, id: RequestId, kept: StoredResult) {
        self.count(&kept.backing, 0, kept.bytes());
        self.by_id.insert(id, kept);
    }

    pub(super) fn remove(&mut self, id: &RequestId) -> bool {
        let removed = self.by_id.remove(id);
        if let Some(kept) = &removed {
            self.count(&kept.backing, kept.bytes(), 0);
        }
        removed.is_some()
    }

    /// Notes that what stands on `backing` takes `now` bytes that took `before`.
    fn count(&mut self, backing: &Backing, before: usize, now: usize) {
        self.bytes = self.bytes + now - before;
        let held = self.held.entry(backing.clone()).or_default();
        *held = *held + now - before;
        if *held == 0 {
            self.held.remove(backing);
        }
    }

    /// Ids of the results that this operator signed, the newest first, as many as an answer may name.
    pub(super) fn signed_by(&self, operator: OperatorId) -> Vec<RequestId> {
        const MOST: usize = 16_384;
        let results = self.by_id.iter();
        let mut found: Vec<_> = results
            .filter(|(_, kept)| kept.backing.signers.contains(&operator))
            .map(|(id, kept)| (Reverse(kept.at), *id))
            .collect();
        found.sort_unstable();
        found.truncate(MOST);
        found.into_iter().map(|(_, id)| id).collect()
    }

    /// Ids of results older than `age`.
    pub(super) fn older_than(&self, age: std::time::Duration, now: UnixMillis) -> Vec<RequestId> {
        self.by_id
            .iter()
            .filter(|(_, kept)| now.since(kept.at) >= age)
            .map(|(id, _)| *id)
            .collect()
    }

    /// Books a streamed result. It is among the evicted itself where there is no room for it.
    pub(super) fn book(
        &mut self,
        id: RequestId,
        text: Arc<str>,
        (weight, backing): (usize, Backing),
        now: UnixMillis,
        limits: &Limits,
    ) -> Booked {
        let mut booked = Booked::default();
        let mut kept = self.by_id.remove(&id).unwrap_or_else(|| {
            booked.kept = true;
            StoredResult {
                at: now,
                weight,
                backing: backing.clone(),
                text: Arc::default(),
                conflicts: Vec::new(),
            }
        });
        let (held_by, before) = (kept.backing.clone(), kept.bytes());
        if booked.kept {
            kept.text = text;
        } else if kept.text == text {
            // the same from another member: the rule. What it stands on may have grown since.
            let vouched = backing.vouched && !kept.backing.vouched;
            booked.kept = weight > kept.weight || vouched;
            kept.weight = kept.weight.max(weight);
            if vouched {
                kept.backing = backing;
            }
        } else {
            let loser = if weight > kept.weight {
                (kept.weight, kept.backing) = (weight, backing);
                booked.kept = true;
                std::mem::replace(&mut kept.text, text)
            } else {
                text
            };
            let known = kept.conflicts.iter().any(|(_, text)| *text == loser);
            let has_room = kept.conflicts.len() < limits.conflicts
                && kept.conflict_bytes() + loser.len() <= limits.conflict_bytes;
            if !known && has_room {
                kept.conflicts.push((now, loser.clone()));
                booked.conflict = Some(loser);
            }
        }
        self.count(&held_by, before, 0);
        self.count(&kept.backing, 0, kept.bytes());
        self.by_id.insert(id, kept);
        booked.evicted = self.make_room(id, limits);
        booked
    }

    /// Removes results until the rest fits: guests' before those that the configuration vouches for, of these what no
    /// topic vouches for, then of those who hold most, then the oldest.
    fn make_room(&mut self, spare: RequestId, limits: &Limits) -> Vec<RequestId> {
        let max_bytes = limits.result_bytes;
        let room_of_guests = limits.guest_result_bytes.min(max_bytes / 2);
        let mut evicted = Vec::new();
        loop {
            let guests = self.held.iter().filter(|(backing, _)| !backing.vouched);
            let guests: usize = guests.map(|(_, bytes)| bytes).sum();
            let over = self.bytes > max_bytes;
            if !over && guests <= room_of_guests {
                return evicted;
            }
            let id = match self.first_to_go(guests == 0, spare) {
                Some(id) => id,
                // a guest's is not kept at the expense of another's
                None if over && guests > 0 => spare,
                None => return evicted,
            };
            self.remove(&id);
            evicted.push(id);
        }
    }

    fn first_to_go(&self, vouched: bool, spare: RequestId) -> Option<RequestId> {
        let candidates = self.by_id.iter().filter(|(id, _)| **id != spare);
        let candidates = candidates.filter(|(_, kept)| kept.backing.vouched == vouched);
        let held = |kept: &StoredResult| self.held.get(&kept.backing).copied().unwrap_or_default();
        candidates
            .min_by_key(|(_, kept)| (kept.weight > 0, Reverse(held(kept)), kept.at))
            .map(|(id, _)| *id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: RequestId = RequestId([1; 24]);

    fn limits(result_bytes: usize) -> Limits {
        Limits {
            result_bytes,
            conflicts: 2,
            ..Limits::default()
        }
    }

    fn by(vouched: bool, signers: &[u64]) -> Backing {
        let signers = signers.iter().copied().map(OperatorId).collect();
        Backing { vouched, signers }
    }

    fn book(results: &mut Results, text: &str, weight: usize) -> Booked {
        let backing = by(true, &[1, 2, 3, 4]);
        results.book(ID, text.into(), (weight, backing), UnixMillis(5), &limits(100))
    }

    /// Books `len` bytes under the id of this number, which is also the time.
    fn add(results: &mut Results, n: u8, len: usize, weight: usize, backing: &Backing) -> Vec<u8> {
        let (id, text) = (RequestId([n; 24]), "x".repeat(len).into());
        let support = (weight, backing.clone());
        let booked = results.book(id, text, support, UnixMillis(n.into()), &limits(100));
        booked.evicted.iter().map(|id| id.0[0]).collect()
    }

    #[test]
    fn the_first_stays_unless_a_better_supported_one_comes() {
        let mut results = Results::default();
        assert!(book(&mut results, "forged", 0).kept);
        assert_eq!(book(&mut results, "other", 0).conflict.as_deref(), Some("other"));
        let better = book(&mut results, "true", 4);
        assert!(better.kept);
        assert_eq!(better.conflict.as_deref(), Some("forged"));
        assert_eq!(book(&mut results, "true", 4), Booked::default());
        assert!(
            !book(&mut results, "late", 4).kept,
            "equal support: the first stays"
        );
        let kept = results.get(&ID).unwrap();
        assert_eq!(&*kept.text, "true");
        assert_eq!(kept.conflicts.len(), 2, "bounded");
        assert_eq!(results.bytes(), kept.bytes());
        assert!(results.remove(&ID));
        assert_eq!(results.bytes(), 0);
    }

    #[test]
    fn room_is_made_at_the_expense_of_what_nothing_vouches_for() {
        let mut results = Results::default();
        let all = by(true, &[1, 2, 3, 4]);
        assert!(add(&mut results, 2, 40, 4, &all).is_empty());
        assert!(add(&mut results, 3, 40, 0, &all).is_empty());
        assert_eq!(add(&mut results, 4, 40, 0, &all), [3]);
        assert_eq!(results.bytes(), 80);
        assert!(results.get(&RequestId([2; 24])).is_some());
    }

    #[test]
    fn guests_push_out_no_result_of_named_operators() {
        let mut results = Results::default();
        let (named, guest) = (by(true, &[1, 2, 3, 4]), by(false, &[99]));
        assert!(add(&mut results, 1, 30, 0, &named).is_empty());
        assert!(add(&mut results, 2, 20, 1, &guest).is_empty());
        assert!(add(&mut results, 3, 20, 1, &guest).is_empty());
        assert_eq!(add(&mut results, 4, 20, 1, &guest), [2], "half is for guests");
        assert_eq!(add(&mut results, 5, 60, 0, &named), [3, 4]);
        assert_eq!(
            add(&mut results, 6, 20, 1, &guest),
            [6],
            "there is no room for a guest's"
        );
        let bytes = results.bytes();
        assert_eq!((bytes, results.len(), results.held[&named]), (90, 2, 90));
        assert_eq!(results.held.len(), 1, "nothing is counted of who holds nothing");
    }

    /// One request id had 16 conflicts of the longest result, 4 MiB.
    #[test]
    fn conflicts_of_one_request_have_few_bytes() {
        let mut results = Results::default();
        let limits = Limits {
            conflicts: 16,
            conflict_bytes: 50,
            ..limits(1000)
        };
        for n in 0..17 {
            let text = format!("{n:020}");
            let support = (0, by(true, &[1]));
            results.book(ID, text.into(), support, UnixMillis(5), &limits);
        }
        assert_eq!(results.get(&ID).unwrap().conflicts.len(), 2);
        assert_eq!(results.bytes(), 60);
    }

    #[test]
    fn guests_have_no_more_than_their_room() {
        let mut results = Results::default();
        let limits = Limits {
            guest_result_bytes: 45,
            ..limits(1000)
        };
        for n in 1..=9 {
            let support = (1, by(false, &[n.into()]));
            let text = "x".repeat(20).into();
            results.book(RequestId([n; 24]), text, support, UnixMillis(n.into()), &limits);
        }
        assert_eq!(results.bytes(), 40);
    }

    #[test]
    fn whoever_holds_most_makes_room_first() {
        for vouched in [true, false] {
            let mut results = Results::default();
            let (honest, greedy) = (by(vouched, &[1, 2, 3, 4]), by(vouched, &[5]));
            assert!(add(&mut results, 1, 20, 4, &honest).is_empty());
            for n in 2..9 {
                add(&mut results, n, 25, 1, &greedy);
            }
            assert!(
                results.get(&RequestId([1; 24])).is_some(),
                "older, and not its turn"
            );
            assert!(results.bytes() <= 100);
        }
    }
}
