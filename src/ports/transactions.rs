//! The life of the oracle's transactions at the nodes: what they cost, handing them over, and what became of them.
//!
//! Nothing here signs, and nothing here decides. What a node says of signed bytes is a hint; the chain's state tells.

use std::fmt;

use alloy::primitives::{Address, U256};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::{Answer, DecodedRevert};
use crate::types::{
    BlockRef, NonceStatus, Root, Round, SafeText, SignedTransaction, format_ether, rounded_ether,
};

/// An EIP-1559 transaction's fees, in wei for each gas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fees {
    /// The most that is paid, base fee and priority fee together.
    pub max_fee: u128,
    /// Of it, what the block's proposer gets at most.
    pub priority: u128,
}

/// What a transaction is signed with besides its call and its nonce.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Price {
    /// Gas units.
    pub gas_limit: u64,
    /// For each of them.
    pub fees: Fees,
}

/// The ceiling is too low.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error(
    "the fee would be about {}, the approved ceiling is {}",
    rounded_ether(*.needed_wei, Round::Up),
    format_ether(*.ceiling_wei)
)]
pub struct OverCeiling {
    /// The least that would do now.
    pub needed_wei: U256,
    /// What was approved.
    pub ceiling_wei: U256,
}

/// What a person can choose from when the ceiling does not suffice, each with its price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StuckOptions {
    /// The nonce that all three ways use up.
    pub nonce: u64,
    /// Wait: the most that the transaction costs once the base fee has come down.
    pub wait_wei: U256,
    /// The same call with a higher fee: at least this.
    pub raise_wei: U256,
    /// Give up: an empty transfer to oneself with the same nonce costs about this.
    pub cancel_wei: U256,
}

/// The market against an approved ceiling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Priced {
    /// It suffices.
    Fits(Price),
    /// It does not even pay the next block.
    Over(OverCeiling),
    /// It leaves no room for a replacement that nodes take.
    Stuck(OverCeiling, StuckOptions),
}

/// What a node seems to say of signed bytes: a hint and no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BroadcastHint {
    /// The node took it.
    Accepted,
    /// The node has it already.
    AlreadyKnown,
    /// A transaction with this nonce is mined: perhaps this one.
    NonceTooLow,
    /// An earlier nonce is missing.
    NonceTooHigh,
    /// Another one with this nonce waits and pays nearly as much: perhaps an earlier version of this one.
    ReplacementUnderpriced,
    /// It pays too little for the node.
    Underpriced,
    /// It pays less than the base fee.
    BelowBaseFee,
    /// The balance does not cover the most it may cost.
    InsufficientFunds,
    /// The node's pool is full.
    PoolFull,
    /// The node refuses it for another reason.
    Refused(SafeText),
    /// The node did not answer; it may have arrived all the same.
    NoAnswer(SafeText),
}

impl BroadcastHint {
    /// A node has the bytes: whether they come into a block only the chain tells.
    #[must_use]
    pub fn taken(&self) -> bool {
        matches!(self, Self::Accepted | Self::AlreadyKnown)
    }
}

impl fmt::Display for BroadcastHint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Accepted => "taken",
            Self::AlreadyKnown => "known already",
            Self::NonceTooLow => "a transaction with this nonce is in a block already",
            Self::NonceTooHigh => "a transaction with an earlier nonce is missing",
            Self::ReplacementUnderpriced => {
                "another transaction with this nonce waits and pays nearly as much"
            }
            Self::Underpriced => "it pays too little for this node",
            Self::BelowBaseFee => "it pays less than the base fee",
            Self::InsufficientFunds => "the balance does not cover the most that it may cost",
            Self::PoolFull => "the node's pool is full",
            Self::Refused(words) => return write!(f, "refused: {words}"),
            Self::NoAnswer(words) => return write!(f, "no answer: {words}"),
        })
    }
}

/// What one endpoint said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// The endpoint, its secrets hidden.
    pub endpoint: SafeText,
    /// What its answer seems to mean.
    pub hint: BroadcastHint,
    /// Its own words, if it had any.
    pub words: SafeText,
}

impl Heard {
    /// What it said, without its name.
    #[must_use]
    pub fn why(&self) -> String {
        match self.words.as_str() {
            "" => self.hint.to_string(),
            words => format!("{} (\"{words}\")", self.hint),
        }
    }
}

/// By name.
impl fmt::Display for Heard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.endpoint, self.why())
    }
}

/// What the endpoints said, in the order in which they answered.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Broadcast(pub Vec<Heard>);

impl Broadcast {
    /// An endpoint has the bytes.
    #[must_use]
    pub fn taken(&self) -> bool {
        self.0.iter().any(|heard| heard.hint.taken())
    }

    /// The answer that tells most: that it was taken, else the first that somebody gave.
    #[must_use]
    pub fn hint(&self) -> Option<&BroadcastHint> {
        let hints = || self.0.iter().map(|heard| &heard.hint);
        hints()
            .find(|hint| hint.taken())
            .or_else(|| hints().find(|hint| !matches!(hint, BroadcastHint::NoAnswer(_))))
            .or_else(|| hints().next())
    }

    /// Every endpoint's reason, for people.
    #[must_use]
    pub fn reasons(&self) -> SafeText {
        let reasons: Vec<_> = self.0.iter().map(Heard::to_string).collect();
        SafeText::new(&reasons.join("; "))
    }
}

/// Why a transaction reverted in its block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevertReason {
    /// In the contract's words and ours.
    pub revert: DecodedRevert,
    /// What the call rested on had changed before it: made of fresh facts, it may go through.
    pub overtaken: bool,
}

/// The nodes, as far as transactions of one account go through them.
#[async_trait]
pub trait Transactions: Send + Sync + fmt::Debug {
    /// What a transaction that was never sent pays now: `gas` is what it used when it was tried out. Never a *no*.
    async fn price(&self, gas: u64, ceiling_wei: U256) -> Answer<Priced>;

    /// What a version pays that replaces `stuck`: the same nonce, and the same gas unless the call needs more by now: `gas`
    /// is what it used when it was tried out just now, where it could be. Never a *no*.
    async fn raise(&self, stuck: &SignedTransaction, gas: Option<u64>, ceiling_wei: U256) -> Answer<Priced>;

    /// Hands signed bytes to every endpoint, and returns when one has them or all have answered; those that have not
    /// answered by then still get them. Offered again, the same bytes do no harm.
    async fn offer(&self, signed: &SignedTransaction) -> Broadcast;

    /// What became of a nonce for which all of `hashes` were signed. A block is final by the word of the endpoints that
    /// were asked, and why a transaction reverted is not looked up. Never a *no*: whatever is not sure is not known.
    async fn inspect(&self, sender: Address, nonce: u64, hashes: &[Root]) -> Answer<NonceStatus>;

    /// Why a transaction reverted that is in this block, found by executing it again. Many questions to a node. Never a
    /// *no*.
    async fn why_reverted(&self, transaction: Root, block: BlockRef) -> Answer<RevertReason>;
}
