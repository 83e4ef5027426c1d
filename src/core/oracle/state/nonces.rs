//! Numbers that were given out, as ranges: whole for life, and small.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Nonces that were signed for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(in crate::oracle) struct Nonces {
    /// First of each range, and the one behind its last. Ranges neither touch nor overlap.
    ranges: BTreeMap<u64, u64>,
}

impl Nonces {
    pub(in crate::oracle) fn insert(&mut self, nonce: u64) {
        let next = nonce.saturating_add(1);
        let before = self.ranges.range(..=nonce).next_back();
        let (mut first, mut end) = (nonce, next);
        if let Some((start, behind)) = before.map(|(start, behind)| (*start, *behind)) {
            if behind > nonce {
                return;
            }
            if behind == nonce {
                first = start;
            }
        }
        if let Some(behind) = self.ranges.remove(&next) {
            end = behind;
        }
        self.ranges.insert(first, end);
    }

    /// The lowest number from `from` on that was not given out.
    pub(in crate::oracle) fn first_free(&self, from: u64) -> u64 {
        let range = self.ranges.range(..=from).next_back();
        range.map_or(from, |(_, behind)| from.max(*behind))
    }

    /// The highest number below `end` that was not given out.
    pub(in crate::oracle) fn last_free(&self, end: u64) -> Option<u64> {
        let last = end.checked_sub(1)?;
        let range = self.ranges.range(..=last).next_back();
        match range {
            Some((first, behind)) if *behind > last => first.checked_sub(1),
            _ => Some(last),
        }
    }

    /// The lowest from `from` on that was given out.
    pub(in crate::oracle) fn first_taken(&self, from: u64) -> Option<u64> {
        match self.first_free(from) {
            free if free > from => Some(from),
            _ => self.ranges.range(from..).next().map(|(first, _)| *first),
        }
    }

    /// The lowest that was given out.
    pub(in crate::oracle) fn lowest(&self) -> Option<u64> {
        self.ranges.keys().next().copied()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn it_is_a_set_of_numbers_in_whatever_order_they_come() {
        let orders: [&[u64]; 5] = [
            &[0, 1, 2, 3, 7],
            &[7, 3, 2, 1, 0],
            &[5, 9, 7, 6, 8, 5, 7],
            &[4, 2, 3, 3, 10, 0],
            &[u64::MAX - 1, 3],
        ];
        for order in orders {
            let (mut ranges, mut plain) = (Nonces::default(), BTreeSet::new());
            for n in order {
                ranges.insert(*n);
                plain.insert(*n);
                assert_eq!(ranges.lowest(), plain.first().copied());
                for from in 0..12 {
                    let free = (from..).find(|n| !plain.contains(n)).unwrap();
                    assert_eq!(ranges.first_free(from), free, "{plain:?} from {from}");
                    let taken = plain.range(from..).next().copied();
                    assert_eq!(ranges.first_taken(from), taken, "{plain:?} from {from}");
                    let free = (0..from).rev().find(|n| !plain.contains(n));
                    assert_eq!(ranges.last_free(from), free, "{plain:?} below {from}");
                }
            }
        }
        let mut all = Nonces::default();
        (0..1_000).rev().for_each(|n| all.insert(n));
        assert_eq!(all.ranges.len(), 1, "what was given out in a row takes no room");
    }
}
