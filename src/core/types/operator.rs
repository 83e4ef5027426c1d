//! An operator as the oracle knows it.

use std::collections::BTreeMap;

use alloy::primitives::Address;
use serde::{Deserialize, Serialize};

use super::{OperatorId, SafeText};

/// A public key in one of the text forms in use. Which of them it can read is the backend's to say.
pub type RsaPublicKeyText = String;

/// One operator: who it is, where its node listens, and with which key it signs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorRecord {
    /// SSV operator id.
    pub id: OperatorId,
    /// A name for people; may be empty.
    pub name: SafeText,
    /// Base URL of the node; the backend appends its paths.
    pub endpoint: String,
    /// As configured: an RSA key as PEM, base64 of PEM, or base64 of DER.
    pub public_key: RsaPublicKeyText,
}

/// With whom a ceremony is held, and for which contract: what its plan names by numbers alone, and what whoever approves it
/// relies on. It is part of what is approved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parties {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// The pool manager contract.
    pub manager: Address,
    /// The fingerprint of each participant's key, as its DKG backend has people compare it: for RockX the SHA-256 of the
    /// SubjectPublicKeyInfo, hex. Whose key cannot be read is left out; a check of its own fails then.
    pub keys: BTreeMap<OperatorId, SafeText>,
}
