//! Results of a signing ceremony: one signature, valid for exactly what was ordered.

use std::collections::BTreeMap;

use super::{Context, Observed, agreed, for_all, names};
use crate::dkg::rockx::wire::{KeySignOutput, SignedOutput};
use crate::dkg::threshold::{verify, verify_partials};
use crate::types::{BlsPublicKey, BlsSignature, CeremonyPlan, CeremonyResult, Check, OperatorId, Root};

pub(super) fn check(
    context: Context<'_>,
    outputs: &BTreeMap<OperatorId, SignedOutput>,
    observed: Option<&Observed>,
    checks: &mut Vec<Check>,
) -> Option<CeremonyResult> {
    let CeremonyPlan::Sign {
        validator,
        signing_root,
        share_public_keys,
        ..
    } = context.plan
    else {
        return None;
    };
    let committee = context.plan.committee();
    let results: BTreeMap<OperatorId, &KeySignOutput> = outputs
        .iter()
        .filter(|(id, _)| committee.contains(id))
        .filter_map(|(id, output)| Some((*id, output.key_sign_data.as_ref()?)))
        .collect();

    let other_key = results
        .iter()
        .filter(|(_, result)| result.validator_pk.as_slice() != validator.0)
        .map(|(id, _)| format!("operator {id} signed with another key"))
        .collect();
    checks.push(for_all("validator-key-equal", other_key, validator.to_string()));

    let equal = agreed(results.values().map(|result| &result.signature));
    let signature = equal.and_then(|bytes| BlsSignature::try_from(bytes.as_slice()).ok());
    checks.push(Check::of(
        "signature-equal",
        signature.is_some(),
        match signature {
            Some(_) => "all operators report the same signature",
            None => "the operators report different signatures, or none of 96 bytes",
        },
    ));
    checks.push(match signature {
        Some(signature) => {
            let valid = verify(validator, &signing_root.0, &signature);
            let verdict = if valid { "valid for" } else { "not a signature for" };
            Check::of(
                "signature",
                valid,
                format!("{verdict} {signing_root} under {validator}"),
            )
        }
        None => Check::unknown("signature", "there is no agreed signature"),
    });
    check_partials(committee, signing_root, share_public_keys, observed, checks);
    check_combined(validator, signing_root, observed, checks);
    signature.map(|signature| CeremonyResult::Sign { signature })
}

fn check_partials(
    committee: &[OperatorId],
    root: &Root,
    share_keys: &BTreeMap<OperatorId, BlsPublicKey>,
    observed: Option<&Observed>,
    checks: &mut Vec<Check>,
) {
    let name = "partial-signatures";
    let Some(observed) = observed else {
        checks.push(Check::unknown(name, "the ceremony was not observed"));
        return;
    };
    // without its share key nobody can be accused
    let judged = observed
        .partials
        .iter()
        .filter(|(id, _)| share_keys.contains_key(id))
        .map(|(id, s)| (*id, *s))
        .collect();
    let faults: Vec<String> = verify_partials(share_keys, &root.0, &judged)
        .iter()
        .map(|id| format!("operator {id}'s partial signature is not valid under its share key"))
        .collect();
    let unjudged: Vec<_> = committee.iter().filter(|id| !judged.contains_key(id)).collect();
    checks.push(if !faults.is_empty() {
        for_all(name, faults, "")
    } else if unjudged.is_empty() {
        Check::pass(
            name,
            "every operator's partial signature is valid under its share key",
        )
    } else {
        let ids = names(unjudged);
        Check::unknown(
            name,
            format!("not observed, or share key not known, of operator {ids}"),
        )
    });
}

fn check_combined(
    validator: &BlsPublicKey,
    root: &Root,
    observed: Option<&Observed>,
    checks: &mut Vec<Check>,
) {
    let name = "combined-signatures";
    let Some(observed) = observed else {
        checks.push(Check::unknown(name, "the ceremony was not observed"));
        return;
    };
    // usually they are one and the same
    let mut verdicts: Vec<(BlsSignature, bool)> = Vec::new();
    for signature in observed.combined.values() {
        if !verdicts.iter().any(|(judged, _)| judged == signature) {
            verdicts.push((*signature, verify(validator, &root.0, signature)));
        }
    }
    let faults: Vec<String> = observed
        .combined
        .iter()
        .filter(|(_, signature)| !verdicts.contains(&(**signature, true)))
        .map(|(id, _)| format!("operator {id} combined a signature that is not valid"))
        .collect();
    checks.push(if observed.combined.is_empty() {
        Check::unknown(name, "none was observed")
    } else {
        for_all(name, faults, "every operator combined a valid signature")
    });
}
