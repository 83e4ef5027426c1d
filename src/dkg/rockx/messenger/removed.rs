//! Topics that their owners removed: whoever makes one again lets a ceremony go on that its initiator has given up. Nodes wait
//! for its messages for minutes, and strangers have overheard them.

use std::collections::HashMap;
use std::time::Duration;

use super::proof::CLOCKS_APART;
use super::topic::Origin;
use crate::types::{RequestId, UnixMillis};

/// Those of initiators that are known, and those of guests: some hundred bytes each. Where there are more, the oldest go.
const MOST: usize = 65_536;
const MOST_OF_GUESTS: usize = 4_096;

/// How a topic was removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Removal {
    /// By the clock here.
    pub(super) at: UnixMillis,
    /// When its initiator signed that, by its own clock.
    pub(super) signed: Option<UnixMillis>,
    /// The topic was that of an initiator that is known.
    pub(super) known: bool,
}

impl Removal {
    /// Whether a word of an initiator of this moment, by its own clock, is older than the removal.
    fn is_after(&self, word: UnixMillis) -> bool {
        word <= self.signed.unwrap_or(self.at)
    }
}

/// All that are remembered.
#[derive(Debug, Default)]
pub(super) struct Removed(HashMap<RequestId, Removal>);

impl Removed {
    /// Remembers one, and gives what is forgotten for it.
    pub(super) fn note(&mut self, id: RequestId, removal: Removal) -> Option<RequestId> {
        self.0.insert(id, removal);
        let alike = self.0.iter().filter(|(_, other)| other.known == removal.known);
        let most = if removal.known { MOST } else { MOST_OF_GUESTS };
        if alike.clone().count() <= most {
            return None;
        }
        let oldest = alike
            .min_by_key(|(id, other)| (other.at, **id))
            .map(|(id, _)| *id)?;
        self.0.remove(&oldest);
        Some(oldest)
    }

    /// Why the topic is not made again by whom its origin tells, with a word that was signed at this moment, if one was.
    pub(super) fn refuses(
        &self,
        id: &RequestId,
        origin: Origin,
        signed: Option<UnixMillis>,
    ) -> Option<&'static str> {
        let removal = self.0.get(id)?;
        match (origin, signed) {
            (Origin::Guest(_), _) => {
                Some("its owner removed the topic: whoever has another ceremony takes another id")
            }
            (Origin::Known, Some(word)) if removal.is_after(word) => {
                Some("its initiator removed the topic after it had signed this")
            }
            (Origin::Known, _) => None,
        }
    }

    /// Forgets those that nobody can make again: no node waits for so long, and no result is kept.
    pub(super) fn forget(&mut self, result_ttl: Duration, now: UnixMillis) -> Vec<RequestId> {
        // an initiator's clock may be ahead of ours, and a word of it that long ahead of the initiator's
        let age = result_ttl.max(CLOCKS_APART * 2);
        let is_old = |removal: &Removal| now.since(removal.at) >= age;
        let old: Vec<RequestId> = self
            .0
            .iter()
            .filter(|(_, removal)| is_old(removal))
            .map(|(id, _)| *id)
            .collect();
        for id in &old {
            self.0.remove(id);
        }
        old
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: usize) -> RequestId {
        let mut id = [0; 24];
        id[..8].copy_from_slice(&n.to_be_bytes());
        RequestId(id)
    }

    fn removal(at: u64, known: bool) -> Removal {
        Removal {
            at: UnixMillis(at),
            signed: None,
            known,
        }
    }

    #[test]
    fn guests_push_out_nothing_of_initiators_that_are_known() {
        let mut removed = Removed::default();
        assert_eq!(removed.note(id(0), removal(0, true)), None);
        for n in 1..=MOST_OF_GUESTS {
            assert_eq!(removed.note(id(n), removal(n as u64, false)), None);
        }
        let guest = Origin::Guest(None);
        assert_eq!(
            removed.note(id(MOST_OF_GUESTS + 1), removal(u64::MAX, false)),
            Some(id(1))
        );
        assert!(removed.refuses(&id(0), guest, None).is_some());
        assert!(removed.refuses(&id(1), guest, None).is_none());
        assert!(removed.refuses(&id(2), guest, None).is_some());
    }

    #[test]
    fn a_removal_is_remembered_for_as_long_as_results_are() {
        let mut removed = Removed::default();
        let week = Duration::from_secs(7 * 24 * 60 * 60);
        removed.note(id(1), removal(5, true));
        let over = 5 + u64::try_from(week.as_millis()).unwrap();
        assert_eq!(removed.forget(week, UnixMillis(over - 1)), []);
        assert_eq!(removed.forget(week, UnixMillis(over)), [id(1)]);
        assert!(removed.refuses(&id(1), Origin::Guest(None), None).is_none());
    }

    #[test]
    fn an_initiator_that_is_known_makes_it_again_by_a_later_word() {
        let mut removed = Removed::default();
        let signed = Removal {
            signed: Some(UnixMillis(7)),
            ..removal(5, true)
        };
        removed.note(id(1), signed);
        let refuses = |word: Option<u64>| removed.refuses(&id(1), Origin::Known, word.map(UnixMillis));
        assert!(refuses(Some(7)).is_some());
        assert_eq!(refuses(Some(8)), None);
        assert_eq!(refuses(None), None, "the initiator of this process");
    }
}
