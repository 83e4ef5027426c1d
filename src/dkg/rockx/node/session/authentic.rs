//! A message whose signature was verified, once, where it came in.

use crate::dkg::rockx::keys::OperatorPublicKey;
use crate::dkg::rockx::sign::message_root;
use crate::dkg::rockx::wire::{Encode, Message, MsgType, SignedMessage};
use crate::types::{OperatorId, RequestId, Root};

/// A signed message with a verified RSA signature. The signature does not cover the signer's number: the number is the
/// one whose registered key verified it.
#[derive(Debug, Clone)]
pub struct Authentic {
    signer: OperatorId,
    message: Message,
    signature: crate::dkg::rockx::wire::GoBytes,
    root: Root,
}

impl Authentic {
    /// Verifies `message` under the key that the registry has for its signer. `None`: the signature is not valid.
    #[must_use]
    pub fn check(message: SignedMessage, key: &OperatorPublicKey) -> Option<Self> {
        if message.verify(key) {
            Self::trusted(message)
        } else {
            None
        }
    }

    /// Takes a message of this operator's own making. `None`: it carries none.
    pub(super) fn trusted(message: SignedMessage) -> Option<Self> {
        let SignedMessage {
            message,
            signer,
            signature,
        } = message;
        let message = message?;
        Some(Self {
            root: message_root(&message),
            signer,
            message,
            signature,
        })
    }

    /// Who sent it.
    #[must_use]
    pub fn signer(&self) -> OperatorId {
        self.signer
    }

    /// What the payload is.
    #[must_use]
    pub fn msg_type(&self) -> MsgType {
        self.message.msg_type
    }

    /// The run that it belongs to, by what its sender signed.
    #[must_use]
    pub fn ceremony(&self) -> RequestId {
        self.message.identifier
    }

    /// The payload's JSON text.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        self.message.data.as_slice()
    }

    /// SHA-256 of the canonical message: two messages with the same root say the same.
    #[must_use]
    pub fn root(&self) -> Root {
        self.root
    }

    /// The signed message as it is sent and as it serves as evidence.
    #[must_use]
    pub fn to_signed(&self) -> SignedMessage {
        SignedMessage {
            message: Some(self.message.clone()),
            signer: self.signer,
            signature: self.signature.clone(),
        }
    }

    /// The JSON text of the signed message: an item of a blame's evidence.
    #[must_use]
    pub fn to_evidence(&self) -> Vec<u8> {
        self.to_signed().to_json()
    }

    /// Bytes that it occupies, nearly: for the bounds of buffers.
    #[must_use]
    pub fn weight(&self) -> usize {
        self.payload().len() + 512
    }
}
