//! The state machines of a ceremony at one operator, without I/O, clock or task: whoever drives them feeds messages and
//! expired timers in and carries the outputs out. So a whole committee runs in one thread, in any order of delivery.
//!
//! A message is stored under its own round, whenever it comes; then the machine advances as long as the gate of its
//! *present* round is satisfied. No order of arrival can therefore stall a ceremony. What ends a session ends it for
//! good: every later message is answered with [`Reject::Over`].

mod authentic;
mod frost;
mod identity;
mod keysign;
mod partials;
mod plan;
mod result;
mod words;

use std::fmt;

use rand::RngCore;

use super::store::KeyShare;
use crate::dkg::rockx::wire::{BlameOutput, GoMap, ProtocolRound, SignedMessage, SignedOutput};
use crate::types::{OperatorId, SafeText};

pub use authentic::Authentic;
pub use frost::FrostSession;
pub use identity::{Identity, Peers};
pub use keysign::KeysignSession;
pub use plan::{FrostPlan, KeysignPlan, PlanError, Purpose};
pub(super) use result::completed;

/// What a session reacts to.
#[derive(Debug, Clone)]
pub enum Input {
    /// A message whose RSA signature was verified.
    Message(Authentic),
    /// The timer that was armed for this round ran out. Ignored unless the session still is in that round.
    Timeout(ProtocolRound),
}

/// What a session wants done, in this order.
#[derive(Debug, Clone)]
pub enum Output {
    /// Publish to the ceremony's topic.
    Broadcast(SignedMessage),
    /// Make this share durable before anything that follows is done.
    Keep(KeyShare),
    /// Start a fresh timer for this round; it replaces the one before.
    Arm(ProtocolRound),
    /// The session is over.
    Finished(Finish),
}

/// How a session ends.
#[derive(Debug, Clone)]
pub enum Finish {
    /// Every operator's signed result is here: report them all.
    Outputs(GoMap<SignedOutput>),
    /// Somebody blamed somebody: report it, and never use what this run produced.
    Blame {
        report: BlameOutput,
        /// Who blames whom for what, in words.
        reason: SafeText,
    },
    /// It cannot go on, and nobody is proven to have broken the protocol.
    Failed {
        /// Why, in words.
        reason: SafeText,
        /// A Timeout message of whoever gave up, in which it says in which round: for the messenger, where initiators look
        /// for a result. None only if it could not be signed.
        notice: Option<Box<SignedMessage>>,
    },
}

/// A message was not taken. The texts are those that RockX's programs know where they have one for the case.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Reject {
    /// The session ended.
    #[error("the ceremony is over")]
    Over,
    /// The signer is nobody who may send this message in this ceremony.
    #[error("operator {0} has no part in this round of the ceremony")]
    Stranger(OperatorId),
    /// Not a message that a running session takes.
    #[error("unexpected message: {0}")]
    Unexpected(&'static str),
    /// A second, different message where no blame is known for it.
    #[error("inconsistent partial signature received")]
    Inconsistent,
    /// The content is wrong; it was dropped, and the right one may still come.
    #[error("{0}")]
    Wrong(&'static str),
}

/// Randomness as sessions take it: cryptographically secure outside tests.
pub trait Entropy: RngCore + rand::CryptoRng {}
impl<T: RngCore + rand::CryptoRng> Entropy for T {}

/// Takes a session's outputs one by one, as they come about: a message is on its way while the session still computes.
pub struct Sink<'a>(&'a mut dyn FnMut(Output));

impl<'a> Sink<'a> {
    /// Hands every output to `take`.
    pub fn new(take: &'a mut dyn FnMut(Output)) -> Self {
        Self(take)
    }

    fn push(&mut self, output: Output) {
        (self.0)(output);
    }
}

impl fmt::Debug for Sink<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sink")
    }
}

/// One ceremony at one operator.
pub trait Session: Send {
    /// Takes the start message's effect: the first outputs. Called once, before [`Session::handle_into`].
    fn start_into(&mut self, rng: &mut dyn Entropy, out: &mut Sink<'_>);

    /// Takes one input. A rejected message changed nothing and has no outputs.
    ///
    /// # Errors
    /// See [`Reject`].
    fn handle_into(&mut self, input: Input, rng: &mut dyn Entropy, out: &mut Sink<'_>) -> Result<(), Reject>;

    /// [`Session::start_into`] with the outputs collected.
    fn start(&mut self, rng: &mut dyn Entropy) -> Vec<Output> {
        let mut outputs = Vec::new();
        self.start_into(rng, &mut Sink::new(&mut |output| outputs.push(output)));
        outputs
    }

    /// [`Session::handle_into`] with the outputs collected.
    ///
    /// # Errors
    /// See [`Reject`].
    fn handle(&mut self, input: Input, rng: &mut dyn Entropy) -> Result<Vec<Output>, Reject> {
        let mut outputs = Vec::new();
        self.handle_into(input, rng, &mut Sink::new(&mut |output| outputs.push(output)))?;
        Ok(outputs)
    }
}
