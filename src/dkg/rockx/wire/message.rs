//! The signed message: what the envelope carries.

use super::bytes::GoBytes;
use super::codec::{Decode, DecodeError, Encode, go_number, go_struct};
use super::ssv::{SSV_DKG, SsvMessage};
use crate::types::{OperatorId, RequestId};

go_number! {
    /// What a message's `Data` holds.
    pub enum MsgType {
        /// Start of a keygen.
        Init = 0,
        /// A round of keygen, reshare or signing; which of them is known from the session only.
        Protocol = 1,
        /// A partial signature over the deposit.
        DepositData = 2,
        /// An operator's signed result.
        Output = 3,
        /// Start of a reshare.
        Reshare = 4,
        /// Start of a signing ceremony.
        KeySign = 5,
    }
    default Init
}

impl MsgType {
    /// Init, Reshare and KeySign go from the initiator straight to each node.
    #[must_use]
    pub fn is_start(self) -> bool {
        matches!(self, Self::Init | Self::Reshare | Self::KeySign)
    }
}

go_struct! {
    /// What is signed: type, ceremony and payload. The signer is *not* covered by the signature.
    pub struct Message {
        /// What `data` holds.
        msg_type: MsgType = "MsgType";
        /// The ceremony.
        identifier: RequestId = "Identifier";
        /// JSON text of the payload.
        data: GoBytes = "Data";
    }
}

go_struct! {
    /// A message, who says to have sent it, and an RSA signature (see `rockx::sign`).
    pub struct SignedMessage {
        /// The message; absent in hostile input only.
        message: Option<Message> = "Message";
        /// The sender, by its own word.
        signer: OperatorId = "Signer";
        /// 256 bytes of RSA signature.
        signature: GoBytes = "Signature";
    }
}

impl SignedMessage {
    /// The envelope bytes that carry this message.
    #[must_use]
    pub fn to_ssv(&self) -> Vec<u8> {
        SsvMessage::dkg(self.to_json()).encode()
    }

    /// Reads envelope bytes down to the signed message.
    ///
    /// # Errors
    /// Not an SSV message, not of the DKG type, or not the JSON of a signed message.
    pub fn from_ssv(bytes: &[u8]) -> Result<Self, DecodeError> {
        let ssv = SsvMessage::decode(bytes).map_err(|e| DecodeError::Json(e.to_string().into()))?;
        if ssv.msg_type != SSV_DKG {
            let reason = format!("SSV message of type {}, not DKG", ssv.msg_type);
            return Err(DecodeError::Json(reason.into()));
        }
        Self::from_json(&ssv.data)
    }
}
