//! What the dealers committed to, compared with what the operators say came out.

use std::collections::BTreeMap;

use super::{Context, Observed, for_all, names};
use crate::beacon::roots::deposit_signing_root;
use crate::dkg::rockx::frost::{DerivedKeys, Round1Error, verify_round1};
use crate::dkg::rockx::wire::Round1;
use crate::dkg::threshold::{Commitments, verify_partials};
use crate::types::{BlsPublicKey, BlsSignature, CeremonyPlan, Check, DEPOSIT_GWEI, OperatorId};

const NAMES: [&str; 3] = ["dealings", "share-keys-derived", "round-2-keys"];
const DEPOSIT_PARTIALS: &str = "deposit-partials";

pub(super) fn check(
    context: Context<'_>,
    validator: Option<BlsPublicKey>,
    share_keys: &BTreeMap<OperatorId, BlsPublicKey>,
    observed: Option<&Observed>,
    checks: &mut Vec<Check>,
) {
    let deposit = matches!(context.plan, CeremonyPlan::Keygen { .. }).then_some(DEPOSIT_PARTIALS);
    let Some((observed, validator)) = observed.zip(validator) else {
        let reason = match validator {
            Some(_) => "the ceremony was not observed",
            None => "there is no agreed validator key",
        };
        checks.extend(
            NAMES
                .into_iter()
                .chain(deposit)
                .map(|name| Check::unknown(name, reason)),
        );
        return;
    };
    let dealers = check_dealings(context, observed, checks);
    check_derived(context, validator, share_keys, dealers.as_ref(), checks);
    check_round2(context, validator, share_keys, observed, checks);
    if deposit.is_some() {
        check_deposit_partials(context, validator, share_keys, observed, checks);
    }
}

fn commitments_of(
    context: Context<'_>,
    observed: &Observed,
    dealer: OperatorId,
    dealing: &Round1,
) -> Result<Commitments, Round1Error> {
    match observed.proven(dealer, dealing, context.threshold()) {
        Some(commitments) => Ok(commitments.clone()),
        None => verify_round1(dealer, dealing, context.threshold()),
    }
}

/// Every dealer's commitments: as many as the threshold, valid points, proof of knowledge. `None` unless all were seen.
fn check_dealings(
    context: Context<'_>,
    observed: &Observed,
    checks: &mut Vec<Check>,
) -> Option<BTreeMap<OperatorId, Commitments>> {
    let (mut faults, mut unseen, mut dealers) = (Vec::new(), Vec::new(), BTreeMap::new());
    for dealer in context.dealers() {
        match observed.dealings.get(dealer) {
            None => unseen.push(dealer),
            Some(dealing) => match commitments_of(context, observed, *dealer, dealing) {
                Ok(commitments) => drop(dealers.insert(*dealer, commitments)),
                Err(error) => faults.push(format!("operator {dealer}: {error}")),
            },
        }
    }
    let complete = faults.is_empty() && unseen.is_empty();
    checks.push(if !faults.is_empty() || unseen.is_empty() {
        for_all(
            NAMES[0],
            faults,
            "every proof of knowledge and number of commitments is right",
        )
    } else {
        Check::unknown(
            NAMES[0],
            format!("the dealing of operator {} was not observed", names(unseen)),
        )
    });
    complete.then_some(dealers)
}

fn check_derived(
    context: Context<'_>,
    validator: BlsPublicKey,
    share_keys: &BTreeMap<OperatorId, BlsPublicKey>,
    dealers: Option<&BTreeMap<OperatorId, Commitments>>,
    checks: &mut Vec<Check>,
) {
    let name = NAMES[1];
    let Some(dealers) = dealers else {
        checks.push(Check::unknown(name, "not every dealing is known to be valid"));
        return;
    };
    let Some(derived) = DerivedKeys::new(dealers, context.plan.committee()) else {
        checks.push(Check::fail(name, "the dealings add up to the identity"));
        return;
    };
    let mut faults = Vec::new();
    if derived.validator != validator {
        faults.push(format!(
            "the dealings make the key {}, not {validator}",
            derived.validator
        ));
    }
    faults.extend(
        derived
            .share_keys
            .iter()
            .filter(|(id, key)| share_keys.get(id).is_some_and(|reported| reported != *key))
            .map(|(id, key)| {
                format!("the dealings give operator {id} the share key {key}, it reports another")
            }),
    );
    checks.push(for_all(
        name,
        faults,
        "all keys are those that the dealings determine",
    ));
}

fn check_round2(
    context: Context<'_>,
    validator: BlsPublicKey,
    share_keys: &BTreeMap<OperatorId, BlsPublicKey>,
    observed: &Observed,
    checks: &mut Vec<Check>,
) {
    let mut faults = Vec::new();
    for (id, keys) in &observed.keys {
        if keys.vk.as_slice() != validator.0 {
            faults.push(format!("operator {id} derived another validator key"));
        }
        if share_keys
            .get(id)
            .is_some_and(|key| keys.vk_share.as_slice() != key.0)
        {
            faults.push(format!("operator {id} derived another share key than it reports"));
        }
    }
    let unseen: Vec<_> = context
        .plan
        .committee()
        .iter()
        .filter(|id| !observed.keys.contains_key(id))
        .collect();
    checks.push(if !faults.is_empty() || unseen.is_empty() {
        for_all(NAMES[2], faults, "every operator derived these keys")
    } else {
        Check::unknown(
            NAMES[2],
            format!("round 2 of operator {} was not observed", names(unseen)),
        )
    });
}

fn check_deposit_partials(
    context: Context<'_>,
    validator: BlsPublicKey,
    share_keys: &BTreeMap<OperatorId, BlsPublicKey>,
    observed: &Observed,
    checks: &mut Vec<Check>,
) {
    let CeremonyPlan::Keygen {
        withdrawal_credentials,
        fork_version,
        ..
    } = context.plan
    else {
        return;
    };
    let root = deposit_signing_root(&validator, withdrawal_credentials, DEPOSIT_GWEI, *fork_version);
    // without its share key nobody can be accused; that it is missing is a failure of its own
    let judged: BTreeMap<OperatorId, Option<BlsSignature>> = observed
        .deposits
        .iter()
        .filter(|(id, partial)| partial.root.as_slice() == root.0 && share_keys.contains_key(id))
        .map(|(id, partial)| (*id, BlsSignature::try_from(partial.signature.as_slice()).ok()))
        .collect();
    let whole = judged
        .iter()
        .filter_map(|(id, signature)| Some((*id, (*signature)?)))
        .collect();
    let bad = verify_partials(share_keys, &root.0, &whole);
    let mut faults = Vec::new();
    for (id, partial) in &observed.deposits {
        if partial.root.as_slice() != root.0 {
            faults.push(format!("operator {id} signed another deposit"));
        } else if bad.contains(id) || matches!(judged.get(id), Some(None)) {
            faults.push(format!(
                "operator {id}'s partial signature is not valid under its share key"
            ));
        }
    }
    let unseen: Vec<_> = context
        .plan
        .committee()
        .iter()
        .filter(|id| !observed.deposits.contains_key(id))
        .collect();
    checks.push(if !faults.is_empty() || unseen.is_empty() {
        for_all(
            DEPOSIT_PARTIALS,
            faults,
            "every operator's partial signature is valid under its share key",
        )
    } else {
        Check::unknown(
            DEPOSIT_PARTIALS,
            format!("that of operator {} was not observed", names(unseen)),
        )
    });
}
