//! The requests of the contract, as the pane of pool events has them.

use super::sentence::sentence;
use super::{convert, observes};
use crate::oracle::{Case, State, Step, case_status, current_ceremony, doubtful_ceremony, milestones};
use crate::types::{ActionId, CaseId};
use crate::view::{Can, CaseView};

pub(super) fn case(state: &State, id: CaseId) -> Option<CaseView> {
    let case = state.cases.get(&id)?;
    let (can_retry, can_pause) = possibilities(state, case);
    Some(CaseView {
        id,
        kind: id.kind,
        pool: id.pool,
        cause: convert::cause(&case.cause),
        opened_at: case.opened_at,
        status: convert::status(case_status(state, id)),
        sentence: sentence(state, case),
        since: case.since,
        action: current_action(case),
        ceremony: current_ceremony(case),
        validator: case
            .validator()
            .or_else(|| state.known_key(id.pool).map(|k| k.validator)),
        times: milestones(case).iter().map(convert::milestone).collect(),
        history: case.history.iter().map(convert::history).collect(),
        paused: case.paused.is_some(),
        can_retry,
        can_pause,
        doubtful: doubtful_ceremony(state, case).map(|(request, _)| request),
    })
}

/// Whether a case can be retried, and whether it can be paused.
fn possibilities(state: &State, case: &Case) -> (Can, Can) {
    if let Some(no) = observes(state) {
        return (no.clone(), no);
    }
    if case.is_closed() {
        let no = Can::no(format!("{} is closed", case.id));
        return (no.clone(), no);
    }
    let can_pause = match &case.paused {
        Some(_) => Can::no("it is paused already"),
        None => Can::Yes,
    };
    (Can::Yes, can_pause)
}

fn current_action(case: &Case) -> Option<ActionId> {
    match case.step {
        Step::DecideCeremony(id) | Step::DecideEffect(id) | Step::Execute(id) => Some(id),
        _ => (case.actions > 0).then_some(ActionId {
            case: case.id,
            number: case.actions,
        }),
    }
}
