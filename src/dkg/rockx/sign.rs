//! RSA signatures over messages and results.
//!
//! `signing root = SHA-256(SHA-256(canonical JSON) ‖ domain)`, and RSASSA-PKCS1-v1_5 with SHA-256 takes that root as its
//! *message*, so it is hashed once more. The domain is the same on every network.

use sha2::{Digest, Sha256};

use super::keys::{KeyError, OperatorPrivateKey, OperatorPublicKey};
use super::wire::{Encode, GoBytes, KeySignOutput, Message, MsgType, Output, SignedMessage, SignedOutput};
use crate::types::{OperatorId, RequestId, Root};

/// Network part `00000100`, then signature type `03000000` (DKG). Releases before 0.2.7 used another one.
pub const SIGNATURE_DOMAIN: [u8; 8] = [0, 0, 1, 0, 3, 0, 0, 0];

/// SHA-256 of the canonical JSON: identifies a message's content.
#[must_use]
pub fn message_root(value: &impl Encode) -> Root {
    Root(Sha256::digest(value.to_json()).into())
}

/// What the RSA signature takes as its message.
#[must_use]
pub fn signing_root(value: &impl Encode) -> Root {
    let hash = Sha256::new()
        .chain_update(message_root(value).0)
        .chain_update(SIGNATURE_DOMAIN);
    Root(hash.finalize().into())
}

fn sign(value: &impl Encode, key: &OperatorPrivateKey) -> Result<GoBytes, KeyError> {
    key.sign(&signing_root(value).0).map(GoBytes::from)
}

fn verify(value: &impl Encode, signature: &GoBytes, key: &OperatorPublicKey) -> bool {
    key.verify(&signing_root(value).0, signature.as_slice())
}

impl Message {
    /// Unsigned, the payload encoded as JSON as RockX writes it.
    pub fn new(msg_type: MsgType, identifier: RequestId, payload: &impl Encode) -> Self {
        Self {
            msg_type,
            identifier,
            data: payload.to_json().into(),
        }
    }

    /// Signs the message as `signer`.
    ///
    /// # Errors
    /// The RSA library failed.
    pub fn sign(self, signer: OperatorId, key: &OperatorPrivateKey) -> Result<SignedMessage, KeyError> {
        Ok(SignedMessage {
            signature: sign(&self, key)?,
            signer,
            message: Some(self),
        })
    }
}

impl SignedMessage {
    /// Whether the signature is `key`'s over the message. The signer's number is not covered: look the key up by it.
    #[must_use]
    pub fn verify(&self, key: &OperatorPublicKey) -> bool {
        self.message
            .as_ref()
            .is_some_and(|message| verify(message, &self.signature, key))
    }
}

impl SignedOutput {
    /// A keygen's or reshare's result, signed as `signer`.
    ///
    /// # Errors
    /// The RSA library failed.
    pub fn of_output(output: Output, signer: OperatorId, key: &OperatorPrivateKey) -> Result<Self, KeyError> {
        Ok(Self {
            signature: sign(&output, key)?,
            data: Some(output),
            signer,
            ..Self::default()
        })
    }

    /// A signing ceremony's result, signed as `signer`.
    ///
    /// # Errors
    /// The RSA library failed.
    pub fn of_keysign(
        output: KeySignOutput,
        signer: OperatorId,
        key: &OperatorPrivateKey,
    ) -> Result<Self, KeyError> {
        Ok(Self {
            signature: sign(&output, key)?,
            key_sign_data: Some(output),
            signer,
            ..Self::default()
        })
    }

    /// Whether the signature is `key`'s over the one result that is present; false if none or both are.
    #[must_use]
    pub fn verify(&self, key: &OperatorPublicKey) -> bool {
        match (&self.data, &self.key_sign_data) {
            (Some(output), None) => verify(output, &self.signature, key),
            (None, Some(output)) => verify(output, &self.signature, key),
            _ => false,
        }
    }
}
