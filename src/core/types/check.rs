//! A named precondition of an action, with its verdict and the reason.

use serde::{Deserialize, Serialize};

use super::{SafeText, UnixMillis};

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

/// How the reason of a check begins that is better again, and does not count as that yet.
const HELD: &str = "better since ";
/// What parts that from what the check says.
const BEFORE: &str = "; before: ";

/// How it is said that an approval waits until stale checks were made again, and what holds that up.
#[must_use]
pub fn refreshing(by: &SafeText, why: Option<&SafeText>) -> String {
    let why = why.map_or_else(String::new, |why| format!(" ({why})"));
    format!("approved by {by}, refreshing its checks{why}")
}

impl Check {
    /// The same check, said to be better since a time, which counts from another one on: that comes first, because a row has
    /// no room for the end of a long reason.
    #[must_use]
    pub fn held(&self, since: UnixMillis, counts: UnixMillis) -> Self {
        let reason = format!(
            "{HELD}{}, counts at {}{BEFORE}{}",
            since.time_of_day(),
            counts.time_of_day(),
            self.reason
        );
        Self::new(&self.name, self.status, reason)
    }

    /// Since when it is better and when that counts, where it is held: `better since 14:20:13 UTC, counts at 14:30:13 UTC`.
    #[must_use]
    pub fn is_held(&self) -> Option<&str> {
        let (clause, _) = self.reason.as_str().split_once(BEFORE)?;
        clause.starts_with(HELD).then_some(clause)
    }

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
