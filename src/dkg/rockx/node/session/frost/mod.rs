//! Keygen and resharing: one machine, since they differ only in who deals what and in what follows the new share.
//!
//! ```text
//! Preparation (receivers) -> Round1 (dealers) -> Round2 (receivers) -> [DepositData, keygen only] -> Output (receivers)
//! ```

mod ending;
mod intake;
mod rounds;

use std::collections::BTreeMap;

use super::identity::{Identity, Peers};
use super::partials::Partials;
use super::plan::FrostPlan;
use super::{Authentic, Entropy, Input, Output, Reject, Session, Sink};
use crate::dkg::rockx::ecies::{SessionKey, SessionPublicKey};
use crate::dkg::rockx::frost::DerivedKeys;
use crate::dkg::rockx::node::store::KeyShare;
use crate::dkg::rockx::round::Round;
use crate::dkg::rockx::wire::{KeygenMessage, MsgType, Preparation, ProtocolRound, Round1, SignedOutput};
use crate::dkg::threshold::{Commitments, SecretScalar};
use crate::types::{BlsPublicKey, BlsSignature, OperatorId};

use ending::Stop;

/// What this operator waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Preparation,
    Round1,
    Round2,
    Deposit,
    Output,
    Over,
}

impl Stage {
    fn round(self) -> Round {
        match self {
            Self::Preparation => Round::Preparation,
            Self::Round1 => Round::Round1,
            Self::Round2 => Round::Round2,
            Self::Deposit => Round::DepositData,
            Self::Output | Self::Over => Round::Output,
        }
    }

    fn wire(self) -> ProtocolRound {
        match self {
            Self::Preparation => ProtocolRound::Preparation,
            Self::Round1 => ProtocolRound::Round1,
            Self::Round2 => ProtocolRound::Round2,
            Self::Deposit | Self::Output | Self::Over => ProtocolRound::KeygenOutput,
        }
    }
}

/// A dealer's Round1 message, its public part verified.
struct Dealt {
    commitments: Commitments,
    round1: Round1,
}

/// One keygen or resharing at one operator.
pub struct FrostSession {
    me: Identity,
    peers: Peers,
    plan: FrostPlan,
    /// The present share, where this operator deals in a resharing.
    old_key: Option<KeyShare>,
    stage: Stage,
    /// The first protocol message of each round and sender: later ones must be the same.
    first: BTreeMap<(ProtocolRound, OperatorId), Authentic>,
    session_key: Option<SessionKey>,
    session_keys: BTreeMap<OperatorId, SessionPublicKey>,
    dealt: BTreeMap<OperatorId, Dealt>,
    /// What was dealt to this operator, decrypted and verified; its own part included.
    shares: BTreeMap<OperatorId, SecretScalar>,
    announced: BTreeMap<OperatorId, (BlsPublicKey, BlsPublicKey)>,
    /// Known once every dealing is in.
    derived: Option<DerivedKeys>,
    share: Option<SecretScalar>,
    deposits: Partials,
    deposit_signature: Option<BlsSignature>,
    outputs: BTreeMap<OperatorId, SignedOutput>,
}

impl std::fmt::Debug for FrostSession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FrostSession")
            .field("me", &self.me)
            .field("plan", &self.plan)
            .field("stage", &self.stage)
            .finish_non_exhaustive()
    }
}

impl FrostSession {
    /// A session of `me`, who is among the plan's participants. `peers` holds the keys of all of them; `old_key` the
    /// present share of the validator key if `me` deals in a resharing.
    #[must_use]
    pub fn new(me: Identity, peers: Peers, plan: FrostPlan, old_key: Option<KeyShare>) -> Self {
        Self {
            me,
            peers,
            plan,
            old_key,
            stage: Stage::Preparation,
            first: BTreeMap::new(),
            session_key: None,
            session_keys: BTreeMap::new(),
            dealt: BTreeMap::new(),
            shares: BTreeMap::new(),
            announced: BTreeMap::new(),
            derived: None,
            share: None,
            deposits: Partials::default(),
            deposit_signature: None,
            outputs: BTreeMap::new(),
        }
    }

