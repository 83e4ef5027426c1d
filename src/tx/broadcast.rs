//! Handing signed bytes to the nodes. What a node says about them is a hint; the chain's state decides (`track`).

use std::fmt;

use serde::{Deserialize, Serialize};

use super::SignedTransaction;
use crate::chain::rpc::{Rpc, RpcError, ServerError};
use crate::types::SafeText;

/// What the nodes said about signed bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "hint", content = "detail")]
pub enum BroadcastHint {
    /// A node took it.
    Accepted,
    /// A node has it already.
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
    /// No node answered; it may have arrived all the same.
    NoAnswer(SafeText),
}

impl fmt::Display for BroadcastHint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Accepted => "a node took it",
            Self::AlreadyKnown => "a node has it already",
            Self::NonceTooLow => "a node says that a transaction with this nonce is mined already",
            Self::NonceTooHigh => "a node says that an earlier nonce is missing",
            Self::ReplacementUnderpriced => {
                "a node says that another transaction with this nonce waits and pays nearly as much"
            }
            Self::Underpriced => "a node says that it pays too little",
            Self::BelowBaseFee => "a node says that it pays less than the base fee",
            Self::InsufficientFunds => "a node says that the balance does not cover what it may cost",
            Self::PoolFull => "a node says that its pool is full",
            Self::Refused(why) => return write!(f, "a node refuses it: {why}"),
            Self::NoAnswer(why) => return write!(f, "no node answered: {why}"),
        })
    }
}

/// Sends signed bytes. There is no error: whatever happens, the outcome is found out from the chain.
pub async fn broadcast(rpc: &Rpc, signed: &SignedTransaction) -> BroadcastHint {
    let hint = match rpc.send_raw_transaction(&signed.raw).await {
        Ok(hash) if hash.0 == signed.hash.0 => BroadcastHint::Accepted,
        // whatever it took, the state will tell
        Ok(hash) => BroadcastHint::Refused(SafeText::new(&format!(
            "the node answered with another hash, {hash}"
        ))),
        Err(RpcError::Server { error, .. }) => classify(&error),
        Err(error) => BroadcastHint::NoAnswer(SafeText::new(&error.to_string())),
    };
    tracing::info!(target: "tx", hash = %signed.hash, nonce = signed.nonce, ?hint, "broadcast");
    hint
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
