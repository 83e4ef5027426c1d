//! The requests of the contract, as the pane of pool events has them.

use super::sentence::sentence;
use super::{convert, observes};
use crate::oracle::{
    self, Case, HISTORY_FIRST, State, Step, can_retry, case_status, current_ceremony, doubtful_ceremony,
    milestones, ways,
};
use crate::types::{ActionId, CaseId, SafeText, counted};
use crate::view::{Can, CaseView, HistoryEntry, WayOn};

pub(super) fn view(state: &State, id: CaseId) -> Option<CaseView> {
    let case = state.cases.get(&id)?;
    let (can_retry, can_pause) = possibilities(state, case);
    let from_here = ways(state, case);
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
        ways: from_here.on.into_iter().map(|on| way_on(state, on)).collect(),
        awaits: from_here.awaits.map(|words| SafeText::new(&words)),
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
    let can_pause = match &case.paused {
        _ if case.is_closed() => Can::no(format!("{} is closed", case.id)),
        Some(_) => Can::no("it is paused already"),
        None => Can::Yes,
    };
    (can_retry(state, case).into(), can_pause)
}

/// A way on; in mode observe it is shown, and cannot be gone.
fn way_on(state: &State, on: oracle::WayOn) -> WayOn {
    WayOn {
        way: convert::way(on.way),
        can: observes(state).unwrap_or_else(|| on.can.into()),
        why: SafeText::new(&on.why),
        costs: SafeText::new(&on.costs),
    }
}

/// The action that matters now, else the newest.
pub(super) fn current_action(case: &Case) -> Option<ActionId> {
    match case.step {
        Step::DecideCeremony(id) | Step::DecideEffect(id) | Step::Execute(id) => Some(id),
        _ => (case.actions > 0).then_some(ActionId {
            case: case.id,
            number: case.actions,
        }),
    }
}
