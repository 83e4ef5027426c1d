//! How much of the room for messages each operator takes, over all topics.

use std::collections::HashMap;
use std::net::IpAddr;

use super::message::Message;
use super::topic::Topic;
use crate::types::OperatorId;

/// A ceremony has four operators at least, so what all of four may hold fills the room, and three of them still have
/// theirs when one takes all it can.
const PARTS: usize = 4;
/// Of the guests' room. One client may have many keys, so this is what all those have that one client registered.
const GUESTS_PARTS: usize = 6;

/// Whose message it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SignerClass {
    /// The configuration vouches for its signer.
    Vouched,
    /// Its signer proved a key; this client registered it, as far as that is known.
    Guest(Option<IpAddr>),
}

/// How many bytes there are for messages.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rooms {
    pub(super) all: usize,
    /// For those of guests.
    pub(super) guests: usize,
}

/// Bytes of all messages held, by signer.
#[derive(Debug, Default)]
pub(super) struct Shares {
    bytes: usize,
    of: HashMap<OperatorId, Share>,
}

/// What a signer holds, which is never nothing, and what it was when it began to.
#[derive(Debug)]
struct Share {
    bytes: usize,
    class: SignerClass,
}

impl Shares {
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether a message with a body of so many bytes is too much for all of its kind.
    pub(super) fn is_full(&self, class: SignerClass, body: usize, rooms: &Rooms) -> bool {
        let length = Message::room_for(body);
        let guests = match class {
            SignerClass::Vouched => false,
            SignerClass::Guest(_) => self.of_guests(|_, _| true) + length > rooms.guests,
        };
        guests || self.bytes + length > rooms.all
    }

    /// Whether the operator has all that is meant for one, or the client of a guest has.
    pub(super) fn is_used_up(&self, signer: OperatorId, class: SignerClass, rooms: &Rooms) -> bool {
        match class {
            SignerClass::Vouched => {
                let held = self.of.get(&signer).map_or(0, |share| share.bytes);
                held >= rooms.all / PARTS
            }
            // whose client is not known is one by itself
            SignerClass::Guest(None) => self.of_guests(|of, _| of == signer) >= rooms.guests / GUESTS_PARTS,
            SignerClass::Guest(client) => self.of_guests(|_, by| by == client) >= rooms.guests / GUESTS_PARTS,
        }
    }

    /// Whether nobody vouches for this signer, of whom something is held.
    pub(super) fn is_guest(&self, signer: OperatorId) -> bool {
        let share = self.of.get(&signer);
        share.is_some_and(|share| share.class != SignerClass::Vouched)
    }

    fn of_guests(&self, is_meant: impl Fn(OperatorId, Option<IpAddr>) -> bool) -> usize {
        let meant = self.of.iter().filter(|(signer, share)| match share.class {
            SignerClass::Vouched => false,
            SignerClass::Guest(client) => is_meant(**signer, client),
        });
        meant.map(|(_, share)| share.bytes).sum()
    }

    pub(super) fn add(&mut self, message: &Message, class: SignerClass) {
        let room = message.room();
        self.bytes += room;
        let share = self.of.entry(message.signer).or_insert(Share { bytes: 0, class });
        share.bytes += room;
    }

    /// Drops a topic's messages.
    pub(super) fn free(&mut self, topic: &mut Topic) {
        for message in &topic.messages {
            let room = message.room();
            self.bytes -= room;
            if let Some(share) = self.of.get_mut(&message.signer) {
                share.bytes -= room;
                if share.bytes == 0 {
                    self.of.remove(&message.signer);
                }
            }
        }
        topic.drop_messages();
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use axum::body::Bytes;

    use super::super::message::Rank;
    use super::*;
    use crate::types::UnixMillis;

    const ROOMS: Rooms = Rooms {
        all: 100 << 10,
        guests: 24 << 10,
    };

    /// Adds messages without a body, 1 KiB each, as long as they are taken.
    fn fill(shares: &mut Shares, signer: u64, class: SignerClass) -> usize {
        let message = Message {
            seq: 0,
            signer: OperatorId(signer),
            rank: Rank::Round1,
            at: UnixMillis(0),
            body: Bytes::new(),
        };
        let fits = |shares: &Shares| {
            !shares.is_used_up(message.signer, class, &ROOMS) && !shares.is_full(class, 0, &ROOMS)
        };
        let mut taken = 0;
        while fits(shares) {
            shares.add(&message, class);
            taken += 1;
        }
        taken
    }

    fn guest(n: u8) -> SignerClass {
        SignerClass::Guest(Some(Ipv4Addr::new(203, 0, 113, n).into()))
    }

    /// A key costs nothing, and four of them held all that guests may.
    #[test]
    fn all_keys_that_one_client_registered_have_one_part() {
        let mut shares = Shares::default();
        assert_eq!(fill(&mut shares, 1, guest(1)), 4);
        assert_eq!(fill(&mut shares, 2, guest(1)), 0, "the same client");
        assert_eq!(fill(&mut shares, 3, SignerClass::Guest(None)), 4);
        assert_eq!(fill(&mut shares, 4, SignerClass::Guest(None)), 4);
        for n in 5..=7 {
            assert_eq!(fill(&mut shares, n.into(), guest(n)), 4);
        }
        assert_eq!(fill(&mut shares, 8, guest(8)), 0, "all guests together");
        assert_eq!(fill(&mut shares, 9, SignerClass::Vouched), 25, "a quarter of all");
        assert!(shares.is_guest(OperatorId(1)) && !shares.is_guest(OperatorId(9)));
        assert_eq!(shares.bytes(), 49 << 10);
    }
}
