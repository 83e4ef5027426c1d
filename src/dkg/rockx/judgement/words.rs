//! Operators and rounds in words.

use crate::dkg::rockx::round::Round;
use crate::dkg::rockx::wire::ProtocolRound;
use crate::types::OperatorId;

/// `1, 2 and 5`.
pub(crate) fn list(ids: &[OperatorId]) -> String {
    let mut text = String::new();
    for (n, id) in ids.iter().enumerate() {
        if n > 0 {
            text.push_str(if n + 1 == ids.len() { " and " } else { ", " });
        }
        text.push_str(&id.to_string());
    }
    text
}

/// A round as its sender numbers it.
pub(super) fn round(round: ProtocolRound) -> String {
    match round {
        ProtocolRound::Preparation => Round::Preparation.to_string(),
        ProtocolRound::Round1 => Round::Round1.to_string(),
        ProtocolRound::Round2 => Round::Round2.to_string(),
        other => format!("a round that it calls {other}"),
    }
}
