//! Rounds and accusations as reasons and logs name them.

use std::fmt;

use crate::dkg::rockx::round::Round;
use crate::dkg::rockx::wire::{BlameType, ProtocolRound};

/// A round by the name that it has everywhere in this program; one that the protocol does not have, by its number.
pub(super) fn round(round: ProtocolRound) -> impl fmt::Display {
    match round {
        ProtocolRound::Preparation => Round::Preparation.to_string(),
        ProtocolRound::Round1 => Round::Round1.to_string(),
        ProtocolRound::Round2 => Round::Round2.to_string(),
        ProtocolRound::KeygenOutput | ProtocolRound::KeysignOutput => Round::Output.to_string(),
        other => format!("a round numbered {}", u64::from(other)),
    }
}

/// What somebody is accused of.
pub(super) fn offence(kind: BlameType) -> impl fmt::Display {
    match kind {
        BlameType::InconsistentMessage => "two different messages".to_owned(),
        BlameType::InvalidShare => "an invalid share".to_owned(),
        BlameType::InvalidMessage => "an invalid message".to_owned(),
        BlameType::Other(kind) => format!("an offence numbered {kind}"),
    }
}
