//! What takes more than one person: who approved it, whose approval waits, and what one more comes to.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Decider, Decision};
use crate::types::{UnixMillis, listed};

/// What takes more than one person, and who approved it so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeopleView {
    /// So many different ones.
    pub needed: u8,
    /// Each must sign with a personal key, on a machine of that person.
    pub personal_keys: bool,
    /// Approvals until now, oldest first.
    pub given: Vec<Decision>,
    /// While it waits: the first approval counts until then.
    pub until: Option<UnixMillis>,
    /// Whose approvals wait for stale checks: they count once those were made again and none is worse.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refreshing: Vec<Decider>,
}

impl fmt::Display for PeopleView {
    /// `1 of 2`; where an approval waits for stale checks, `0 of 2 and 1 refreshing`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.given.len(), self.needed)?;
        match self.refreshing.len() {
            0 => Ok(()),
            n => write!(f, " and {n} refreshing"),
        }
    }
}

impl PeopleView {
    /// `1 of 2: ada (uid 1000)`, and what it takes.
    #[must_use]
    pub fn words(&self) -> String {
        let names: Vec<_> = self.given.iter().map(|d| d.decider.to_string()).collect();
        let by = match names.is_empty() {
            true => String::new(),
            false => format!(": {}", names.join(", ")),
        };
        let keys = match self.personal_keys {
            true => "; each signs with a key of their own",
            false => "",
        };
        let until = self
            .until
            .map_or_else(String::new, |at| format!("; that counts until {}", at.to_utc()));
        format!(
            "{} of {}{by}{until}{}{keys}",
            self.given.len(),
            self.needed,
            self.waits()
        )
    }

    /// `; that of bob waits for stale checks, and one more person's makes it 2`.
    fn waits(&self) -> String {
        let (needed, all) = (usize::from(self.needed), self.given.len() + self.refreshing.len());
        let whose = match self.refreshing.len() {
            0 => return String::new(),
            1 => "that of",
            _ => "those of",
        };
        let verb = if self.refreshing.len() == 1 {
            "waits"
        } else {
            "wait"
        };
        let then = match needed.saturating_sub(all) {
            0 => format!(", and then it is {needed} of {needed}"),
            1 => format!(", and one more person's makes it {needed}"),
            more => format!(", and it takes {more} more people"),
        };
        format!(
            "; {whose} {} {verb} for stale checks{then}",
            listed(&self.refreshing, "and")
        )
    }

    /// What one more approval comes to.
    #[must_use]
    pub fn one_more(&self) -> &'static str {
        let (needed, given) = (usize::from(self.needed), self.given.len());
        match (given + 1 >= needed, given + self.refreshing.len() + 1 >= needed) {
            (true, _) => "yours is the last that it takes",
            (false, true) => "with yours they are enough, once each of them counts",
            (false, false) => "yours is the first, and it takes another person",
        }
    }

    /// Whether this person has approved it, whether that counts by now or not.
    #[must_use]
    pub fn is_approved_by(&self, you: &str) -> bool {
        let given = self.given.iter().map(|decision| &decision.decider);
        let mut all = given.chain(&self.refreshing);
        all.any(|by| matches!(by, Decider::Person { name } if name.as_str() == you))
    }
}
