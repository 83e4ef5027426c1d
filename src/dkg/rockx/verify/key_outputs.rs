//! Results of keygen and reshare: one key, shares that belong together, a deposit signature for exactly what was ordered.

use std::collections::BTreeMap;

use super::{Context, Observed, agreed, dealt, for_all};
use crate::beacon::roots::deposit_signing_root;
use crate::dkg::rockx::keys::RSA_BYTES;
use crate::dkg::rockx::wire::{GoBytes, Output, SignedOutput};
use crate::dkg::threshold::{decode_key, interpolates_to, verify};
use crate::types::{
    BlsPublicKey, BlsSignature, CeremonyPlan, CeremonyResult, Check, DEPOSIT_GWEI, ForkVersion, KeygenOutput,
    OperatorId, ReshareOutput, Root,
};

pub(super) fn check(
    context: Context<'_>,
    outputs: &BTreeMap<OperatorId, SignedOutput>,
    observed: Option<&Observed>,
    checks: &mut Vec<Check>,
) -> Option<CeremonyResult> {
    // outputs of strangers have failed already: they must not cost arithmetic as well
    let committee = context.plan.committee();
    let results: BTreeMap<OperatorId, &Output> = outputs
        .iter()
        .filter(|(id, _)| committee.contains(id))
        .filter_map(|(id, output)| Some((*id, output.data.as_ref()?)))
        .collect();
    let validator = check_validator_key(context, &results, checks);
    let share_public_keys = share_keys_in(&results);
    let (mut equal, mut from_dealings) = (Vec::new(), Vec::new());
    // three computations that do not need each other: whoever waits for the result waits for the longest only
    let (interpolate, (encrypted_shares, deposit_signature)) = std::thread::scope(|scope| {
        let interpolate = scope.spawn(|| check_share_keys(context, &share_public_keys, validator));
        let dealt = scope.spawn(|| {
            dealt::check(
                context,
                validator,
                &share_public_keys,
                observed,
                &mut from_dealings,
            );
        });
        let here = check_shares_and_deposit(context, &results, validator, &mut equal);
        dealt
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        let interpolate = interpolate
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        (interpolate, here)
    });
    checks.push(interpolate);
    checks.extend(equal);
    checks.extend(from_dealings);

    let validator = validator?;
    match context.plan {
        CeremonyPlan::Keygen { .. } => Some(CeremonyResult::Keygen(KeygenOutput {
            validator,
            deposit_signature: deposit_signature?,
            share_public_keys,
            encrypted_shares,
            registration: None,
            handed_back: BTreeMap::new(),
        })),
        CeremonyPlan::Reshare { .. } => Some(CeremonyResult::Reshare(ReshareOutput {
            validator,
            share_public_keys,
            encrypted_shares,
            handed_back: BTreeMap::new(),
            registration: None,
        })),
        CeremonyPlan::Sign { .. } => None,
    }
}

fn check_validator_key(
    context: Context<'_>,
    results: &BTreeMap<OperatorId, &Output>,
    checks: &mut Vec<Check>,
) -> Option<BlsPublicKey> {
    let equal = agreed(results.values().map(|output| &output.validator_pub_key));
    let key = equal.and_then(|bytes| BlsPublicKey::try_from(bytes.as_slice()).ok());
    checks.push(match (equal, key) {
        (None, _) => Check::fail(
            "validator-key-equal",
            "the operators report different validator keys, or none",
        ),
        (_, None) => Check::fail("validator-key-equal", "the validator key has not 48 bytes"),
        (_, Some(key)) => Check::pass("validator-key-equal", key.to_string()),
    });
    checks.push(match key.map(|key| decode_key(&key.0)) {
        Some(Ok(_)) => Check::pass(
            "validator-key-point",
            "a point of the prime-order subgroup, not the identity",
        ),
        Some(Err(error)) => Check::fail("validator-key-point", error.to_string()),
        None => Check::unknown("validator-key-point", "there is no agreed key"),
    });
    if let CeremonyPlan::Reshare { validator, .. } = context.plan {
        checks.push(match key {
            Some(key) => Check::of(
                "validator-key-unchanged",
                key == *validator,
                format!("{validator} was to be kept, {key} came out"),
            ),
            None => Check::unknown("validator-key-unchanged", "there is no agreed key"),
        });
    }
    key
}

