//! Whose messages contradict what everybody published. The dealings alone determine every key of the ceremony, so
//! each later message of an operator can be compared with them.

use std::collections::BTreeMap;

use super::evidence::{CeremonyEvidence, Fault};
use super::message::{Content, Seen};
use crate::beacon::roots::deposit_signing_root;
use crate::dkg::rockx::frost::{DerivedKeys, verify_round1};
use crate::dkg::rockx::keys::RSA_BYTES;
use crate::dkg::rockx::wire::{GoBytes, Output, PartialDepositData, Round1};
use crate::dkg::threshold::{Commitments, verify};
use crate::types::{BlsPublicKey, BlsSignature, CeremonyPlan, DEPOSIT_GWEI, OperatorId, Root, SafeText};

/// Every contradiction; none unless all dealings were seen.
///
/// An honest operator to whom a dealer privately sent another dealing would contradict the published one, too. When the keys
/// that are announced differ, our nodes show the dealings that they hold, and the dealer has signed two; RockX's accuse it
/// where the messenger brings them the published one as well. So this is asked only when time is out, and nothing of that
/// came.
pub(crate) fn contradictions(evidence: &CeremonyEvidence) -> Vec<Fault> {
    let Some(derived) = derived(evidence) else {
        return Vec::new();
    };
    evidence
        .messages
        .iter()
        .filter_map(|seen| {
            let what = contradiction(&evidence.plan, &derived, seen)?;
            Some(Fault {
                culprit: seen.signer,
                round: seen.round(),
                what,
            })
        })
        .collect()
}

fn derived(evidence: &CeremonyEvidence) -> Option<DerivedKeys> {
    let (dealers, threshold) = match &evidence.plan {
        CeremonyPlan::Keygen {
            committee, threshold, ..
        } => (committee, *threshold),
        CeremonyPlan::Reshare { old, threshold, .. } => (old, *threshold),
        CeremonyPlan::Sign { .. } => return None,
    };
    let commitments: BTreeMap<OperatorId, _> = evidence
        .messages
        .iter()
        .filter_map(|seen| match &seen.content {
            Content::Dealing(dealing) => Some((
                seen.signer,
                commitments(evidence, seen.signer, dealing, threshold)?,
            )),
            _ => None,
        })
        .collect();
    let complete = dealers.iter().all(|dealer| commitments.contains_key(dealer));
    complete.then(|| DerivedKeys::new(&commitments, evidence.plan.committee()))?
}

fn commitments(
    evidence: &CeremonyEvidence,
    dealer: OperatorId,
    dealing: &Round1,
    threshold: u8,
) -> Option<Commitments> {
    match evidence.observed.proven(dealer, dealing, threshold) {
        Some(commitments) => Some(commitments.clone()),
        None => verify_round1(dealer, dealing, threshold).ok(),
    }
}

fn contradiction(plan: &CeremonyPlan, derived: &DerivedKeys, seen: &Seen) -> Option<SafeText> {
    let share_key = derived.share_keys.get(&seen.signer)?;
    let differs = |bytes: &GoBytes, expected: &[u8]| bytes.as_slice() != expected;
    match &seen.content {
        Content::Keys(keys) if differs(&keys.vk, &derived.validator.0) => {
            Some("announced a validator key that does not follow from the dealings".into())
        }
        Content::Keys(keys) if differs(&keys.vk_share, &share_key.0) => {
            Some("announced a share key that does not follow from the dealings".into())
        }
        Content::Deposit(partial) => deposit_fault(plan, derived, seen.signer, partial),
        Content::Output(output) => {
            let data = output.data.as_ref()?;
            let wrong = differs(&data.validator_pub_key, &derived.validator.0)
                || differs(&data.share_pub_key, &share_key.0);
            if wrong {
                return Some("signed an output with keys that do not follow from the dealings".into());
            }
            output_fault(plan, derived, data)
        }
        _ => None,
    }
}

/// What is wrong with a result, whatever the others say in theirs.
fn output_fault(plan: &CeremonyPlan, derived: &DerivedKeys, data: &Output) -> Option<SafeText> {
    let bytes = data.encrypted_share.as_slice().len();
    if bytes != RSA_BYTES {
        return Some(format!("signed an output with an encrypted share of {bytes} bytes").into());
    }
    let root = deposit_root(plan, derived)?;
    let valid = BlsSignature::try_from(data.deposit_data_signature.as_slice())
        .is_ok_and(|signature| verify(&derived.validator, &root.0, &signature));
    (!valid).then(|| "signed an output with a deposit signature that is not the validator key's".into())
}

/// What a key generation signs for the deposit.
fn deposit_root(plan: &CeremonyPlan, derived: &DerivedKeys) -> Option<Root> {
    let CeremonyPlan::Keygen {
        withdrawal_credentials,
        fork_version,
        ..
    } = plan
    else {
        return None;
    };
    let validator = &derived.validator;
    Some(deposit_signing_root(
        validator,
        withdrawal_credentials,
        DEPOSIT_GWEI,
        *fork_version,
    ))
}

fn deposit_fault(
    plan: &CeremonyPlan,
    derived: &DerivedKeys,
    signer: OperatorId,
    partial: &PartialDepositData,
) -> Option<SafeText> {
    let root = deposit_root(plan, derived)?;
    if partial.root.as_slice() != root.0 {
        return Some("signed another deposit".into());
    }
    let key = derived.share_keys.get(&signer)?;
    let valid = BlsSignature::try_from(partial.signature.as_slice())
        .is_ok_and(|signature| verify(key, &root.0, &signature));
    (!valid).then(|| "sent a partial deposit signature that is not of its share".into())
}

/// In a reshare: the key that the dealings add up to, when it is another one than it should be. Any dealer can have
/// dealt something else than its share; without the old share keys nobody can tell which.
pub(crate) fn other_key(evidence: &CeremonyEvidence) -> Option<BlsPublicKey> {
    match &evidence.plan {
        CeremonyPlan::Reshare { validator, .. } => derived(evidence)
            .map(|keys| keys.validator)
            .filter(|key| key != validator),
        _ => None,
    }
}
