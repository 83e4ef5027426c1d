//! The chain's rules and clock, as far as exits need them.

use std::time::Duration;

use serde::Deserialize;

use super::{Validator, decimal};
use crate::types::{ForkVersion, Root, UnixMillis};

/// When and how the chain began. A node's word on the fork version is not taken: some tell the fork that was active at
/// genesis there, and what the deposit domain wants is in the spec.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Genesis {
    /// Seconds since the Unix epoch.
    #[serde(with = "decimal")]
    pub genesis_time: u64,
    /// Names the chain, and is part of its signing domains.
    pub genesis_validators_root: Root,
}

/// One of the chain's forks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Fork {
    /// Version before it.
    pub previous_version: ForkVersion,
    pub current_version: ForkVersion,
    /// Its first epoch.
    #[serde(with = "decimal")]
    pub epoch: u64,
}

/// The chain's rules and clock, as its own spec has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExitRules {
    /// `SECONDS_PER_SLOT` (or `SLOT_DURATION_MS`), in milliseconds.
    pub slot: Duration,
    /// `SLOTS_PER_EPOCH`.
    pub slots_per_epoch: u64,
    /// `SHARD_COMMITTEE_PERIOD`: epochs that a validator must have been active.
    pub shard_committee_period: u64,
    /// `MAX_SEED_LOOKAHEAD`: epochs between inclusion and exit, at least.
    pub max_seed_lookahead: u64,
    /// `MIN_VALIDATOR_WITHDRAWABILITY_DELAY`: epochs between exit and withdrawability.
    pub withdrawability_delay: u64,
    /// `GENESIS_FORK_VERSION`: part of the deposit domain.
    pub genesis_fork_version: ForkVersion,
    /// `CAPELLA_FORK_VERSION`: part of the exit domain for ever (EIP-7044).
    pub capella_fork_version: ForkVersion,
    pub genesis: Genesis,
}

impl ExitRules {
    /// The epoch at a time; 0 before genesis.
    #[must_use]
    pub fn epoch_at(&self, time: UnixMillis) -> u64 {
        let since = time.since(UnixMillis(self.genesis.genesis_time.saturating_mul(1000)));
        let slots = since.as_millis() / self.slot.as_millis().max(1);
        u64::try_from(slots).unwrap_or(u64::MAX) / self.slots_per_epoch
    }

    /// When an epoch begins.
    #[must_use]
    pub fn start_of(&self, epoch: u64) -> UnixMillis {
        let slots = epoch.saturating_mul(self.slots_per_epoch);
        let slot = u64::try_from(self.slot.as_millis()).unwrap_or(u64::MAX);
        let genesis = self.genesis.genesis_time.saturating_mul(1000);
        UnixMillis(genesis.saturating_add(slots.saturating_mul(slot)))
    }

    /// When the next slot after a time begins; genesis before that.
    #[must_use]
    pub fn next_slot(&self, time: UnixMillis) -> UnixMillis {
        let genesis = UnixMillis(self.genesis.genesis_time.saturating_mul(1000));
        if time < genesis {
            return genesis;
        }
        let slot = u64::try_from(self.slot.as_millis()).unwrap_or(u64::MAX).max(1);
        let slots = (time.0 - genesis.0) / slot + 1;
        UnixMillis(genesis.0.saturating_add(slots.saturating_mul(slot)))
    }

    /// First epoch at which the validator may exit, once its activation is known.
    #[must_use]
    pub fn ready_epoch(&self, validator: &Validator) -> Option<u64> {
        Some(
            validator
                .activation_epoch?
                .saturating_add(self.shard_committee_period),
        )
    }

    /// The earliest epochs of exit and withdrawability when the exit is in a block of `epoch`; the exit queue may put
    /// them later.
    #[must_use]
    pub fn earliest_exit(&self, epoch: u64) -> (u64, u64) {
        let exit = epoch.saturating_add(1).saturating_add(self.max_seed_lookahead);
        (exit, exit.saturating_add(self.withdrawability_delay))
    }
}
