//! A named precondition of an action, with its verdict and the reason.

use serde::{Deserialize, Serialize};

use super::SafeText;

/// The verdict of a check. `Unknown` is not a pass: it is shown as unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckStatus {
    /// The condition was looked at and does not hold. Blocks approval.
    Fail,
    /// The condition could not be looked at.
    Unknown,
    /// The condition was looked at and holds.
    Pass,
}

/// One check of an action: name, verdict, reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Stable name in kebab case, e.g. `deposit-signature`.
    pub name: String,
    pub status: CheckStatus,
    /// Why, in one line, with the values that were compared.
    pub reason: SafeText,
}

impl Check {
    /// Whether every check says the same in both, whatever the reasons.
    #[must_use]
    pub fn all_say_the_same(these: &[Self], those: &[Self]) -> bool {
        let says = |a: &Self, b: &Self| a.name == b.name && a.status == b.status;
        these.len() == those.len() && these.iter().zip(those).all(|(a, b)| says(a, b))
    }

    /// A check with the given verdict.
    pub fn new(name: &str, status: CheckStatus, reason: impl AsRef<str>) -> Self {
        Self {
            name: name.to_owned(),
            status,
            reason: SafeText::new(reason.as_ref()),
        }
    }

    /// A check that holds.
    pub fn pass(name: &str, reason: impl AsRef<str>) -> Self {
        Self::new(name, CheckStatus::Pass, reason)
    }

    /// A check that does not hold.
    pub fn fail(name: &str, reason: impl AsRef<str>) -> Self {
        Self::new(name, CheckStatus::Fail, reason)
    }

    /// A check that could not be made.
    pub fn unknown(name: &str, reason: impl AsRef<str>) -> Self {
        Self::new(name, CheckStatus::Unknown, reason)
    }

    /// Pass or fail by `holds`.
    pub fn of(name: &str, holds: bool, reason: impl AsRef<str>) -> Self {
        Self::new(
            name,
            if holds {
                CheckStatus::Pass
            } else {
                CheckStatus::Fail
            },
            reason,
        )
    }
}
