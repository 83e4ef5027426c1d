//! How a session ends other than by success.

use super::{FrostSession, Stage};
use crate::dkg::rockx::keys::KeyError;
use crate::dkg::rockx::node::session::{Authentic, Finish, Output, Purpose, Reject, Sink, words};
use crate::dkg::rockx::verify::Court;
use crate::dkg::rockx::wire::{
    Blame, BlameOutput, BlameType, GoBytes, KeygenMessage, MsgType, ProtocolRound, SignedMessage, Timeout,
};
use crate::types::{CeremonyKind, OperatorId, SafeText};

/// Why a step did not simply succeed.
pub(super) enum Stop {
    Reject(Reject),
    /// Somebody provably broke the protocol.
    Accuse {
        kind: BlameType,
        evidence: Vec<Authentic>,
        reason: SafeText,
    },
    /// Somebody accused somebody.
    Accused {
        message: Box<Authentic>,
        /// As the protocol has it: also where the evidence leaves open whether the blamer told others another session key.
        valid: bool,
        reason: SafeText,
    },
    Failed(SafeText),
    /// What somebody announced does not follow from what was dealt here: it lies, or a dealer told it something else.
    Contradicted(SafeText),
    /// Somebody's patience ended before ours.
    GivenUp(Box<Authentic>, ProtocolRound),
}

impl From<Reject> for Stop {
    fn from(reject: Reject) -> Self {
        Self::Reject(reject)
    }
}

impl From<KeyError> for Stop {
    fn from(error: KeyError) -> Self {
        Self::failed(error)
    }
}

impl Stop {
    pub(super) fn failed(reason: impl std::fmt::Display) -> Self {
        Self::Failed(SafeText::new(&reason.to_string()))
    }
}

impl FrostSession {
    /// Our patience ends. Peers are told, except in the last phase: there a Timeout would accuse nobody of anything and
    /// RockX's nodes would answer it with a blame.
    pub(super) fn expire(&mut self, out: &mut Sink<'_>) -> Result<(), Stop> {
        let round = self.stage.wire();
        let missing = self.missing();
        let names: Vec<String> = missing.iter().map(ToString::to_string).collect();
        if round != ProtocolRound::KeygenOutput {
            self.say(Timeout { round }, out)?;
        }
        Err(Stop::failed(format_args!(
            "timeout in {}: nothing came from {}",
            self.stage.round(),
            names.join(", ")
        )))
    }

    pub(super) fn judged(&self, blame: &Blame, message: Authentic) -> Stop {
        let court = Court {
            ceremony: self.plan.id,
            kind: match self.plan.purpose {
                Purpose::Keygen { .. } => CeremonyKind::Keygen,
                Purpose::Reshare { .. } => CeremonyKind::Reshare,
            },
            threshold: self.plan.threshold,
            dealers: &self.plan.dealers,
            committee: &self.plan.receivers,
            keys: &self.peers,
        };
        let session_key = self.session_keys.get(&message.signer());
        let (judgement, open) = court.weigh(blame, message.signer(), session_key);
        let accused = judgement.culprit.unwrap_or(blame.target);
        let verdict = if judgement.proven { "proven" } else { "not proven" };
        Stop::Accused {
            reason: SafeText::new(&format!(
                "operator {} blames operator {accused} for {}, {verdict}: {}",
                message.signer(),
                words::offence(blame.kind),
                judgement.reason
            )),
            valid: judgement.proven || open,
            message: Box::new(message),
        }
    }

    /// Ends the session and says why.
    pub(super) fn stop(&mut self, stop: Stop, out: &mut Sink<'_>) -> Result<(), Reject> {
        let finish = match stop {
            Stop::Reject(reject) => return Err(reject),
            Stop::Failed(reason) => Finish::Failed {
                reason,
                notice: self.notice().map(Box::new),
            },
            Stop::Contradicted(reason) => {
                for dealer in self.plan.dealers.clone() {
                    self.show(ProtocolRound::Round1, dealer, out);
                }
                Finish::Failed {
                    reason,
                    notice: self.notice().map(Box::new),
                }
            }
            Stop::GivenUp(message, round) => Finish::Failed {
                reason: SafeText::new(&format!(
                    "operator {} gave up waiting in {}",
                    message.signer(),
                    words::round(round)
                )),
                // the same as everybody else reports
                notice: Some(Box::new(message.to_signed())),
            },
            Stop::Accused {
                message,
                valid,
                reason,
            } => {
                self.show(ProtocolRound::Preparation, message.signer(), out);
                Finish::Blame {
                    report: BlameOutput {
                        valid,
                        blame_message: Some(message.to_signed()),
                    },
                    reason,
                }
            }
            Stop::Accuse {
                kind,
                evidence,
                reason,
            } => self.accuse(kind, &evidence, &reason, out),
        };
        self.stage = Stage::Over;
        self.session_key = None;
        self.shares.clear();
        self.share = None;
        out.push(Output::Finished(finish));
        Ok(())
    }

    /// Shows everybody what this operator was told: whoever told others something else has signed both, and is found out by
    /// it. Otherwise whoever was told something else would be taken for the liar.
    fn show(&self, round: ProtocolRound, sender: OperatorId, out: &mut Sink<'_>) {
        if sender != self.me.id
            && let Some(told) = self.first.get(&(round, sender))
        {
            out.push(Output::Broadcast(told.to_signed()));
        }
    }

    /// What this operator says when it goes no further.
    fn notice(&self) -> Option<SignedMessage> {
        let body = KeygenMessage::from(Timeout {
            round: self.stage.wire(),
        });
        self.me.sign(MsgType::Protocol, self.plan.id, &body).ok()
    }

    /// The session key is revealed only where the accusation cannot be judged without it.
    fn accuse(
        &mut self,
        kind: BlameType,
        evidence: &[Authentic],
        reason: &SafeText,
        out: &mut Sink<'_>,
    ) -> Finish {
        let target = evidence.first().map_or(OperatorId(0), Authentic::signer);
        let blamer_session_sk = match (&self.session_key, kind) {
            (Some(key), BlameType::InvalidShare) => key.to_unpadded_bytes().as_slice().into(),
            _ => GoBytes::NIL,
        };
        let body = Blame {
            kind,
            target,
            evidence: evidence.iter().map(|m| GoBytes::from(m.to_evidence())).collect(),
            blamer_session_sk,
        };
        match self
            .me
            .sign(MsgType::Protocol, self.plan.id, &KeygenMessage::from(body))
        {
            Ok(message) => {
                out.push(Output::Broadcast(message.clone()));
                Finish::Blame {
                    report: BlameOutput {
                        valid: true,
                        blame_message: Some(message),
                    },
                    reason: SafeText::new(&format!(
                        "this operator blames operator {target} for {}: {reason}",
                        words::offence(kind)
                    )),
                }
            }
            Err(error) => Finish::Failed {
                reason: SafeText::new(&error.to_string()),
                notice: None,
            },
        }
    }
}
