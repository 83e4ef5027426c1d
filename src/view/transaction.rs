//! Transactions: one nonce each, followed until final.

use std::fmt;

use alloy::primitives::{Bytes, U256};
use serde::{Deserialize, Serialize};

use crate::types::{ActionId, BlockRef, Root, SafeText, UnixMillis};

/// The life of a transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum TransactionState {
    /// Signed and journaled, not yet accepted by a node.
    Signed,
    /// Known to a node, not in a block.
    Pending,
    /// In a block.
    Included {
        block: BlockRef,
        /// Blocks on top, itself included.
        confirmations: u64,
    },
    /// In a final block.
    Final { block: BlockRef },
    /// In a block, and reverted.
    Reverted {
        block: BlockRef,
        /// Why it reverted, as far as known.
        reason: SafeText,
    },
    /// Another transaction of this account took its nonce.
    Replaced {
        /// Its hash where known.
        by: Option<Root>,
    },
    /// Nobody knows it at present; it is sent again or found out.
    Unknown,
}

impl TransactionState {
    /// The word for tables.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Signed => "signed",
            Self::Pending => "pending",
            Self::Included { .. } => "included",
            Self::Final { .. } => "final",
            Self::Reverted { .. } => "reverted",
            Self::Replaced { .. } => "replaced",
            Self::Unknown => "unknown",
        }
    }

    /// No longer moves.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(
            self,
            Self::Final { .. } | Self::Reverted { .. } | Self::Replaced { .. }
        )
    }
}

impl fmt::Display for TransactionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// One transaction: one nonce, any number of hashes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransactionView {
    /// The action it executes; there is one transaction for it at most.
    pub action: ActionId,
    /// Name of the called function, without its arguments.
    pub function: SafeText,
    pub nonce: u64,
    /// Every hash ever sent, newest last.
    pub hashes: Vec<Root>,
    /// The newest signed EIP-2718 envelope.
    pub raw: Bytes,
    /// Max fee per gas of the newest, wei.
    pub max_fee_wei: U256,
    /// Priority fee per gas of the newest, wei.
    pub priority_fee_wei: U256,
    /// Gas units.
    pub gas_limit: u64,
    /// Approved ceiling of the whole fee, wei.
    pub fee_ceiling_wei: U256,
    /// Fee really paid, wei, once included.
    pub fee_paid_wei: Option<U256>,
    /// When it was signed.
    pub signed_at: UnixMillis,
    #[serde(flatten)]
    pub state: TransactionState,
    /// Anything worth a sentence.
    pub note: SafeText,
}

impl TransactionView {
    /// No longer moves.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.state.is_over()
    }
}
