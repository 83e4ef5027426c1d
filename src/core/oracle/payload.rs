//! The exact thing that would leave this machine.

use alloy::primitives::{Address, Bytes, U256};
use serde::{Deserialize, Serialize};

use super::Family;
use crate::types::{BackendName, BlsPublicKey, BlsSignature, CeremonyPlan, Parties, Root, SafeText};

/// One decoded argument of a contract call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallArgument {
    pub name: String,
    pub solidity_type: String,
    /// The value in full.
    pub value: SafeText,
}

/// A decoded contract call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallView {
    pub function: String,
    /// Arguments in order.
    pub arguments: Vec<CallArgument>,
}

/// A ceremony to start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CeremonyPayload {
    /// What is run.
    pub plan: CeremonyPlan,
    /// By which DKG backend; RockX where it is not said.
    #[serde(default, skip_serializing_if = "BackendName::is_default")]
    pub backend: BackendName,
    /// With whom, and for which contract. Proposals of earlier versions do not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parties: Option<Parties>,
}

impl CeremonyPayload {
    /// Whether a ceremony that is started is this one.
    #[must_use]
    pub fn is_run_by(&self, plan: &CeremonyPlan, backend: &BackendName) -> bool {
        self.plan == *plan && self.backend == *backend
    }
}

/// A transaction to send. The fee ceiling is part of what is approved; nonce and fees below the ceiling are not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransactionPayload {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// Sender: the oracle address.
    pub from: Address,
    /// The manager contract.
    pub to: Address,
    /// Wei sent along (none of our calls sends any).
    pub value_wei: U256,
    /// Call data.
    pub data: Bytes,
    /// The most this transaction may cost in fees, in wei: gas limit × max fee per gas never exceeds it.
    pub fee_ceiling_wei: U256,
    /// The call in words, where it could be decoded.
    pub call: Option<CallView>,
}

/// A signed voluntary exit to publish.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExitPayload {
    pub validator: BlsPublicKey,
    pub validator_index: u64,
    /// First epoch at which it may be included.
    pub epoch: u64,
    /// The 32 bytes that were signed.
    pub signing_root: Root,
    /// The combined signature.
    pub signature: BlsSignature,
}

/// The exact thing that would leave this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "type")]
pub enum Payload {
    /// Start messages to the operators.
    Ceremony(CeremonyPayload),
    Transaction(TransactionPayload),
    /// An exit broadcast.
    Exit(ExitPayload),
}

impl Payload {
    /// How it takes effect.
    #[must_use]
    pub fn family(&self) -> Family {
        match self {
            Self::Ceremony(_) => Family::Ceremony,
            Self::Transaction(_) => Family::Transaction,
            Self::Exit(_) => Family::Broadcast,
        }
    }
}
