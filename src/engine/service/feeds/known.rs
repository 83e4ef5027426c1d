//! What is known of something, where one endpoint tells it at each head: what it tells anew is asked of the others first,
//! so that one voice alone voids nothing and moves no queue.

use std::time::Duration;

use crate::ports::Accord;
use crate::types::{BlockRef, SafeText};

/// Endpoints that have not got to a block yet are asked once more after this.
const A_MOMENT: Duration = Duration::from_secs(1);
/// Blocks for which the others may be silent on what one endpoint tells anew. Whoever is away for longer cannot keep the
/// queue where it is.
const SILENT_FOR: u64 = 3;
/// The same where somebody said something else before, or where somebody is accused by it: silence takes nothing back, and
/// bears nobody out, before an epoch is over.
const SILENT_FOR_AN_EPOCH: u64 = 32;

/// What was known at earlier heads.
#[derive(Debug)]
pub(super) struct Known<T> {
    value: Option<T>,
    /// The newest block of which it is known.
    at: Option<BlockRef>,
    /// Two endpoints tell it, or no second one is configured.
    is_vouched: bool,
    /// What one endpoint tells is shown before it is believed, where nothing is known: it accuses nobody.
    shows_first: bool,
    /// How long the others have to get to a block.
    moment: Duration,
    /// The first block at which somebody told something else and nobody else spoke.
    alone_since: Option<u64>,
    /// How the endpoints contradict each other on it; empty where they do not.
    pub(super) contradicted: SafeText,
    /// Why one endpoint alone tells it, though others are configured; empty where that is not so.
    alone: SafeText,
}

impl<T> Default for Known<T> {
    fn default() -> Self {
        Self {
            value: None,
            at: None,
            is_vouched: false,
            shows_first: true,
            moment: A_MOMENT,
            alone_since: None,
            contradicted: SafeText::default(),
            alone: SafeText::default(),
        }
    }
}

/// One endpoint tells something alone.
#[derive(Debug, Clone, Copy)]
pub(super) struct Alone<'a> {
    pub(super) why: &'a SafeText,
    /// It is not believed yet, and what two have told stays; else what is known rests on it.
    pub(super) is_news: bool,
}

impl Alone<'_> {
    /// Why what is known rests on it.
    pub(super) fn rested_on(self) -> Option<SafeText> {
        (!self.is_news).then(|| self.why.clone())
    }
}

/// What is taken for true at a head.
#[derive(Debug)]
pub(super) struct Believed<T> {
    pub(super) value: T,
    /// The block of which it is known: an earlier one while something else is told and not believed. None where it is only
    /// shown.
    pub(super) at: Option<BlockRef>,
    /// Somebody says something else, or nobody but one says it yet: nothing new may rest on it.
    pub(super) is_open: bool,
}

impl<T: Clone + PartialEq> Known<T> {
    /// Of something by which somebody is accused: the word of one is open for an epoch, the first one, too.
    pub(super) fn accusing() -> Self {
        Self {
            shows_first: false,
            ..Self::default()
        }
    }

    /// What is true of it at `block`, where the preferred endpoint tells this; `ask` has all of them say it, and gives what
    /// those say who agree or are most, or who alone answered. It is asked where what is told is news, and until a second endpoint has told it.
    pub(super) async fn vouched<A>(&mut self, block: BlockRef, told: T, ask: impl Fn() -> A) -> Believed<T>
    where
        A: Future<Output = (Accord, Option<T>)>,
    {
        let is_known = self.value.as_ref() == Some(&told);
        if is_known && self.is_vouched {
            return self.settled(block, told, SafeText::default());
        }
        let mut said = ask().await;
        // who was silent a head ago is not waited for again
        if matches!(said.0, Accord::TooFew { .. }) && self.alone.as_str().is_empty() {
            tokio::time::sleep(self.moment).await;
            said = ask().await;
        }
        let (accord, said) = said;
        let words = accord.contradiction().cloned().unwrap_or_default();
        match (accord, said) {
            (Accord::Alone, _) => self.settled(block, told, words),
            (Accord::Agree { .. } | Accord::Outvoted { .. }, Some(believed)) => {
                self.settled(block, believed, words)
            }
            // the block itself is another one to all of them
            (Accord::Agree { .. }, None) => self.stays(told),
            (accord @ Accord::TooFew { .. }, Some(other)) if other != told => {
                let words = format!(
                    "one endpoint tells it, and the one that answers now denies it: {}",
                    accord.words()
                );
                self.denied(told, SafeText::new(&words))
            }
            (accord @ Accord::TooFew { .. }, _) => self.told_alone(block, told, is_known, &accord.words()),
            (Accord::Disagree(_) | Accord::Outvoted { .. }, _) => self.denied(told, words),
        }
    }

