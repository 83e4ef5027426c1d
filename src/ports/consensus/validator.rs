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

impl Validator {
    /// What of it cannot be so by the meaning of its status (beacon APIs, "validator status specification"): no state of a
    /// chain has such a validator, so whoever tells it is not believed.
    #[must_use]
    pub fn contradiction(&self) -> Option<&'static str> {
        use ValidatorStatus::{ActiveSlashed, ExitedSlashed, WithdrawalDone, WithdrawalPossible};
        let status = self.status;
        // who was slashed can be withdrawn as who was not
        let may_be_slashed = matches!(
            status,
            ActiveSlashed | ExitedSlashed | WithdrawalDone | WithdrawalPossible
        );
        let is_empty = self.balance_gwei == 0;
        if status == WithdrawalDone && !is_empty {
            Some("withdrawal_done with a balance")
        } else if status == WithdrawalPossible && is_empty {
            Some("withdrawal_possible without a balance")
        } else if status.is_exiting() && self.exit_epoch.is_none() {
            Some("leaving without an exit epoch")
        } else if !status.is_exiting() && self.exit_epoch.is_some() {
            Some("not leaving with an exit epoch")
        } else if matches!(status, ActiveSlashed | ExitedSlashed) && !self.slashed {
            Some("a status of slashed validators without being slashed")
        } else if self.slashed && !may_be_slashed {
            Some("slashed with a status of unslashed validators")
        } else if self
            .exit_epoch
            .zip(self.withdrawable_epoch)
            .is_some_and(|(exit, out)| exit > out)
        {
            Some("a balance that can be withdrawn before the exit")
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_state_has_is_told_apart() {
        use ValidatorStatus::*;
        let validator = |status, balance_gwei, exit_epoch: Option<u64>, slashed| Validator {
            index: 1,
            balance_gwei,
            status,
            public_key: BlsPublicKey([1; 48]),
            withdrawal_credentials: Root([1; 32]),
            effective_balance_gwei: balance_gwei,
            slashed,
            activation_eligibility_epoch: Some(1),
            activation_epoch: Some(2),
            exit_epoch,
            withdrawable_epoch: exit_epoch.map(|epoch| epoch + 256),
        };
        const FULL: u64 = crate::types::DEPOSIT_GWEI;
        for good in [
            validator(PendingQueued, FULL, None, false),
            validator(ActiveOngoing, FULL, None, false),
            validator(ActiveExiting, FULL, Some(9), false),
            validator(ActiveSlashed, FULL, Some(9), true),
            validator(ExitedUnslashed, FULL, Some(9), false),
            validator(WithdrawalPossible, FULL, Some(9), true),
            validator(WithdrawalDone, 0, Some(9), false),
        ] {
            assert_eq!(good.contradiction(), None, "{good:?}");
        }
        let early = Validator {
            withdrawable_epoch: Some(4),
            ..validator(ExitedUnslashed, FULL, Some(9), false)
        };
        for bad in [
            validator(WithdrawalDone, FULL, Some(9), false),
            validator(WithdrawalPossible, 0, Some(9), false),
            validator(ActiveExiting, FULL, None, false),
            validator(ActiveOngoing, FULL, Some(9), false),
            validator(ActiveOngoing, FULL, None, true),
            validator(ExitedSlashed, FULL, Some(9), false),
            early,
        ] {
            assert!(bad.contradiction().is_some(), "{bad:?}");
        }
    }
}
