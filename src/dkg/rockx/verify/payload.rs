//! Reading a signed payload strictly. What fails here is a fault of its signer, provable to anybody.

use crate::dkg::rockx::ecies::SessionPublicKey;
use crate::dkg::rockx::frost;
use crate::dkg::rockx::round::Round;
use crate::dkg::rockx::wire::{
    Decode, KeysignBody, KeysignMessage, Message, MsgType, PartialDepositData, Round1, Round2, SignedOutput,
};
use crate::dkg::threshold::{Commitments, decode_signature};
use crate::types::{BlsSignature, CeremonyKind, OperatorId, SafeText};

/// What a message says.
pub(super) enum Content {
    SessionKey(SessionPublicKey),
    /// With its commitments: the proof of knowledge holds.
    Dealing(Round1, Commitments),
    Keys(Round2),
    Deposit(PartialDepositData),
    Partial(BlsSignature),
    Combined(BlsSignature),
    Output(Box<SignedOutput>),
    /// Judged by a `Court`, not here.
    Blame,
    /// Never a fault: honest nodes send it, and release 0.2.13 does so even ten minutes after success.
    Timeout,
}

impl Content {
    pub(super) fn round(&self) -> Option<Round> {
        match self {
            Self::SessionKey(_) | Self::Partial(_) => Some(Round::Preparation),
            Self::Dealing(..) | Self::Combined(_) => Some(Round::Round1),
            Self::Keys(_) => Some(Round::Round2),
            Self::Deposit(_) => Some(Round::DepositData),
            Self::Output(_) => Some(Round::Output),
            Self::Blame | Self::Timeout => None,
        }
    }
}

/// What decides whether a message can be right, whoever sends it.
#[derive(Clone, Copy)]
pub(super) struct Rules<'a> {
    pub(super) kind: CeremonyKind,
    pub(super) threshold: u8,
    /// Who is dealt a share.
    pub(super) committee: &'a [OperatorId],
}

/// Reads the payload, or says what is wrong with it.
pub(super) fn read(rules: Rules<'_>, sender: OperatorId, message: &Message) -> Result<Content, SafeText> {
    let data = message.data.as_slice();
    match message.msg_type {
        MsgType::Protocol if rules.kind == CeremonyKind::Sign => signing(data),
        MsgType::Protocol => keygen(rules, sender, data),
        MsgType::DepositData => {
            let partial = decode::<PartialDepositData>(data)?;
            if partial.signer != sender {
                return Err(format!("a deposit signature in the name of operator {}", partial.signer).into());
            }
            signature(partial.signature.as_slice())?;
            Ok(Content::Deposit(partial))
        }
        MsgType::Output => {
            let output = decode::<SignedOutput>(data)?;
            if output.signer != sender {
                return Err(format!("an output in the name of operator {}", output.signer).into());
            }
            Ok(Content::Output(Box::new(output)))
        }
        other => Err(format!("message type {} is not sent by operators", u64::from(other)).into()),
    }
}

fn decode<T: Decode>(data: &[u8]) -> Result<T, SafeText> {
    T::from_json(data).map_err(|e| format!("unreadable payload: {e}").into())
}

fn signature(bytes: &[u8]) -> Result<BlsSignature, SafeText> {
    decode_signature(bytes).map_err(|e| format!("signature: {e}"))?;
    BlsSignature::try_from(bytes).map_err(|e| e.to_string().into())
}

fn signing(data: &[u8]) -> Result<Content, SafeText> {
    let message = decode::<KeysignMessage>(data)?;
    if message.timeout.is_some() && message.preparation.is_none() && message.round1.is_none() {
        return Ok(Content::Timeout);
    }
    match message.body().map_err(|e| e.to_string())? {
        KeysignBody::Preparation(body) => signature(body.partial_signature.as_slice()).map(Content::Partial),
        KeysignBody::Round1(body) => {
            signature(body.reconstructed_signature.as_slice()).map(Content::Combined)
        }
    }
}

fn keygen(rules: Rules<'_>, sender: OperatorId, data: &[u8]) -> Result<Content, SafeText> {
    Ok(match frost::Content::read(data, sender, rules.threshold)? {
        frost::Content::Preparation(key) => Content::SessionKey(key),
        frost::Content::Round1(commitments, dealing) => {
            let receivers = rules.committee.iter().filter(|id| **id != sender);
            let left_out: Vec<_> = receivers.filter(|id| dealing.shares.get(id).is_none()).collect();
            if !left_out.is_empty() {
                return Err(format!("no share for operator {}", super::names(left_out)).into());
            }
            Content::Dealing(dealing, commitments)
        }
        frost::Content::Round2(validator, share_key) => Content::Keys(Round2 {
            vk: validator.0.as_slice().into(),
            vk_share: share_key.0.as_slice().into(),
        }),
        frost::Content::Blame(_) => Content::Blame,
        frost::Content::Timeout(_) => Content::Timeout,
    })
}
