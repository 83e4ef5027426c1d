//! What a node's answer to signed bytes means, by its words.

use std::fmt;

use crate::chain::rpc::ServerError;
use crate::types::SafeText;

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

/// The wordings of geth, erigon, reth, nethermind, besu, openethereum, anvil and hardhat. Order matters: a replacement
/// that pays too little also says "underpriced".
const WORDINGS: &[(BroadcastHint, &[&str])] = &[
    (
        BroadcastHint::AlreadyKnown,
        &[
            "already known",
            "alreadyknown",
            "already_known",
            "known transaction",
            "already imported",
            "already exists",
            "already in pool",
            "already in the pool",
            "existing txn with same hash",
            "already in mempool",
        ],
    ),
    (
        BroadcastHint::ReplacementUnderpriced,
        &[
            "replacement transaction underpriced",
            "replacement_underpriced",
            "replacement underpriced",
            "replacementnotallowed",
            "comparereplacedtxbyfee",
            "could not replace",
            "too low to replace",
            "another transaction with same nonce",
            "replacement fee too low",
        ],
    ),
    (
        BroadcastHint::NonceTooLow,
        &[
            "nonce too low",
            "nonce is too low",
            "nonce_too_low",
            "oldnonce",
            "old nonce",
            "nonce below",
            "nonce has already been used",
        ],
    ),
    (
        BroadcastHint::NonceTooHigh,
        &[
            "nonce too high",
            "nonce is too high",
            "nonce_too_high",
            "noncegap",
            "nonce gap",
            "too distant",
            "too far in future",
            "nonce_too_far",
        ],
    ),
    (
        BroadcastHint::InsufficientFunds,
        &[
            "insufficient funds",
            "insufficientfunds",
            "insufficient balance",
            "upfront cost exceeds",
            "upfront_cost_exceeds_balance",
            "enough funds",
        ],
    ),
    (
        BroadcastHint::BelowBaseFee,
        &[
            "less than block base fee",
            "lower than the block base fee",
            "below the base fee",
            "below base fee",
            "less than the current base fee",
            "lower than block base fee",
        ],
    ),
    (
        BroadcastHint::Underpriced,
        &[
            "underpriced",
            "feetoolow",
            "fee too low",
            "gas price below",
            "gas price too low",
            "tip too low",
            "priority fee per gas below",
            "gas_price_too_low",
        ],
    ),
    (
        BroadcastHint::PoolFull,
        &[
            "pool is full",
            "txpool full",
            "pool overflow",
            "queue is full",
            "pool limit",
        ],
    ),
];

/// What a node's refusal means, by its words: a hint and no more.
#[must_use]
pub fn classify(error: &ServerError) -> BroadcastHint {
    let text = error.message.as_str().to_lowercase();
    WORDINGS
        .iter()
        .find(|(_, needles)| needles.iter().any(|needle| text.contains(needle)))
        .map_or_else(
            || BroadcastHint::Refused(error.message.clone()),
            |(hint, _)| hint.clone(),
        )
}
