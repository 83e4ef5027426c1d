//! An operator as the oracle knows it.

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
