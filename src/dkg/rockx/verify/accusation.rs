//! Judging accusations. The blamer's word counts for nothing: the culprit is whoever signed the evidence, and only if
//! the evidence itself shows the fault.

use std::borrow::Borrow;
use std::collections::BTreeMap;

use super::payload::{self, Content, Rules};
use super::rejected::Rejected;
use crate::dkg::rockx::ecies::{EciesError, OVERHEAD, SessionKey, SessionPublicKey};
use crate::dkg::rockx::frost::{ShareError, open_share, verify_round1};
use crate::dkg::rockx::keys::OperatorPublicKey;
use crate::dkg::rockx::sign::message_root;
use crate::dkg::rockx::wire::{
    Blame as Accusation, BlameType, Decode, GoBytes, KeygenMessage, Message, MsgType, ProtocolRound, Round1,
    SignedMessage,
};
use crate::types::{Blame, CeremonyKind, OperatorId, RequestId, SafeText};

/// What the evidence shows, and why.
pub(super) enum Finding {
    /// The sender of the evidence broke the protocol.
    Proven(SafeText),
    /// Nothing follows for the sender of the evidence.
    Unproven(SafeText),
    /// Something is wrong, and either the sender of the evidence or the blamer has done it.
    Open(SafeText),
    /// A library failed an honest sender: there is nobody to blame, and the blamer is none the worse for its accusation.
    Defect(SafeText),
}

fn proven(reason: impl Into<SafeText>) -> Finding {
    Finding::Proven(reason.into())
}

pub(super) fn unproven(reason: impl Into<SafeText>) -> Finding {
    Finding::Unproven(reason.into())
}

/// What is known of a ceremony by whoever judges: an operator's node while it runs, or whoever ordered it.
#[derive(Debug, Clone, Copy)]
pub struct Court<'a, K> {
    /// The ceremony: evidence from another one proves nothing.
    pub ceremony: RequestId,
    /// Which messages it has.
    pub kind: CeremonyKind,
    /// Threshold of the (new) committee.
    pub threshold: u8,
    /// Who deals shares; nobody in a signing ceremony.
    pub dealers: &'a [OperatorId],
    /// Who holds the key afterwards.
    pub committee: &'a [OperatorId],
    /// RSA keys of everybody who takes part.
    pub keys: &'a BTreeMap<OperatorId, K>,
}

