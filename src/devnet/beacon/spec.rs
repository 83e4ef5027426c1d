//! The constants of the simulated chain, and how the Beacon API tells them.

use std::time::Duration;

use alloy::primitives::Address;
use serde_json::{Value, json};

use crate::types::{DEPOSIT_GWEI, ForkVersion};

/// Constants of the simulated chain. Names are the specification's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BeaconSpec {
    /// Time of a slot, whole milliseconds. Genesis is a whole second all the same.
    pub slot_duration: Duration,
    /// `SLOTS_PER_EPOCH`.
    pub slots_per_epoch: u64,
    /// Epochs that a validator must have been active before it may exit.
    pub shard_committee_period: u64,
    /// Epochs between a decision on a validator and its effect, plus one.
    pub max_seed_lookahead: u64,
    /// Epochs between exit and withdrawal.
    pub min_validator_withdrawability_delay: u64,
    /// Validators that may enter, and that may leave, in an epoch.
    pub churn_limit: u64,
    /// Blocks on top of a deposit before it is seen.
    pub follow_distance: u64,
    /// `GENESIS_FORK_VERSION`: the domain of deposits.
    pub genesis_fork_version: ForkVersion,
    /// `CAPELLA_FORK_VERSION`: the domain of exits, for ever (EIP-7044).
    pub capella_fork_version: ForkVersion,
    /// Chain id of the execution chain.
    pub deposit_chain_id: u64,
    pub deposit_contract: Address,
}

impl Default for BeaconSpec {
    /// Short: slots of one second, four to an epoch, and every delay an epoch or two. Fork versions are those of the
    /// minimal preset.
    fn default() -> Self {
        Self {
            slot_duration: Duration::from_secs(1),
            slots_per_epoch: 4,
            shard_committee_period: 2,
            max_seed_lookahead: 1,
            min_validator_withdrawability_delay: 2,
            churn_limit: 4,
            follow_distance: 0,
            genesis_fork_version: ForkVersion([0, 0, 0, 1]),
            capella_fork_version: ForkVersion([3, 0, 0, 1]),
            deposit_chain_id: 31337,
            deposit_contract: crate::devnet::DEPOSIT_CONTRACT,
        }
    }
}

/// Exits that fit into a block.
pub(super) const MAX_VOLUNTARY_EXITS: usize = 16;
/// An epoch that never comes.
pub(super) const FAR_FUTURE_EPOCH: u64 = u64::MAX;
/// Gwei that make a validator.
pub(super) const MAX_EFFECTIVE_BALANCE: u64 = DEPOSIT_GWEI;
const EFFECTIVE_BALANCE_INCREMENT: u64 = 1_000_000_000;

/// Whole ether of a balance, up to what counts.
pub(super) fn effective(balance: u64) -> u64 {
    (balance - balance % EFFECTIVE_BALANCE_INCREMENT).min(MAX_EFFECTIVE_BALANCE)
}

impl BeaconSpec {
    /// The epoch that a slot is in.
    #[must_use]
    pub fn epoch_of(&self, slot: u64) -> u64 {
        slot / self.slots_per_epoch
    }

    /// When a slot begins, since the Unix epoch.
    pub(super) fn start_of(&self, genesis_time: u64, slot: u64) -> Duration {
        let millis = u64::try_from(self.slot_duration.as_millis()).unwrap_or(u64::MAX);
        Duration::from_secs(genesis_time) + Duration::from_millis(slot.saturating_mul(millis))
    }

    /// The forks: all of them at genesis, Electra the newest.
    pub(super) fn forks(&self) -> Vec<(&'static str, ForkVersion)> {
        let numbered = |n: u8| {
            let mut version = self.genesis_fork_version;
            version.0[0] = n;
            version
        };
        vec![
            ("GENESIS", self.genesis_fork_version),
            ("ALTAIR", numbered(1)),
            ("BELLATRIX", numbered(2)),
            ("CAPELLA", self.capella_fork_version),
            ("DENEB", numbered(4)),
            ("ELECTRA", numbered(5)),
        ]
    }

    /// `/eth/v1/config/spec`: every value is a string.
    pub(super) fn to_json(&self) -> Value {
        let mut all = json!({
            "PRESET_BASE": "minimal",
            "CONFIG_NAME": "casimir-development",
            "SLOT_DURATION_MS": self.slot_duration.as_millis().to_string(),
            "SLOTS_PER_EPOCH": self.slots_per_epoch.to_string(),
            "SHARD_COMMITTEE_PERIOD": self.shard_committee_period.to_string(),
            "MAX_SEED_LOOKAHEAD": self.max_seed_lookahead.to_string(),
            "MIN_SEED_LOOKAHEAD": "1",
            "MIN_VALIDATOR_WITHDRAWABILITY_DELAY": self.min_validator_withdrawability_delay.to_string(),
            "MIN_PER_EPOCH_CHURN_LIMIT": self.churn_limit.to_string(),
            "CHURN_LIMIT_QUOTIENT": "65536",
            "ETH1_FOLLOW_DISTANCE": self.follow_distance.to_string(),
            "MAX_VOLUNTARY_EXITS": MAX_VOLUNTARY_EXITS.to_string(),
            "MAX_EFFECTIVE_BALANCE": MAX_EFFECTIVE_BALANCE.to_string(),
            "EFFECTIVE_BALANCE_INCREMENT": EFFECTIVE_BALANCE_INCREMENT.to_string(),
            "EJECTION_BALANCE": "16000000000",
            "DOMAIN_DEPOSIT": "0x03000000",
            "DOMAIN_VOLUNTARY_EXIT": "0x04000000",
            "DEPOSIT_CHAIN_ID": self.deposit_chain_id.to_string(),
            "DEPOSIT_NETWORK_ID": self.deposit_chain_id.to_string(),
            "DEPOSIT_CONTRACT_ADDRESS": self.deposit_contract.to_string(),
        });
        // the older name has no fractions
        if self.slot_duration.subsec_nanos() == 0 {
            all["SECONDS_PER_SLOT"] = self.slot_duration.as_secs().to_string().into();
        }
        for (name, version) in self.forks() {
            all[format!("{name}_FORK_VERSION")] = version.to_string().into();
            if name != "GENESIS" {
                all[format!("{name}_FORK_EPOCH")] = "0".into();
            }
        }
        all
    }

    /// `/eth/v1/config/fork_schedule`.
    pub(super) fn schedule(&self) -> Value {
        let mut previous = self.genesis_fork_version;
        let forks = self.forks().into_iter().map(|(_, current)| {
            let entry = json!({
                "previous_version": previous.to_string(),
                "current_version": current.to_string(),
                "epoch": "0",
            });
            previous = current;
            entry
        });
        forks.collect()
    }
}
