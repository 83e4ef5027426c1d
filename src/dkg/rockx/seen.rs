//! Which signed messages are here already. Whoever subscribes to a ceremony hears them, and may send them again as often
//! as it likes: a repetition proves nothing about who sends it, and takes no place of what is new.

use std::collections::{HashMap, HashSet};

use crate::types::{OperatorId, Root};

/// Messages of one signer in one ceremony, as many as our messenger keeps. A true one sends fewer than ten.
pub(super) const PER_SIGNER: usize = 64;

/// What a message is to those who have seen others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sight {
    New,
    /// One that says the same is here.
    Known,
    /// Its signer has said all that it may say.
    TooMany,
}

/// The messages of one ceremony, by signer and root. Only those who take part are noted, which bounds it.
#[derive(Debug, Default)]
pub(super) struct Seen(HashMap<OperatorId, HashSet<Root>>);

impl Seen {
    pub(super) fn look(&self, signer: OperatorId, root: &Root) -> Sight {
        match self.0.get(&signer) {
            Some(roots) if roots.contains(root) => Sight::Known,
            Some(roots) if roots.len() >= PER_SIGNER => Sight::TooMany,
            _ => Sight::New,
        }
    }

    /// It has been taken.
    pub(super) fn note(&mut self, signer: OperatorId, root: Root) {
        self.0.entry(signer).or_default().insert(root);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_message_is_new_once_and_each_signer_has_its_own_room() {
        let mut seen = Seen::default();
        let root = |n: usize| Root([u8::try_from(n).unwrap(); 32]);
        for n in 0..PER_SIGNER {
            assert_eq!(seen.look(OperatorId(1), &root(n)), Sight::New);
            seen.note(OperatorId(1), root(n));
            assert_eq!(seen.look(OperatorId(1), &root(n)), Sight::Known);
        }
        assert_eq!(seen.look(OperatorId(1), &root(200)), Sight::TooMany);
        assert_eq!(seen.look(OperatorId(1), &root(0)), Sight::Known);
        assert_eq!(seen.look(OperatorId(2), &root(0)), Sight::New);
    }
}
