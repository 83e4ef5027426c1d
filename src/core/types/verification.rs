//! What came of verifying a ceremony.

use super::{CeremonyResult, Check, CheckStatus};

/// Every check by name, and the result if none of them failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verification {
    /// In the order in which they were made.
    pub checks: Vec<Check>,
    /// Present only if no check failed; absent, too, when it was verified that a ceremony gave none.
    pub result: Option<CeremonyResult>,
}

impl Verification {
    /// Withholds the result if a check failed.
    #[must_use]
    pub fn new(checks: Vec<Check>, result: Option<CeremonyResult>) -> Self {
        let verification = Self { checks, result: None };
        Self {
            result: result.filter(|_| verification.is_sound()),
            ..verification
        }
    }

    /// No check failed. What a failed ceremony left is sound when its failure follows from its messages.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.failures().next().is_none()
    }

    /// The check of this name; none where it was not made.
    #[must_use]
    pub fn check(&self, name: &str) -> Option<&Check> {
        self.checks.iter().find(|check| check.name == name)
    }

    /// The checks that failed.
    pub fn failures(&self) -> impl Iterator<Item = &Check> {
        self.checks
            .iter()
            .filter(|check| check.status == CheckStatus::Fail)
    }
}
