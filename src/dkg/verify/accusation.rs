//! Judging accusations. The blamer's word counts for nothing: the culprit is whoever signed the evidence, and only if
//! the evidence itself shows the fault.

use super::payload::{self, Content};
use super::{Context, Observed, observed};
use crate::dkg::rockx::ecies::SessionKey;
use crate::dkg::rockx::frost::{ShareError, open_share};
use crate::dkg::rockx::sign::message_root;
use crate::dkg::rockx::wire::{
    Blame as Accusation, BlameType, Decode, KeygenBody, KeygenMessage, Message, MsgType, ProtocolRound,
    Round1, SignedMessage,
};
use crate::dkg::threshold::Commitments;
use crate::types::{Blame, OperatorId, SafeText};

/// A verdict: whether it is proven, and why.
struct Verdict(bool, SafeText);

fn proven(reason: impl Into<SafeText>) -> Verdict {
    Verdict(true, reason.into())
}

fn unproven(reason: impl Into<SafeText>) -> Verdict {
    Verdict(false, reason.into())
}

/// Judges the accusation in `message` (a protocol message whose payload is a blame) by its evidence alone; an "invalid
/// share" also needs the blamer's session key, which is taken from `observed`.
///
/// The evidence of release 0.2.13 after a timeout is the timeout message of an innocent node: that proves nothing.
#[must_use]
pub fn judge_blame(context: Context<'_>, message: &SignedMessage, observed: &Observed) -> Blame {
    let blamer = message.signer;
    let blame = |culprit, Verdict(proven, reason)| Blame {
        blamer,
        culprit,
        proven,
        reason,
    };
    let accusation = match accusation_in(context, message) {
        Ok(accusation) => accusation,
        Err(reason) => return blame(None, unproven(reason)),
    };
    let evidence = match evidence_in(context, &accusation) {
        Ok(evidence) => evidence,
        Err(reason) => return blame(None, unproven(reason)),
    };
    let Some(culprit) = evidence.first().map(|signed| signed.signer) else {
        return blame(None, unproven("there is no evidence"));
    };
    let verdict = match (accusation.kind, evidence.as_slice()) {
        (BlameType::InconsistentMessage, [first, second]) => inconsistent(context, first, second),
        (BlameType::InvalidShare, [dealing]) => {
            invalid_share(context, blamer, &accusation, culprit, dealing, observed)
        }
        (BlameType::InvalidMessage, [single]) => invalid_message(context, culprit, single),
        (kind, many) => unproven(format!(
            "{} messages are no evidence for an accusation of type {}",
            many.len(),
            u64::from(kind)
        )),
    };
    blame(Some(culprit), verdict)
}

