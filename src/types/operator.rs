//! An operator as the oracle knows it.

use serde::{Deserialize, Serialize};

use super::{OperatorId, SafeText};

/// An RSA public key in one of the text forms in use; `dkg::rockx::keys` parses every one of them.
pub type RsaPublicKeyText = String;

/// One operator: who it is, where its node listens, and with which key it signs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorRecord {
    /// SSV operator id.
    pub id: OperatorId,
    /// A name for people; may be empty.
    pub name: SafeText,
    /// Base URL of the node; `/consume` is appended.
    pub endpoint: String,
    /// RSA public key as configured (PEM, base64 of PEM, or base64 of DER).
    pub public_key: RsaPublicKeyText,
}
