//! The start message: what each participant is told to begin.

use super::keys::{KeyError, OperatorPrivateKey, RSA_BYTES};
use super::wire::{GoBytes, Init, KeySign, Message, MsgType, Reshare, SignedMessage};
use crate::types::{CeremonyPlan, RequestId};

/// The unsigned start message of `plan`.
pub(super) fn message(id: RequestId, plan: &CeremonyPlan) -> Message {
    match plan {
        CeremonyPlan::Keygen {
            committee,
            threshold,
            withdrawal_credentials,
            fork_version,
            ..
        } => Message::new(
            MsgType::Init,
            id,
            &Init {
                operator_ids: committee.iter().copied().collect(),
                threshold: u64::from(*threshold),
                withdrawal_credentials: withdrawal_credentials.0.into(),
                fork: *fork_version,
            },
        ),
        CeremonyPlan::Reshare {
            validator,
            old,
            new,
            threshold,
            ..
        } => Message::new(
            MsgType::Reshare,
            id,
            &Reshare {
                validator_pk: validator.0.into(),
                operator_ids: new.iter().copied().collect(),
                threshold: u64::from(*threshold),
                old_operator_ids: old.iter().copied().collect(),
            },
        ),
        CeremonyPlan::Sign {
            validator,
            signing_root,
            ..
        } => Message::new(
            MsgType::KeySign,
            id,
            &KeySign {
                validator_pk: validator.0.into(),
                signing_root: signing_root.0.into(),
                ..KeySign::default()
            },
        ),
    }
}

/// Signs the start message. The signer's number must be one that every node can look up, so it is the committee's first
/// member, whoever holds `key`. The deployed nodes do not enforce this signature; ours do when they are given the key.
pub(crate) fn signed(
    id: RequestId,
    plan: &CeremonyPlan,
    key: Option<&OperatorPrivateKey>,
) -> Result<SignedMessage, KeyError> {
    let signer = plan.committee().first().copied().unwrap_or_default();
    let message = message(id, plan);
    match key {
        Some(key) => message.sign(signer, key),
        None => Ok(SignedMessage {
            message: Some(message),
            signer,
            signature: GoBytes::from(vec![0; RSA_BYTES]),
        }),
    }
}
