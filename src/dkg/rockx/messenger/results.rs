//! Results by request id: what `GET /data/{id}` answers.
//!
//! Anybody can post a result. The first one stays; one that agrees entirely with what the members published on the topic
//! replaces one that does not, or that covers fewer operators. Everything that differs from the one that stays is kept as
//! a conflict, up to a bound, for whoever wants to look: `GET /data/{id}/conflicts`.

use std::collections::HashMap;

use crate::types::{RequestId, UnixMillis};

/// A result that is kept.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) at: UnixMillis,
    /// Operators whose published outputs it agrees with.
    pub(super) weight: usize,
    /// Reply of `GET /data/{id}`.
    pub(super) text: String,
    /// Differing results, by arrival.
    pub(super) conflicts: Vec<(UnixMillis, String)>,
}

impl Kept {
    fn bytes(&self) -> usize {
        self.text.len() + self.conflicts.iter().map(|(_, text)| text.len()).sum::<usize>()
    }
}

/// What became of a streamed result.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Booked {
    /// It is the one that is kept now.
    pub(super) kept: bool,
    /// This text is a new conflict.
    pub(super) conflict: Option<String>,
    /// These were removed to make room.
    pub(super) evicted: Vec<RequestId>,
}

/// All results.
#[derive(Debug, Default)]
pub(super) struct Results {
    by_id: HashMap<RequestId, Kept>,
    bytes: usize,
}

impl Results {
    pub(super) fn get(&self, id: &RequestId) -> Option<&Kept> {
        self.by_id.get(id)
    }

    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Puts back what was stored.
    pub(super) fn restore(&mut self, id: RequestId, kept: Kept) {
        self.bytes += kept.bytes();
        self.by_id.insert(id, kept);
    }

    pub(super) fn remove(&mut self, id: &RequestId) -> bool {
        let removed = self.by_id.remove(id);
        self.bytes -= removed.as_ref().map_or(0, Kept::bytes);
        removed.is_some()
    }

    /// Ids of results older than `age`.
    pub(super) fn older_than(&self, age: std::time::Duration, now: UnixMillis) -> Vec<RequestId> {
        self.by_id
            .iter()
            .filter(|(_, kept)| now.since(kept.at) >= age)
            .map(|(id, _)| *id)
            .collect()
    }

    /// Books a streamed result.
    pub(super) fn book(
        &mut self,
        id: RequestId,
        text: String,
        weight: usize,
        now: UnixMillis,
        max_bytes: usize,
        max_conflicts: usize,
    ) -> Booked {
        let mut booked = Booked::default();
        let length = text.len();
        match self.by_id.get_mut(&id) {
            None => {
                let conflicts = Vec::new();
                self.by_id.insert(
                    id,
                    Kept {
                        at: now,
                        weight,
                        text,
                        conflicts,
                    },
                );
                self.bytes += length;
                booked.kept = true;
            }
            Some(kept) if kept.text == text => {
                // the same from another member: the rule. Its weight may have grown since.
                booked.kept = weight > kept.weight;
                kept.weight = kept.weight.max(weight);
            }
            Some(kept) => {
                let loser = if weight > kept.weight {
                    kept.weight = weight;
                    booked.kept = true;
                    std::mem::replace(&mut kept.text, text)
                } else {
                    text
                };
                let known = kept.conflicts.iter().any(|(_, text)| *text == loser);
                if !known && kept.conflicts.len() < max_conflicts {
                    kept.conflicts.push((now, loser.clone()));
                    self.bytes += length;
                    booked.conflict = Some(loser);
                } else if booked.kept {
                    self.bytes = self.bytes + length - loser.len();
                }
            }
        }
        booked.evicted = self.make_room(id, max_bytes);
        booked
    }

    /// Removes results that nothing vouches for, then the oldest, until the rest fits.
    fn make_room(&mut self, spare: RequestId, max_bytes: usize) -> Vec<RequestId> {
        let mut evicted = Vec::new();
        while self.bytes > max_bytes {
            let candidates = self.by_id.iter().filter(|(id, _)| **id != spare);
            let Some(id) = candidates
                .min_by_key(|(_, kept)| (kept.weight > 0, kept.at))
                .map(|(id, _)| *id)
            else {
                break;
            };
            self.remove(&id);
            evicted.push(id);
        }
        evicted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: RequestId = RequestId([1; 24]);

    fn book(results: &mut Results, text: &str, weight: usize) -> Booked {
        results.book(ID, text.to_owned(), weight, UnixMillis(5), 100, 2)
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
        assert_eq!(kept.text, "true");
        assert_eq!(kept.conflicts.len(), 2, "bounded");
        assert_eq!(results.bytes(), kept.bytes());
        assert!(results.remove(&ID));
        assert_eq!(results.bytes(), 0);
    }

    #[test]
    fn room_is_made_at_the_expense_of_what_nothing_vouches_for() {
        let mut results = Results::default();
        let text = "x".repeat(40);
        results.book(RequestId([2; 24]), text.clone(), 4, UnixMillis(1), 100, 2);
        results.book(RequestId([3; 24]), text.clone(), 0, UnixMillis(2), 100, 2);
        let booked = results.book(RequestId([4; 24]), text, 0, UnixMillis(3), 100, 2);
        assert_eq!(booked.evicted, vec![RequestId([3; 24])]);
        assert_eq!(results.bytes(), 80);
        assert!(results.get(&RequestId([2; 24])).is_some());
    }
}
