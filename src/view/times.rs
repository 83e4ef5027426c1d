//! When a validator gets where: what is predicted, and what is a fact.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::types::UnixMillis;

/// A time of the beacon chain and the epoch that it falls into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    pub epoch: u64,
    /// Start of the epoch.
    pub at: UnixMillis,
}

/// A place on a validator's way that a case waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Its attestations count.
    Active,
    /// `active_exiting`: its exit is in a block.
    Exiting,
    /// Not at work any more.
    Exited,
    /// Its balance can be withdrawn.
    Withdrawable,
    /// Its balance is withdrawn.
    Withdrawn,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Active => "active",
            Self::Exiting => "exiting",
            Self::Exited => "exited",
            Self::Withdrawable => "withdrawable",
            Self::Withdrawn => "withdrawn",
        })
    }
}

/// When something that is a fact happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Actual {
    /// The beacon state has the epoch with which it began.
    Since(Moment),
    /// First seen at this time.
    Seen { at: UnixMillis },
    /// Passed while nobody looked; a later stage was first seen at this time.
    Before { at: UnixMillis },
}

impl Actual {
    /// The time that is known.
    #[must_use]
    pub fn at(&self) -> UnixMillis {
        match self {
            Self::Since(moment) => moment.at,
            Self::Seen { at } | Self::Before { at } => *at,
        }
    }
}

/// A stage with its predicted and actual times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Milestone {
    pub stage: Stage,
    /// By the chain's rules, when the exit was published.
    pub by_rules: Option<Moment>,
    /// By the beacon state.
    pub by_state: Option<Moment>,
    /// Once it is a fact.
    pub actual: Option<Actual>,
}

impl Milestone {
    /// The best prediction: the state's, else that of the rules.
    #[must_use]
    pub fn predicted(&self) -> Option<Moment> {
        self.by_state.or(self.by_rules)
    }
}
