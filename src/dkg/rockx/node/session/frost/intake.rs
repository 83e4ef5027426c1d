//! Taking a message in: is it this sender's to send, is it well-formed, does it agree with what the sender said before?

use super::{Dealt, FrostSession, Stop};
use crate::dkg::rockx::frost::Content;
use crate::dkg::rockx::node::session::result::check_signer;
use crate::dkg::rockx::node::session::{Authentic, Purpose, Reject, words};
use crate::dkg::rockx::wire::{BlameType, Decode, MsgType, PartialDepositData, ProtocolRound, SignedOutput};
use crate::types::{BlsSignature, SafeText};

impl FrostSession {
    pub(super) fn take(&mut self, message: Authentic) -> Result<(), Stop> {
        if !self.peers.contains_key(&message.signer()) {
            return Err(Reject::Stranger(message.signer()).into());
        }
        if message.ceremony() != self.plan.id {
            return Err(Reject::Unexpected("it belongs to another ceremony").into());
        }
        match message.msg_type() {
            MsgType::Protocol => self.take_protocol(message),
            MsgType::DepositData => self.take_deposit(&message),
            MsgType::Output => self.take_output(&message),
            _ => Err(Reject::Unexpected("not a message between operators").into()),
        }
    }

    fn take_protocol(&mut self, message: Authentic) -> Result<(), Stop> {
        let signer = message.signer();
        let content = match Content::read(message.payload(), signer, self.plan.threshold) {
            Ok(content) => content,
            Err(fault) => {
                return Err(Stop::Accuse {
                    kind: BlameType::InvalidMessage,
                    evidence: vec![message],
                    reason: fault,
                });
            }
        };
        let (round, senders) = match &content {
            Content::Preparation(_) => (ProtocolRound::Preparation, &self.plan.receivers),
            Content::Round1(..) => (ProtocolRound::Round1, &self.plan.dealers),
            Content::Round2(..) => (ProtocolRound::Round2, &self.plan.receivers),
            Content::Blame(blame) => return Err(self.judged(blame, message.clone())),
            // a Timeout of the last phase comes from every RockX node ten minutes after success, too
            Content::Timeout(ProtocolRound::KeygenOutput) => return Ok(()),
            Content::Timeout(round) => return Err(Stop::GivenUp(Box::new(message), *round)),
        };
        if !senders.contains(&signer) {
            return Err(Reject::Stranger(signer).into());
        }
        if let Some(first) = self.first.get(&(round, signer)) {
            if first.root() == message.root() {
                return Ok(());
            }
            return Err(Stop::Accuse {
                kind: BlameType::InconsistentMessage,
                evidence: vec![first.clone(), message],
                reason: SafeText::new(&format!("two different messages in {}", words::round(round))),
            });
        }
        self.first.insert((round, signer), message);
        match content {
            Content::Preparation(key) => {
                self.session_keys.insert(signer, key);
            }
            Content::Round1(commitments, round1) => {
                self.dealt.insert(signer, Dealt { commitments, round1 });
            }
            Content::Round2(validator, share_key) => {
                self.announced.insert(signer, (validator, share_key));
            }
            Content::Blame(_) | Content::Timeout(_) => {}
        }
        Ok(())
    }

    fn take_deposit(&mut self, message: &Authentic) -> Result<(), Stop> {
        let signer = message.signer();
        if !matches!(self.plan.purpose, Purpose::Keygen { .. }) || !self.plan.receivers.contains(&signer) {
            return Err(Reject::Stranger(signer).into());
        }
        let partial = PartialDepositData::from_json(message.payload())
            .map_err(|_| Reject::Wrong("not a partial deposit signature"))?;
        if partial.signer != signer {
            return Err(Reject::Wrong("a partial signature of another operator than the message").into());
        }
        let signature = BlsSignature::try_from(partial.signature.as_slice())
            .map_err(|_| Reject::Wrong("a BLS signature has 96 bytes"))?;
        // BLS signatures are unique: another one for the same root is a wrong one
        match self.deposits.get(signer) {
            Some(known) if *known != signature => Err(Reject::Inconsistent.into()),
            _ => {
                self.deposits.insert(signer, signature);
                Ok(())
            }
        }
    }

    fn take_output(&mut self, message: &Authentic) -> Result<(), Stop> {
        let signer = message.signer();
        if !self.plan.receivers.contains(&signer) {
            return Err(Reject::Stranger(signer).into());
        }
        let output =
            SignedOutput::from_json(message.payload()).map_err(|_| Reject::Wrong("not a signed result"))?;
        if let Some(known) = self.outputs.get(&signer) {
            return if *known == output {
                Ok(())
            } else {
                Err(Reject::Inconsistent.into())
            };
        }
        check_signer(&output, signer, &self.peers).map_err(Reject::Wrong)?;
        if output
            .data
            .as_ref()
            .is_none_or(|data| data.request_id != self.plan.id)
        {
            return Err(Reject::Wrong("the result of another ceremony").into());
        }
        self.outputs.insert(signer, output);
        Ok(())
    }
}
