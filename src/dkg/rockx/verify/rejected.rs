//! Messages that nobody can be held to.

use crate::types::{OperatorId, RequestId};

/// Why a message says nothing about anybody: whoever reaches a messenger can publish anything.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// There is nothing inside the envelope.
    #[error("no message inside")]
    Empty,
    /// It belongs to another ceremony.
    #[error("of another ceremony, {0}")]
    OtherCeremony(RequestId),
    /// Its sender takes no part.
    #[error("by operator {0}, who takes no part")]
    Stranger(OperatorId),
    /// The signature is not that of the sender it names.
    #[error("in the name of operator {0}, but not signed by it")]
    Forged(OperatorId),
}
