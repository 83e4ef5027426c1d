//! How clients refuse a transaction: words and codes as they are reported of them in public. A client that has no word
//! for a reason is not in the table for it.

use serde_json::{Value, json};

/// Client, reason, code, words.
pub(super) const REFUSALS: &[(&str, &str, i64, &str)] = &[
    ("geth", "already-known", -32000, "already known"),
    (
        "geth",
        "nonce-too-low",
        -32000,
        "nonce too low: next nonce 5, tx nonce 4",
    ),
    (
        "geth",
        "nonce-too-high",
        -32000,
        "nonce too high: address 0x1111111111111111111111111111111111111111, tx: 9 state: 5",
    ),
    (
        "geth",
        "replacement-underpriced",
        -32000,
        "replacement transaction underpriced",
    ),
    (
        "geth",
        "underpriced",
        -32000,
        "transaction underpriced: tip needed 1000000, tip permitted 1",
    ),
    (
        "geth",
        "below-base-fee",
        -32000,
        "max fee per gas less than block base fee: address 0x1111111111111111111111111111111111111111, maxFeePerGas: 1, baseFee: 7",
    ),
    (
        "geth",
        "insufficient-funds",
        -32000,
        "insufficient funds for gas * price + value: balance 0, tx cost 21000000000000, overshot 21000000000000",
    ),
    ("geth", "pool-full", -32000, "txpool is full"),
    ("reth", "already-known", -32000, "already known"),
    (
        "reth",
        "nonce-too-low",
        -32000,
        "nonce too low: next nonce 5, tx nonce 4",
    ),
    (
        "reth",
        "replacement-underpriced",
        -32000,
        "replacement transaction underpriced",
    ),
    ("reth", "underpriced", -32000, "transaction underpriced"),
    (
        "reth",
        "insufficient-funds",
        -32003,
        "insufficient funds for gas * price + value: have 0 want 21000000000000",
    ),
    ("reth", "pool-full", -32003, "txpool is full"),
    ("erigon", "already-known", -32000, "ALREADY_EXISTS: already known"),
    ("erigon", "nonce-too-low", -32000, "INTERNAL_ERROR: nonce too low"),
    (
        "erigon",
        "replacement-underpriced",
        -32000,
        "INTERNAL_ERROR: could not replace existing tx",
    ),
    ("erigon", "underpriced", -32000, "FEE_TOO_LOW: underpriced"),
    (
        "erigon",
        "insufficient-funds",
        -32000,
        "INTERNAL_ERROR: insufficient funds",
    ),
    (
        "erigon",
        "pool-full",
        -32000,
        "INTERNAL_ERROR: pending sub-pool is full",
    ),
    ("nethermind", "already-known", -32010, "AlreadyKnown"),
    (
        "nethermind",
        "nonce-too-low",
        -32010,
        "OldNonce, Current nonce: 5, nonce of rejected tx: 4",
    ),
    (
        "nethermind",
        "nonce-too-high",
        -32010,
        "NonceGap, Future nonce. Expected nonce: 5",
    ),
    (
        "nethermind",
        "replacement-underpriced",
        -32010,
        "ReplacementNotAllowed",
    ),
    (
        "nethermind",
        "underpriced",
        -32010,
        "FeeTooLow, FeePerGas needs to be higher than 1 to be added to the TxPool",
    ),
    (
        "nethermind",
        "insufficient-funds",
        -32010,
        "InsufficientFunds, Account balance: 0, cumulative cost: 21000000000000",
    ),
    ("besu", "already-known", -32000, "Known transaction"),
    ("besu", "nonce-too-low", -32001, "Nonce too low"),
    (
        "besu",
        "nonce-too-high",
        -32006,
        "Transaction nonce is too distant from current sender nonce",
    ),
    (
        "besu",
        "replacement-underpriced",
        -32000,
        "Replacement transaction underpriced",
    ),
    (
        "besu",
        "underpriced",
        -32009,
        "Gas price below configured minimum gas price",
    ),
    (
        "besu",
        "insufficient-funds",
        -32004,
        "Upfront cost exceeds account balance",
    ),
    (
        "openethereum",
        "already-known",
        -32010,
        "Transaction with the same hash was already imported.",
    ),
    (
        "openethereum",
        "nonce-too-low",
        -32010,
        "Transaction nonce is too low. Try incrementing the nonce.",
    ),
    (
        "openethereum",
        "replacement-underpriced",
        -32010,
        "Transaction gas price supplied is too low. There is another transaction with same nonce in the queue. Try increasing the gas price or incrementing the nonce.",
    ),
    (
        "openethereum",
        "pool-full",
        -32010,
        "There are too many transactions in the queue. Your transaction was dropped due to limit. Try increasing the fee.",
    ),
    ("anvil", "already-known", -32003, "transaction already imported"),
    ("anvil", "nonce-too-low", -32003, "nonce too low"),
    ("anvil", "nonce-too-high", -32003, "nonce too high"),
    (
        "anvil",
        "replacement-underpriced",
        -32003,
        "replacement transaction underpriced",
    ),
    (
        "anvil",
        "insufficient-funds",
        -32003,
        "Insufficient funds for gas * price + value",
    ),
    (
        "hardhat",
        "already-known",
        -32000,
        "Known transaction: 0x1111111111111111111111111111111111111111111111111111111111111111",
    ),
    (
        "hardhat",
        "nonce-too-low",
        -32000,
        "Nonce too low. Expected nonce to be 5 but got 4.",
    ),
    (
        "hardhat",
        "nonce-too-high",
        -32000,
        "Nonce too high. Expected nonce to be 5 but got 9. Note that transactions can't be queued when automining.",
    ),
    (
        "hardhat",
        "insufficient-funds",
        -32000,
        "Sender doesn't have enough funds to send tx. The max upfront cost is: 21000000000000 and the sender's balance is: 0.",
    ),
];

/// The error that a client gives for a reason.
pub(super) fn find(client: &str, reason: &str) -> Option<Value> {
    let found = REFUSALS.iter().find(|(c, r, ..)| *c == client && *r == reason);
    found.map(|(_, _, code, words)| json!({"code": code, "message": words}))
}

/// All clients, or all reasons that a client has words for.
pub(super) fn known(client: Option<&str>) -> Vec<&'static str> {
    let of = REFUSALS
        .iter()
        .filter(|(c, ..)| client.is_none_or(|client| client == *c));
    let mut words: Vec<_> = of
        .map(|(c, r, ..)| if client.is_none() { *c } else { *r })
        .collect();
    words.dedup();
    words
}
