//! How cases and actions stand, as tables and screens say it: derived from the state, never stored.

use crate::oracle::state::EffectKey;
use crate::oracle::{ActionState, CaseStatus, Family, Sending, State, Step, cases};
use crate::types::{ActionId, CaseId, NonceStatus, RequestId, SafeText, counted};

/// The status word of a case, for tables.
#[must_use]
pub fn case_status(state: &State, id: CaseId) -> CaseStatus {
    let Some(case) = state.cases.get(&id) else {
        return CaseStatus::Unknown;
    };
    let undecided =
        |action: &ActionId| state.actions.get(action).map(|a| &a.state) == Some(&ActionState::Proposed);
    // it was approved: nobody is asked
    let is_refreshing = |action| state.refreshing(action).is_some_and(|it| it.is_enough);
    match &case.step {
        Step::Closed { .. } if case.given_up => CaseStatus::GivenUp,
        Step::Closed { .. } if case.is_gone() => CaseStatus::Orphaned,
        Step::Closed { .. } => CaseStatus::Done,
        _ if case.orphaned => CaseStatus::Orphaned,
        _ if case.paused.is_some() => CaseStatus::Paused,
        step if unknown_outcome(state, step).is_some() => CaseStatus::Unknown,
        Step::PlanCeremony | Step::PlanEffect => CaseStatus::Preparing,
        Step::DecideCeremony(action) | Step::DecideEffect(action)
            if undecided(action) && !is_refreshing(*action) =>
        {
            CaseStatus::AwaitingDecision
        }
        _ if state.volatile.queued.contains_key(&id) => CaseStatus::Queued,
        Step::DecideEffect(_) if case.offers.deferred.is_some() => CaseStatus::Queued,
        Step::DecideCeremony(_) | Step::DecideEffect(_) => CaseStatus::Preparing,
        Step::RunCeremony(_) | Step::Register(_) => CaseStatus::Ceremony,
        Step::AwaitTurn => CaseStatus::Queued,
        Step::Execute(action) => match state.family_of(*action) {
            Some(Family::Broadcast) => CaseStatus::Following,
            _ => CaseStatus::Sending,
        },
        Step::Follow => CaseStatus::Following,
        Step::Halted { .. } => CaseStatus::Attention,
    }
}

/// The place of a case's action among those that wait for a person: 0, or more for what the contract serves in order.
#[must_use]
pub fn place_in_line(state: &State, id: CaseId) -> usize {
    cases::kind(id.kind).place(&state.settings, state.seen(), id.pool)
}

/// Where an action stands: [`ActionState::Unknown`] instead of `Executing` while it is not known whether it took effect.
#[must_use]
pub fn action_state(state: &State, id: ActionId) -> Option<ActionState> {
    let action = state.actions.get(&id)?;
    let step = state.cases.get(&id.case).map(|case| &case.step);
    let unknown = match step {
        Some(step @ Step::Execute(current)) if *current == id => unknown_outcome(state, step),
        // the one action that executes while a ceremony of its case runs is the one that began it
        Some(step @ Step::RunCeremony(_)) => unknown_outcome(state, step),
        _ => None,
    };
    Some(match (&action.state, unknown) {
        (ActionState::Executing, Some(reason)) => ActionState::Unknown { reason },
        (known, _) => known.clone(),
    })
}

/// Why it is not known whether what a case does at this step took effect; `None` where it is known, or nothing is done.
/// The case goes no further until it is found out.
pub fn unknown_outcome(state: &State, step: &Step) -> Option<SafeText> {
    match step {
        Step::RunCeremony(request) | Step::Register(Some(request)) => ceremony(state, *request),
        Step::Execute(action) => transaction(state, *action),
        _ => None,
    }
}

/// A ceremony that an earlier process began, or that was looked for in vain, is looked for, and never begun again.
fn ceremony(state: &State, request: RequestId) -> Option<SafeText> {
    let running = state.ceremonies.get(&request).filter(|c| c.ended.is_none())?;
    if let Some(doubt) = &running.doubt {
        return Some(SafeText::new(&format!(
            "outcome of {} with {}, attempt {}, unknown: {}; its result is looked for until it is found, \
             or declared lost with the retry key",
            running.plan.kind(),
            counted(running.plan.participants().len(), "operator"),
            running.attempt,
            doubt.reason
        )));
    }
    let accounted = state.volatile.accounted.contains(&EffectKey::Ceremony(request));
    (!accounted).then(|| {
        let kind = running.plan.kind();
        let operators = counted(running.plan.participants().len(), "operator");
        SafeText::new(&format!(
            "{kind} with {operators}, attempt {}, was begun before this program started; its outcome is looked for",
            running.attempt
        ))
    })
}

/// A transaction that is neither pending nor in a block, though it may have left.
fn transaction(state: &State, action: ActionId) -> Option<SafeText> {
    let missing = |s: &&Sending| s.status == NonceStatus::Missing;
    let sending = state.sendings.get(&action).filter(missing)?;
    let accounted = state.volatile.accounted.contains(&EffectKey::Send(action));
    (!accounted).then(|| {
        let nonce = sending.newest().nonce;
        let far = if sending.accepted {
            "was taken by a node"
        } else {
            "may have been sent"
        };
        SafeText::new(&format!(
            "transaction with nonce {nonce} {far}, and is neither seen pending nor in a block; it is looked for"
        ))
    })
}

#[cfg(test)]
mod tests;
