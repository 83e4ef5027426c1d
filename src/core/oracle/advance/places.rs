//! How many ceremonies run side by side, and which of those that may begin is next.
//!
//! What may begin is gathered while cases are looked at, and begins behind that, in the contract's order, as far as
//! there are free places. What waits keeps its approval, which expires as any other: a place is waited for, not owned.

use std::collections::BTreeMap;

use crate::oracle::state::EffectKey;
use crate::oracle::turn::{Begins, Turn};
use crate::oracle::{ActionState, Purpose, State, Step, place_in_line};
use crate::types::{CaseId, RequestId, SafeText};

use super::decide::prepare_again;
use super::registration::begin_registration;

/// Ceremonies that run in this process. One whose outcome is only looked for takes no place: however long it stays
/// unknown, others go on.
fn running(state: &State) -> usize {
    let all = EffectKey::Ceremony(RequestId([0; 24]))..=EffectKey::Ceremony(RequestId([0xff; 24]));
    let runs = |key: &&EffectKey| match key {
        EffectKey::Ceremony(request) => state.ceremonies.get(request).is_none_or(|c| c.doubt.is_none()),
        _ => false,
    };
    state.volatile.in_flight.range(all).filter(runs).count()
}

fn most(state: &State) -> usize {
    if planted!(PlacesIgnored) {
        usize::MAX
    } else {
        state.settings.ceremonies_at_once
    }
}

/// Whether one more may begin now.
pub(in crate::oracle) fn is_free(state: &State) -> bool {
    running(state) < most(state)
}

/// Approved ceremonies that get their last checks: they begin when these are passed.
fn about_to_begin(state: &State) -> usize {
    let approved = |case: &CaseId| {
        let Some(Step::DecideCeremony(action)) = state.cases.get(case).map(|c| &c.step) else {
            return false;
        };
        state.actions.get(action).map(|a| &a.state) == Some(&ActionState::Approved)
    };
    let prepared = state.volatile.in_flight.iter().map_while(|key| match key {
        EffectKey::Prepare(case) => Some(case),
        // the first of the order
        _ => None,
    });
    prepared.filter(|case| approved(case)).count()
}

/// Begins what was gathered, as far as there are places, and says of the rest what it waits for.
pub(super) fn grant(turn: &mut Turn<'_>) {
    let most = most(turn.state);
    let mut taken = running(turn.state) + about_to_begin(turn.state);
    let Some(mut begins) = turn.state.volatile.agenda.grantable(taken, most) else {
        return;
    };
    let before = std::mem::take(&mut turn.state.volatile.queued);
    begins.sort_by_cached_key(|begins| (place_in_line(turn.state, begins.case()), begins.case()));
    let mut queued = BTreeMap::new();
    for next in begins {
        if taken < most {
            taken += 1;
            begin(turn, next);
            turn.state.volatile.agenda.begun(next.case());
        } else {
            queued.insert(next.case(), full(taken, most));
        }
    }
    let waiting = &mut turn.state.volatile.waiting;
    for (case, told) in before {
        if waiting.get(&case) == Some(&told) {
            waiting.remove(&case);
        }
    }
    waiting.extend(queued.iter().map(|(case, words)| (*case, words.clone())));
    turn.state.volatile.queued = queued;
}

fn begin(turn: &mut Turn<'_>, next: Begins) {
    match next {
        Begins::Approved(action) => prepare_again(turn, action, Purpose::Send(action)),
        Begins::Registration { case, nonce } => begin_registration(turn, case, nonce),
    }
}

fn full(taken: usize, most: usize) -> SafeText {
    let run = if most == 1 {
        "ceremony runs"
    } else {
        "ceremonies run"
    };
    SafeText::new(&format!("waits for a free place: {taken} of {most} {run}"))
}

#[cfg(test)]
mod tests;
