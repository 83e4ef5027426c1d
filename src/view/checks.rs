//! How checks of an action stand: what the verdict was, unless it has faded since.

use serde::{Deserialize, Serialize};

use super::ActionView;
use crate::types::{Check, CheckStatus, SafeText};

/// Checks that have faded: what they rest on may have changed since they were made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FadedView {
    /// Their names.
    pub checks: Vec<String>,
    /// Why they cannot be relied on, in words.
    pub why: SafeText,
    /// For so long at most an approval waits for them, ms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_ms: Option<u64>,
}

/// How a check stands, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CheckMark {
    /// It does not hold.
    Fail,
    /// It could not be made.
    Unknown,
    /// It was made, and too much has happened since: neither pass nor fail.
    Stale,
    /// It holds.
    Pass,
}

impl CheckMark {
    /// All of them, the worst first.
    pub const ALL: [Self; 4] = [Self::Fail, Self::Unknown, Self::Stale, Self::Pass];

    /// The word for tables.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Fail => "fail",
            Self::Unknown => "unknown",
            Self::Stale => "stale",
            Self::Pass => "pass",
        }
    }
}

impl From<CheckStatus> for CheckMark {
    fn from(status: CheckStatus) -> Self {
        match status {
            CheckStatus::Fail => Self::Fail,
            CheckStatus::Unknown => Self::Unknown,
            CheckStatus::Pass => Self::Pass,
        }
    }
}

impl ActionView {
    /// How one of its checks stands.
    #[must_use]
    pub fn mark(&self, check: &Check) -> CheckMark {
        let stale = self
            .faded
            .as_ref()
            .is_some_and(|f| f.checks.contains(&check.name));
        if stale {
            CheckMark::Stale
        } else {
            check.status.into()
        }
    }

    /// Its checks that stand so.
    pub fn checks_with(&self, mark: impl Into<CheckMark>) -> impl Iterator<Item = &Check> {
        let mark = mark.into();
        self.checks.iter().filter(move |check| self.mark(check) == mark)
    }

    /// How many stand how, the best first: `4 pass · 2 stale`.
    #[must_use]
    pub fn checks_in_words(&self, between: &str) -> String {
        let counts = CheckMark::ALL.into_iter().rev().filter_map(|mark| {
            let count = self.checks_with(mark).count();
            (count > 0).then(|| format!("{count} {}", mark.word()))
        });
        counts.collect::<Vec<_>>().join(between)
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::*;

    #[test]
    fn what_has_faded_is_neither_pass_nor_fail_nor_unknown() {
        let mut action = fixture::action(1, 0);
        action.checks = vec![
            Check::pass("balance", "5 ETH"),
            Check::pass("signer", "open"),
            Check::fail("simulation", "it reverts"),
            Check::unknown("endpoints-agree", "one voice"),
        ];
        action.faded = None;
        assert_eq!(action.checks_in_words(", "), "2 pass, 1 unknown, 1 fail");
        action.faded = Some(FadedView {
            checks: vec!["balance".to_owned(), "simulation".to_owned()],
            why: "no endpoint answers".into(),
            waits_ms: Some(600_000),
        });
        assert_eq!(action.checks_in_words(" · "), "1 pass · 2 stale · 1 unknown");
        let stale: Vec<_> = action
            .checks_with(CheckMark::Stale)
            .map(|c| c.name.as_str())
            .collect();
        assert_eq!(stale, ["balance", "simulation"]);
    }
}
