//! What can go wrong with a local network.

use std::time::Duration;

use alloy::primitives::TxHash;

use super::anvil::AnvilError;
use super::lodestar::LodestarError;
use crate::types::SafeText;

/// How long a transaction of the network's own actors may wait for a block.
pub(super) const MINED_DEADLINE: Duration = Duration::from_secs(120);

/// The local network did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum DevnetError {
    #[error(transparent)]
    Anvil(#[from] AnvilError),
    #[error(transparent)]
    Lodestar(#[from] LodestarError),
    /// An option makes no sense.
    #[error("the local network cannot be started like this: {0}")]
    Option(SafeText),
    /// A call failed; a revert's reason is in the text.
    #[error("{what}: {reason}")]
    Rpc {
        /// The method or the deed.
        what: &'static str,
        /// What was answered.
        reason: SafeText,
    },
    /// A transaction was mined and failed.
    #[error("{what} reverted in transaction {transaction}")]
    Reverted {
        /// The deed.
        what: &'static str,
        transaction: TxHash,
    },
    /// Nothing happened in time.
    #[error("{what} was not mined within {} s", MINED_DEADLINE.as_secs())]
    NotMined {
        /// The deed.
        what: &'static str,
    },
    /// Another part of the network did not start.
    #[error("{what} did not start: {reason}")]
    Part {
        /// Names the part, as a subject of a sentence.
        what: &'static str,
        reason: SafeText,
    },
}

pub(super) fn failed(what: &'static str, error: &dyn std::fmt::Display) -> DevnetError {
    DevnetError::Rpc {
        what,
        reason: SafeText::new(&error.to_string()),
    }
}

/// Says what was being done, in place of the method's name.
pub(super) fn named(error: DevnetError, what: &'static str) -> DevnetError {
    match error {
        DevnetError::Rpc { reason, .. } => DevnetError::Rpc { what, reason },
        other => other,
    }
}
