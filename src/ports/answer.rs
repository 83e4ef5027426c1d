//! The three answers. A failure is not a fact: a time-out, a refusal or a node that lags says nothing about what was
//! asked, and must never be read as "no". That holds for "are you there?", too: silence is not known, and whatever needs
//! somebody's presence waits for a *yes*.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::types::{BlockRef, Check, SafeText};

/// The answer to a question that was put to somebody outside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "answer", content = "of")]
#[must_use]
pub enum Answer<T> {
    /// It is so, and this is what it is.
    Yes(T),
    /// It is not so: whoever was asked has the very state that was asked about, and says so.
    No(Evidence),
    /// Nobody could tell.
    NotKnown(Unknown),
}

/// What a *no* rests on. Never made from a failure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// What was said, in one sentence that names who said it.
    pub words: SafeText,
    /// The block whose state says so, for questions to the execution chain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block: Option<BlockRef>,
}

impl Evidence {
    /// Evidence that rests on no block of the execution chain.
    pub fn new(words: impl AsRef<str>) -> Self {
        Self {
            words: SafeText::new(words.as_ref()),
            block: None,
        }
    }

    /// Evidence that a block's state gives.
    pub fn at(block: BlockRef, words: impl AsRef<str>) -> Self {
        Self {
            block: Some(block),
            ..Self::new(words)
        }
    }
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.words.fmt(f)
    }
}

/// Why something is not known, in one sentence that names who was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(transparent)]
#[error("{0}")]
pub struct Unknown(SafeText);

impl Unknown {
    /// From anything that says why: an error, or words.
    pub fn because(why: impl fmt::Display) -> Self {
        Self(SafeText::new(&why.to_string()))
    }

    /// Why it is not known, in words.
    #[must_use]
    pub fn words(&self) -> &SafeText {
        &self.0
    }
}

impl<T> Answer<T> {
    /// Not known, for the reason that is given.
    pub fn not_known(why: impl fmt::Display) -> Self {
        Self::NotKnown(Unknown::because(why))
    }

    /// No, with its evidence.
    pub fn no(words: impl AsRef<str>) -> Self {
        Self::No(Evidence::new(words))
    }

    /// The value of a *yes*.
    pub fn yes(self) -> Option<T> {
        match self {
            Self::Yes(value) => Some(value),
            Self::No(_) | Self::NotKnown(_) => None,
        }
    }

    /// The same answer about something else.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Answer<U> {
        match self {
            Self::Yes(value) => Answer::Yes(change(value)),
            Self::No(evidence) => Answer::No(evidence),
            Self::NotKnown(why) => Answer::NotKnown(why),
        }
    }

    /// A further question that only a *yes* raises.
    pub fn and_then<U>(self, next: impl FnOnce(T) -> Answer<U>) -> Answer<U> {
        match self {
            Self::Yes(value) => next(value),
            Self::No(evidence) => Answer::No(evidence),
            Self::NotKnown(why) => Answer::NotKnown(why),
        }
    }

    /// The same answer, its value borrowed.
    pub fn as_ref(&self) -> Answer<&T> {
        match self {
            Self::Yes(value) => Answer::Yes(value),
            Self::No(evidence) => Answer::No(evidence.clone()),
            Self::NotKnown(why) => Answer::NotKnown(why.clone()),
        }
    }

    /// What is known: the value, none for a *no*.
    ///
    /// # Errors
    /// Nobody could tell, and why.
    pub fn known(self) -> Result<Option<T>, Unknown> {
        match self {
            Self::Yes(value) => Ok(Some(value)),
            Self::No(_) => Ok(None),
            Self::NotKnown(why) => Err(why),
        }
    }

    /// The value, where a *no* is as little use as no answer.
    ///
    /// # Errors
    /// Why there is none, with the evidence of a *no* in words.
    pub fn value(self) -> Result<T, Unknown> {
        match self {
            Self::Yes(value) => Ok(value),
            Self::No(evidence) => Err(Unknown(evidence.words)),
            Self::NotKnown(why) => Err(why),
        }
    }

    /// A check that holds when the value is good: `judge` tells whether it is, and says why. A *no* fails, and what is
    /// not known is unknown.
    pub fn check(&self, name: &str, judge: impl FnOnce(&T) -> (bool, String)) -> Check {
        match self {
            Self::Yes(value) => {
                let (holds, words) = judge(value);
                Check::of(name, holds, words)
            }
            Self::No(evidence) => Check::fail(name, evidence.words.as_str()),
            Self::NotKnown(why) => Check::unknown(name, why.words().as_str()),
        }
    }

    /// A check that holds when there is *none*, for what must not exist: a *no* passes with its evidence, and what is
    /// not known stays unknown.
    pub fn check_absent(&self, name: &str, found: impl FnOnce(&T) -> String) -> Check {
        match self {
            Self::Yes(value) => Check::fail(name, found(value)),
            Self::No(evidence) => Check::pass(name, evidence.words.as_str()),
            Self::NotKnown(why) => Check::unknown(name, why.words().as_str()),
        }
    }
}

impl<T, E: fmt::Display> From<Result<T, E>> for Answer<T> {
    /// An error is never a *no*.
    fn from(result: Result<T, E>) -> Self {
        match result {
            Ok(value) => Self::Yes(value),
            Err(error) => Self::not_known(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::CheckStatus;

    #[test]
    fn an_error_is_never_a_no() {
        let answer: Answer<u8> = Err::<u8, _>("timed out").into();
        assert_eq!(answer, Answer::not_known("timed out"));
        assert_eq!(
            answer.check("fees", |_| (true, String::new())).status,
            CheckStatus::Unknown
        );
        assert_eq!(
            answer.check_absent("key", |_| String::new()).status,
            CheckStatus::Unknown
        );
    }

    #[test]
    fn a_no_fails_where_something_must_be_and_passes_where_nothing_may_be() {
        let no = Answer::<u8>::no("node a has the state of slot 9 without it");
        assert_eq!(
            no.check("there", |_| (true, String::new())).status,
            CheckStatus::Fail
        );
        let absent = no.check_absent("absent", |_| String::new());
        assert_eq!(absent.status, CheckStatus::Pass);
        assert_eq!(
            absent.reason.as_str(),
            "node a has the state of slot 9 without it"
        );
        assert_eq!(no.clone().known(), Ok(None));
        assert!(no.value().is_err());
    }

    #[test]
    fn a_yes_is_judged_by_its_value() {
        let fees = Answer::Yes(7_u64);
        let judge = |least: u64| {
            fees.check("fees", |f| (*f >= least, format!("{f} of {least}")))
                .status
        };
        assert_eq!(judge(7), CheckStatus::Pass);
        assert_eq!(judge(8), CheckStatus::Fail);
        assert_eq!(
            fees.check_absent("fees", |f| f.to_string()).status,
            CheckStatus::Fail
        );
        assert_eq!(
            fees.map(|f| f + 1).and_then(|f| Answer::Yes(f * 2)).yes(),
            Some(16)
        );
    }
}
