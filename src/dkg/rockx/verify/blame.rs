//! An accusation as it was broadcast, judged by what was observed.

use super::accusation::{blame, unproven};
use super::{Context, Court, Observed};
use crate::dkg::rockx::keys::OperatorPublicKey;
use crate::dkg::rockx::wire::{
    Blame as Accusation, Decode, KeygenBody, KeygenMessage, MsgType, SignedMessage,
};
use crate::types::{Blame, SafeText};

/// Judges the accusation in `message` (a protocol message whose payload is a blame), as [`Court::judge`]; the blamer's
/// session key is taken from `observed`.
#[must_use]
pub fn judge_blame(context: Context<'_>, message: &SignedMessage, observed: &Observed) -> Blame {
    weigh_blame(context, message, observed).0
}

/// The same, and whether the evidence shows a fault and leaves open whose.
pub(crate) fn weigh_blame(
    context: Context<'_>,
    message: &SignedMessage,
    observed: &Observed,
) -> (Blame, bool) {
    let (court, blamer) = (context.court(), message.signer);
    match accusation_in(&court, message) {
        Ok(accusation) => court.weigh(&accusation, blamer, observed.preparations.get(&blamer)),
        Err(reason) => (blame(blamer, None, unproven(reason)), false),
    }
}

fn accusation_in(
    court: &Court<'_, OperatorPublicKey>,
    signed: &SignedMessage,
) -> Result<Accusation, SafeText> {
    court
        .attribute(signed)
        .map_err(|e| format!("the accusation is not attributable: {e}"))?;
    let message = signed.message.as_ref().ok_or("no message inside")?;
    match (
        message.msg_type,
        KeygenMessage::from_json(message.data.as_slice()),
    ) {
        (MsgType::Protocol, Ok(payload)) => match payload.body() {
            Ok(KeygenBody::Blame(accusation)) => Ok(accusation.clone()),
            _ => Err("the message is no accusation".into()),
        },
        _ => Err("the message is no accusation".into()),
    }
}
