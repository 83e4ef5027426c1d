//! Messages that came before their ceremony was started here. RockX's nodes refuse them and depend on the messenger's
//! retries; this node keeps them, within bounds, if their signature is that of an operator it knows.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::{Duration, Instant};

use super::super::session::Authentic;
use crate::types::{OperatorId, RequestId, Root};

/// Bytes kept for one signer. A ceremony of 13 takes about 20 kB from each.
const PER_SIGNER: usize = 1 << 20;
/// Bytes kept in all.
const IN_ALL: usize = 16 << 20;
/// A start message that did not come by then will not come.
const LIFETIME: Duration = Duration::from_secs(600);

#[derive(Default)]
pub(super) struct EarlyMessages {
    /// In order of arrival.
    queue: VecDeque<(Instant, Authentic)>,
    /// By signer and root, which covers the ceremony.
    known: HashSet<(OperatorId, Root)>,
    weight: HashMap<OperatorId, usize>,
    total: usize,
}

impl EarlyMessages {
    /// Whether one that says the same is kept.
    pub(super) fn knows(&self, message: &Authentic) -> bool {
        self.known.contains(&(message.signer(), message.root()))
    }

    /// Keeps a message. `false`: there is no room for it.
    pub(super) fn keep(&mut self, message: Authentic, now: Instant) -> bool {
        while self
            .queue
            .front()
            .is_some_and(|(came, _)| now.duration_since(*came) > LIFETIME)
        {
            if let Some((_, old)) = self.queue.pop_front() {
                self.forget(&old);
            }
        }
        let weight = message.weight();
        let of_signer = self.weight.entry(message.signer()).or_default();
        if *of_signer + weight > PER_SIGNER || self.total + weight > IN_ALL {
            return false;
        }
        *of_signer += weight;
        self.total += weight;
        self.known.insert((message.signer(), message.root()));
        self.queue.push_back((now, message));
        true
    }

    /// Takes out what came for this ceremony, in order of arrival.
    pub(super) fn take(&mut self, ceremony: RequestId) -> Vec<Authentic> {
        let (taken, kept): (VecDeque<_>, VecDeque<_>) = std::mem::take(&mut self.queue)
            .into_iter()
            .partition(|(_, message)| message.ceremony() == ceremony);
        self.queue = kept;
        let taken: Vec<Authentic> = taken.into_iter().map(|(_, message)| message).collect();
        for message in &taken {
            self.forget(message);
        }
        taken
    }

    fn forget(&mut self, message: &Authentic) {
        let weight = message.weight();
        self.known.remove(&(message.signer(), message.root()));
        self.total -= weight;
        if let Some(of_signer) = self.weight.get_mut(&message.signer()) {
            *of_signer -= weight;
            if *of_signer == 0 {
                self.weight.remove(&message.signer());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dkg::rockx::keys::OperatorPrivateKey;
    use crate::dkg::rockx::wire::{Message, MsgType};

    #[test]
    fn one_signer_cannot_fill_the_buffer_and_old_messages_make_room() {
        let key = OperatorPrivateKey::generate().unwrap();
        let message = |ceremony: u8, signer: u64, bytes: usize| {
            let content = Message {
                msg_type: MsgType::Protocol,
                identifier: RequestId([ceremony; 24]),
                data: vec![b'x'; bytes].into(),
            };
            let signed = content.sign(OperatorId(signer), &key).unwrap();
            Authentic::check(signed, key.public()).unwrap()
        };
        let mut early = EarlyMessages::default();
        let now = Instant::now();
        assert!(early.keep(message(1, 1, PER_SIGNER - 2000), now));
        assert!(!early.keep(message(1, 1, 4000), now), "over the signer's bound");
        assert!(early.keep(message(2, 2, 100), now));
        assert!(!early.knows(&message(1, 2, 100)));
        assert!(early.keep(message(1, 2, 100), now));
        assert!(early.knows(&message(1, 2, 100)), "whoever sends it again");
        let taken: Vec<_> = early
            .take(RequestId([1; 24]))
            .iter()
            .map(Authentic::signer)
            .collect();
        assert_eq!(taken, [OperatorId(1), OperatorId(2)]);
        assert!(
            early.keep(message(3, 1, PER_SIGNER - 2000), now),
            "what was taken makes room"
        );
        let later = now + LIFETIME + Duration::from_secs(1);
        assert!(
            early.keep(message(4, 1, PER_SIGNER - 2000), later),
            "so does what is too old"
        );
        assert!(early.take(RequestId([2; 24])).is_empty());
        assert_eq!(early.take(RequestId([4; 24])).len(), 1);
        assert_eq!((early.total, early.weight.len()), (0, 0));
        assert!(early.known.is_empty());
    }
}