fn check_shares_and_deposit(
    context: Context<'_>,
    results: &BTreeMap<OperatorId, &Output>,
    validator: Option<BlsPublicKey>,
    checks: &mut Vec<Check>,
) -> (BTreeMap<OperatorId, Vec<u8>>, Option<BlsSignature>) {
    let encrypted_shares = check_encrypted_shares(results, checks);
    let deposit_signature = match context.plan {
        CeremonyPlan::Keygen {
            withdrawal_credentials,
            fork_version,
            ..
        } => {
            let signature = check_equal_deposit_signatures(results, checks);
            check_deposit(
                validator,
                signature,
                withdrawal_credentials,
                *fork_version,
                checks,
            );
            signature
        }
        _ => {
            check_no_deposit_signature(results, checks);
            None
        }
    };
    (encrypted_shares, deposit_signature)
}

/// The share keys that have the right length.
fn share_keys_in(results: &BTreeMap<OperatorId, &Output>) -> BTreeMap<OperatorId, BlsPublicKey> {
    results
        .iter()
        .filter_map(|(id, output)| Some((*id, BlsPublicKey::try_from(output.share_pub_key.as_slice()).ok()?)))
        .collect()
}

fn check_share_keys(
    context: Context<'_>,
    keys: &BTreeMap<OperatorId, BlsPublicKey>,
    validator: Option<BlsPublicKey>,
) -> Check {
    let threshold = context.threshold();
    let complete = context.plan.committee().iter().all(|id| keys.contains_key(id));
    match validator {
        None => Check::unknown("share-keys-interpolate", "there is no agreed validator key"),
        Some(_) if !complete => Check::fail(
            "share-keys-interpolate",
            "a share key is missing or has not 48 bytes",
        ),
        Some(validator) => match interpolates_to(keys, threshold, &validator) {
            Ok(()) => Check::pass(
                "share-keys-interpolate",
                format!(
                    "all {} share keys lie on one polynomial of degree {}",
                    keys.len(),
                    threshold - 1
                ),
            ),
            Err(error) => Check::fail("share-keys-interpolate", error.to_string()),
        },
    }
}

fn check_encrypted_shares(
    results: &BTreeMap<OperatorId, &Output>,
    checks: &mut Vec<Check>,
) -> BTreeMap<OperatorId, Vec<u8>> {
    let shares: BTreeMap<OperatorId, Vec<u8>> = results
        .iter()
        .map(|(id, output)| (*id, output.encrypted_share.as_slice().to_vec()))
        .collect();
    let faults = shares
        .iter()
        .filter(|(_, share)| share.len() != RSA_BYTES)
        .map(|(id, share)| {
            format!(
                "operator {id}'s encrypted share has {} bytes, not {RSA_BYTES}",
                share.len()
            )
        })
        .collect();
    checks.push(for_all(
        "encrypted-shares",
        faults,
        format!("each has {RSA_BYTES} bytes"),
    ));
    shares
}

fn check_equal_deposit_signatures(
    results: &BTreeMap<OperatorId, &Output>,
    checks: &mut Vec<Check>,
) -> Option<BlsSignature> {
    let equal = agreed(results.values().map(|output| &output.deposit_data_signature));
    let signature = equal.and_then(|bytes| BlsSignature::try_from(bytes.as_slice()).ok());
    checks.push(Check::of(
        "deposit-signature-equal",
        signature.is_some(),
        match signature {
            Some(_) => "all operators report the same deposit signature",
            None => "the operators report different deposit signatures, or none of 96 bytes",
        },
    ));
    signature
}

fn check_deposit(
    validator: Option<BlsPublicKey>,
    signature: Option<BlsSignature>,
    credentials: &Root,
    fork_version: ForkVersion,
    checks: &mut Vec<Check>,
) {
    let what = format!("{DEPOSIT_GWEI} gwei to {credentials}, fork version {fork_version}");
    checks.push(match (validator, signature) {
        (Some(key), Some(signature)) => {
            let root = deposit_signing_root(&key, credentials, DEPOSIT_GWEI, fork_version);
            let valid = verify(&key, &root.0, &signature);
            let verdict = if valid { "valid for" } else { "not a signature for" };
            Check::of("deposit-signature", valid, format!("{verdict} {what}"))
        }
        _ => Check::unknown(
            "deposit-signature",
            format!("no agreed key and signature to check for {what}"),
        ),
    });
}

/// A reshare signs no deposit; a node that sends one all the same ran something else.
fn check_no_deposit_signature(results: &BTreeMap<OperatorId, &Output>, checks: &mut Vec<Check>) {
    let faults = results
        .iter()
        .filter(|(_, output)| output.deposit_data_signature != GoBytes::NIL)
        .map(|(id, _)| format!("operator {id} reports a deposit signature"))
        .collect();
    checks.push(for_all("no-deposit-signature", faults, "no deposit was signed"));
}
