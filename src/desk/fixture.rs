//! What the tests of this room have in common.

use std::time::Duration;

use crate::ports::consensus::{ExitRules, Genesis, Validator, ValidatorStatus};
use crate::types::{BlsPublicKey, ForkVersion, Root};

/// Mainnet's: <https://github.com/ethereum/consensus-specs/blob/dev/configs/mainnet.yaml>.
pub(super) fn rules() -> ExitRules {
    ExitRules {
        slot: Duration::from_secs(12),
        slots_per_epoch: 32,
        shard_committee_period: 256,
        max_seed_lookahead: 4,
        withdrawability_delay: 256,
        genesis_fork_version: ForkVersion([0; 4]),
        capella_fork_version: ForkVersion([3, 0, 0, 0]),
        genesis: Genesis {
            genesis_time: 1_606_824_023,
            genesis_validators_root: Root::default(),
        },
    }
}

/// An active validator.
pub(super) fn validator() -> Validator {
    Validator {
        index: 9,
        balance_gwei: 32_000_000_000,
        status: ValidatorStatus::ActiveOngoing,
        public_key: BlsPublicKey([1; 48]),
        withdrawal_credentials: Root::default(),
        effective_balance_gwei: 32_000_000_000,
        slashed: false,
        activation_eligibility_epoch: Some(90),
        activation_epoch: Some(100),
        exit_epoch: None,
        withdrawable_epoch: None,
    }
}
