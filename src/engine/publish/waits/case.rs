//! Why a case waits, by the step at which it stands.

use crate::engine::live::Live;
use crate::engine::publish::sentence::{given_up, listed_again, sentence};
use crate::oracle::{
    ActionState, Case, ExitStanding, FOR_A_PERSON, Family, LOOKED_AT_AGAIN, Mode, State, Step,
    current_ceremony, held_out_of_memory, is_held, is_listed_again, undo_until, unknown_outcome,
};
use crate::types::{ActionId, CheckStatus, NonceStatus, SafeText, UnixMillis, counted};
use crate::view::{Wait, WaitReason};

pub(super) fn wait(state: &State, live: &Live, case: &Case) -> Option<Wait> {
    let (reason, action) = reason(state, case)?;
    let mut words = sentence(state, case).to_string();
    if let Some(unknown) = action.and_then(|id| unknown_checks(state, id, &words)) {
        words = format!("{words}; unknown: {unknown}");
    }
    let waiting = action.and_then(|id| state.actions.get(&id));
    if reason != WaitReason::CheckFailed
        && let Some(faded) = waiting.and_then(|action| state.faded(action))
        && !words.contains(faded.why.as_str())
    {
        let stale = counted(faded.checks.len(), "stale check");
        words = format!("{words}; {stale}: {}", faded.why);
    }
    Some(Wait {
        case: Some(case.id),
        action,
        since: since(state, case, reason).unwrap_or_default(),
        due: due(state, live, case, reason),
        ..Wait::new(reason, SafeText::new(&words))
    })
}

/// What is over, left memory, and is listed by the contract all the same.
pub(super) fn out_of_memory(state: &State) -> impl Iterator<Item = Wait> {
    held_out_of_memory(state).into_iter().map(|(id, outcome)| {
        let (reason, words) = match is_listed_again(state, id) {
            true => (WaitReason::ListedAgain, listed_again(state, id, &outcome)),
            false => (WaitReason::GivenUp, given_up(state, id, &outcome)),
        };
        Wait {
            case: Some(id),
            ..Wait::new(reason, SafeText::new(&words))
        }
    })
}

fn reason(state: &State, case: &Case) -> Option<(WaitReason, Option<ActionId>)> {
    let case_alone = |reason| Some((reason, None));
    if case.is_closed() {
        let reason = match case.given_up {
            true => WaitReason::GivenUp,
            false => WaitReason::ListedAgain,
        };
        return is_held(state, case).then_some((reason, None));
    }
    if case.paused.is_some() {
        return case_alone(WaitReason::CasePaused);
    }
    if case.orphaned {
        return case_alone(WaitReason::Orphaned);
    }
    if case.served_by.is_some() && !matches!(case.step, Step::Execute(_) | Step::Follow) {
        return case_alone(WaitReason::ServedElsewhere);
    }
    if unknown_outcome(state, &case.step).is_some() {
        return Some(match case.step {
            Step::Execute(action) => (WaitReason::TransactionUnknown, Some(action)),
            _ => (WaitReason::CeremonyUnknown, None),
        });
    }
    let told = state.waiting_reason(case.id).is_some();
    match &case.step {
        Step::DecideCeremony(id) | Step::DecideEffect(id) => Some((decision(state, case, *id), Some(*id))),
        Step::Execute(id) => Some((executing(state, case, *id), Some(*id))),
        Step::AwaitTurn => case_alone(WaitReason::Turn),
        Step::PlanCeremony if case.last_failure.is_some() && !told => case_alone(WaitReason::AttemptFailed),
        Step::PlanCeremony | Step::PlanEffect | Step::Register(None) if told => case_alone(WaitReason::Held),
        Step::PlanCeremony | Step::PlanEffect | Step::Register(None) => case_alone(WaitReason::Gathering),
        Step::RunCeremony(_) => case_alone(WaitReason::Ceremony),
        Step::Register(Some(_)) => case_alone(WaitReason::Registration),
        Step::Follow => case_alone(WaitReason::Following),
        Step::Halted { .. } => case_alone(WaitReason::Attention),
        Step::Closed { .. } => None,
    }
}