    fn denied(&mut self, told: T, words: SafeText) -> Believed<T> {
        self.alone_since = None;
        self.alone = SafeText::default();
        self.contradicted = words;
        self.stays(told)
    }

    /// What one endpoint tells alone, though others are configured.
    pub(super) fn alone(&self) -> Option<Alone<'_>> {
        let is_so = !self.alone.as_str().is_empty();
        is_so.then_some(Alone {
            why: &self.alone,
            is_news: self.is_vouched,
        })
    }

    /// One endpoint tells it, and those who could contradict are silent, for this reason.
    fn told_alone(&mut self, block: BlockRef, told: T, is_known: bool, why: &str) -> Believed<T> {
        // the reasons differ from head to head: the first is said
        if self.alone.as_str().is_empty() {
            self.alone = SafeText::new(why);
        }
        let is_first = self.value.is_none() && self.shows_first;
        let is_uncontradicted = self.contradicted.as_str().is_empty();
        if !((is_known || is_first) && is_uncontradicted || self.was_silent_for_long(block)) {
            return self.stays(told);
        }
        let alone = std::mem::take(&mut self.alone);
        let believed = self.settled(block, told, SafeText::default());
        (self.alone, self.is_vouched) = (alone, false);
        believed
    }

    fn settled(&mut self, block: BlockRef, value: T, contradicted: SafeText) -> Believed<T> {
        self.value = Some(value.clone());
        self.at = Some(block);
        self.is_vouched = true;
        self.alone_since = None;
        self.alone = SafeText::default();
        self.contradicted = contradicted;
        Believed {
            value,
            at: self.at,
            is_open: false,
        }
    }

    /// What was known stays. Where nothing was, what is told is shown, and is known no more than before.
    fn stays(&self, told: T) -> Believed<T> {
        Believed {
            value: self.value.clone().unwrap_or(told),
            at: self.at,
            is_open: true,
        }
    }

    fn was_silent_for_long(&mut self, block: BlockRef) -> bool {
        let blocks = match self.contradicted.as_str().is_empty() && self.shows_first {
            true => SILENT_FOR,
            false => SILENT_FOR_AN_EPOCH,
        };
        block.number
            >= self
                .alone_since
                .get_or_insert(block.number)
                .saturating_add(blocks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Root;

    fn block(number: u64) -> BlockRef {
        BlockRef {
            number,
            hash: Root([1; 32]),
        }
    }

    fn at_once() -> Known<u64> {
        Known {
            moment: Duration::ZERO,
            ..Known::default()
        }
    }

    fn few() -> Accord {
        Accord::TooFew {
            configured: 2,
            said: None,
            silent: vec!["b: timed out".into()],
        }
    }

    async fn hears(
        known: &mut Known<u64>,
        number: u64,
        told: u64,
        said: (Accord, Option<u64>),
    ) -> (u64, bool) {
        let believed = known
            .vouched(block(number), told, || async { said.clone() })
            .await;
        (believed.value, believed.is_open)
    }

    #[tokio::test]
    async fn silence_of_the_others_holds_news_up_for_a_few_blocks_and_not_for_ever() {
        let mut known = at_once();
        assert_eq!(
            hears(&mut known, 5, 8, (few(), None)).await,
            (8, false),
            "nothing was known"
        );
        for number in 10..10 + SILENT_FOR {
            assert_eq!(hears(&mut known, number, 9, (few(), None)).await, (8, true));
        }
        assert_eq!(
            hears(&mut known, 10 + SILENT_FOR, 9, (few(), None)).await,
            (9, false)
        );
    }

    #[tokio::test]
    async fn who_contradicted_and_is_silent_now_has_taken_nothing_back() {
        let mut known = at_once();
        assert_eq!(hears(&mut known, 5, 8, (Accord::Alone, None)).await, (8, false));
        let differ = || (Accord::Disagree("they differ".into()), None);
        assert_eq!(hears(&mut known, 6, 10, differ()).await, (8, true));
        for number in 7..20 {
            assert_eq!(hears(&mut known, number, 10, (few(), None)).await, (8, true));
        }
        assert_eq!(known.contradicted.as_str(), "they differ");
        assert_eq!(hears(&mut known, 20, 8, (few(), None)).await, (8, false));
        assert!(known.contradicted.as_str().is_empty());
        // one that is gone for good cannot hold it up for ever
        assert_eq!(hears(&mut known, 21, 10, differ()).await, (8, true));
        assert_eq!(hears(&mut known, 22, 10, (few(), None)).await, (8, true));
        let late = 22 + SILENT_FOR_AN_EPOCH;
        assert_eq!(hears(&mut known, late, 10, (few(), None)).await, (10, false));
    }

    #[tokio::test]
    async fn what_most_say_is_believed_and_whoever_says_something_else_is_named() {
        let mut known = at_once();
        assert_eq!(hears(&mut known, 5, 8, (Accord::Alone, None)).await, (8, false));
        let outvoted = Accord::Outvoted {
            most: Vec::new(),
            words: "a is outvoted".into(),
        };
        assert_eq!(hears(&mut known, 6, 10, (outvoted, Some(9))).await, (9, false));
        assert_eq!(known.contradicted.as_str(), "a is outvoted");
    }

    #[tokio::test]
    async fn what_one_tells_while_the_others_are_silent_is_marked_and_asked_until_a_second_tells_it() {
        let mut known = at_once();
        assert_eq!(hears(&mut known, 5, 8, (few(), None)).await, (8, false));
        let words = "1 of 2 endpoints answered; no answer: b: timed out";
        assert_eq!(known.alone.as_str(), words);
        assert_eq!(hears(&mut known, 6, 8, (few(), None)).await, (8, false));
        assert_eq!(known.alone.as_str(), words, "nobody has borne it out");
        let agree = || Accord::Agree {
            agreeing: 2,
            said: Vec::new(),
            silent: Vec::new(),
        };
        assert_eq!(hears(&mut known, 7, 8, (agree(), Some(8))).await, (8, false));
        assert!(known.alone.as_str().is_empty());
        // the second one is back and denies what the first told alone
        let mut lied = at_once();
        assert_eq!(hears(&mut lied, 5, 8, (few(), None)).await, (8, false));
        let differ = || (Accord::Disagree("they differ".into()), None);
        assert_eq!(hears(&mut lied, 6, 8, differ()).await, (8, true));
        assert_eq!(
            hears(&mut lied, 7, 8, (few(), None)).await,
            (8, true),
            "silence takes nothing back"
        );
    }

    /// The one that tells it is silent when all are asked, and the other one denies it each time.
    #[tokio::test]
    async fn who_answers_alone_and_says_something_else_contradicts() {
        let mut known = at_once();
        let few = |value| {
            let said = Some(Vec::new());
            let silent = vec!["a: timed out".into()];
            (
                Accord::TooFew {
                    configured: 2,
                    said,
                    silent,
                },
                Some(value),
            )
        };
        for number in 5..50 {
            assert_eq!(hears(&mut known, number, 99, few(4)).await, (99, true));
        }
        assert!(known.contradicted.as_str().contains("denies it"));
        assert_eq!(
            hears(&mut known, 51, 4, few(4)).await,
            (4, true),
            "silence takes nothing back"
        );
        let mut told = at_once();
        assert_eq!(hears(&mut told, 5, 4, few(4)).await, (4, false));
        assert_eq!(hears(&mut told, 6, 99, few(4)).await, (4, true));
    }

    #[tokio::test]
    async fn who_was_contradicted_at_the_first_look_is_not_believed_when_the_other_falls_silent() {
        let mut known = at_once();
        let differ = || (Accord::Disagree("they differ".into()), None);
        assert_eq!(hears(&mut known, 5, 8, differ()).await, (8, true));
        assert_eq!(hears(&mut known, 6, 8, (few(), None)).await, (8, true));
        assert_eq!(known.contradicted.as_str(), "they differ");
    }

    #[tokio::test]
    async fn nobody_is_accused_by_one_voice_before_an_epoch_is_over() {
        let mut known = Known {
            moment: Duration::ZERO,
            ..Known::accusing()
        };
        for number in 5..5 + SILENT_FOR_AN_EPOCH {
            assert_eq!(hears(&mut known, number, 8, (few(), None)).await, (8, true));
        }
        let late = 5 + SILENT_FOR_AN_EPOCH;
        assert_eq!(hears(&mut known, late, 8, (few(), None)).await, (8, false));
        assert!(!known.alone.as_str().is_empty(), "and it is said");
    }
}
