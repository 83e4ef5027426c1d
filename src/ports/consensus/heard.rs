//! What several nodes tell together, and whether it is one node's word.

use crate::ports::{Answer, Unknown};
use crate::types::SafeText;

/// An answer, and whose word alone it is. The two are one value: whoever decides by the answer decides by this very one, and
/// not by what another question has found out meanwhile.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Heard<T> {
    pub answer: Answer<T>,
    /// That one node tells it though others are configured, and which; none where a second one bears it out, or one alone
    /// is configured.
    pub alone: Option<SafeText>,
}

impl<T> Heard<T> {
    /// Borne out by a second node, or told by the only one.
    pub fn of(answer: Answer<T>) -> Self {
        Self { answer, alone: None }
    }

    /// The value of a *yes*.
    pub fn yes(self) -> Option<T> {
        self.answer.yes()
    }

    /// What is known: the value, none for a *no*.
    ///
    /// # Errors
    /// Nobody could tell, and why.
    pub fn known(self) -> Result<Option<T>, Unknown> {
        self.answer.known()
    }

    /// The value, where a *no* is as little use as no answer.
    ///
    /// # Errors
    /// Why there is none.
    pub fn value(self) -> Result<T, Unknown> {
        self.answer.value()
    }
}
