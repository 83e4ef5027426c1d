//! What stands against the committee of a deposit: SSV refuses it, or its operators are proven guilty or absent. Either
//! leads a person to the same choices, and a rule to another committee.

use std::fmt;
use std::time::Duration;

use super::refusals::refused_for_long;
use crate::oracle::{ActionState, Case, FailedFor, Payload, Resume, State, Step};
use crate::types::{ActionId, Check, CheckStatus, OperatorId, listed};

/// What stands against a committee.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::oracle) enum Against {
    /// SSV takes nothing of these operators; in its words.
    RefusedBySsv(String),
    /// A ceremony failed for these operators, again and again.
    Failed(FailedFor),
}

impl fmt::Display for Against {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RefusedBySsv(refusal) => write!(f, "SSV refuses it: {refusal}"),
            Self::Failed(failed) => write!(f, "{} proven guilty or absent", are(&failed.operators)),
        }
    }
}

/// An operator for whom a ceremony failed is absent once the next one could not begin for so long: whoever restarts a
/// node is waited for.
const ABSENT_AFTER: Duration = Duration::from_secs(600);

/// The check that says who does not answer.
const REACHABLE: &str = "operators-reachable";

/// What stands against the committee of a case where it stands, once a rule that may try `attempts` times is at its end.
/// What SSV says counts as two endpoints say it, now and some blocks before.
pub(in crate::oracle) fn against_committee(state: &State, case: &Case, attempts: u32) -> Option<Against> {
    match &case.step {
        // a person stopped it, for whatever reason
        Step::Halted { .. } if is_rejected(state, case) => None,
        Step::Halted { resume, .. } => {
            let failed = || case.failed_for.clone().filter(|_| *resume == Resume::Register);
            let refused = refused_for_long(state, case).map(Against::RefusedBySsv);
            refused.or_else(|| failed().map(Against::Failed))
        }
        Step::DecideEffect(id) => {
            let action = state.actions.get(id)?;
            let proposed = action.state == ActionState::Proposed;
            let refused = proposed.then(|| refused_for_long(state, case)).flatten();
            refused
                .filter(|_| state.faded(action).is_none())
                .map(Against::RefusedBySsv)
        }
        Step::DecideCeremony(id) => {
            let used_up = case.counted_attempts() >= attempts || case.unstarted >= attempts;
            let is_long = || state.volatile.has_come(case.since.plus(ABSENT_AFTER));
            let absent = somebody_is_away(state, *id) && is_long();
            let failed = still_proposed(state, case).filter(|_| used_up || absent);
            failed.cloned().map(Against::Failed)
        }
        _ => None,
    }
}

/// Whether the committee of a proposal cannot begin, because somebody in it does not answer.
fn somebody_is_away(state: &State, id: ActionId) -> bool {
    let shown = state.actions.get(&id).map(|action| state.shown(action).0);
    let mut checks = shown.into_iter().flat_map(|proposal| &proposal.checks);
    checks.any(|check| check.name == REACHABLE && check.status != CheckStatus::Pass)
}

/// Why an operator is not there, as checks say it. Where fewer than all are needed they may hold all the same.
pub(in crate::oracle) fn why_not_there(checks: &[Check], id: OperatorId) -> Option<&str> {
    let lead = format!("operator {id}: ");
    let mut checks = checks.iter().filter(|check| check.name == REACHABLE);
    checks.find_map(|check| {
        let mut clauses = check.reason.as_str().split("; ");
        // what is held says what was so before
        clauses.find_map(|words| {
            words
                .strip_prefix("before: ")
                .unwrap_or(words)
                .strip_prefix(&lead)
        })
    })
}

pub(super) fn is_rejected(state: &State, case: &Case) -> bool {
    let newest = state.actions.range(ActionId::all_of(case.id)).next_back();
    newest.is_some_and(|(_, action)| action.state == ActionState::Rejected)
}

/// Why the key of a case has not come about, where whoever made its ceremony fail is proposed again: the committee is a
/// fixed one, or there is nobody else.
pub(super) fn still_proposed<'a>(state: &State, case: &'a Case) -> Option<&'a FailedFor> {
    let Step::DecideCeremony(id) = &case.step else {
        return None;
    };
    let failed = case.failed_for.as_ref().filter(|_| case.keygen.is_none())?;
    let action = state.actions.get(id)?;
    let Payload::Ceremony(payload) = &action.proposal.payload else {
        return None;
    };
    let committee = payload.plan.committee();
    let again = failed.operators.iter().any(|id| committee.contains(id));
    (again && action.state == ActionState::Proposed).then_some(failed)
}

/// Operators as the subject of a sentence, and the verb for them.
pub(super) fn are(operators: &[OperatorId]) -> String {
    let (noun, verb) = match operators {
        [_] => ("operator", "is"),
        _ => ("operators", "are"),
    };
    format!("{noun} {} {verb}", listed(operators.iter().copied(), "and"))
}