impl<K: Borrow<OperatorPublicKey>> Court<'_, K> {
    /// Judges an accusation by its evidence alone. An "invalid share" also needs the public session key that the blamer
    /// announced.
    ///
    /// The evidence of release 0.2.13 after a timeout is the timeout message of an innocent node: that proves nothing.
    /// So does its accusation when the dealer's library has shortened a ciphertext that is right: no culprit is named.
    #[must_use]
    pub fn judge(
        &self,
        accusation: &Accusation,
        blamer: OperatorId,
        session_key: Option<&SessionPublicKey>,
    ) -> Blame {
        self.weigh(accusation, blamer, session_key).0
    }

    /// The same, and whether the evidence shows a fault and leaves open whose.
    pub(crate) fn weigh(
        &self,
        accusation: &Accusation,
        blamer: OperatorId,
        session_key: Option<&SessionPublicKey>,
    ) -> (Blame, bool) {
        let (signer, finding) = self.find(accusation, blamer, session_key);
        let open = matches!(finding, Finding::Open(_));
        (blame(blamer, signer, finding), open)
    }

    /// Who signed the evidence, and what it shows.
    fn find(
        &self,
        accusation: &Accusation,
        blamer: OperatorId,
        session_key: Option<&SessionPublicKey>,
    ) -> (Option<OperatorId>, Finding) {
        let evidence = match self.admit(accusation) {
            Ok(evidence) => evidence,
            Err(reason) => return (None, unproven(reason)),
        };
        let Some(culprit) = evidence.first().map(|signed| signed.signer) else {
            return (None, unproven("there is no evidence"));
        };
        let finding = match (accusation.kind, evidence.as_slice()) {
            (BlameType::InconsistentMessage, [first, second]) => self.inconsistent(first, second),
            (BlameType::InvalidShare, [dealing]) => {
                self.invalid_share(blamer, accusation, dealing, session_key)
            }
            (BlameType::InvalidMessage, [single]) => self.invalid_message(single),
            (kind, many) => unproven(format!(
                "{} messages are no evidence for an accusation of type {}",
                many.len(),
                u64::from(kind)
            )),
        };
        (Some(culprit), finding)
    }

    /// Whether a message belongs to this ceremony and is signed by the participant it names.
    pub(super) fn attribute(&self, signed: &SignedMessage) -> Result<(), Rejected> {
        let message = signed.message.as_ref().ok_or(Rejected::Empty)?;
        if message.identifier != self.ceremony {
            return Err(Rejected::OtherCeremony(message.identifier));
        }
        let signer = signed.signer;
        let takes_part = self.dealers.contains(&signer) || self.committee.contains(&signer);
        match self.keys.get(&signer) {
            Some(key) if takes_part && signed.verify(key.borrow()) => Ok(()),
            Some(_) if takes_part => Err(Rejected::Forged(signer)),
            _ => Err(Rejected::Stranger(signer)),
        }
    }

    pub(super) fn rules(&self) -> Rules<'_> {
        Rules {
            kind: self.kind,
            threshold: self.threshold,
            committee: self.committee,
        }
    }

    /// The messages of the evidence: each attributable, all of one sender.
    fn admit(&self, accusation: &Accusation) -> Result<Vec<SignedMessage>, SafeText> {
        let given = accusation.evidence.as_slice();
        // no kind of accusation needs more, and each costs a signature check
        if given.len() > 2 {
            return Err(format!("{} messages are no evidence for anything", given.len()).into());
        }
        let mut evidence: Vec<SignedMessage> = Vec::new();
        for item in given {
            let signed =
                SignedMessage::from_json(item.as_slice()).map_err(|e| format!("unreadable evidence: {e}"))?;
            self.attribute(&signed)
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

    fn inconsistent(&self, first: &SignedMessage, second: &SignedMessage) -> Finding {
        let (Some((one, first_payload)), Some((two, second_payload))) =
            (payload_of(first), payload_of(second))
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
                    .all(|m| payload::read(self.rules(), sender, m).is_ok());
                if valid {
                    ""
                } else {
                    ", at least one of them not even valid"
                }
            },
        )
    }

    fn invalid_share(
        &self,
        blamer: OperatorId,
        accusation: &Accusation,
        evidence: &SignedMessage,
        session_key: Option<&SessionPublicKey>,
    ) -> Finding {
        let dealer = evidence.signer;
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
        if !self.dealers.contains(&dealer) {
            return unproven(format!("operator {dealer} deals nothing in this ceremony"));
        }
        if dealer == blamer || !self.committee.contains(&blamer) {
            return unproven("the blamer is dealt nothing by this operator");
        }
        let Some(announced) = session_key else {
            return unproven(
                "the blamer's session key was not observed, so its decryption cannot be repeated",
            );
        };
        let session = match SessionKey::from_be_bytes(accusation.blamer_session_sk.as_slice()) {
            Ok(session) if session.public() == *announced => session,
            _ => return unproven("the revealed key is not the blamer's session key"),
        };
        match self.share_fault(blamer, &session, dealer, &dealing) {
            Some(ShareFault::Sealed) => Finding::Open(
                format!(
                    "operator {dealer}'s share for operator {blamer} does not decrypt with the key that operator {blamer} \
                     reveals: either operator {dealer} sent what is none, or operator {blamer} told others another session \
                     key than this"
                )
                .into(),
            ),
            Some(ShareFault::Plain(fault)) => proven(format!(
                "operator {dealer}'s share for operator {blamer}: {fault}"
            )),
            None if was_shortened(blamer, &dealing) => Finding::Defect(
                format!(
                    "operator {dealer}'s share for operator {blamer} is right: its library lost a zero byte of the \
                     ciphertext's point, and that of the blamer does not put it back; a new run mends it"
                )
                .into(),
            ),
            None => unproven(format!(
                "operator {dealer}'s share for operator {blamer} is right"
            )),
        }
    }

    fn share_fault(
        &self,
        blamer: OperatorId,
        session: &SessionKey,
        dealer: OperatorId,
        dealing: &Round1,
    ) -> Option<ShareFault> {
        let commitments = match verify_round1(dealer, dealing, self.threshold) {
            Ok(commitments) => commitments,
            Err(fault) => return Some(ShareFault::Plain(fault.to_string())),
        };
        let bytes = dealing
            .shares
            .get(&blamer)
            .map_or(0, |sealed| sealed.as_slice().len());
        match open_share(blamer, session, dealing, &commitments) {
            Ok(_) => None,
            // a share has 32 bytes, always, and longer is no sealed share for any key
            Err(ShareError::Decrypt(EciesError::Tag)) if bytes <= OVERHEAD + 32 => Some(ShareFault::Sealed),
            Err(error) => Some(ShareFault::Plain(error.to_string())),
        }
    }

    fn invalid_message(&self, evidence: &SignedMessage) -> Finding {
        let culprit = evidence.signer;
        let Some(message) = evidence
            .message
            .as_ref()
            .filter(|message| message.msg_type == MsgType::Protocol)
        else {
            return unproven("the evidence is no protocol message");
        };
        match payload::read(self.rules(), culprit, message) {
            Err(reason) => proven(format!("operator {culprit}'s message is invalid: {reason}")),
            Ok(Content::Timeout) => unproven(format!(
                "operator {culprit} only reported that its time ran out; nodes of release 0.2.13 take that for a fault"
            )),
            Ok(_) => unproven(format!("operator {culprit}'s message is valid")),
        }
    }
}

