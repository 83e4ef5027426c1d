//! The kinds of action. Each says in a file of its own what it is, and is listed here once.
//!
//! Another kind is a file beside these, its line in the table, and a file at the desk that prepares it. Nothing else
//! tells kinds apart: what is common to several of them hangs on their [`Family`].

mod broadcast_exit;
mod family;
mod keygen;
mod reshare;
mod send_deposit;
mod send_reshare;
mod sign_exit;
#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{Action, Case, CommitteeRequirements, State, Step};
use crate::types::{CeremonyPlan, ParseIdError};

pub use broadcast_exit::BroadcastExitDraft;
pub use family::Family;
pub use keygen::KeygenDraft;
pub use reshare::ReshareDraft;
pub use send_deposit::SendDepositDraft;
pub use send_reshare::SendReshareDraft;
pub use sign_exit::SignExitDraft;

/// How much is at stake, and so how it is confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Risk {
    /// Can be repeated; confirmed with two keys.
    Routine,
    /// Spends or commits money; confirmed with two keys.
    Money,
    /// Cannot be undone by anybody; confirmed with a typed phrase.
    Irreversible,
}

/// What a kind of action is.
pub(in crate::oracle) trait ActionRules: Sync {
    /// In journals, policies and on screens, in kebab case. It never changes: journals and policies have it.
    fn name(&self) -> &'static str;

    /// How it takes effect.
    fn family(&self) -> Family;

    /// How much is at stake.
    fn risk(&self) -> Risk;

    /// Where its case goes once it has taken effect.
    fn leads_to(&self) -> Step;

    /// What the desk is asked to prepare. `standing` is the ceremony of the proposal that is looked at again. `None`
    /// while the case has not what it takes.
    fn draft(&self, state: &State, case: &Case, standing: Option<&CeremonyPlan>) -> Option<Draft>;

    /// Whether a person may choose its committee.
    fn lets_choose_committee(&self) -> bool {
        false
    }

    /// Whether it carries an SSV registration: that is good for one nonce of the manager, and worthless for the next.
    fn carries_registration(&self) -> bool {
        false
    }

    /// Whether a whole validator's stake is at it.
    fn commits_a_stake(&self) -> bool {
        false
    }

    /// What a person must type to approve it: something for each kind that cannot be undone, nothing for others.
    fn phrase(&self, _action: &Action) -> Option<String> {
        None
    }
}

/// Declares the kinds, and what the desk is asked to prepare for each.
macro_rules! kinds {
    ($($(#[$doc:meta])+ $kind:ident($draft:ident) in $file:ident;)+) => {
        /// What kind of effect an action is; policy rules are written per kind.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum ActionKind {
            $($(#[$doc])+ $kind,)+
        }

        impl ActionKind {
            /// Every kind, in the order of a case.
            pub const ALL: &'static [Self] = &[$(Self::$kind,)+];

            pub(in crate::oracle) fn definition(self) -> &'static dyn ActionRules {
                match self {
                    $(Self::$kind => $file::KIND,)+
                }
            }
        }

        /// What is to be prepared: everything that the core knows and the desk needs.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Draft {
            $($(#[$doc])+ $kind($draft),)+
        }

        impl Draft {
            /// Which kind of action it becomes.
            #[must_use]
            pub fn kind(&self) -> ActionKind {
                match self {
                    $(Self::$kind(_) => ActionKind::$kind,)+
                }
            }
        }
    };
}

kinds! {
    /// Run a key generation (and sign the SSV registration with the new key).
    Keygen(KeygenDraft) in keygen;
    /// Hand a key to another committee (and sign the SSV registration).
    Reshare(ReshareDraft) in reshare;
    /// Sign a voluntary exit with the operators.
    SignExit(SignExitDraft) in sign_exit;
    /// Send the call that deposits for a pool and registers its validator.
    SendDeposit(SendDepositDraft) in send_deposit;
    /// Send the call that tells the contract of a new committee.
    SendReshare(SendReshareDraft) in send_reshare;
    /// Publish a signed voluntary exit to the beacon nodes.
    BroadcastExit(BroadcastExitDraft) in broadcast_exit;
}

impl ActionKind {
    /// Its name in journals, policies and on screens.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.definition().name()
    }

    /// How it takes effect.
    #[must_use]
    pub fn family(self) -> Family {
        self.definition().family()
    }

    /// How much is at stake.
    #[must_use]
    pub fn risk(self) -> Risk {
        self.definition().risk()
    }

    /// Whether a whole validator's stake is at it.
    #[must_use]
    pub fn commits_a_stake(self) -> bool {
        self.definition().commits_a_stake()
    }

    /// Whether a person may choose its committee while it waits for a decision.
    #[must_use]
    pub fn lets_choose_committee(self) -> bool {
        self.definition().lets_choose_committee()
    }
}

impl fmt::Display for ActionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for ActionKind {
    type Err = ParseIdError;
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let named = |kind: &&Self| kind.name() == s;
        Self::ALL.iter().find(named).copied().ok_or_else(|| ParseIdError {
            text: s.into(),
            expected: "a kind of action",
        })
    }
}

impl Serialize for ActionKind {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for ActionKind {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(de::Error::custom)
    }
}

/// What a case says of the committee that a ceremony wants.
pub fn wanted(state: &State, case: &Case, standing: Option<&CeremonyPlan>) -> CommitteeRequirements {
    CommitteeRequirements {
        chosen: case.chosen.clone(),
        standing: standing.map(|plan| plan.committee().to_vec()),
        dealers: standing.and_then(|plan| plan.dealers().map(<[_]>::to_vec)),
        tracks: state.tracks(),
        spent: case.spent.iter().cloned().collect(),
        leaving: case.cause.leaving(),
        avoid: case.avoid.iter().copied().collect(),
        last_failure: case.last_failure.clone(),
        attempt: case.attempts + 1,
    }
}
