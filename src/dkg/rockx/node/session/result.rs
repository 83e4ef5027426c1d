//! An operator's signed result: making our own, checking the others'.

use super::identity::{Identity, Peers};
use crate::dkg::rockx::keys::{KeyError, RSA_BYTES};
use crate::dkg::rockx::share::seal_share;
use crate::dkg::rockx::wire::{GoBytes, Output, SignedOutput};
use crate::dkg::threshold::SecretScalar;
use crate::types::{BlsPublicKey, BlsSignature, OperatorId, RequestId};

/// What the result of a keygen or resharing must say at one operator.
pub(super) struct Expected {
    pub(super) ceremony: RequestId,
    pub(super) validator: BlsPublicKey,
    pub(super) share_key: BlsPublicKey,
    /// None after a resharing.
    pub(super) deposit_signature: Option<BlsSignature>,
}

impl Expected {
    /// Our own result, with the share encrypted to our own RSA key.
    pub(super) fn produce(&self, me: &Identity, share: &SecretScalar) -> Result<SignedOutput, KeyError> {
        let output = Output {
            request_id: self.ceremony,
            encrypted_share: seal_share(share, me.key.public())?.into(),
            share_pub_key: self.share_key.0.into(),
            validator_pub_key: self.validator.0.into(),
            deposit_data_signature: self.deposit_signature.map_or(GoBytes::NIL, |s| s.0.into()),
        };
        SignedOutput::of_output(output, me.id, &me.key)
    }

    /// Whether a peer's result says the same. BLS signatures are unique, so equality with our own verified deposit
    /// signature is its verification.
    pub(super) fn agrees(&self, theirs: &SignedOutput) -> Result<(), &'static str> {
        let Some(output) = &theirs.data else {
            return Err("no result");
        };
        let deposit = self.deposit_signature.as_ref().map_or(&[][..], |s| &s.0);
        if output.request_id != self.ceremony {
            Err("its result is of another ceremony")
        } else if output.validator_pub_key.as_slice() != self.validator.0 {
            Err("its result has another validator key")
        } else if output.share_pub_key.as_slice() != self.share_key.0 {
            Err("its result has another share key")
        } else if output.deposit_data_signature.as_slice() != deposit {
            Err("its result has another deposit signature")
        } else if output.encrypted_share.as_slice().len() != RSA_BYTES {
            Err("its result has no encrypted share")
        } else {
            Ok(())
        }
    }
}

/// What can be checked of a peer's signed result as soon as it comes: outer and inner signer are the same member, and
/// the inner signature is its.
pub(super) fn check_signer(
    output: &SignedOutput,
    sender: OperatorId,
    peers: &Peers,
) -> Result<(), &'static str> {
    if output.signer != sender {
        return Err("the result is signed by another operator than its message");
    }
    match peers.get(&sender) {
        Some(key) if output.verify(key) => Ok(()),
        _ => Err("the result's signature is not valid"),
    }
}
