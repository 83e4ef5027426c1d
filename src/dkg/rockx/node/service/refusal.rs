//! Why `/consume` did not take a message, in the words of RockX's nodes where they have words for it: messengers and
//! initiators read them.

use crate::types::OperatorId;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(in super::super) enum Refused {
    /// Not an SSV message: the only refusal that answers 400.
    #[error("{0}")]
    Envelope(String),
    #[error("not ssvMessage of type dkg: {0}")]
    NotDkg(u64),
    #[error("could not decode dkg message: {0}")]
    Json(String),
    #[error("unknown msg type")]
    UnknownType,
    /// Not started here, and nothing says that the message is worth keeping.
    #[error("could not process dkg message: could not find dkg runner")]
    NoSession,
    #[error("could not process dkg message: signed message doesn't pass validation: invalid signature")]
    Signature,
    #[error("could not process dkg message: operator {0} has no part in this ceremony")]
    NotMember(OperatorId),
    #[error("could not process dkg message: too many messages for this ceremony")]
    Busy,
    #[error(
        "signed message doesn't pass validation: failed to retrieve operator info for signer {signer}: {error}"
    )]
    Signer { signer: OperatorId, error: String },
    #[error("{context}: {error}")]
    Start { context: &'static str, error: String },
    #[error("share store: {0}")]
    Store(String),
    #[error("the node stops")]
    Stopping,
}

impl Refused {
    /// A start message was refused, which nobody relays: whoever sent it made it.
    pub(in super::super) fn is_strangers(&self) -> bool {
        matches!(self, Self::Start { .. } | Self::Signer { .. })
    }
}