/// What is wrong with a share.
enum ShareFault {
    /// Its tag does not fit the session key: it was altered, or made for another key.
    Sealed,
    /// Whatever key it was made for, or by what is within: only who holds the key can make a tag that fits.
    Plain(String),
}

pub(super) fn blame(blamer: OperatorId, signer: Option<OperatorId>, finding: Finding) -> Blame {
    let (proven, culprit, reason) = match finding {
        Finding::Proven(reason) => (true, signer, reason),
        Finding::Unproven(reason) => (false, signer, reason),
        Finding::Open(reason) | Finding::Defect(reason) => (false, None, reason),
    };
    Blame {
        blamer,
        culprit,
        proven,
        reason,
    }
}

/// Whether an accusation is about a ciphertext that the dealer's library has shortened. Unless it is proven all the same,
/// nobody has done anything wrong: RockX's nodes can neither avoid such a ciphertext nor read it.
pub(crate) fn rests_on_shortened(accusation: &Accusation, blamer: OperatorId) -> bool {
    let shortened = |item: &GoBytes| {
        let dealing = SignedMessage::from_json(item.as_slice())
            .ok()
            .and_then(|signed| payload_of(&signed)?.1.round1);
        dealing.is_some_and(|dealing| was_shortened(blamer, &dealing))
    };
    accusation.kind == BlameType::InvalidShare && accusation.evidence.iter().any(shortened)
}

/// Whether Go's library has shortened the ciphertext for this operator: a share has 32 bytes, always.
fn was_shortened(receiver: OperatorId, dealing: &Round1) -> bool {
    let ciphertext = dealing.shares.get(&receiver);
    ciphertext.is_some_and(|ciphertext| ciphertext.as_slice().len() < OVERHEAD + 32)
}

/// The payload of a protocol message, leniently.
fn payload_of(signed: &SignedMessage) -> Option<(&Message, KeygenMessage)> {
    let message = signed
        .message
        .as_ref()
        .filter(|message| message.msg_type == MsgType::Protocol)?;
    Some((message, KeygenMessage::from_json(message.data.as_slice()).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dkg::rockx::wire::{Encode, GoMap};

    #[test]
    fn only_a_short_ciphertext_for_the_blamer_is_a_librarys_fault() {
        let one = OperatorId(1);
        let accusation = |kind, receiver: OperatorId, bytes: usize| {
            let shares = [(receiver, GoBytes::from(vec![4; bytes]))].into();
            let dealing = Round1 {
                shares: GoMap(Some(shares)),
                ..Round1::default()
            };
            let payload = KeygenMessage::from(dealing);
            let signed = SignedMessage {
                message: Some(Message::new(MsgType::Protocol, RequestId([1; 24]), &payload)),
                signer: OperatorId(2),
                ..SignedMessage::default()
            };
            Accusation {
                kind,
                evidence: vec![GoBytes::from(signed.to_json())].into(),
                ..Accusation::default()
            }
        };
        for (kind, receiver, bytes, expected) in [
            (BlameType::InvalidShare, one, 128, true),
            (BlameType::InvalidShare, one, 129, false),
            (BlameType::InvalidShare, OperatorId(3), 128, false),
            (BlameType::InvalidMessage, one, 128, false),
        ] {
            let rests = rests_on_shortened(&accusation(kind, receiver, bytes), one);
            assert_eq!(rests, expected, "{kind:?}, {bytes} bytes for operator {receiver}");
        }
    }
}
