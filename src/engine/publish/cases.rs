//! The requests of the contract, as the pane of pool events has them.

use super::sentence::sentence;
use super::{convert, observes};
use crate::oracle::{
    Case, HISTORY_FIRST, State, Step, case_status, current_ceremony, doubtful_ceremony, milestones,
};
use crate::types::{ActionId, CaseId, SafeText, counted};
use crate::view::{Can, CaseView, HistoryEntry};

pub(super) fn view(state: &State, id: CaseId) -> Option<CaseView> {
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
        history: history(case),
        paused: case.paused.is_some(),
        can_retry,
        can_pause,
        doubtful: doubtful_ceremony(state, case).map(|(request, _)| request),
    })
}

/// Its file, with a line where entries are left to the journal.
fn history(case: &Case) -> Vec<HistoryEntry> {
    let mut entries: Vec<_> = case.history.iter().map(convert::history).collect();
    if let Some(next) = entries.get(HISTORY_FIRST).filter(|_| case.left_out > 0) {
        let left_out = HistoryEntry {
            text: SafeText::new(&format!(
                "{} left out here, in the journal",
                counted(usize::try_from(case.left_out).unwrap_or(usize::MAX), "line")
            )),
            ..next.clone()
        };
        entries.insert(HISTORY_FIRST, left_out);
    }
    entries
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
