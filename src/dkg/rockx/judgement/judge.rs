//! What a single message proves about its sender, and what an accusation proves about anybody.

use std::collections::BTreeMap;

use super::evidence::CeremonyEvidence;
use super::message::{Content, Seen};
use crate::dkg::rockx::ecies::SessionPublicKey;
use crate::dkg::rockx::frost::verify_round1;
use crate::dkg::rockx::verify::rests_on_shortened;
use crate::dkg::rockx::verify::{verify_ceremony, weigh_blame};
use crate::dkg::rockx::wire::{
    Blame as Accusation, BlameType, Decode, KeygenMessage, Round1, SignedMessage, SignedOutput,
};
use crate::dkg::threshold::{self, decode_key, decode_signature};
use crate::types::{Blame, BlsSignature, CeremonyPlan, OperatorId, SafeText, Verification};

/// What is provably wrong with a message, whoever looks at it.
pub(crate) fn fault_in(evidence: &CeremonyEvidence, seen: &Seen) -> Option<SafeText> {
    match (&seen.content, &evidence.plan) {
        (Content::SessionKey(body), _) => SessionPublicKey::parse(body.session_pk.as_slice())
            .err()
            .map(|error| format!("its session key: {error}").into()),
        (Content::Keys(body), _) => [&body.vk, &body.vk_share]
            .iter()
            .find_map(|key| decode_key(key.as_slice()).err())
            .map(|error| format!("a key of its round 2: {error}").into()),
        (Content::Deposit(body), _) => decode_signature(body.signature.as_slice())
            .err()
            .map(|error| format!("its deposit signature: {error}").into()),
        (
            Content::Dealing(dealing),
            CeremonyPlan::Keygen { threshold, .. } | CeremonyPlan::Reshare { threshold, .. },
        ) => dealing_fault(evidence, seen.signer, dealing, *threshold),
        (
            Content::Partial(partial),
            CeremonyPlan::Sign {
                signing_root,
                share_public_keys,
                ..
            },
        ) => {
            let key = share_public_keys.get(&seen.signer)?;
            let valid = BlsSignature::try_from(partial.partial_signature.as_slice())
                .is_ok_and(|signature| threshold::verify(key, &signing_root.0, &signature));
            (!valid).then(|| "its partial signature is not valid under its share key".into())
        }
        (
            Content::Combined(combined),
            CeremonyPlan::Sign {
                validator,
                signing_root,
                ..
            },
        ) => {
            let valid = BlsSignature::try_from(combined.reconstructed_signature.as_slice())
                .is_ok_and(|signature| threshold::verify(validator, &signing_root.0, &signature));
            (!valid).then(|| "its combined signature is not valid under the validator key".into())
        }
        _ => None,
    }
}

fn dealing_fault(
    evidence: &CeremonyEvidence,
    dealer: OperatorId,
    dealing: &Round1,
    threshold: u8,
) -> Option<SafeText> {
    if evidence.observed.proven(dealer, dealing, threshold).is_none()
        && let Err(error) = verify_round1(dealer, dealing, threshold)
    {
        return Some(format!("its dealing: {error}").into());
    }
    let left_out: Vec<String> = evidence
        .plan
        .committee()
        .iter()
        .filter(|id| **id != dealer && dealing.shares.get(id).is_none())
        .map(OperatorId::to_string)
        .collect();
    (!left_out.is_empty()).then(|| format!("its dealing has no share for {}", left_out.join(", ")).into())
}

/// An accusation in words, as the blamer puts it.
pub(crate) fn describe_accusation(seen: &Seen) -> SafeText {
    let Content::Blame(blame) = &seen.content else {
        return SafeText::default();
    };
    let what = match blame.kind {
        BlameType::InconsistentMessage => "two different messages",
        BlameType::InvalidShare => "an invalid share",
        BlameType::InvalidMessage => "an invalid message",
        BlameType::Other(_) => "something unknown",
    };
    format!("accuses operator {} of {what}", blame.target).into()
}

/// What an accusation amounts to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BlameVerdict {
    /// The evidence proves it.
    Proven,
    /// It ended the ceremony, and the evidence leaves open whose fault that is: a ciphertext that the revealed key does not
    /// open may be bad, or made for another session key that the blamer told others; a library may have shortened it; the
    /// session key may not have been observed. Nobody is named.
    Open,
    /// Nothing follows: it rests on a Timeout message (the deployed nodes take whichever they see first for a fault).
    Nothing,
    /// The evidence refutes it, or there is none: the blamer stopped the ceremony for nothing.
    False,
}

/// Every accusation among the messages, judged by its evidence.
pub(crate) fn blames(evidence: &CeremonyEvidence) -> Vec<(Blame, BlameVerdict)> {
    if !evidence
        .messages
        .iter()
        .any(|seen| matches!(seen.content, Content::Blame(_)))
    {
        return Vec::new();
    }
    let (context, observed) = (evidence.context(), &evidence.observed);
    evidence
        .messages
        .iter()
        .filter_map(|seen| match &seen.content {
            Content::Blame(accusation) => {
                let (mut blame, leaves_open) = weigh_blame(context, &seen.signed, observed);
                let undecidable = accusation.kind == BlameType::InvalidShare
                    && !observed.preparations.contains_key(&seen.signer);
                let standing = if blame.proven {
                    BlameVerdict::Proven
                } else if undecidable || leaves_open || rests_on_shortened(accusation, seen.signer) {
                    BlameVerdict::Open
                } else if rests_on_timeout(accusation) {
                    BlameVerdict::Nothing
                } else {
                    BlameVerdict::False
                };
                if matches!(standing, BlameVerdict::Open | BlameVerdict::Nothing) {
                    blame.culprit = None;
                }
                let verdict = if blame.proven { "proven" } else { "not proven" };
                blame.reason =
                    format!("operator {} accuses: {} ({verdict})", blame.blamer, blame.reason).into();
                Some((blame, standing))
            }
            _ => None,
        })
        .collect()
}

fn rests_on_timeout(accusation: &Accusation) -> bool {
    accusation.evidence.iter().any(|text| {
        SignedMessage::from_json(text.as_slice())
            .ok()
            .and_then(|signed| signed.message)
            .and_then(|message| KeygenMessage::from_json(message.data.as_slice()).ok())
            .is_some_and(|payload| payload.timeout.is_some())
    })
}

/// Verifies the outputs of all operators against the plan and against what was observed.
pub(crate) fn verify_outputs(
    evidence: &CeremonyEvidence,
    outputs: &BTreeMap<OperatorId, SignedOutput>,
) -> Verification {
    // nothing observed at all means that the observer could not be reached: that is no disagreement
    let observed = (!evidence.messages.is_empty()).then_some(&evidence.observed);
    verify_ceremony(evidence.context(), outputs, observed)
}
