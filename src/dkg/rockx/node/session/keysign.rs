//! A threshold signature: partial signatures, the combined one from every operator, and every operator's signed result.

use std::collections::BTreeMap;

use super::identity::{Identity, Peers};
use super::partials::Partials;
use super::plan::KeysignPlan;
use super::result::check_signer;
use super::{Authentic, Entropy, Finish, Input, Output, Reject, Session, Sink};
use crate::dkg::rockx::keys::KeyError;
use crate::dkg::rockx::round::Round;
use crate::dkg::rockx::wire::{
    Decode, GoMap, KeySignOutput, KeysignBody, KeysignMessage, KeysignPreparation, KeysignRound1, MsgType,
    ProtocolRound, SignedOutput, Timeout,
};
use crate::dkg::threshold::{SecretScalar, partial_sign};
use crate::types::{BlsSignature, OperatorId, SafeText};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Preparation,
    Round1,
    Output,
    Over,
}

impl Stage {
    fn round(self) -> Round {
        match self {
            Self::Preparation => Round::Preparation,
            Self::Round1 => Round::Round1,
            Self::Output | Self::Over => Round::Output,
        }
    }

    fn wire(self) -> ProtocolRound {
        match self {
            Self::Preparation => ProtocolRound::Preparation,
            Self::Round1 => ProtocolRound::Round1,
            Self::Output | Self::Over => ProtocolRound::KeysignOutput,
        }
    }
}

/// One signing ceremony at one operator.
pub struct KeysignSession {
    me: Identity,
    peers: Peers,
    plan: KeysignPlan,
    stage: Stage,
    partials: Partials,
    /// Combined signatures as the others announce them.
    announced: BTreeMap<OperatorId, BlsSignature>,
    signature: Option<BlsSignature>,
    outputs: BTreeMap<OperatorId, SignedOutput>,
}

impl std::fmt::Debug for KeysignSession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeysignSession")
            .field("me", &self.me)
            .field("plan", &self.plan)
            .field("stage", &self.stage)
            .finish_non_exhaustive()
    }
}

impl KeysignSession {
    /// A session of `me`, one of the holders of the plan's key; `peers` holds the RSA keys of all of them.
    #[must_use]
    pub fn new(me: Identity, peers: Peers, plan: KeysignPlan) -> Self {
        Self {
            me,
            peers,
            plan,
            stage: Stage::Preparation,
            partials: Partials::default(),
            announced: BTreeMap::new(),
            signature: None,
            outputs: BTreeMap::new(),
        }
    }

    fn say(&self, body: impl Into<KeysignMessage>) -> Result<Output, KeyError> {
        let message: KeysignMessage = body.into();
        Ok(Output::Broadcast(self.me.sign(
            MsgType::Protocol,
            self.plan.id,
            &message,
        )?))
    }

    fn take(&mut self, message: &Authentic) -> Result<(), Reject> {
        let signer = message.signer();
        if !self.plan.key.share_public_keys.contains_key(&signer) {
            return Err(Reject::Stranger(signer));
        }
        if message.ceremony() != self.plan.id {
            return Err(Reject::Unexpected("it belongs to another ceremony"));
        }
        match message.msg_type() {
            MsgType::Protocol => self.take_protocol(message),
            MsgType::Output => self.take_output(message),
            _ => Err(Reject::Unexpected("not a message of a signing ceremony")),
        }
    }

    /// A BLS signature is unique, so a second, different one shows that one of the two is wrong; which one is found out
    /// when they are combined.
    fn take_protocol(&mut self, message: &Authentic) -> Result<(), Reject> {
        let signer = message.signer();
        let payload =
            KeysignMessage::from_json(message.payload()).map_err(|_| Reject::Wrong("not a payload"))?;
        let length = |_| Reject::Wrong("a BLS signature has 96 bytes");
        match payload.body() {
            Ok(KeysignBody::Preparation(body)) => {
                let partial = BlsSignature::try_from(body.partial_signature.as_slice()).map_err(length)?;
                match self.partials.get(signer) {
                    Some(known) if *known != partial => return Err(Reject::Inconsistent),
                    _ => self.partials.insert(signer, partial),
                }
            }
            Ok(KeysignBody::Round1(body)) => {
                let full = BlsSignature::try_from(body.reconstructed_signature.as_slice()).map_err(length)?;
                if self.signature.is_some_and(|ours| ours != full) {
                    return Err(Reject::Wrong("the combined signature is not valid"));
                }
                self.announced.insert(signer, full);
            }
            Err(_) => return Err(Reject::Wrong("not the body of its round")),
        }
        Ok(())
    }

