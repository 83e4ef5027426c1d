//! Actions in the order in which a person wants to see them.

use std::cmp::Reverse;

use crate::oracle::{Action, ActionState, State, action_state, place_in_line};

/// What waits comes first: what must be served in order, in that order, after everything else in the order in which it
/// was proposed. What does not wait follows, newest first.
pub(super) fn in_order(state: &State) -> Vec<Action> {
    let (mut waiting, mut rest): (Vec<_>, Vec<_>) = state
        .actions
        .values()
        .map(|action| Action {
            state: action_state(state, action.id).unwrap_or_else(|| action.state.clone()),
            ..action.clone()
        })
        .partition(|a| a.state == ActionState::Proposed);
    waiting.sort_by_key(|a| (place_in_line(state, a.id.case), a.proposed_at, a.id));
    rest.sort_by_key(|a| Reverse((a.proposed_at, a.id)));
    waiting.extend(rest);
    waiting
}
