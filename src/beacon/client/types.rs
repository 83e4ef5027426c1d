//! What the Beacon API answers, as far as it is used. Numbers are decimal strings there.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de};

use crate::types::{BlsPublicKey, BlsSignature, ForkVersion, Root};

/// `FAR_FUTURE_EPOCH`: not set.
const FAR_FUTURE: u64 = u64::MAX;

pub(super) fn decimal<'de, D: Deserializer<'de>>(d: D) -> Result<u64, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Text(String),
        Number(u64),
    }
    match Either::deserialize(d)? {
        Either::Text(text) => text.parse().map_err(de::Error::custom),
        Either::Number(number) => Ok(number),
    }
}

fn epoch<'de, D: Deserializer<'de>>(d: D) -> Result<Option<u64>, D::Error> {
    Ok(Some(decimal(d)?).filter(|epoch| *epoch != FAR_FUTURE))
}

/// `/eth/v1/beacon/genesis`. Its fork version is not taken: some nodes tell the fork that was active at genesis there,
/// and what the deposit domain wants is in the spec.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Genesis {
    /// Seconds since the Unix epoch.
    #[serde(deserialize_with = "decimal")]
    pub genesis_time: u64,
    /// Names the chain, and is part of its signing domains.
    pub genesis_validators_root: Root,
}

/// `/eth/v1/node/syncing`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Syncing {
    /// Newest slot.
    #[serde(deserialize_with = "decimal")]
    pub head_slot: u64,
    /// Slots behind.
    #[serde(deserialize_with = "decimal")]
    pub sync_distance: u64,
    /// Follows from afar.
    pub is_syncing: bool,
    /// Its head is not verified by an execution node.
    #[serde(default)]
    pub is_optimistic: bool,
    /// Its execution node is away.
    #[serde(default)]
    pub el_offline: bool,
}

impl Syncing {
    /// Why the node's word does not count, if so.
    #[must_use]
    pub fn problem(&self) -> Option<&'static str> {
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

/// `/eth/v1/config/spec`: constants by name.
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
    pub fn number(&self, name: &'static str) -> Result<u64, MissingConstant> {
        let text = self.values.get(name).ok_or(MissingConstant(name))?;
        text.parse().map_err(|_| MissingConstant(name))
    }

    /// A fork version.
    pub fn version(&self, name: &'static str) -> Result<ForkVersion, MissingConstant> {
        let text = self.values.get(name).ok_or(MissingConstant(name))?;
        text.parse().map_err(|_| MissingConstant(name))
    }

    /// A constant's text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }
}

/// `/eth/v1/config/fork_schedule`, one entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Fork {
    /// Version before it.
    pub previous_version: ForkVersion,
    /// Its version.
    pub current_version: ForkVersion,
    /// Its first epoch.
    #[serde(deserialize_with = "decimal")]
    pub epoch: u64,
}

/// A validator's status, by the Beacon API's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Exited.
    ExitedUnslashed,
    /// Exited and slashed.
    ExitedSlashed,
    /// Its balance can be withdrawn.
    WithdrawalPossible,
    /// Its balance is withdrawn.
    WithdrawalDone,
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
    /// Its index.
    pub index: u64,
    /// Balance in gwei.
    pub balance_gwei: u64,
    /// Status.
    pub status: ValidatorStatus,
    /// Its key.
    pub public_key: BlsPublicKey,
    /// Where it withdraws to.
    pub withdrawal_credentials: Root,
    /// Effective balance in gwei.
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

impl<'de> Deserialize<'de> for Validator {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Outer {
            #[serde(deserialize_with = "decimal")]
            index: u64,
            #[serde(deserialize_with = "decimal")]
            balance: u64,
            status: ValidatorStatus,
            validator: Inner,
        }
        #[derive(Deserialize)]
        struct Inner {
            pubkey: BlsPublicKey,
            withdrawal_credentials: Root,
            #[serde(deserialize_with = "decimal")]
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

/// A signed voluntary exit, as the pool takes and lists it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedExit {
    /// What is signed.
    pub message: ExitMessage,
    /// By the validator key.
    pub signature: BlsSignature,
}

/// A voluntary exit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExitMessage {
    /// First epoch at which it may be included.
    #[serde(serialize_with = "as_text", deserialize_with = "decimal")]
    pub epoch: u64,
    /// The validator's index.
    #[serde(serialize_with = "as_text", deserialize_with = "decimal")]
    pub validator_index: u64,
}

fn as_text<S: serde::Serializer>(n: &u64, s: S) -> Result<S::Ok, S::Error> {
    s.collect_str(n)
}