fn accusation_in(context: Context<'_>, signed: &SignedMessage) -> Result<Accusation, SafeText> {
    observed::attribute(context, signed).map_err(|e| format!("the accusation is not attributable: {e}"))?;
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

/// The messages of the evidence: each attributable, all of one sender.
fn evidence_in(context: Context<'_>, accusation: &Accusation) -> Result<Vec<SignedMessage>, SafeText> {
    let given = accusation.evidence.as_slice();
    // no kind of accusation needs more, and each costs a signature check
    if given.len() > 2 {
        return Err(format!("{} messages are no evidence for anything", given.len()).into());
    }
    let mut evidence: Vec<SignedMessage> = Vec::new();
    for item in given {
        let signed =
            SignedMessage::from_json(item.as_slice()).map_err(|e| format!("unreadable evidence: {e}"))?;
        observed::attribute(context, &signed)
            .map_err(|e| format!("the evidence is not attributable: {e}"))?;
        if evidence
            .first()
            .is_some_and(|first| first.signer != signed.signer)
        {
            return Err("the evidence is of two different senders".into());
        }
        evidence.push(signed);
    }
    Ok(evidence)
}

/// The payload of a protocol message, leniently.
fn payload_of(signed: &SignedMessage) -> Option<(&Message, KeygenMessage)> {
    let message = signed
        .message
        .as_ref()
        .filter(|message| message.msg_type == MsgType::Protocol)?;
    Some((message, KeygenMessage::from_json(message.data.as_slice()).ok()?))
}

fn inconsistent(context: Context<'_>, first: &SignedMessage, second: &SignedMessage) -> Verdict {
    let (Some((one, first_payload)), Some((two, second_payload))) = (payload_of(first), payload_of(second))
    else {
        return unproven("the evidence is not two protocol messages");
    };
    let round = first_payload.round;
    if round != second_payload.round {
        return unproven("the two messages are of different rounds");
    }
    // an honest node may time out twice, and may accuse twice
    if !matches!(
        round,
        ProtocolRound::Preparation | ProtocolRound::Round1 | ProtocolRound::Round2
    ) {
        return unproven("messages of that round are not bound to be unique");
    }
    let (root_one, root_two) = (message_root(one), message_root(two));
    if root_one == root_two {
        return unproven("the two messages are the same");
    }
    let sender = first.signer;
    proven(
        format!(
            "operator {sender} signed two different messages of round {}",
            u64::from(round)
        ) + {
            let valid = [one, two]
                .iter()
                .all(|m| payload::read(context, sender, m).is_ok());
            if valid {
                ""
            } else {
                ", at least one of them not even valid"
            }
        },
    )
}

fn invalid_share(
    context: Context<'_>,
    blamer: OperatorId,
    accusation: &Accusation,
    dealer: OperatorId,
    evidence: &SignedMessage,
    observed: &Observed,
) -> Verdict {
    let Some((
        _,
        KeygenMessage {
            round1: Some(dealing),
            ..
        },
    )) = payload_of(evidence)
    else {
        return unproven("the evidence is no dealing");
    };
    if !context.dealers().contains(&dealer) {
        return unproven(format!("operator {dealer} deals nothing in this ceremony"));
    }
    if dealer == blamer || !context.plan.committee().contains(&blamer) {
        return unproven("the blamer is dealt nothing by this operator");
    }
    let Some(announced) = observed.preparations.get(&blamer) else {
        return unproven("the blamer's session key was not observed, so its decryption can not be repeated");
    };
    let session = match SessionKey::from_be_bytes(accusation.blamer_session_sk.as_slice()) {
        Ok(session) if session.public() == *announced => session,
        _ => return unproven("the revealed key is not the blamer's session key"),
    };
    match share_fault(blamer, &session, &dealing) {
        Some(reason) => proven(format!(
            "operator {dealer}'s share for operator {blamer}: {reason}"
        )),
        None => unproven(format!(
            "operator {dealer}'s share for operator {blamer} is right"
        )),
    }
}

fn share_fault(blamer: OperatorId, session: &SessionKey, dealing: &Round1) -> Option<String> {
    let commitments = match Commitments::decode(dealing.commitment.as_slice()) {
        Ok(commitments) => commitments,
        Err((index, error)) => return Some(format!("commitment {index}: {error}")),
    };
    open_share(blamer, session, dealing, &commitments)
        .err()
        .map(|error: ShareError| error.to_string())
}

fn invalid_message(context: Context<'_>, culprit: OperatorId, evidence: &SignedMessage) -> Verdict {
    let Some(message) = evidence
        .message
        .as_ref()
        .filter(|message| message.msg_type == MsgType::Protocol)
    else {
        return unproven("the evidence is no protocol message");
    };
    match payload::read(context, culprit, message) {
        Err(reason) => proven(format!("operator {culprit}'s message is invalid: {reason}")),
        Ok(Content::Timeout) => unproven(format!(
            "operator {culprit} only reported that its time ran out; nodes of release 0.2.13 take that for a fault"
        )),
        Ok(_) => unproven(format!("operator {culprit}'s message is valid")),
    }
}
