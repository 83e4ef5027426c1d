//! A signed transaction as the journal keeps it, and what the chain says of it.

use alloy::primitives::{Bytes, U256};
use serde::{Deserialize, Serialize};

use super::{BlockRef, PoolId, Root, SafeText};

/// Gas that every transaction takes, and one without data takes alone (yellow paper, appendix G: G_transaction).
pub const TRANSFER_GAS: u64 = 21_000;

/// Gas that a transaction may have at most (EIP-7825): no node takes one with more.
pub const MOST_GAS: u64 = 1 << 24;

/// The signed bytes of an EIP-1559 transaction and the numbers in them. After a crash these very bytes go out again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedTransaction {
    /// EIP-2718 envelope: type byte 0x02 and the RLP of the transaction with its signature.
    pub raw: Bytes,
    /// keccak256 of `raw`.
    pub hash: Root,
    pub nonce: u64,
    /// Max fee per gas, wei.
    pub max_fee_wei: U256,
    /// Max priority fee per gas, wei.
    pub priority_fee_wei: U256,
    /// Gas units. With `max_fee_wei` it bounds what the transaction can cost.
    pub gas_limit: u64,
}

/// What the chain says of one nonce of our account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "status")]
pub enum NonceStatus {
    /// No endpoint that answers has any of our hashes, and by them the nonce is unused: the same bytes may be sent (again).
    Missing,
    /// A node has one of our hashes in its pool.
    Pending,
    /// One of our hashes is in a block.
    Included {
        /// The one of our hashes: a replaced transaction has several.
        hash: Root,
        block: BlockRef,
        /// Status 1 in the receipt (EIP-658).
        success: bool,
        /// Why it reverted, where the node could tell.
        reason: Option<SafeText>,
        /// Gas used × effective gas price, wei.
        fee_paid_wei: U256,
        /// The pool named by the receipt's event of the manager.
        served: Option<PoolId>,
        /// The block is final.
        is_final: bool,
        /// It reverted because what it rested on had changed before it, in its own block or shortly before: made of fresh
        /// facts, the call may go through.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        overtaken: bool,
    },
    /// The nonce was used by a transaction that is not ours.
    Replaced {
        /// Its hash, where found.
        by: Option<Root>,
        /// Its block is final.
        is_final: bool,
    },
}
