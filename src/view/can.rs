//! Whether a person can do something now, and why not: the engine's word, which no front end works out for itself.

use serde::{Deserialize, Serialize};

use crate::types::SafeText;

/// Whether something can be done now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "can")]
pub enum Can {
    Yes,
    No {
        /// A sentence for the person who tried.
        why: SafeText,
    },
}

impl Can {
    /// It cannot, and why.
    #[must_use]
    pub fn no(why: impl AsRef<str>) -> Self {
        Self::No {
            why: SafeText::new(why.as_ref()),
        }
    }

    /// Whether it can, where the reason does not matter.
    #[must_use]
    pub fn is_yes(&self) -> bool {
        *self == Self::Yes
    }

    /// For `?`.
    ///
    /// # Errors
    /// Why it cannot.
    pub fn check(&self) -> Result<(), &SafeText> {
        match self {
            Self::Yes => Ok(()),
            Self::No { why } => Err(why),
        }
    }
}

impl From<Result<(), SafeText>> for Can {
    fn from(result: Result<(), SafeText>) -> Self {
        match result {
            Ok(()) => Self::Yes,
            Err(why) => Self::No { why },
        }
    }
}

impl From<Result<(), String>> for Can {
    fn from(result: Result<(), String>) -> Self {
        match result {
            Ok(()) => Self::Yes,
            Err(why) => Self::no(why),
        }
    }
}