/// An action that is proposed, or approved and still here.
fn decision(state: &State, case: &Case, id: ActionId) -> WaitReason {
    let observes = state.mode() == Mode::Observe;
    let Some(action) = state.actions.get(&id) else {
        return WaitReason::Gathering;
    };
    if action.state != ActionState::Proposed {
        return match case.offers.deferred {
            _ if observes => WaitReason::Observed,
            Some(_) => WaitReason::Epoch,
            None if state.paused.is_some() => WaitReason::HeldByPause,
            None if state.is_cut_off() => WaitReason::NoEndpoint,
            None if state.waits_for_signer(case.id) => WaitReason::SignerAway,
            None if undo_until(state, id).is_some() => WaitReason::UndoWindow,
            None => WaitReason::LastChecks,
        };
    }
    let waits = state.waiting_reason(case.id).map(SafeText::as_str);
    let is_enough = state.refreshing(id).map(|refreshing| refreshing.is_enough);
    match waits {
        _ if action.approvable().is_err() => WaitReason::CheckFailed,
        _ if observes => WaitReason::Observed,
        _ if is_enough == Some(true) => WaitReason::Refreshing,
        _ if is_enough.is_some() || !action.endorsements.is_empty() => WaitReason::SecondPerson,
        Some(words) if words.starts_with(FOR_A_PERSON) => WaitReason::Policy,
        Some(words) if words.starts_with(LOOKED_AT_AGAIN) => WaitReason::Gathering,
        Some(_) => WaitReason::Held,
        // a rule has not looked at it yet
        None if state.mode() == Mode::Auto => WaitReason::Gathering,
        None if action.proposal.kind.family() == Family::Broadcast => WaitReason::ExitDecision,
        None => WaitReason::Decision,
    }
}

/// Signed, sent or published.
fn executing(state: &State, case: &Case, id: ActionId) -> WaitReason {
    let Some(sending) = state.sendings.get(&id) else {
        return match case.offers.standing {
            Some(ExitStanding::Refused) => WaitReason::ExitRefused,
            Some(ExitStanding::Unheard) => WaitReason::ExitUndelivered,
            _ => WaitReason::ExitUnseen,
        };
    };
    match &sending.status {
        NonceStatus::Missing if state.is_cut_off() => WaitReason::NoEndpoint,
        NonceStatus::Missing => WaitReason::TransactionUnsent,
        NonceStatus::Pending => WaitReason::TransactionPending,
        NonceStatus::Included { success: true, .. } => WaitReason::Finality,
        NonceStatus::Included { .. } => WaitReason::Reverted,
        NonceStatus::Replaced { .. } => WaitReason::NonceUsed,
    }
}

/// Since when it waits for this reason, where the journal says so. A step may be old when a reason begins within it, so
/// its time is that of those reasons alone that are the step itself.
fn since(state: &State, case: &Case, reason: WaitReason) -> Option<UnixMillis> {
    let approved = || state.actions.get(&decided(case)?)?.approved_since();
    match reason {
        WaitReason::Decision
        | WaitReason::ExitDecision
        | WaitReason::Policy
        | WaitReason::Attention
        | WaitReason::GivenUp
        | WaitReason::ListedAgain
        | WaitReason::AttemptFailed
        | WaitReason::Turn
        | WaitReason::Ceremony
        | WaitReason::Registration
        | WaitReason::Following => Some(case.since),
        WaitReason::SecondPerson | WaitReason::Epoch => approved(),
        WaitReason::HeldByPause => state.paused.as_ref().map(|(_, at)| *at).max(approved()),
        _ => None,
    }
}

/// Until when it has to be over: an approval expires, whatever holds it; a round of a ceremony has a deadline.
fn due(state: &State, live: &Live, case: &Case, reason: WaitReason) -> Option<UnixMillis> {
    let approved_until = |id| {
        let action = state.actions.get(&id)?;
        action.approved_until(state.settings.approval_expires_ms)
    };
    match reason {
        WaitReason::LastChecks
        | WaitReason::HeldByPause
        | WaitReason::NoEndpoint
        | WaitReason::SignerAway
        | WaitReason::CasePaused
        | WaitReason::CheckFailed
        | WaitReason::Observed => approved_until(decided(case)?),
        WaitReason::Refreshing => Some(state.refreshing(decided(case)?)?.until),
        // the first approval may be one that waits for stale checks
        WaitReason::SecondPerson => {
            let id = decided(case)?;
            let waiting = state.refreshing(id).map(|refreshing| refreshing.until);
            waiting.into_iter().chain(approved_until(id)).min()
        }
        WaitReason::UndoWindow => undo_until(state, decided(case)?),
        WaitReason::Ceremony | WaitReason::Registration => live.progress.get(&current_ceremony(case)?)?.1,
        _ => None,
    }
}

/// The action that is decided, or was and is still here.
fn decided(case: &Case) -> Option<ActionId> {
    match case.step {
        Step::DecideCeremony(id) | Step::DecideEffect(id) => Some(id),
        _ => None,
    }
}

/// The checks that could not be looked at, unless the sentence names them already.
fn unknown_checks(state: &State, id: ActionId, words: &str) -> Option<String> {
    let action = state.actions.get(&id)?;
    if action.state != ActionState::Proposed {
        return None;
    }
    let (shown, _) = state.shown(action);
    let unknown = shown.checks.iter().filter(|c| c.status == CheckStatus::Unknown);
    let names: Vec<_> = unknown
        .map(|check| check.name.as_str())
        .filter(|name| !words.contains(name))
        .collect();
    (!names.is_empty()).then(|| names.join(", "))
}
