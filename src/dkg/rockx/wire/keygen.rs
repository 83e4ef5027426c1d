//! Rounds of keygen and reshare.

use super::bytes::GoBytes;
use super::codec::{go_number, go_struct};
use super::collections::{GoList, GoMap};
use crate::types::OperatorId;

go_number! {
    /// The `round` of a protocol message.
    pub enum ProtocolRound {
        /// Never sent.
        Uninitialized = 0,
        /// Session keys, or partial signatures.
        Preparation = 1,
        /// Commitments and shares, or full signatures.
        Round1 = 2,
        /// Validator key and share key.
        Round2 = 3,
        /// Never sent as a round; stands in the body of a late timeout.
        KeygenOutput = 4,
        /// An accusation.
        Blame = 5,
        /// A round timer ran out.
        Timeout = 6,
        /// Never sent.
        KeysignOutput = 7,
    }
    default Uninitialized
}

go_number! {
    /// What an accusation says.
    pub enum BlameType {
        /// Two different messages of the same round from the same sender.
        InconsistentMessage = 0,
        /// A share that does not decrypt or does not fit its commitments.
        InvalidShare = 1,
        /// A payload that does not validate.
        InvalidMessage = 2,
    }
    default InconsistentMessage
}

go_struct! {
    /// The session key that shares are encrypted to.
    pub struct Preparation {
        /// secp256k1 public key, 33 bytes compressed (65 uncompressed is understood).
        session_pk: GoBytes = "SessionPk";
    }
}

go_struct! {
    /// What a dealer commits to and hands out.
    pub struct Round1 {
        /// t compressed G1 points, constant term first.
        commitment: GoList<GoBytes> = "Commitment";
        /// Response of the proof of knowledge, 32 bytes big endian.
        proof_s: GoBytes = "ProofS";
        /// Challenge (not a point) of the proof of knowledge, 32 bytes big endian.
        proof_r: GoBytes = "ProofR";
        /// Recipient to ECIES ciphertext.
        shares: GoMap<GoBytes> = "Shares";
    }
}

go_struct! {
    /// What a member of the (new) committee derived.
    pub struct Round2 {
        /// The validator key, 48 bytes.
        vk: GoBytes = "Vk";
        /// The sender's share public key, 48 bytes.
        vk_share: GoBytes = "VkShare";
    }
}

go_struct! {
    /// An accusation with its evidence.
    pub struct Blame {
        kind: BlameType = "Type";
        /// The accused, by the blamer's word.
        target: OperatorId = "TargetOperatorID";
        /// Each the JSON text of a whole signed message.
        evidence: GoList<GoBytes> = "BlameData";
        /// The blamer's session private key, big endian without leading zeros; judged for [`BlameType::InvalidShare`] only.
        blamer_session_sk: GoBytes = "BlamerSessionSk";
    }
}

go_struct! {
    /// A round timer ran out at the sender.
    pub struct Timeout {
        /// The round it waited in.
        round: ProtocolRound = "Round";
    }
}

go_struct! {
    /// Payload of a protocol message of keygen or reshare. Exactly one body is present in a valid one.
    pub struct KeygenMessage {
        /// Which body is expected.
        round: ProtocolRound = "round" omitempty;
        /// Body of round 1.
        preparation: Option<Preparation> = "preparation" omitempty;
        /// Body of round 2.
        round1: Option<Round1> = "round1" omitempty;
        /// Body of round 3.
        round2: Option<Round2> = "round2" omitempty;
        /// Body of round 5.
        blame: Option<Blame> = "blame" omitempty;
        /// Body of round 6.
        timeout: Option<Timeout> = "timeout" omitempty;
    }
}

/// The one body of a valid message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeygenBody<'a> {
    /// See [`Preparation`].
    Preparation(&'a Preparation),
    /// See [`Round1`].
    Round1(&'a Round1),
    /// See [`Round2`].
    Round2(&'a Round2),
    /// See [`Blame`].
    Blame(&'a Blame),
    /// See [`Timeout`].
    Timeout(&'a Timeout),
}

/// The payload has not exactly the body that its round asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// None, or more than one.
    #[error("{0} bodies in a protocol message, exactly one is needed")]
    Count(usize),
    /// The body does not belong to the round.
    #[error("body does not match round {0}")]
    Mismatch(u64),
}

impl KeygenMessage {
    /// The body, if there is exactly one and it belongs to the round.
    ///
    /// # Errors
    /// See [`BodyError`].
    pub fn body(&self) -> Result<KeygenBody<'_>, BodyError> {
        let bodies: Vec<(ProtocolRound, KeygenBody<'_>)> = [
            self.preparation
                .as_ref()
                .map(|b| (ProtocolRound::Preparation, KeygenBody::Preparation(b))),
            self.round1
                .as_ref()
                .map(|b| (ProtocolRound::Round1, KeygenBody::Round1(b))),
            self.round2
                .as_ref()
                .map(|b| (ProtocolRound::Round2, KeygenBody::Round2(b))),
            self.blame
                .as_ref()
                .map(|b| (ProtocolRound::Blame, KeygenBody::Blame(b))),
            self.timeout
                .as_ref()
                .map(|b| (ProtocolRound::Timeout, KeygenBody::Timeout(b))),
        ]
        .into_iter()
        .flatten()
        .collect();
        match bodies.as_slice() {
            [(round, body)] if *round == self.round => Ok(*body),
            [_] => Err(BodyError::Mismatch(self.round.into())),
            many => Err(BodyError::Count(many.len())),
        }
    }
}

macro_rules! from_body {
    ($($ty:ident $field:ident $round:ident),*) => {$(
        impl From<$ty> for KeygenMessage {
            fn from(body: $ty) -> Self {
                Self { round: ProtocolRound::$round, $field: Some(body), ..Self::default() }
            }
        }
    )*};
}
from_body!(Preparation preparation Preparation, Round1 round1 Round1, Round2 round2 Round2, Blame blame Blame, Timeout timeout Timeout);
