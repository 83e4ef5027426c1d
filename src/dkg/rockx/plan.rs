//! What can be known about a plan before anything is sent: sizes, thresholds, duplicates, known operators.

use std::collections::{BTreeMap, BTreeSet};

use super::committee::threshold_for;
use crate::types::{CeremonyPlan, OperatorId, OperatorRecord, SafeText};

/// FROST identifiers are 32 bits wide in the deployed nodes: a larger id would be cut silently.
const MAX_OPERATOR_ID: u64 = u32::MAX as u64;

/// Refuses a plan that no committee could carry out, so that no operator is left waiting in a round.
///
/// # Errors
/// The reason, in words.
pub(super) fn validate(plan: &CeremonyPlan) -> Result<(), SafeText> {
    let committee = plan.committee();
    distinct(committee)?;
    let (n, t) = match plan {
        CeremonyPlan::Keygen {
            committee, threshold, ..
        }
        | CeremonyPlan::Sign {
            committee, threshold, ..
        }
        | CeremonyPlan::Reshare {
            new: committee,
            threshold,
            ..
        } => (committee.len(), *threshold),
    };
    match threshold_for(n) {
        None => return Err(format!("a committee of {n}: only 4, 7, 10 and 13 exist").into()),
        Some(expected) if expected != t => {
            return Err(format!("threshold {t} for a committee of {n}: must be {expected}").into());
        }
        Some(_) => {}
    }
    match plan {
        CeremonyPlan::Keygen {
            registration: Some(_),
            ..
        }
        | CeremonyPlan::Reshare {
            registration: Some(_),
            ..
        } => Err("RockX signs no SSV registration within a key generation or a reshare".into()),
        CeremonyPlan::Reshare { brought: Some(_), .. } | CeremonyPlan::Sign { brought: Some(_), .. } => {
            Err("RockX takes no shares from whoever orders a ceremony: its operators keep them".into())
        }
        CeremonyPlan::Keygen {
            withdrawal_credentials,
            ..
        } if withdrawal_credentials.0[0] > 0x02 => Err(format!(
            "withdrawal credentials begin with 0x{:02x}",
            withdrawal_credentials.0[0]
        )
        .into()),
        CeremonyPlan::Keygen { .. } => Ok(()),
        CeremonyPlan::Sign {
            share_public_keys, ..
        } => {
            // a partial set would silently leave some partial signatures unchecked
            if share_public_keys.is_empty() || committee.iter().eq(share_public_keys.keys()) {
                Ok(())
            } else {
                Err("the known share public keys are not those of the committee".into())
            }
        }
        CeremonyPlan::Reshare { old, new, .. } => reshare_sizes(old, new, usize::from(t)),
    }
}

fn distinct(ids: &[OperatorId]) -> Result<(), SafeText> {
    let mut seen = BTreeSet::new();
    for id in ids {
        if !seen.insert(id) {
            return Err(format!("operator {id} is listed twice").into());
        }
        if id.0 == 0 || id.0 > MAX_OPERATOR_ID {
            return Err(format!("operator id {id} is not between 1 and {MAX_OPERATOR_ID}").into());
        }
    }
    if ids.windows(2).any(|pair| pair[0] > pair[1]) {
        return Err("the operators are not in ascending order".into());
    }
    Ok(())
}

/// The deployed nodes deal with exactly `t_old` old operators, and a receiver wants `t_new - 1 ..= n_new` commitments
/// and `t_new - 1 ..= n_new - 1` shares of others. This leaves equal sizes, 13 to 10, and 10 to 7 within the old seven.
fn reshare_sizes(old: &[OperatorId], new: &[OperatorId], t_new: usize) -> Result<(), SafeText> {
    distinct(old)?;
    let (dealers, n_new) = (old.len(), new.len());
    if ![3, 5, 7, 9].contains(&dealers) {
        return Err(
            format!("{dealers} old operators: exactly the old threshold (3, 5, 7 or 9) must deal").into(),
        );
    }
    let commitments_fit = (t_new - 1..=n_new).contains(&dealers);
    let shares_fit = new.iter().all(|id| {
        let from_others = dealers - usize::from(old.contains(id));
        (t_new - 1..n_new).contains(&from_others)
    });
    if commitments_fit && shares_fit {
        Ok(())
    } else {
        Err(format!(
            "{dealers} old operators cannot deal to a committee of {n_new}: the protocol keeps the size of a committee"
        )
        .into())
    }
}

/// The participants that the directory does not know.
pub(super) fn unknown_operators(
    plan: &CeremonyPlan,
    directory: &BTreeMap<OperatorId, OperatorRecord>,
) -> Vec<OperatorId> {
    plan.participants()
        .into_iter()
        .filter(|id| !directory.contains_key(id))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{BlsPublicKey, ForkVersion, Root};

    fn ids(range: impl IntoIterator<Item = u64>) -> Vec<OperatorId> {
        range.into_iter().map(OperatorId).collect()
    }

    fn keygen(committee: Vec<OperatorId>, threshold: u8) -> CeremonyPlan {
        CeremonyPlan::Keygen {
            committee,
            threshold,
            withdrawal_credentials: Root([1; 32]),
            fork_version: ForkVersion::default(),
            registration: None,
        }
    }

    fn reshare(old: Vec<OperatorId>, new: Vec<OperatorId>) -> CeremonyPlan {
        let threshold = threshold_for(new.len()).unwrap_or(1);
        CeremonyPlan::Reshare {
            validator: BlsPublicKey::default(),
            old,
            new,
            threshold,
            brought: None,
            registration: None,
        }
    }

    #[test]
    fn only_the_four_sizes_with_their_thresholds_pass() {
        for n in 0..=16 {
            for t in 0..=16 {
                let good = matches!((n, t), (4, 3) | (7, 5) | (10, 7) | (13, 9));
                assert_eq!(validate(&keygen(ids(1..=n), t)).is_ok(), good, "{n} {t}");
            }
        }
        for bad in [
            ids([1, 2, 2, 3]),
            ids([0, 1, 2, 3]),
            ids([1, 2, 4, 3]),
            ids([1, 2, 3, 1 << 32]),
        ] {
            assert!(validate(&keygen(bad.clone(), 3)).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn reshares_that_the_deployed_nodes_cannot_finish_are_refused() {
        let good = [
            (ids(1..=3), ids(5..=8)),
            (ids(1..=3), ids([1, 2, 3, 5])),
            (ids(1..=3), ids(1..=4)),
            (ids(1..=5), ids(11..=17)),
            (ids(1..=9), ids(1..=10)),
            (ids(1..=9), ids(21..=30)),
            (ids(1..=7), ids(1..=7)),
        ];
        for (old, new) in good {
            let plan = reshare(old, new);
            assert!(validate(&plan).is_ok(), "{plan:?}: {:?}", validate(&plan));
        }
        let bad = [
            (ids(1..=4), ids(5..=8)),
            (ids(1..=2), ids(5..=8)),
            (ids([]), ids(5..=8)),
            (ids(1..=3), ids(1..=7)),
            (ids(1..=5), ids(1..=4)),
            (ids(1..=7), ids(2..=8)),
            (ids(1..=5), ids(1..=10)),
            (ids([1, 1, 2]), ids(5..=8)),
        ];
        for (old, new) in bad {
            let plan = reshare(old, new);
            assert!(validate(&plan).is_err(), "{plan:?}");
        }
    }
}
