//! Reading a protocol message of keygen or reshare, with every check that needs nothing but the message itself. What
//! fails here is provable to anybody who holds the message, without any secret.

use super::verify_round1;
use crate::dkg::rockx::ecies::SessionPublicKey;
use crate::dkg::rockx::wire::{Blame, Decode, KeygenBody, KeygenMessage, ProtocolRound, Round1};
use crate::dkg::threshold::{Commitments, decode_key};
use crate::types::{BlsPublicKey, OperatorId, SafeText};

/// A valid protocol message's content.
pub(crate) enum Content {
    Preparation(SessionPublicKey),
    /// Commitments with a valid proof of knowledge, and encrypted shares.
    Round1(Commitments, Round1),
    /// Validator key and share key.
    Round2(BlsPublicKey, BlsPublicKey),
    /// An accusation, not yet judged.
    Blame(Blame),
    /// The sender gave up waiting in this round.
    Timeout(ProtocolRound),
}

impl Content {
    /// Reads the payload of a message that `signer` sent in a ceremony with this threshold.
    ///
    /// # Errors
    /// What is wrong with it, in words: the message proves that its signer broke the protocol.
    pub(crate) fn read(payload: &[u8], signer: OperatorId, threshold: u8) -> Result<Self, SafeText> {
        let message =
            KeygenMessage::from_json(payload).map_err(|e| SafeText::new(&format!("not a payload: {e}")))?;
        let body = message.body().map_err(|e| SafeText::new(&e.to_string()))?;
        Ok(match body {
            KeygenBody::Preparation(body) => Self::Preparation(
                SessionPublicKey::parse(body.session_pk.as_slice())
                    .map_err(|e| SafeText::new(&format!("session key: {e}")))?,
            ),
            KeygenBody::Round1(body) => {
                let commitments =
                    verify_round1(signer, body, threshold).map_err(|e| SafeText::new(&e.to_string()))?;
                Self::Round1(commitments, body.clone())
            }
            KeygenBody::Round2(body) => Self::Round2(
                key(body.vk.as_slice(), "validator key")?,
                key(body.vk_share.as_slice(), "share key")?,
            ),
            KeygenBody::Blame(body) => Self::Blame(body.clone()),
            KeygenBody::Timeout(body) => Self::Timeout(body.round),
        })
    }
}

fn key(bytes: &[u8], what: &str) -> Result<BlsPublicKey, SafeText> {
    decode_key(bytes)
        .ok()
        .and_then(|_| BlsPublicKey::try_from(bytes).ok())
        .ok_or_else(|| SafeText::new(&format!("{what}: not a valid point")))
}