    fn is_receiver(&self) -> bool {
        self.plan.receivers.contains(&self.me.id)
    }

    fn is_dealer(&self) -> bool {
        self.plan.dealers.contains(&self.me.id)
    }

    /// Broadcasts a protocol message and stores it as our own.
    fn say(&mut self, body: impl Into<KeygenMessage>, out: &mut Sink<'_>) -> Result<(), Stop> {
        let message = body.into();
        let round = message.round;
        let signed = self.me.sign(MsgType::Protocol, self.plan.id, &message)?;
        if let Some(own) = Authentic::trusted(signed.clone()) {
            self.first.insert((round, self.me.id), own);
        }
        out.push(Output::Broadcast(signed));
        Ok(())
    }

    fn enter(&mut self, stage: Stage, out: &mut Sink<'_>) {
        if self.stage.wire() != stage.wire() {
            out.push(Output::Arm(stage.wire()));
        }
        self.stage = stage;
    }

    fn begin(&mut self, rng: &mut dyn Entropy, out: &mut Sink<'_>) -> Result<(), Stop> {
        out.push(Output::Arm(ProtocolRound::Preparation));
        if self.is_receiver() {
            let key = SessionKey::random(&mut &mut *rng);
            let public = key.public();
            let session_pk = public.to_compressed().into();
            self.session_key = Some(key);
            self.session_keys.insert(self.me.id, public);
            self.say(Preparation { session_pk }, out)?;
        }
        self.advance(rng, out)
    }

    fn step(&mut self, input: Input, rng: &mut dyn Entropy, out: &mut Sink<'_>) -> Result<(), Stop> {
        match input {
            Input::Timeout(round) if round == self.stage.wire() => self.expire(out),
            Input::Timeout(_) => Ok(()),
            Input::Message(message) => {
                self.take(message)?;
                self.advance(rng, out)
            }
        }
    }

    /// Whose message this session waits for.
    fn missing(&self) -> Vec<OperatorId> {
        let absent = |all: &[OperatorId], has: &dyn Fn(&OperatorId) -> bool| {
            all.iter().filter(|id| !has(id)).copied().collect::<Vec<_>>()
        };
        let (dealers, receivers) = (&self.plan.dealers, &self.plan.receivers);
        match self.stage {
            Stage::Preparation => absent(receivers, &|id| self.session_keys.contains_key(id)),
            Stage::Round1 => absent(dealers, &|id| self.dealt.contains_key(id)),
            Stage::Round2 => absent(receivers, &|id| self.announced.contains_key(id)),
            Stage::Deposit => absent(receivers, &|id| self.deposits.get(*id).is_some()),
            Stage::Output | Stage::Over => absent(receivers, &|id| self.outputs.contains_key(id)),
        }
    }

    /// Moves on as long as the gate of the present stage is satisfied.
    fn advance(&mut self, rng: &mut dyn Entropy, out: &mut Sink<'_>) -> Result<(), Stop> {
        loop {
            let before = self.stage;
            match self.stage {
                Stage::Preparation => self.after_preparation(rng, out)?,
                Stage::Round1 => self.after_round1(out)?,
                Stage::Round2 => self.after_round2(out)?,
                Stage::Deposit => self.after_deposit(out)?,
                Stage::Output => self.after_output(out),
                Stage::Over => return Ok(()),
            }
            if self.stage == before {
                return Ok(());
            }
        }
    }
}

impl Session for FrostSession {
    fn start_into(&mut self, rng: &mut dyn Entropy, out: &mut Sink<'_>) {
        if let Err(stop) = self.begin(rng, out)
            && let Err(reject) = self.stop(stop, out)
        {
            let ceremony = &self.plan.id;
            tracing::error!(target: "casimir_dkg::node", %ceremony, %reject, "rejected before anything was received");
        }
    }

    fn handle_into(&mut self, input: Input, rng: &mut dyn Entropy, out: &mut Sink<'_>) -> Result<(), Reject> {
        if self.stage == Stage::Over {
            return Err(Reject::Over);
        }
        match self.step(input, rng, out) {
            Ok(()) => Ok(()),
            Err(stop) => self.stop(stop, out),
        }
    }
}
