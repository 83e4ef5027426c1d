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
/// The same where somebody said something else before: silence takes nothing back before an epoch is over.
const SILENT_SINCE_CONTRADICTED: u64 = 32;

/// What was known at earlier heads.
#[derive(Debug)]
pub(super) struct Known<T> {
    value: Option<T>,
    /// How long the others have to get to a block.
    moment: Duration,
    /// The first block at which somebody told something else and nobody else spoke.
    alone_since: Option<u64>,
    /// How the endpoints contradict each other on it; empty where they do not.
    pub(super) contradicted: SafeText,
}

impl<T> Default for Known<T> {
    fn default() -> Self {
        Self {
            value: None,
            moment: A_MOMENT,
            alone_since: None,
            contradicted: SafeText::default(),
        }
    }
}

/// What is taken for true at a head.
#[derive(Debug)]
pub(super) struct Believed<T> {
    pub(super) value: T,
    /// Somebody says something else, or nobody but one says it yet: nothing new may rest on it.
    pub(super) is_open: bool,
}

impl<T: Clone + PartialEq> Known<T> {
    /// What is true of it at `block`, where the preferred endpoint tells this; `ask` has all of them say it, and gives what
    /// those say who agree or are most. It is asked where what is told is news.
    pub(super) async fn vouched<A>(&mut self, block: BlockRef, told: T, ask: impl Fn() -> A) -> Believed<T>
    where
        A: Future<Output = (Accord, Option<T>)>,
    {
        if self.value.as_ref() == Some(&told) {
            return self.settled(told, SafeText::default());
        }
        let mut said = ask().await;
        if matches!(said.0, Accord::TooFew { .. }) {
            tokio::time::sleep(self.moment).await;
            said = ask().await;
        }
        let (accord, believed) = said;
        let words = accord.contradiction().cloned().unwrap_or_default();
        if let Some(believed) = believed {
            return self.settled(believed, words);
        }
        match accord {
            Accord::Alone => self.settled(told, words),
            // the block itself is another one to all of them
            Accord::Agree { .. } => self.stays(told),
            Accord::TooFew { .. } if self.value.is_none() || self.was_silent_for_long(block) => {
                self.settled(told, words)
            }
            Accord::TooFew { .. } => self.stays(told),
            Accord::Disagree(_) | Accord::Outvoted { .. } => {
                self.alone_since = None;
                self.contradicted = words;
                self.stays(told)
            }
        }
    }

    fn settled(&mut self, value: T, contradicted: SafeText) -> Believed<T> {
        self.value = Some(value.clone());
        self.alone_since = None;
        self.contradicted = contradicted;
        let is_open = false;
        Believed { value, is_open }
    }

    /// What was known stays. Where nothing was, what is told is shown, and is known no more than before.
    fn stays(&self, told: T) -> Believed<T> {
        Believed {
            value: self.value.clone().unwrap_or(told),
            is_open: true,
        }
    }

    fn was_silent_for_long(&mut self, block: BlockRef) -> bool {
        let blocks = match self.contradicted.as_str().is_empty() {
            true => SILENT_FOR,
            false => SILENT_SINCE_CONTRADICTED,
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
        let late = 22 + SILENT_SINCE_CONTRADICTED;
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
}
