//! A validator's record, its status, and the root of all of them at genesis.

use sha2::{Digest, Sha256};

use super::spec::FAR_FUTURE_EPOCH;
use crate::types::{BlsPublicKey, Root};

/// A validator's status, in the Beacon API's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// Deposited, not yet in the queue.
    PendingInitialized,
    /// In the queue, not yet active.
    PendingQueued,
    ActiveOngoing,
    /// Active, and leaving at a known epoch.
    ActiveExiting,
    /// Active, slashed, and leaving.
    ActiveSlashed,
    /// Has left, not yet withdrawable.
    ExitedUnslashed,
    /// Has left after a slashing, not yet withdrawable.
    ExitedSlashed,
    /// Withdrawable, with something to withdraw.
    WithdrawalPossible,
    /// Withdrawn.
    WithdrawalDone,
}

impl Status {
    /// As the Beacon API writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::PendingInitialized => "pending_initialized",
            Self::PendingQueued => "pending_queued",
            Self::ActiveOngoing => "active_ongoing",
            Self::ActiveExiting => "active_exiting",
            Self::ActiveSlashed => "active_slashed",
            Self::ExitedUnslashed => "exited_unslashed",
            Self::ExitedSlashed => "exited_slashed",
            Self::WithdrawalPossible => "withdrawal_possible",
            Self::WithdrawalDone => "withdrawal_done",
        }
    }
}

/// A validator and its balance (gwei).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Validator {
    pub public_key: BlsPublicKey,
    /// Where withdrawals go.
    pub withdrawal_credentials: Root,
    /// Gwei.
    pub balance: u64,
    /// Whole ether of it that count.
    pub effective_balance: u64,
    pub slashed: bool,
    /// Epoch at which it entered the queue.
    pub activation_eligibility_epoch: u64,
    /// First epoch in which it is active.
    pub activation_epoch: u64,
    /// First epoch in which it is not any more.
    pub exit_epoch: u64,
    /// First epoch in which it can be withdrawn.
    pub withdrawable_epoch: u64,
}

impl Validator {
    /// A validator that has just been deposited.
    pub(super) fn new(public_key: BlsPublicKey, withdrawal_credentials: Root, balance: u64) -> Self {
        Self {
            public_key,
            withdrawal_credentials,
            balance,
            effective_balance: super::spec::effective(balance),
            slashed: false,
            activation_eligibility_epoch: FAR_FUTURE_EPOCH,
            activation_epoch: FAR_FUTURE_EPOCH,
            exit_epoch: FAR_FUTURE_EPOCH,
            withdrawable_epoch: FAR_FUTURE_EPOCH,
        }
    }

    /// A validator that is active from the first epoch on.
    pub(super) fn at_genesis(public_key: BlsPublicKey, withdrawal_credentials: Root, balance: u64) -> Self {
        Self {
            activation_eligibility_epoch: 0,
            activation_epoch: 0,
            ..Self::new(public_key, withdrawal_credentials, balance)
        }
    }

    /// `is_active_validator`.
    #[must_use]
    pub fn is_active(&self, epoch: u64) -> bool {
        self.activation_epoch <= epoch && epoch < self.exit_epoch
    }

    /// Its status at the beginning of an epoch, as the Beacon API names it (`ValidatorStatus`).
    #[must_use]
    pub fn status(&self, epoch: u64) -> Status {
        if epoch < self.activation_epoch {
            if self.activation_eligibility_epoch == FAR_FUTURE_EPOCH {
                Status::PendingInitialized
            } else {
                Status::PendingQueued
            }
        } else if epoch < self.exit_epoch {
            match (self.exit_epoch, self.slashed) {
                (_, true) => Status::ActiveSlashed,
                (FAR_FUTURE_EPOCH, false) => Status::ActiveOngoing,
                (_, false) => Status::ActiveExiting,
            }
        } else if epoch < self.withdrawable_epoch {
            if self.slashed {
                Status::ExitedSlashed
            } else {
                Status::ExitedUnslashed
            }
        } else if self.balance > 0 {
            Status::WithdrawalPossible
        } else {
            Status::WithdrawalDone
        }
    }

    /// The execution address that withdrawals go to, if they do.
    #[must_use]
    pub fn withdrawal_address(&self) -> Option<[u8; 20]> {
        let credentials = &self.withdrawal_credentials.0;
        matches!(credentials[0], 1 | 2).then(|| {
            let mut address = [0; 20];
            address.copy_from_slice(&credentials[12..]);
            address
        })
    }

    fn root(&self) -> [u8; 32] {
        let key = Sha256::new()
            .chain_update(self.public_key.0)
            .chain_update([0; 16]);
        let leaves = [
            key.finalize().into(),
            self.withdrawal_credentials.0,
            chunk(self.effective_balance),
            chunk(u64::from(self.slashed)),
            chunk(self.activation_eligibility_epoch),
            chunk(self.activation_epoch),
            chunk(self.exit_epoch),
            chunk(self.withdrawable_epoch),
        ];
        merkleize(leaves.to_vec(), 3)
    }
}

/// `genesis_validators_root`: the SSZ root of `List[Validator, 2**40]`.
pub(super) fn validators_root(validators: &[Validator]) -> Root {
    let leaves = validators.iter().map(Validator::root).collect();
    let tree = merkleize(leaves, 40);
    let length = u64::try_from(validators.len()).unwrap_or(u64::MAX);
    Root(hash(&tree, &chunk(length)))
}

fn chunk(n: u64) -> [u8; 32] {
    let mut out = [0; 32];
    out[..8].copy_from_slice(&n.to_le_bytes());
    out
}

fn hash(left: &[u8; 32], right: &[u8; 32]) -> [u8; 32] {
    Sha256::new()
        .chain_update(left)
        .chain_update(right)
        .finalize()
        .into()
}

/// The root of a tree of this depth whose missing leaves are zero.
fn merkleize(mut layer: Vec<[u8; 32]>, depth: u32) -> [u8; 32] {
    let mut zero = [0; 32];
    for _ in 0..depth {
        layer = layer
            .chunks(2)
            .map(|pair| hash(&pair[0], pair.get(1).unwrap_or(&zero)))
            .collect();
        zero = hash(&zero, &zero);
    }
    layer.first().copied().unwrap_or(zero)
}
