//! Accusations: raising them and judging them. A judgement rests on the evidence alone, never on the blamer's word.

use super::Authentic;
use super::identity::Peers;
use super::read::{Content, round_of};
use crate::dkg::rockx::ecies::{SessionKey, SessionPublicKey};
use crate::dkg::rockx::frost::{open_share, verify_round1};
use crate::dkg::rockx::wire::{
    Blame, BlameType, Decode, KeygenBody, KeygenMessage, MsgType, ProtocolRound, SignedMessage,
};
use crate::types::{OperatorId, RequestId, SafeText};

/// What is known of a ceremony by whoever judges.
#[derive(Debug, Clone, Copy)]
pub struct Court<'a> {
    /// The ceremony: evidence from another one proves nothing.
    pub ceremony: RequestId,
    /// Threshold of the (new) committee.
    pub threshold: u8,
    /// RSA keys of everybody who takes part.
    pub peers: &'a Peers,
}

/// The outcome of looking at the evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// Who signed the evidence, where there is any.
    pub culprit: Option<OperatorId>,
    /// Whether it proves that the culprit broke the protocol.
    pub proven: bool,
    /// Why, or why not.
    pub reason: SafeText,
}

impl Court<'_> {
    /// Judges `blame`, published by `blamer`, whose Preparation carried `session_key` (needed for
    /// [`BlameType::InvalidShare`] only).
    #[must_use]
    pub fn judge(
        &self,
        blame: &Blame,
        blamer: OperatorId,
        session_key: Option<&SessionPublicKey>,
    ) -> Judgement {
        // no accusation needs more, and each item costs work
        if blame.evidence.as_slice().len() > 2 {
            return Judgement::unproven(None, "more evidence than any accusation has");
        }
        let mut evidence = Vec::new();
        for text in blame.evidence.iter() {
            match self.admit(text.as_slice()) {
                Ok(message) => evidence.push(message),
                Err(reason) => return Judgement::unproven(None, reason),
            }
        }
        let culprit = evidence.first().map(Authentic::signer);
        let outcome = match (blame.kind, evidence.as_slice()) {
            (BlameType::InconsistentMessage, [first, second]) => inconsistent(first, second),
            (BlameType::InvalidMessage, [message]) => self.invalid(message),
            (BlameType::InvalidShare, [message]) => self.bad_share(message, blame, blamer, session_key),
            _ => Err("the evidence does not fit the accusation".into()),
        };
        match outcome {
            Ok(reason) => Judgement {
                culprit,
                proven: true,
                reason,
            },
            Err(reason) => Judgement::unproven(culprit, reason),
        }
    }

    /// Evidence counts if it is a protocol message of this ceremony, really signed by a member.
    fn admit(&self, text: &[u8]) -> Result<Authentic, &'static str> {
        let message = SignedMessage::from_json(text).map_err(|_| "the evidence is not a signed message")?;
        let key = self
            .peers
            .get(&message.signer)
            .ok_or("the evidence is not from a member of this ceremony")?;
        let message = Authentic::check(message, key).ok_or("the signature of the evidence is not valid")?;
        if message.ceremony() != self.ceremony || message.msg_type() != MsgType::Protocol {
            return Err("the evidence is not from this ceremony");
        }
        Ok(message)
    }

    fn invalid(&self, message: &Authentic) -> Result<SafeText, SafeText> {
        match Content::read(message.payload(), message.signer(), self.threshold) {
            Err(fault) => Ok(fault),
            // Go's programs blame whoever gave up waiting first
            Ok(Content::Timeout(_)) => Err("to run out of time is no offence".into()),
            Ok(_) => Err("the message is valid".into()),
        }
    }

    fn bad_share(
        &self,
        message: &Authentic,
        blame: &Blame,
        blamer: OperatorId,
        session_key: Option<&SessionPublicKey>,
    ) -> Result<SafeText, SafeText> {
        let payload = KeygenMessage::from_json(message.payload()).map_err(|_| "not a payload")?;
        let Ok(KeygenBody::Round1(round1)) = payload.body() else {
            return Err("the evidence deals no shares".into());
        };
        let secret = SessionKey::from_be_bytes(blame.blamer_session_sk.as_slice())
            .map_err(|_| "no session key was revealed")?;
        if session_key.is_none_or(|public| *public != secret.public()) {
            return Err("the revealed session key is not the blamer's".into());
        }
        let commitments = match verify_round1(message.signer(), round1, self.threshold) {
            Ok(commitments) => commitments,
            Err(fault) => return Ok(SafeText::new(&fault.to_string())),
        };
        match open_share(blamer, &secret, round1, &commitments) {
            Ok(_) => Err("the share is good".into()),
            Err(fault) => Ok(SafeText::new(&fault.to_string())),
        }
    }
}

fn inconsistent(first: &Authentic, second: &Authentic) -> Result<SafeText, SafeText> {
    let rounds = (round_of(first.payload()), round_of(second.payload()));
    if first.signer() != second.signer() {
        Err("the two messages are from two operators".into())
    } else if first.root() == second.root() {
        Err("the two messages say the same".into())
    } else if rounds.0.is_none() || rounds.0 != rounds.1 {
        Err("the two messages are from two rounds".into())
    } else if rounds.0 == Some(ProtocolRound::Timeout) {
        Err("to run out of time is no offence".into())
    } else {
        Ok("two different messages in the same round".into())
    }
}

impl Judgement {
    fn unproven(culprit: Option<OperatorId>, reason: impl Into<SafeText>) -> Self {
        Self {
            culprit,
            proven: false,
            reason: reason.into(),
        }
    }
}
