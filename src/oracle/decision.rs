//! Decisions: who let an action pass or stopped it, on which payload.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::types::{ParseIdError, Root, SafeText, UnixMillis};

/// Who decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Nobody: everything is watched and nothing is done. Needs no key.
    Observe,
    /// A person decides every action.
    Supervised,
    /// The policy decides; what no rule covers waits for a person.
    Auto,
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Observe => "observe",
            Self::Supervised => "supervised",
            Self::Auto => "auto",
        })
    }
}

impl FromStr for Mode {
    type Err = ParseIdError;
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        match s {
            "observe" => Ok(Self::Observe),
            "supervised" => Ok(Self::Supervised),
            "auto" => Ok(Self::Auto),
            _ => Err(ParseIdError {
                text: s.into(),
                expected: "observe, supervised or auto",
            }),
        }
    }
}

/// Who made a decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "by")]
pub enum Decider {
    /// A person at a console.
    Person {
        /// Login name and host as the console knows them.
        name: SafeText,
    },
    /// A rule of the policy.
    Rule {
        /// The rule's name.
        name: SafeText,
    },
}

impl fmt::Display for Decider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Person { name } => write!(f, "{name}"),
            Self::Rule { name } => write!(f, "rule {name}"),
        }
    }
}

/// What was decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "verdict")]
pub enum Verdict {
    /// Let it pass.
    Approve,
    /// Stop it.
    Reject {
        /// Why, in the decider's words.
        reason: SafeText,
    },
}

/// A decision on an action. It names the digest that was shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// Approve or reject.
    pub verdict: Verdict,
    /// By whom.
    pub decider: Decider,
    pub at: UnixMillis,
    /// The digest of what was decided on.
    pub digest: Root,
}
