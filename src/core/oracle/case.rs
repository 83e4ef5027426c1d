//! Cases: the life of one request, from the event that opened it to the fact that closed it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::types::{BlockRef, LogRef, OperatorId, SafeText, UnixMillis};

/// What opened a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "cause")]
pub enum Cause {
    /// An event of the manager contract.
    Event {
        /// Where it stands.
        #[serde(flatten)]
        log: LogRef,
        /// The operator that it wants out, where it names one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        leaving: Option<OperatorId>,
    },
    /// The contract's state: it is in the list although its event was not seen.
    State {
        /// The block at which it was found.
        block: BlockRef,
    },
    /// A person at the console.
    Manual { by: SafeText, at: UnixMillis },
}

impl Cause {
    /// Where its event stands, if one opened it.
    #[must_use]
    pub fn log(&self) -> Option<LogRef> {
        match self {
            Self::Event { log, .. } => Some(*log),
            Self::State { .. } | Self::Manual { .. } => None,
        }
    }

    /// The operator that the contract wants out, where it names one.
    #[must_use]
    pub fn leaving(&self) -> Option<OperatorId> {
        match self {
            Self::Event { leaving, .. } => *leaving,
            Self::State { .. } | Self::Manual { .. } => None,
        }
    }
}

/// A case's state in one word, for tables and colours. The sentence beside it says more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CaseStatus {
    /// The oracle gathers what it needs for the next action.
    Preparing,
    /// An action of this case waits for a decision.
    AwaitingDecision,
    /// A ceremony runs.
    Ceremony,
    /// The case waits for its turn in the contract's queue, for the end of a ceremony where no more may run side by side,
    /// or for the epoch from which on its exit is allowed.
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
    /// Finished.
    Done,
}

impl fmt::Display for CaseStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
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
        })
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

/// How far a validator is on the beacon chain. The words are those of the Beacon API's validator status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ValidatorPhase {
    /// Not in the beacon state.
    Absent,
    /// Deposited, not active yet.
    Pending,
    /// `active_ongoing`.
    Active,
    /// `active_exiting`: the exit is in a block.
    Exiting,
    /// `active_slashed`, `exited_slashed`.
    Slashed,
    /// `exited_unslashed`.
    Exited,
    /// `withdrawal_possible`.
    Withdrawable,
    /// `withdrawal_done`.
    Withdrawn,
}

impl fmt::Display for ValidatorPhase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Absent => "absent",
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Exiting => "exiting",
            Self::Slashed => "slashed",
            Self::Exited => "exited",
            Self::Withdrawable => "withdrawable",
            Self::Withdrawn => "withdrawn",
        })
    }
}
