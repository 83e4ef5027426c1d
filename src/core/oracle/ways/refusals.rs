//! What SSV says to a key that it will not take. Words are read for advice alone: a wording that is not known loses the
//! advice, and forbids nothing. What a rule gives a key up for is no wording: it is the check [`SSV_OPERATORS`], which two
//! endpoints made at one block, and made again some blocks later.

use crate::oracle::state::Refusal;
use crate::oracle::{Case, Proposal, Resume, SSV_OPERATORS, STALE_AFTER, State, Step};
use crate::types::{CaseId, CheckStatus, SafeText};

/// Blocks between the first and the last time that two endpoints say that SSV refuses a committee, at least, before a rule
/// gives its key up: a key that is given up is never used again. An old state and a reorganisation are over by then, and
/// who left the committee for a moment is back.
pub const REFUSED_FOR: u64 = 8;

/// Takes in what the desk found of SSV's refusal of a case's committee.
pub(in crate::oracle) fn note_refusal(state: &mut State, id: CaseId, proposal: &Proposal) {
    let Some(case) = state
        .cases
        .get(&id)
        .filter(|c| c.kind().effect() == proposal.kind)
    else {
        return;
    };
    let (Some(key), Some(head)) = (&case.keygen, state.facts().head) else {
        return;
    };
    let validator = key.validator;
    let live = &mut state.volatile;
    match proposal.checks.iter().find(|check| check.name == SSV_OPERATORS) {
        Some(check) if check.status == CheckStatus::Fail => {
            let before = live.refusals.get(&id).filter(|seen| seen.validator == validator);
            let since = before.map_or(head.number, |seen| seen.since.min(head.number));
            let refusal = Refusal {
                validator,
                words: check.reason.clone(),
                since,
                last: head.number,
                up_ms: live.up_ms,
            };
            live.refusals.insert(id, refusal);
        }
        // one voice says so still, and nobody says otherwise
        Some(check) if check.status == CheckStatus::Unknown => {}
        _ => drop(live.refusals.remove(&id)),
    }
}

/// Why SSV takes nothing of the committee of a case, as two endpoints say it now and have said for [`REFUSED_FOR`] blocks.
pub(super) fn refused_for_long(state: &State, case: &Case) -> Option<String> {
    let validator = case.keygen.as_ref()?.validator;
    let refusal = state.volatile.refusals.get(&case.id)?;
    let age = state.volatile.up_ms.saturating_sub(refusal.up_ms);
    let is_new = u128::from(age) <= STALE_AFTER.as_millis();
    let stood = refusal.last.saturating_sub(refusal.since) >= REFUSED_FOR;
    let holds = refusal.validator == validator && is_new && stood;
    holds.then(|| refusal.words.to_string())
}

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

/// Whether a case stands because SSV refused its transaction for its operators' sake.
pub(in crate::oracle) fn stands_refused(state: &State, case: &Case) -> bool {
    let Step::Halted {
        resume: Resume::PlanEffect,
        ..
    } = case.step
    else {
        return false;
    };
    let newest = state.newest_failure(case);
    newest.is_some_and(|(_, reason)| is_refusal(reason))
        && refused_now(state, case).is_some()
        && !super::committee::is_rejected(state, case)
}

/// The same, and it is taken up by itself when SSV would take it.
pub(in crate::oracle) fn asks_ssv_again(state: &State, case: &Case) -> bool {
    let refused = state.failures(case).filter(|(_, reason)| is_refusal(reason));
    stands_refused(state, case) && (1..REFUSED_AT_MOST).contains(&refused.count())
}

fn is_refusal(reason: &SafeText) -> bool {
    refusal_among(vec![reason.to_string()]).is_some()
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
