//! The time between a person's approval and its effect, in which whoever may approve can take the approval back.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::people;
use super::turn::Turn;
use super::{Action, ActionKind, ActionState, Decider, Mode, Record, Risk, State, Step};
use crate::types::{ActionId, CaseId, SafeText, UnixMillis, listed};

/// What is approved and waits for the end of its window.
pub(super) const HELD_OPEN: &str =
    "approved; it leaves at the end of its undo window unless somebody takes it back";

/// How long a person's approval waits before it takes effect, by kind of action. What a rule approves does not wait.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct UndoWindows(BTreeMap<ActionKind, Duration>);

impl UndoWindows {
    /// Of money and of what cannot be undone, on a public network.
    pub const PUBLIC: Duration = Duration::from_secs(10);

    /// The usual windows of a public network.
    #[must_use]
    pub fn public() -> Self {
        let kinds = ActionKind::ALL.iter().copied();
        let at_stake = kinds.filter(|kind| kind.risk() != Risk::Routine);
        Self(at_stake.map(|kind| (kind, Self::PUBLIC)).collect())
    }

    /// Has approvals of this kind wait so long, in the place of what was set before.
    pub fn set(&mut self, kind: ActionKind, window: Duration) {
        self.0.insert(kind, window);
    }

    /// The window of one kind; zero where it has none.
    #[must_use]
    pub fn of(&self, kind: ActionKind) -> Duration {
        self.0.get(&kind).copied().unwrap_or_default()
    }
}

/// Whether an approved action is still in its window. The window counts while the action could leave: a pause or a restart
/// begins it anew, and so does a doubt whether its pool was served ([`forget`]).
pub(super) fn is_open(turn: &mut Turn<'_>, id: ActionId) -> bool {
    let waits = turn.state.actions.get(&id).and_then(|a| window(turn.state, a));
    if waits.is_none() {
        return false;
    }
    if !turn.state.may_leave(id.case) {
        if !planted!(WindowGoesOn) {
            turn.state.volatile.undo_from.remove(&id);
        }
        return false;
    }
    let up_ms = turn.state.volatile.up_ms;
    turn.state.volatile.undo_from.entry(id).or_insert(up_ms);
    let open = undo_until(turn.state, id).is_some() && !planted!(UndoIgnored);
    if open {
        turn.waits(id.case, HELD_OPEN);
    } else {
        turn.waits_no_more(id.case, HELD_OPEN);
    }
    open
}

/// Nothing of the case can leave for now: its window begins anew when something can.
pub(super) fn forget(turn: &mut Turn<'_>, case: CaseId) {
    turn.state.volatile.undo_from.retain(|id, _| id.case != case);
}

/// How long a person's approval of this action waits. `None`: it does not.
fn window(state: &State, action: &Action) -> Option<Duration> {
    let decision = action.decision.as_ref()?;
    let by_person = matches!(decision.decider, Decider::Person { .. });
    let waits = by_person && action.state == ActionState::Approved;
    let window = state.settings.policy.undo.of(action.proposal.kind);
    (waits && !window.is_zero()).then_some(window)
}

/// When an approved action leaves unless its approval is taken back. `None`: no window is open.
pub fn undo_until(state: &State, id: ActionId) -> Option<UnixMillis> {
    let window = window(state, state.actions.get(&id)?)?;
    let from = *state.volatile.undo_from.get(&id)?;
    let until = from.saturating_add(u64::try_from(window.as_millis()).unwrap_or(u64::MAX));
    let live = &state.volatile;
    let left = Duration::from_millis(until.saturating_sub(live.up_ms));
    (!live.has_run(until)).then(|| live.now.plus(left))
}

/// Whether an approval can be taken back: nothing of it has left.
///
/// # Errors
/// Why not.
pub fn can_take_back(state: &State, id: ActionId) -> Result<(), String> {
    let Some(action) = state.actions.get(&id) else {
        return Err(format!("there is no action {id}"));
    };
    let is_endorsed = action.state == ActionState::Proposed && !action.endorsements.is_empty();
    if state.approving(id).is_some() || is_endorsed {
        return Ok(());
    }
    let here = state.cases.get(&id.case).is_some_and(
        |case| matches!(case.step, Step::DecideCeremony(at) | Step::DecideEffect(at) if at == id),
    );
    if action.state != ActionState::Approved || !here {
        let word = action.state.word();
        return Err(format!(
            "{id} is {word}: only an approval of what has not left is taken back"
        ));
    }
    if state.is_handed_over(id) {
        return Err(format!(
            "{id} is being handed over: it is too late to take it back"
        ));
    }
    Ok(())
}

/// A person takes back all that was approved of an action, whoever approved it: what is left of it would let one more person
/// alone send it. Its action is proposed anew; in mode auto its case is paused as well, because a rule
/// could approve what the person has just stopped.
pub(super) fn take_back(turn: &mut Turn<'_>, by: &SafeText, id: ActionId) -> Result<SafeText, String> {
    can_take_back(turn.state, id)?;
    let case = id.case;
    let waited = people::take_back_approving(turn, by, id);
    let action = &turn.state.actions[&id];
    let mut given = people::endorsed_by(action);
    given.extend(action.decision.iter().map(|decision| decision.decider.clone()));
    // a signature is good for the action that it names, whoever brings it and however often
    let is_signed = waited.iter().any(|by| by.key().is_some());
    let reason = match &given[..] {
        [] if is_signed => Some(format!(
            "{by} took back an approval that was signed elsewhere, before it counted"
        )),
        [] => None,
        [_] if action.decision.is_some() => Some(format!("{by} took the approval back before anything left")),
        _ => Some(format!(
            "{by} took {} back before anything left",
            approvals(None, &given).0
        )),
    };
    if let Some(reason) = reason {
        turn.record(Record::ActionVoided {
            action: id,
            reason: SafeText::new(&reason),
        });
    }
    let (whose, are) = approvals(Some(id), &[given, waited].concat());
    if turn.state.mode() != Mode::Auto {
        return Ok(SafeText::new(&format!(
            "{whose} {are} taken back: nothing of it left, and {case} asks anew"
        )));
    }
    if turn.state.cases.get(&case).is_some_and(|c| c.paused.is_none()) {
        let by = by.clone();
        turn.record(Record::Paused { case: Some(case), by });
    }
    Ok(SafeText::new(&format!(
        "{whose} {are} taken back: nothing of it left, and {case} is paused, so that no rule approves it"
    )))
}

/// `the approvals of deposit/3#1 by bob and ada`, and the verb that goes with it.
fn approvals(of: Option<ActionId>, by: &[Decider]) -> (String, &'static str) {
    let of = of.map_or_else(String::new, |id| format!(" of {id}"));
    let names = listed(by, "and");
    match by.len() {
        1 => (format!("the approval{of} by {names}"), "is"),
        _ => (format!("the approvals{of} by {names}"), "are"),
    }
}

#[cfg(test)]
mod tests;
