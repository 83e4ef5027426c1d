//! Rounds of a signing ceremony.

use super::bytes::GoBytes;
use super::codec::go_struct;
use super::keygen::{BodyError, ProtocolRound, Timeout};

go_struct! {
    /// One operator's partial signature.
    pub struct KeysignPreparation {
        /// BLS signature with the operator's share, 96 bytes.
        partial_signature: GoBytes = "PartialSignature";
    }
}

go_struct! {
    /// The signature that an operator combined.
    pub struct KeysignRound1 {
        /// BLS signature under the validator key, 96 bytes.
        reconstructed_signature: GoBytes = "ReconstructedSignature";
    }
}

go_struct! {
    /// Payload of a protocol message of a signing ceremony.
    pub struct KeysignMessage {
        /// Which body is expected.
        round: ProtocolRound = "round" omitempty;
        /// Body of round 1.
        preparation: Option<KeysignPreparation> = "preparation" omitempty;
        /// Body of round 2.
        round1: Option<KeysignRound1> = "round1" omitempty;
        /// Never sent to peers; our nodes leave one with the messenger when they give up.
        timeout: Option<Timeout> = "timeout" omitempty;
    }
}

/// The one body of a valid message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeysignBody<'a> {
    /// See [`KeysignPreparation`].
    Preparation(&'a KeysignPreparation),
    /// See [`KeysignRound1`].
    Round1(&'a KeysignRound1),
}

impl KeysignMessage {
    /// The body, if there is exactly one and it belongs to the round.
    ///
    /// # Errors
    /// See [`BodyError`].
    pub fn body(&self) -> Result<KeysignBody<'_>, BodyError> {
        match (&self.preparation, &self.round1, &self.timeout) {
            (Some(body), None, None) if self.round == ProtocolRound::Preparation => {
                Ok(KeysignBody::Preparation(body))
            }
            (None, Some(body), None) if self.round == ProtocolRound::Round1 => Ok(KeysignBody::Round1(body)),
            (a, b, c) => match usize::from(a.is_some()) + usize::from(b.is_some()) + usize::from(c.is_some())
            {
                1 => Err(BodyError::Mismatch(self.round.into())),
                count => Err(BodyError::Count(count)),
            },
        }
    }
}

impl From<KeysignPreparation> for KeysignMessage {
    fn from(body: KeysignPreparation) -> Self {
        Self {
            round: ProtocolRound::Preparation,
            preparation: Some(body),
            ..Self::default()
        }
    }
}

impl From<KeysignRound1> for KeysignMessage {
    fn from(body: KeysignRound1) -> Self {
        Self {
            round: ProtocolRound::Round1,
            round1: Some(body),
            ..Self::default()
        }
    }
}
