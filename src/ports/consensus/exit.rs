//! A voluntary exit, and what nodes make of it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::decimal;
use crate::types::{BlsSignature, SafeText};

/// A voluntary exit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExitMessage {
    /// First epoch at which it may be included.
    #[serde(with = "decimal")]
    pub epoch: u64,
    /// The validator's index.
    #[serde(with = "decimal")]
    pub validator_index: u64,
}

/// A signed voluntary exit, in JSON as the pool of the Beacon API takes and lists it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedExit {
    pub message: ExitMessage,
    /// By the validator key.
    pub signature: BlsSignature,
}

/// What a node's refusal seems to mean. The words are a hint; the validator's state decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExitRefusal {
    /// The signature is not the validator's.
    BadSignature,
    /// The validator has not been active for long enough.
    TooYoung,
    /// The epoch in the message is still to come.
    FutureEpoch,
    /// The validator is not active.
    NotActive,
    /// The validator is exiting already.
    AlreadyExiting,
    /// The node has this exit already, or one like it.
    AlreadyKnown,
    /// There is no validator with this index.
    UnknownIndex,
    /// Too young, too early or not active: it does not say which.
    NotNow,
    /// Something else.
    Other(SafeText),
}

impl fmt::Display for ExitRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BadSignature => "the signature is not the validator's",
            Self::TooYoung => "the validator has not been active for long enough",
            Self::FutureEpoch => "its epoch is still to come",
            Self::NotActive => "the validator is not active",
            Self::AlreadyExiting => "the validator is exiting already",
            Self::AlreadyKnown => "the node has it already",
            Self::UnknownIndex => "there is no validator with this index",
            Self::NotNow => "too young, too early or not active",
            Self::Other(words) => words.as_str(),
        })
    }
}

/// What became of an exit at one node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodeOutcome {
    /// It took the exit.
    Accepted,
    /// It took the exit, but it follows the chain from afar or unchecked, so that does not count.
    AcceptedOutOfSync(SafeText),
    Refused(ExitRefusal),
    /// Nothing was sent, because it serves another chain.
    WrongChain(SafeText),
    /// It did not answer; the exit may have arrived all the same.
    NoAnswer(SafeText),
}

impl fmt::Display for NodeOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accepted => f.write_str("taken"),
            Self::AcceptedOutOfSync(why) => write!(f, "taken, which does not count: {why}"),
            Self::Refused(refusal) => write!(f, "refused: {refusal}"),
            Self::WrongChain(why) => write!(f, "not sent: {why}"),
            Self::NoAnswer(why) => write!(f, "no answer: {why}"),
        }
    }
}

/// One node's verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishVerdict {
    /// The node, its secrets hidden.
    pub node: SafeText,
    /// What became of it there.
    pub outcome: NodeOutcome,
    /// The node's words, if it had any.
    pub words: SafeText,
}

impl PublishVerdict {
    /// The exit is in the hands of a node that is in sync. That it is in a block only the state tells.
    #[must_use]
    pub fn delivered(&self) -> bool {
        matches!(
            self.outcome,
            NodeOutcome::Accepted | NodeOutcome::Refused(ExitRefusal::AlreadyKnown)
        )
    }
}
