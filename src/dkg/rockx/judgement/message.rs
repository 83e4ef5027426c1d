//! A message from the topic: read, attributed by its signature, and sorted by what it means in this ceremony.

use std::collections::BTreeMap;

use crate::dkg::rockx::keys::OperatorPublicKey;
use crate::dkg::rockx::round::Round;
use crate::dkg::rockx::sign::message_root;
use crate::dkg::rockx::wire::{
    Blame, Decode, KeygenBody, KeygenMessage, KeysignBody, KeysignMessage, KeysignPreparation, KeysignRound1,
    Message, MsgType, PartialDepositData, Preparation, ProtocolRound, Round1, Round2, SignedMessage,
    SignedOutput,
};
use crate::types::{CeremonyKind, OperatorId, RequestId, Root, SafeText, UnixMillis};

/// A message whose RSA signature is its sender's.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// When it arrived here.
    pub(crate) at: UnixMillis,
    /// The envelope bytes.
    pub(crate) raw: Vec<u8>,
    /// Who signed it.
    pub(crate) signer: OperatorId,
    /// SHA-256 of the canonical message: two messages with the same root say the same.
    pub(crate) root: Root,
    /// What it says.
    pub(crate) content: Content,
    /// As decoded.
    pub(crate) signed: SignedMessage,
}

/// What a message says.
#[derive(Debug, Clone)]
pub(crate) enum Content {
    /// Session key of keygen or reshare.
    SessionKey(Preparation),
    /// Commitments and encrypted shares.
    Dealing(Round1),
    /// Validator key and share key.
    Keys(Round2),
    /// Partial signature over the deposit.
    Deposit(PartialDepositData),
    /// Partial signature of a signing ceremony.
    Partial(KeysignPreparation),
    /// Combined signature of a signing ceremony.
    Combined(KeysignRound1),
    /// Result.
    Output(Box<SignedOutput>),
    /// An accusation.
    Blame(Blame),
    /// A round timer ran out at the sender.
    Timeout(ProtocolRound),
    /// Signed by its sender, and not a message of this protocol: the sender broke it.
    Broken(SafeText),
}

impl Seen {
    /// The round whose message this is.
    pub(crate) fn round(&self) -> Option<Round> {
        match self.content {
            Content::SessionKey(_) | Content::Partial(_) => Some(Round::Preparation),
            Content::Dealing(_) | Content::Combined(_) => Some(Round::Round1),
            Content::Keys(_) => Some(Round::Round2),
            Content::Deposit(_) => Some(Round::DepositData),
            Content::Output(_) => Some(Round::Output),
            Content::Blame(_) | Content::Timeout(_) | Content::Broken(_) => None,
        }
    }
}

/// Why a message was not taken. None of these accuses anybody: whoever reaches the messenger can publish anything.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Rejected {
    /// Not an envelope with a signed message.
    #[error("not a message: {0}")]
    Unreadable(SafeText),
    /// Of another ceremony.
    #[error("of another ceremony, {0}")]
    OtherCeremony(RequestId),
    /// The sender takes no part in this ceremony.
    #[error("by {0}, who takes no part")]
    Stranger(OperatorId),
    /// The signature is not that of the sender.
    #[error("in the name of {0}, but not signed by it")]
    Forged(OperatorId),
}

/// Reads `raw` as a message of ceremony `id`.
pub(crate) fn read(
    raw: &[u8],
    at: UnixMillis,
    id: RequestId,
    kind: CeremonyKind,
    keys: &BTreeMap<OperatorId, OperatorPublicKey>,
) -> Result<Seen, Rejected> {
    let signed =
        SignedMessage::from_ssv(raw).map_err(|error| Rejected::Unreadable(error.to_string().into()))?;
    attribute(signed, raw.to_vec(), at, id, kind, keys)
}

/// Checks who sent `signed` and sorts it.
pub(crate) fn attribute(
    signed: SignedMessage,
    raw: Vec<u8>,
    at: UnixMillis,
    id: RequestId,
    kind: CeremonyKind,
    keys: &BTreeMap<OperatorId, OperatorPublicKey>,
) -> Result<Seen, Rejected> {
    let Some(message) = &signed.message else {
        return Err(Rejected::Unreadable("no message inside".into()));
    };
    if message.identifier != id {
        return Err(Rejected::OtherCeremony(message.identifier));
    }
    let signer = signed.signer;
    let key = keys.get(&signer).ok_or(Rejected::Stranger(signer))?;
    if !signed.verify(key) {
        return Err(Rejected::Forged(signer));
    }
    Ok(Seen {
        at,
        raw,
        signer,
        root: message_root(message),
        content: content(message, signer, id, kind, key),
        signed,
    })
}

fn content(
    message: &Message,
    signer: OperatorId,
    id: RequestId,
    kind: CeremonyKind,
    key: &OperatorPublicKey,
) -> Content {
    let data = message.data.as_slice();
    let broken = |what: &dyn std::fmt::Display| Content::Broken(what.to_string().into());
    match message.msg_type {
        MsgType::Protocol if kind == CeremonyKind::Sign => match KeysignMessage::from_json(data) {
            Err(error) => broken(&error),
            Ok(payload) => match payload.body() {
                Ok(KeysignBody::Preparation(body)) => Content::Partial(body.clone()),
                Ok(KeysignBody::Round1(body)) => Content::Combined(body.clone()),
                Err(error) => broken(&error),
            },
        },
        MsgType::Protocol => match KeygenMessage::from_json(data) {
            Err(error) => broken(&error),
            Ok(payload) => match payload.body() {
                Ok(KeygenBody::Preparation(body)) => Content::SessionKey(body.clone()),
                Ok(KeygenBody::Round1(body)) => Content::Dealing(body.clone()),
                Ok(KeygenBody::Round2(body)) => Content::Keys(body.clone()),
                Ok(KeygenBody::Blame(body)) => Content::Blame(body.clone()),
                Ok(KeygenBody::Timeout(body)) => Content::Timeout(body.round),
                Err(error) => broken(&error),
            },
        },
        MsgType::DepositData if kind == CeremonyKind::Keygen => match PartialDepositData::from_json(data) {
            Ok(deposit) if deposit.signer == signer => Content::Deposit(deposit),
            Ok(deposit) => broken(&format!("the deposit signature of {}", deposit.signer)),
            Err(error) => broken(&error),
        },
        MsgType::Output => match SignedOutput::from_json(data) {
            Ok(output) => match output_fault(&output, signer, id, kind, key) {
                None => Content::Output(Box::new(output)),
                Some(fault) => broken(&fault),
            },
            Err(error) => broken(&error),
        },
        other => broken(&format!("a message of type {other} has no place in a {kind}")),
    }
}

/// What is wrong with a result as a statement of `signer` on ceremony `id`; its values are judged later.
fn output_fault(
    output: &SignedOutput,
    signer: OperatorId,
    id: RequestId,
    kind: CeremonyKind,
    key: &OperatorPublicKey,
) -> Option<&'static str> {
    let request = match (kind, &output.data, &output.key_sign_data) {
        (CeremonyKind::Sign, None, Some(data)) => data.request_id,
        (CeremonyKind::Keygen | CeremonyKind::Reshare, Some(data), None) => data.request_id,
        _ => return Some("an output of another kind of ceremony"),
    };
    if output.signer != signer {
        Some("the output of another operator")
    } else if request != id {
        Some("an output of another ceremony")
    } else if !output.verify(key) {
        Some("an output whose own signature is not valid")
    } else {
        None
    }
}
