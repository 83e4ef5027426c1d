//! What SSV says to a key that it will not take. It is read for advice alone: a wording that is not known loses the
//! advice, and forbids nothing.

use crate::oracle::{Case, Resume, State, Step};
use crate::types::SafeText;

/// SSV's errors that concern the operators of a committee or their cluster, whatever the key is: of `SSVNetwork` v1 to v2,
/// with and without data. A longer name that begins with one of these says the same.
const OF_A_COMMITTEE: [(&str, &str); 5] = [
    ("OperatorDoesNotExist", "an operator is not at SSV any more"),
    (
        "CallerNotWhitelisted",
        "an operator is private and does not serve the manager",
    ),
    (
        "ExceedValidatorLimit",
        "an operator has reached its limit of validators",
    ),
    (
        "ClusterIsLiquidated",
        "the cluster of these operators is liquidated",
    ),
    (
        "IncorrectClusterVersion",
        "the cluster of these operators takes no more validators",
    ),
];

/// The check that says the same before anything is sent.
const CLUSTER_CHECK: &str = "ssv-cluster-active";

/// Why SSV does not take what a case would send, or did not take; `None` where nothing says so.
pub(in crate::oracle) fn refused_by_ssv(state: &State, case: &Case) -> Option<String> {
    case.keygen.as_ref()?;
    let mut texts = now(state, case);
    texts.extend(state.newest_failure(case).map(|(_, reason)| reason.to_string()));
    refusal_among(texts)
}

/// Why SSV does not take what a case would send, by what is looked at now and by nothing from before.
pub(super) fn refused_now(state: &State, case: &Case) -> Option<String> {
    case.keygen.as_ref()?;
    refusal_among(now(state, case))
}

/// Transactions with the present key that SSV refused in a block for its operators' sake, at most, before only a person
/// takes the case up again.
pub const REFUSED_AT_MOST: usize = 3;

/// Whether a case stands because SSV refused its transaction for its operators' sake, and is taken up by itself when SSV
/// would take it.
pub(in crate::oracle) fn asks_ssv_again(state: &State, case: &Case) -> bool {
    let Step::Halted {
        resume: Resume::PlanEffect,
        ..
    } = case.step
    else {
        return false;
    };
    let is_refusal = |reason: &SafeText| refusal_among(vec![reason.to_string()]).is_some();
    let refused = state.failures(case).filter(|(_, reason)| is_refusal(reason));
    let newest = state.newest_failure(case);
    newest.is_some_and(|(_, reason)| is_refusal(reason))
        && refused_now(state, case).is_some()
        && !super::committee::is_rejected(state, case)
        && (1..REFUSED_AT_MOST).contains(&refused.count())
}

fn refusal_among(texts: Vec<String>) -> Option<String> {
    texts.into_iter().find_map(|text| {
        let known = OF_A_COMMITTEE.iter().find(|(error, _)| text.contains(error));
        known.map(|(_, meaning)| format!("{meaning}; {text}"))
    })
}

/// What stands against the case now: why it halted, or the checks that fail.
fn now(state: &State, case: &Case) -> Vec<String> {
    let mut texts = Vec::new();
    match &case.step {
        Step::Halted { reason, .. } => texts.push(reason.to_string()),
        Step::DecideEffect(id) => {
            let action = state.actions.get(id);
            let checks = action.into_iter().flat_map(|a| state.shown(a).0.failed_checks());
            texts.extend(checks.map(|check| {
                let liquidated = check.name == CLUSTER_CHECK;
                let error = if liquidated { "ClusterIsLiquidated: " } else { "" };
                format!("{error}{}", check.reason)
            }));
        }
        _ => {}
    }
    texts
}
