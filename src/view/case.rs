//! Cases: the pane of pool events.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Can, Milestone, Way, WayOn};
use crate::types::{
    ActionId, BlockRef, BlsPublicKey, CaseId, LogRef, PoolId, RequestId, RequestKind, SafeText, UnixMillis,
};

/// What opened a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "cause")]
pub enum Cause {
    /// An event of the manager contract.
    Event {
        /// Where the event stands.
        #[serde(flatten)]
        log: LogRef,
    },
    /// The contract's state: it is in the list although its event was not seen.
    State {
        /// The block at which it was found.
        block: BlockRef,
    },
    /// A person asked for it at a seat.
    Manual { by: SafeText, at: UnixMillis },
}

/// A case's state in one word, for tables and colours. The sentence beside it says more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CaseStatus {
    /// The oracle gathers what it needs for the next action.
    Preparing,
    /// An action of this case waits for a decision.
    AwaitingDecision,
    Ceremony,
    /// The case waits for its turn in the contract's queue, or for the epoch from which on its exit is allowed.
    Queued,
    /// A transaction was sent and is not final.
    Sending,
    /// An exit was published and is not final, or the validator is followed to its next state.
    Following,
    /// Paused by a person.
    Paused,
    /// A person must look: rejected, failed, or refused by a check.
    Attention,
    /// The outcome of an effect is unknown and being found out.
    Unknown,
    /// The event that opened it left the chain.
    Orphaned,
    /// A person gave it up; only a person takes it up again.
    GivenUp,
    Done,
}

impl CaseStatus {
    /// The word for tables.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Preparing => "preparing",
            Self::AwaitingDecision => "decide",
            Self::Ceremony => "ceremony",
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::Following => "following",
            Self::Paused => "paused",
            Self::Attention => "attention",
            Self::Unknown => "unknown",
            Self::Orphaned => "orphaned",
            Self::GivenUp => "given up",
            Self::Done => "done",
        }
    }
}

impl fmt::Display for CaseStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// One line of a case's file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryEntry {
    pub at: UnixMillis,
    /// What happened, in one sentence.
    pub text: SafeText,
    /// Sequence number of the journal record that says so.
    pub record: u64,
}

/// One request of the contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseView {
    pub id: CaseId,
    pub kind: RequestKind,
    pub pool: PoolId,
    pub cause: Cause,
    /// When it was opened here.
    pub opened_at: UnixMillis,
    /// State in one word.
    pub status: CaseStatus,
    /// State in one sentence.
    pub sentence: SafeText,
    /// When the status last changed.
    pub since: UnixMillis,
    /// The action that matters now, if any.
    pub action: Option<ActionId>,
    /// The ceremony that matters now, if any.
    pub ceremony: Option<RequestId>,
    /// The validator key, once it exists.
    pub validator: Option<BlsPublicKey>,
    /// The stages of its validator that it waits for, with predicted and actual times.
    pub times: Vec<Milestone>,
    /// The case's file, oldest first.
    pub history: Vec<HistoryEntry>,
    /// Paused by a person.
    pub paused: bool,
    /// Whether it can be taken up again, or looked at again at once.
    pub can_retry: Can,
    /// Whether it can be paused; ending a pause is always possible.
    pub can_pause: Can,
    /// Its ceremony whose outcome is unknown: a person can declare it lost.
    pub doubtful: Option<RequestId>,
    /// What a person can do from here, in the order in which it is shown; none where it came to its end.
    pub ways: Vec<WayOn>,
    /// What it waits for, where it goes on by itself.
    pub awaits: Option<SafeText>,
}

impl CaseView {
    /// How it stands as it is shown: a pause hides the rest.
    #[must_use]
    pub fn shown(&self) -> CaseStatus {
        match self.paused {
            true => CaseStatus::Paused,
            false => self.status,
        }
    }

    /// No longer moves by itself.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(self.status, CaseStatus::Done | CaseStatus::GivenUp)
    }

    /// One of its ways on, where it has that one.
    #[must_use]
    pub fn way(&self, way: Way) -> Option<&WayOn> {
        self.ways.iter().find(|on| on.way == way)
    }
}
