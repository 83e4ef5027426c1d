//! The requests of the contract, as the pane of pool events has them.

use std::cmp::Reverse;

use super::sentence::sentence;
use crate::oracle::{Case, State, Step, case_status, current_ceremony, milestones};
use crate::snapshot::CaseView;
use crate::types::ActionId;

/// Newest first.
pub(super) fn views(state: &State) -> Vec<CaseView> {
    let mut views: Vec<_> = state
        .cases
        .values()
        .map(|case| CaseView {
            id: case.id,
            kind: case.id.kind,
            pool: case.id.pool,
            cause: case.cause.clone(),
            opened_at: case.opened_at,
            status: case_status(state, case.id),
            sentence: sentence(state, case),
            since: case.since,
            action: current_action(case),
            ceremony: current_ceremony(case),
            validator: case
                .validator()
                .or_else(|| state.known_key(case.id.pool).map(|k| k.validator)),
            times: milestones(case),
            history: case.history.clone(),
            paused: case.paused.is_some(),
        })
        .collect();
    views.sort_by_key(|c| Reverse((c.opened_at, c.id)));
    views
}

/// The action that matters now, else the newest.
fn current_action(case: &Case) -> Option<ActionId> {
    match case.step {
        Step::DecideCeremony(id) | Step::DecideEffect(id) | Step::Execute(id) => Some(id),
        _ => (case.actions > 0).then_some(ActionId {
            case: case.id,
            number: case.actions,
        }),
    }
}
