//! What several voices must tell alike before any of them is believed: which chain this is.

use std::collections::BTreeMap;

/// What each voice told last, and what is known by it. Whatever more than half of all voices told alike is known from then
/// on. Until then those who spoke are believed only while they agree: of two that differ, nobody can say which one lies.
#[derive(Debug)]
pub(crate) struct Alike<T> {
    voices: usize,
    known: Option<T>,
    told: BTreeMap<usize, T>,
}

/// Why a voice is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dissent<T> {
    /// This is what it is.
    Known(T),
    /// Another voice tells this, and nothing decides between them.
    Undecided { other: usize, tells: T },
}

impl<T: Copy + Eq> Alike<T> {
    /// `voices`: how many there are. `known`: where it need not be told.
    pub(crate) fn new(voices: usize, known: Option<T>) -> Self {
        Self {
            voices,
            known,
            told: BTreeMap::new(),
        }
    }

    fn is_disputed(&self) -> bool {
        let mut told = self.told.values();
        told.next().is_some_and(|first| told.any(|other| other != first))
    }

    /// Whether the voices differ, and whether it is known what is right.
    fn stands(&self) -> (bool, bool) {
        (self.is_disputed(), self.known.is_some())
    }

    /// Takes what a voice tells. `again` gets each other voice that has to be looked at again, because those who were judged
    /// before were judged by what stood then.
    ///
    /// # Errors
    /// Why it is not believed.
    pub(crate) fn judge(&mut self, who: usize, tells: T, again: impl FnMut(usize)) -> Result<(), Dissent<T>> {
        let before = self.stands();
        let heard = self.hear(who, tells);
        if self.stands() != before && self.is_disputed() {
            (0..self.voices).filter(|other| *other != who).for_each(again);
        }
        heard
    }

    fn hear(&mut self, who: usize, tells: T) -> Result<(), Dissent<T>> {
        self.told.insert(who, tells);
        let alike = self.told.values().filter(|told| **told == tells).count();
        if self.known.is_none() && alike * 2 > self.voices {
            self.known = Some(tells);
        }
        match self.known {
            Some(known) if known == tells => Ok(()),
            Some(known) => Err(Dissent::Known(known)),
            None => match self.told.iter().find(|(_, told)| **told != tells) {
                None => Ok(()),
                Some((other, tells)) => Err(Dissent::Undecided {
                    other: *other,
                    tells: *tells,
                }),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_voice_alone_is_all_there_is_and_keeps_its_word() {
        let mut alike = Alike::new(1, None);
        assert_eq!(alike.hear(0, 'a'), Ok(()));
        assert_eq!(alike.hear(0, 'b'), Err(Dissent::Known('a')));
        assert_eq!(alike.hear(0, 'a'), Ok(()));
    }

    #[test]
    fn of_two_that_differ_from_the_beginning_neither_is_believed() {
        let mut alike = Alike::new(2, None);
        assert_eq!(alike.hear(0, 'x'), Ok(()), "nobody else has spoken");
        let other = |other, tells| Err(Dissent::Undecided { other, tells });
        assert_eq!(alike.hear(1, 'a'), other(0, 'x'));
        assert_eq!(alike.hear(0, 'x'), other(1, 'a'));
        assert!(alike.is_disputed());
        assert_eq!(alike.hear(0, 'a'), Ok(()), "it was mended");
        assert_eq!(alike.hear(1, 'x'), Err(Dissent::Known('a')), "two had told it");
    }

    #[test]
    fn the_first_to_speak_of_three_does_not_decide() {
        let mut alike = Alike::new(3, None);
        assert_eq!(alike.hear(0, 'x'), Ok(()));
        assert!(alike.hear(1, 'a').is_err());
        assert_eq!(alike.hear(2, 'a'), Ok(()));
        assert_eq!(alike.hear(1, 'a'), Ok(()));
        assert_eq!(alike.hear(0, 'x'), Err(Dissent::Known('a')));
    }

    #[test]
    fn what_is_known_beforehand_nobody_outvotes() {
        let mut alike = Alike::new(2, Some('a'));
        assert_eq!(alike.hear(0, 'x'), Err(Dissent::Known('a')));
        assert_eq!(alike.hear(1, 'x'), Err(Dissent::Known('a')));
    }
}
