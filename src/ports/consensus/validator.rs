//! A validator, as the state of the chain has it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::types::{BlsPublicKey, Root};

/// A validator's status, by the Beacon API's names, in the order in which a life goes through them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ValidatorStatus {
    /// Deposited, not yet in the queue.
    PendingInitialized,
    /// In the activation queue.
    PendingQueued,
    /// At work.
    ActiveOngoing,
    /// At work until its exit epoch.
    ActiveExiting,
    /// At work until its exit epoch, slashed.
    ActiveSlashed,
    ExitedUnslashed,
    ExitedSlashed,
    /// Its balance can be withdrawn.
    WithdrawalPossible,
    /// Its balance is withdrawn.
    WithdrawalDone,
}

impl ValidatorStatus {
    /// It has an exit epoch, or is past it.
    #[must_use]
    pub fn is_exiting(self) -> bool {
        !matches!(
            self,
            Self::PendingInitialized | Self::PendingQueued | Self::ActiveOngoing
        )
    }
}

impl fmt::Display for ValidatorStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::PendingInitialized => "pending_initialized",
            Self::PendingQueued => "pending_queued",
            Self::ActiveOngoing => "active_ongoing",
            Self::ActiveExiting => "active_exiting",
            Self::ActiveSlashed => "active_slashed",
            Self::ExitedUnslashed => "exited_unslashed",
            Self::ExitedSlashed => "exited_slashed",
            Self::WithdrawalPossible => "withdrawal_possible",
            Self::WithdrawalDone => "withdrawal_done",
        })
    }
}

/// A validator in the head state. Epochs that are not set yet are none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Validator {
    pub index: u64,
    /// Rewards and penalties up to the head state included.
    pub balance_gwei: u64,
    pub status: ValidatorStatus,
    pub public_key: BlsPublicKey,
    /// Where it withdraws to.
    pub withdrawal_credentials: Root,
    /// What duties, rewards and penalties are counted by; it follows the balance in steps.
    pub effective_balance_gwei: u64,
    /// It was slashed.
    pub slashed: bool,
    /// When it joined the activation queue.
    pub activation_eligibility_epoch: Option<u64>,
    /// Its first epoch at work.
    pub activation_epoch: Option<u64>,
    /// Its first epoch not at work any more.
    pub exit_epoch: Option<u64>,
    /// From when on its balance can be withdrawn.
    pub withdrawable_epoch: Option<u64>,
}
