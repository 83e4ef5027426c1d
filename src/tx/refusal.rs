//! What a node's answer to signed bytes means, by its words.

use crate::chain::rpc::ServerError;
pub use crate::ports::BroadcastHint;

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
