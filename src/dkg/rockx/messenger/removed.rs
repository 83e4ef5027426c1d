//! Topics that their owners removed: whoever makes one again lets a ceremony go on that its initiator has given up. Nodes wait
//! for its messages for minutes, and strangers have overheard them.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::time::Duration;

use super::proof::CLOCKS_APART;
use super::topic::Origin;
use crate::types::{RequestId, UnixMillis};

/// Those of initiators that are known, those of guests, and those of one guest's address: some hundred bytes each. Where there
/// are more, the oldest go.
const MOST: usize = 65_536;
const MOST_OF_GUESTS: usize = 4_096;
const MOST_OF_CLIENT: usize = MOST_OF_GUESTS / 16;

/// How a topic was removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Removal {
    /// By the clock here.
    pub(super) at: UnixMillis,
    /// When its initiator signed that, by its own clock.
    pub(super) signed: Option<UnixMillis>,
    /// Whose topic it was. From where a guest made one that was removed before a start is not kept.
    pub(super) origin: Origin,
}

impl Removal {
    /// Whether a word of an initiator of this moment, by its own clock, is older than the removal.
    fn is_after(&self, word: UnixMillis) -> bool {
        word <= self.signed.unwrap_or(self.at)
    }
}

/// Topics by when they were removed.
type ByAge = BTreeSet<(UnixMillis, RequestId)>;

/// All that are remembered. Nobody walks through them while others wait: the lists tell what is the oldest, and how many
/// there are.
#[derive(Debug, Default)]
pub(super) struct Removed {
    all: HashMap<RequestId, Removal>,
    known: ByAge,
    guests: ByAge,
    /// Of guests, by their addresses.
    clients: HashMap<IpAddr, ByAge>,
}

impl Removed {
    /// Remembers one, and gives what is forgotten for it.
    pub(super) fn note(&mut self, id: RequestId, removal: Removal) -> Option<RequestId> {
        self.take(&id);
        self.all.insert(id, removal);
        let entry = (removal.at, id);
        let guest = match removal.origin {
            Origin::Known => {
                self.known.insert(entry);
                None
            }
            Origin::Guest(client) => {
                self.guests.insert(entry);
                client.map(|client| {
                    let own = self.clients.entry(client).or_default();
                    own.insert(entry);
                    &*own
                })
            }
        };
        let over = match guest {
            Some(own) if own.len() > MOST_OF_CLIENT => Some(own),
            _ if self.guests.len() > MOST_OF_GUESTS => Some(&self.guests),
            _ if self.known.len() > MOST => Some(&self.known),
            _ => None,
        };
        let (_, oldest) = *over?.first()?;
        self.take(&oldest);
        Some(oldest)
    }

    fn take(&mut self, id: &RequestId) {
        let Some(removal) = self.all.remove(id) else {
            return;
        };
        let entry = (removal.at, *id);
        self.known.remove(&entry);
        self.guests.remove(&entry);
        if let Origin::Guest(Some(client)) = removal.origin
            && let Some(own) = self.clients.get_mut(&client)
        {
            own.remove(&entry);
            if own.is_empty() {
                self.clients.remove(&client);
            }
        }
    }

    /// Why the topic is not made again by whom its origin tells, with a word that was signed at this moment, if one was.
    pub(super) fn refuses(
        &self,
        id: &RequestId,
        origin: Origin,
        signed: Option<UnixMillis>,
    ) -> Option<&'static str> {
        let removal = self.all.get(id)?;
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
        let old_of = |list: &ByAge| -> Vec<RequestId> {
            let old = list.iter().take_while(|(at, _)| now.since(*at) >= age);
            old.map(|(_, id)| *id).collect()
        };
        let old = [old_of(&self.known), old_of(&self.guests)].concat();
        for id in &old {
            self.take(id);
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

    const UNKNOWN: Origin = Origin::Guest(None);

    fn of(client: u8) -> Origin {
        Origin::Guest(Some([203, 0, 113, client].into()))
    }

    fn removal(at: u64, origin: Origin) -> Removal {
        Removal {
            at: UnixMillis(at),
            signed: None,
            origin,
        }
    }

    #[test]
    fn guests_push_out_nothing_of_initiators_that_are_known() {
        let mut removed = Removed::default();
        assert_eq!(removed.note(id(0), removal(0, Origin::Known)), None);
        for n in 1..=MOST_OF_GUESTS {
            assert_eq!(removed.note(id(n), removal(n as u64, UNKNOWN)), None);
        }
        let guest = Origin::Guest(None);
        assert_eq!(
            removed.note(id(MOST_OF_GUESTS + 1), removal(u64::MAX, UNKNOWN)),
            Some(id(1))
        );
        assert!(removed.refuses(&id(0), guest, None).is_some());
        assert!(removed.refuses(&id(1), guest, None).is_none());
        assert!(removed.refuses(&id(2), guest, None).is_some());
    }

    /// One that made topics and removed them pushed out what all other guests had removed.
    #[test]
    fn a_guest_pushes_out_only_its_own_removals() {
        let mut removed = Removed::default();
        assert_eq!(removed.note(id(0), removal(0, of(2))), None);
        for n in 1..=MOST_OF_CLIENT {
            assert_eq!(removed.note(id(n), removal(n as u64, of(1))), None);
        }
        for n in MOST_OF_CLIENT + 1..MOST_OF_GUESTS * 2 {
            let forgotten = removed.note(id(n), removal(n as u64, of(1)));
            assert_eq!(forgotten, Some(id(n - MOST_OF_CLIENT)));
        }
        assert!(removed.refuses(&id(0), UNKNOWN, None).is_some());
        assert_eq!(removed.all.len(), MOST_OF_CLIENT + 1);
    }

    /// Whoever removes a topic again, or another one that has its id, is counted once.
    #[test]
    fn what_is_counted_is_what_is_remembered() {
        let mut removed = Removed::default();
        for (at, origin) in [(1, of(1)), (2, of(1)), (3, of(2)), (4, Origin::Known), (5, of(3))] {
            assert_eq!(removed.note(id(1), removal(at, origin)), None);
            let counted = (removed.known.len(), removed.guests.len(), removed.clients.len());
            let known = usize::from(origin == Origin::Known);
            assert_eq!(counted, (known, 1 - known, 1 - known), "{origin:?}");
        }
        let week = Duration::from_secs(7 * 24 * 60 * 60);
        assert_eq!(removed.forget(week, UnixMillis(u64::MAX)), [id(1)]);
        assert!(removed.all.is_empty() && removed.guests.is_empty() && removed.clients.is_empty());
    }

    #[test]
    fn a_removal_is_remembered_for_as_long_as_results_are() {
        let mut removed = Removed::default();
        let week = Duration::from_secs(7 * 24 * 60 * 60);
        removed.note(id(1), removal(5, Origin::Known));
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
            ..removal(5, Origin::Known)
        };
        removed.note(id(1), signed);
        let refuses = |word: Option<u64>| removed.refuses(&id(1), Origin::Known, word.map(UnixMillis));
        assert!(refuses(Some(7)).is_some());
        assert_eq!(refuses(Some(8)), None);
        assert_eq!(refuses(None), None, "the initiator of this process");
    }
}
