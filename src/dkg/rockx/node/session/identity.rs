//! Who this operator is, and which keys its peers have.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::dkg::rockx::keys::{KeyError, OperatorPrivateKey, OperatorPublicKey};
use crate::dkg::rockx::wire::{Encode, Message, MsgType, SignedMessage};
use crate::types::{OperatorId, RequestId};

/// RSA keys of everybody who takes part in a ceremony, by operator.
pub type Peers = Arc<BTreeMap<OperatorId, Arc<OperatorPublicKey>>>;

/// The operator that a session acts for.
#[derive(Clone)]
pub struct Identity {
    /// Its id, which is its Shamir x-coordinate too.
    pub id: OperatorId,
    /// Its RSA key: signs every message, and its public half encrypts the finished share.
    pub key: Arc<OperatorPrivateKey>,
}

impl Identity {
    /// A signed message of this operator.
    ///
    /// # Errors
    /// The RSA library failed.
    pub fn sign(
        &self,
        msg_type: MsgType,
        ceremony: RequestId,
        payload: &impl Encode,
    ) -> Result<SignedMessage, KeyError> {
        Message::new(msg_type, ceremony, payload).sign(self.id, &self.key)
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "operator {}", self.id)
    }
}
