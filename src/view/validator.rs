//! Validators and their exits.

use serde::{Deserialize, Serialize};

use super::{Can, Milestone};
use crate::types::{BlsPublicKey, CaseId, OperatorId, PoolId, SafeText, UnixMillis};

/// What one beacon node said of an exit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeVerdict {
    /// Redacted URL.
    pub node: SafeText,
    /// Counted as delivered.
    pub delivered: bool,
    /// Its verdict in words.
    pub detail: SafeText,
    pub at: UnixMillis,
}

/// One voluntary exit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExitView {
    pub case: CaseId,
    pub validator: BlsPublicKey,
    /// Index on the beacon chain, once a node has told it.
    pub validator_index: Option<u64>,
    /// Epoch in the signed message.
    pub epoch: Option<u64>,
    /// State in a word: `signing`, `waiting`, `published`, `exiting`, `exited`, …
    pub state: SafeText,
    /// Its case has come to its end.
    pub over: bool,
    /// What came of the newest broadcast, or what keeps the exit from being sent; empty before.
    pub outcome: SafeText,
    /// Verdict of each node for the newest broadcast.
    pub verdicts: Vec<NodeVerdict>,
    /// From the block with the exit to the withdrawal, with predicted and actual times.
    pub times: Vec<Milestone>,
}

/// One validator of a pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValidatorView {
    pub pool: PoolId,
    pub public_key: BlsPublicKey,
    /// Who holds shares of the key now.
    pub operators: Vec<OperatorId>,
    /// Index on the beacon chain.
    pub index: Option<u64>,
    /// Status on the beacon chain, or `deposited`, `unknown`.
    pub status: SafeText,
    /// Reshares used, and the contract's limit.
    pub reshares: (u64, u64),
    /// Whether a person can ask for a reshare.
    pub can_reshare: Can,
    /// Whether a person can open its exit.
    pub can_exit: Can,
}
