//! What the Beacon API answers, as far as it is used and is not the specification's own form. Numbers are decimal
//! strings there.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Deserializer};

use crate::ports::consensus::{ExitRules, Genesis, Validator, ValidatorStatus, decimal};
use crate::types::{BlsPublicKey, ForkVersion, Root};

/// `FAR_FUTURE_EPOCH`: not set.
const FAR_FUTURE: u64 = u64::MAX;

fn epoch<'de, D: Deserializer<'de>>(d: D) -> Result<Option<u64>, D::Error> {
    Ok(Some(decimal::deserialize(d)?).filter(|epoch| *epoch != FAR_FUTURE))
}

/// The envelope of every answer.
#[derive(Deserialize)]
pub(super) struct Data<T> {
    pub(super) data: T,
    /// The state that it is about was not checked by an execution node.
    #[serde(default)]
    pub(super) execution_optimistic: bool,
}

/// `/eth/v1/beacon/states/{state}/root`.
#[derive(Deserialize)]
pub(super) struct StateRoot {
    pub(super) root: Root,
}

/// `/eth/v1/node/syncing`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(super) struct Syncing {
    #[serde(with = "decimal")]
    pub(super) head_slot: u64,
    is_syncing: bool,
    #[serde(default)]
    is_optimistic: bool,
    #[serde(default)]
    el_offline: bool,
}

impl Syncing {
    /// Why the node's word does not count, if so.
    pub(super) fn problem(&self) -> Option<&'static str> {
        if self.is_syncing {
            Some("syncing")
        } else if self.is_optimistic {
            Some("optimistic")
        } else if self.el_offline {
            Some("without its execution node")
        } else {
            None
        }
    }
}

/// Where a node tells its constants.
pub(super) const SPEC_PATH: &str = "/eth/v1/config/spec";

/// The answer of `/eth/v1/config/spec`: constants by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spec {
    values: BTreeMap<String, String>,
}

/// A constant is missing or not of its kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the node's spec has no usable {0}")]
pub struct MissingConstant(pub &'static str);

impl<'de> Deserialize<'de> for Spec {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        // newer specs have lists and objects among the values; none of them is needed
        let all = BTreeMap::<String, serde_json::Value>::deserialize(d)?;
        let texts = all.into_iter().filter_map(|(name, value)| match value {
            serde_json::Value::String(text) => Some((name, text)),
            serde_json::Value::Number(number) => Some((name, number.to_string())),
            _ => None,
        });
        Ok(Self {
            values: texts.collect(),
        })
    }
}

impl Spec {
    /// A number.
    ///
    /// # Errors
    /// There is none of this name.
    pub fn number(&self, name: &'static str) -> Result<u64, MissingConstant> {
        let text = self.values.get(name).ok_or(MissingConstant(name))?;
        text.parse().map_err(|_| MissingConstant(name))
    }

    /// A fork version.
    ///
    /// # Errors
    /// There is none of this name.
    pub fn version(&self, name: &'static str) -> Result<ForkVersion, MissingConstant> {
        let text = self.values.get(name).ok_or(MissingConstant(name))?;
        text.parse().map_err(|_| MissingConstant(name))
    }

    /// A constant's text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// How long a slot takes.
    ///
    /// # Errors
    /// No constant says it.
    pub fn slot(&self) -> Result<Duration, MissingConstant> {
        match self.number("SECONDS_PER_SLOT") {
            Ok(seconds) => Ok(Duration::from_secs(seconds)),
            Err(missing) => Ok(Duration::from_millis(
                self.number("SLOT_DURATION_MS").map_err(|_| missing)?,
            )),
        }
    }

    /// How long an epoch takes.
    ///
    /// # Errors
    /// No constant says it.
    pub fn epoch(&self) -> Result<Duration, MissingConstant> {
        let slots = self.number("SLOTS_PER_EPOCH")?;
        Ok(self
            .slot()?
            .saturating_mul(u32::try_from(slots).unwrap_or(u32::MAX)))
    }

    /// What the constants mean for exits on the chain of this genesis.
    ///
    /// # Errors
    /// One of them is missing or of no use.
    pub fn exit_rules(&self, genesis: Genesis) -> Result<ExitRules, MissingConstant> {
        let slot = self.slot()?;
        let slots_per_epoch = self.number("SLOTS_PER_EPOCH")?;
        if slot.is_zero() || slots_per_epoch == 0 {
            return Err(MissingConstant("SLOTS_PER_EPOCH"));
        }
        Ok(ExitRules {
            slot,
            slots_per_epoch,
            shard_committee_period: self.number("SHARD_COMMITTEE_PERIOD")?,
            max_seed_lookahead: self.number("MAX_SEED_LOOKAHEAD")?,
            withdrawability_delay: self.number("MIN_VALIDATOR_WITHDRAWABILITY_DELAY")?,
            genesis_fork_version: self.version("GENESIS_FORK_VERSION")?,
            capella_fork_version: self.version("CAPELLA_FORK_VERSION")?,
            genesis,
        })
    }
}

impl<'de> Deserialize<'de> for Validator {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Outer {
            #[serde(with = "decimal")]
            index: u64,
            #[serde(with = "decimal")]
            balance: u64,
            status: ValidatorStatus,
            validator: Inner,
        }
        #[derive(Deserialize)]
        struct Inner {
            pubkey: BlsPublicKey,
            withdrawal_credentials: Root,
            #[serde(with = "decimal")]
            effective_balance: u64,
            slashed: bool,
            #[serde(deserialize_with = "epoch")]
            activation_eligibility_epoch: Option<u64>,
            #[serde(deserialize_with = "epoch")]
            activation_epoch: Option<u64>,
            #[serde(deserialize_with = "epoch")]
            exit_epoch: Option<u64>,
            #[serde(deserialize_with = "epoch")]
            withdrawable_epoch: Option<u64>,
        }
        let Outer {
            index,
            balance,
            status,
            validator: v,
        } = Outer::deserialize(d)?;
        Ok(Self {
            index,
            balance_gwei: balance,
            status,
            public_key: v.pubkey,
            withdrawal_credentials: v.withdrawal_credentials,
            effective_balance_gwei: v.effective_balance,
            slashed: v.slashed,
            activation_eligibility_epoch: v.activation_eligibility_epoch,
            activation_epoch: v.activation_epoch,
            exit_epoch: v.exit_epoch,
            withdrawable_epoch: v.withdrawable_epoch,
        })
    }
}
