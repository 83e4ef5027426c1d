//! What the messenger reads of a published message: enough to order it and to check who signed it.

use std::fmt;

use axum::body::Bytes;
use sha2::{Digest as _, Sha256};

use crate::dkg::rockx::sign::message_root;
use crate::dkg::rockx::wire::{
    Decode, Encode, KeygenMessage, MsgType, ProtocolRound, SignedMessage, SignedOutput, SsvMessage,
};
use crate::types::{OperatorId, RequestId, Root, UnixMillis};

/// Bytes by which a message may be longer than as every program writes it: a line's end, say. Nothing of them is signed, so
/// whoever overheard the message may have added them.
const SLACK: usize = 64;

/// The order of delivery within a session. Go nodes stall when a message overtakes one of an earlier round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(super) enum Rank {
    Preparation = 1,
    Round1 = 2,
    Round2 = 3,
    DepositData = 4,
    Output = 5,
    Blame = 6,
    Timeout = 7,
    /// A timeout of the round that follows success: Go nodes send it ten minutes after every ceremony.
    LateTimeout = 8,
}

impl fmt::Display for Rank {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Preparation => "preparation",
            Self::Round1 => "round 1",
            Self::Round2 => "round 2",
            Self::DepositData => "deposit data",
            Self::Output => "output",
            Self::Blame => "blame",
            Self::Timeout => "timeout",
            Self::LateTimeout => "late timeout",
        })
    }
}

/// A message of a topic.
#[derive(Debug)]
pub(super) struct Message {
    /// Position within the topic, by arrival.
    pub(super) seq: u64,
    pub(super) signer: OperatorId,
    pub(super) rank: Rank,
    /// When it was accepted.
    pub(super) at: UnixMillis,
    /// The bytes as published, and nothing else that came with them; they are forwarded unchanged.
    pub(super) body: Bytes,
}

impl Message {
    /// Bytes that it takes beside its body: itself, its digest, and a place on the lanes of a dozen members.
    const BESIDE: usize = 1 << 10;

    /// Bytes that it takes.
    pub(super) fn room(&self) -> usize {
        Self::room_for(self.body.len())
    }

    /// Bytes that one with such a body takes.
    pub(super) fn room_for(body: usize) -> usize {
        body + Self::BESIDE
    }
}

/// What a message says about the ceremony's result, to compare streamed results with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ResultClaim {
    None,
    /// Hash of the canonical JSON of the operator's signed output.
    Output([u8; 32]),
    /// Hash of the canonical JSON of the message itself, which is an accusation.
    Blame([u8; 32]),
}

/// A published message, read.
#[derive(Debug)]
pub(super) struct Inspected {
    pub(super) topic: RequestId,
    pub(super) signer: OperatorId,
    pub(super) rank: Rank,
    pub(super) evidence: ResultClaim,
    pub(super) signed: SignedMessage,
    /// What the signature covers. A message is told by it and its signer: around it the envelope, and the text, have any
    /// number of forms.
    pub(super) root: Root,
    /// The result that the message carries.
    pub(super) output: Option<SignedOutput>,
}

/// Why a message is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    #[error("{0}")]
    Undecodable(String),
    #[error("message without content")]
    NoMessage,
    /// Nodes take start messages from the initiator only; forwarding one would let anybody start a ceremony.
    #[error("start messages are not forwarded")]
    Start,
    #[error("message of unknown type {0}")]
    Type(u64),
    #[error("protocol message of unknown round {0}")]
    Round(u64),
    #[error("the data of the SSV message begins at byte {0}, not right behind its header")]
    Gap(usize),
    #[error("{0} bytes, {1} are enough for this message: it is padded")]
    Padded(usize, usize),
}

/// Reads envelope, message and round. The signature is checked by whoever knows the signer's key.
pub(super) fn inspect(body: &[u8]) -> Result<Inspected, Refusal> {
    let undecodable = |error: &dyn std::fmt::Display| Refusal::Undecodable(error.to_string());
    let signed = SignedMessage::from_ssv(body).map_err(|e| undecodable(&e))?;
    let message = signed.message.as_ref().ok_or(Refusal::NoMessage)?;
    is_no_longer_than_it_needs_to_be(body, &signed)?;
    let data = message.data.as_slice();
    let mut carried = None;
    let (rank, evidence) = match message.msg_type {
        MsgType::Protocol => {
            let payload = KeygenMessage::from_json(data).map_err(|e| undecodable(&e))?;
            match payload.round {
                ProtocolRound::Preparation => (Rank::Preparation, ResultClaim::None),
                ProtocolRound::Round1 => (Rank::Round1, ResultClaim::None),
                ProtocolRound::Round2 => (Rank::Round2, ResultClaim::None),
                ProtocolRound::Blame => (Rank::Blame, ResultClaim::Blame(hash(&signed.to_json()))),
                ProtocolRound::Timeout => match payload.timeout {
                    Some(body) if body.round == ProtocolRound::KeygenOutput => {
                        (Rank::LateTimeout, ResultClaim::None)
                    }
                    _ => (Rank::Timeout, ResultClaim::None),
                },
                other => return Err(Refusal::Round(other.into())),
            }
        }
        MsgType::DepositData => (Rank::DepositData, ResultClaim::None),
        MsgType::Output => {
            let output = SignedOutput::from_json(data).map_err(|e| undecodable(&e))?;
            let claim = ResultClaim::Output(hash(&output.to_json()));
            carried = Some(output);
            (Rank::Output, claim)
        }
        kind if kind.is_start() => return Err(Refusal::Start),
        other => return Err(Refusal::Type(other.into())),
    };
    Ok(Inspected {
        topic: message.identifier,
        signer: signed.signer,
        rank,
        evidence,
        root: message_root(message),
        signed,
        output: carried,
    })
}

/// The text may differ a little, for the sake of programs that nobody has recorded; the room it takes may not.
fn is_no_longer_than_it_needs_to_be(body: &[u8], signed: &SignedMessage) -> Result<(), Refusal> {
    let gap = SsvMessage::gap(body);
    if gap > 0 {
        return Err(Refusal::Gap(SsvMessage::HEADER + gap));
    }
    let enough = signed.to_ssv().len();
    match body.len() <= enough + SLACK {
        true => Ok(()),
        false => Err(Refusal::Padded(body.len(), enough)),
    }
}

/// SHA-256.
pub(super) fn hash(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}