    fn take_output(&mut self, message: &Authentic) -> Result<(), Reject> {
        let signer = message.signer();
        let output =
            SignedOutput::from_json(message.payload()).map_err(|_| Reject::Wrong("not a signed result"))?;
        if let Some(known) = self.outputs.get(&signer) {
            return if *known == output {
                Ok(())
            } else {
                Err(Reject::Inconsistent)
            };
        }
        check_signer(&output, signer, &self.peers).map_err(Reject::Wrong)?;
        let Some(result) = &output.key_sign_data else {
            return Err(Reject::Wrong("not the result of a signing ceremony"));
        };
        if result.request_id != self.plan.id || result.validator_pk.as_slice() != self.plan.key.validator.0 {
            return Err(Reject::Wrong("the result of another ceremony"));
        }
        if self
            .signature
            .is_some_and(|ours| ours.0 != result.signature.as_slice())
        {
            return Err(Reject::Wrong("the result has another signature"));
        }
        self.outputs.insert(signer, output);
        Ok(())
    }

    fn advance(&mut self, out: &mut Sink<'_>) -> Result<(), KeyError> {
        if self.stage == Stage::Preparation {
            let key = &self.plan.key;
            let combined = self.partials.combine(
                &key.validator,
                &key.share_public_keys,
                &self.plan.root,
                key.threshold,
            );
            let Some(signature) = combined else {
                return Ok(());
            };
            self.signature = Some(signature);
            // what came before we knew better
            self.announced.retain(|_, announced| *announced == signature);
            self.outputs.retain(|_, output| {
                let result = output.key_sign_data.as_ref();
                result.is_some_and(|r| r.signature.as_slice() == signature.0)
            });
            self.announced.insert(self.me.id, signature);
            let reconstructed_signature = signature.0.into();
            out.push(self.say(KeysignRound1 {
                reconstructed_signature,
            })?);
            self.stage = Stage::Round1;
        }
        let Some(signature) = self.signature else {
            return Ok(());
        };
        if self.stage == Stage::Round1 && self.missing().is_empty() {
            let result = KeySignOutput {
                request_id: self.plan.id,
                signature: signature.0.into(),
                validator_pk: self.plan.key.validator.0.into(),
            };
            let output = SignedOutput::of_keysign(result, self.me.id, &self.me.key)?;
            let signed = self.me.sign(MsgType::Output, self.plan.id, &output)?;
            self.outputs.insert(self.me.id, output);
            out.push(Output::Broadcast(signed));
            self.stage = Stage::Output;
        }
        if self.stage == Stage::Output && self.missing().is_empty() {
            self.stage = Stage::Over;
            let outputs = GoMap::from(std::mem::take(&mut self.outputs));
            out.push(Output::Finished(Finish::Outputs(outputs)));
        }
        Ok(())
    }

    fn missing(&self) -> Vec<OperatorId> {
        let holders = self.plan.key.share_public_keys.keys().copied();
        match self.stage {
            Stage::Preparation => {
                let known: Vec<_> = self.partials.signers().collect();
                holders.filter(|id| !known.contains(id)).collect()
            }
            Stage::Round1 => holders.filter(|id| !self.announced.contains_key(id)).collect(),
            Stage::Output | Stage::Over => holders.filter(|id| !self.outputs.contains_key(id)).collect(),
        }
    }

    fn fail(&mut self, reason: &dyn std::fmt::Display, out: &mut Sink<'_>) {
        let message = KeysignMessage {
            round: ProtocolRound::Timeout,
            timeout: Some(Timeout {
                round: self.stage.wire(),
            }),
            ..KeysignMessage::default()
        };
        let notice = self.me.sign(MsgType::Protocol, self.plan.id, &message);
        self.stage = Stage::Over;
        out.push(Output::Finished(Finish::Failed {
            reason: SafeText::new(&reason.to_string()),
            notice: notice.ok().map(Box::new),
        }));
    }
}

impl Session for KeysignSession {
    fn start_into(&mut self, _rng: &mut dyn Entropy, out: &mut Sink<'_>) {
        // one timer for the whole ceremony: the protocol knows no timeout here, so nobody is told when it runs out
        out.push(Output::Arm(ProtocolRound::Preparation));
        let started = SecretScalar::from_be_bytes(&*self.plan.key.share).map(|share| {
            let partial = partial_sign(&share, &self.plan.root);
            self.partials.insert(self.me.id, partial);
            let partial_signature = partial.0.into();
            self.say(KeysignPreparation { partial_signature })
        });
        match started {
            Ok(Ok(message)) => {
                out.push(message);
                if let Err(error) = self.advance(out) {
                    self.fail(&error, out);
                }
            }
            Ok(Err(error)) => self.fail(&error, out),
            Err(error) => self.fail(&error, out),
        }
    }

    fn handle_into(
        &mut self,
        input: Input,
        _rng: &mut dyn Entropy,
        out: &mut Sink<'_>,
    ) -> Result<(), Reject> {
        if self.stage == Stage::Over {
            return Err(Reject::Over);
        }
        match input {
            Input::Message(message) => {
                self.take(&message)?;
                if let Err(error) = self.advance(out) {
                    self.fail(&error, out);
                }
            }
            Input::Timeout(_) => {
                let names: Vec<String> = self.missing().iter().map(ToString::to_string).collect();
                let reason = format!(
                    "timeout in {}: nothing came from {}",
                    self.stage.round(),
                    names.join(", ")
                );
                self.fail(&reason, out);
            }
        }
        Ok(())
    }
}
