//! What waits, in front: after a decision the selection of the approvals goes on to what follows from it, else to the next
//! that waits; and a person steps through all that wait.

use casimir_dkg::types::ActionId;
use casimir_dkg::view::{RowId, Snapshot};

use super::*;
use crate::console::app::{Tab, Target};
use crate::console::screens::panes::{APPROVALS, EVENTS, Standing};

/// Selects an action in the approvals, where its row is listed. From there on the selection follows what matters.
pub(super) fn action(app: &mut App, id: ActionId) -> bool {
    app.with_list(APPROVALS, |list, known| {
        let row = RowId::Action(id);
        let listed = APPROVALS.position(known, &list.rows, row).is_some();
        if listed {
            list.selected = Some(row);
            list.picked = false;
        }
        listed
    })
}

/// Before a snapshot is taken in: the selected action that waits.
pub(super) fn waiting(app: &App) -> Option<ActionId> {
    match app.list(APPROVALS).selected? {
        RowId::Action(id) => app.snapshot.action(id).filter(|a| a.waits()).map(|a| a.id),
        _ => None,
    }
}

/// After a snapshot was taken in: when the selected action was decided, the selection goes on to the next that waits, now
/// or as soon as something waits, and to what follows as soon as that waits, unless a person has picked a row meanwhile.
/// `was` is what [`waiting`] said before.
pub(super) fn go_on(app: &mut App, was: Option<ActionId>) {
    let decided = |snapshot: &Snapshot, id: ActionId| snapshot.action(id).is_none_or(|a| !a.waits());
    if let Some(id) = was.filter(|id| decided(&app.snapshot, *id)) {
        app.decided = Some(id);
    }
    let Some(decided) = app.decided else { return };
    let follows = app.snapshot.successor(decided).map(|a| a.id);
    // the filter may hide it
    if follows.is_some_and(|id| action(app, id)) {
        app.decided = None;
    } else if self::waiting(app).is_none() {
        let waiting: Vec<ActionId> = app.snapshot.waiting().map(|a| a.id).collect();
        for id in waiting {
            if action(app, id) {
                break;
            }
        }
    }
}

/// While nobody has picked one of the pool events, the case of the selected action that waits is selected there: what is
/// decided next and how far its case is are seen together.
pub(super) fn case(app: &mut App) {
    let Some(row) = waiting(app).map(|action| RowId::Case(action.case)) else {
        return;
    };
    let list = app.list(EVENTS);
    if list.picked || list.selected == Some(row) {
        return;
    }
    app.with_list(EVENTS, |list, known| {
        let Some(at) = EVENTS.position(known, &list.rows, row) else {
            return;
        };
        if EVENTS.standing(known, list.rows[at]) == Some(Standing::Waits) {
            list.select(known, at);
        }
    });
}

/// Goes `steps` further among all that wait, around the end, and says the how-manieth it is. In a detail view its page
/// takes the place of the one on top; in a list it is selected among the approvals.
pub(super) fn step(app: &mut App, steps: isize) -> Vec<Effect> {
    let waiting: Vec<ActionId> = app.snapshot.waiting().map(|a| a.id).collect();
    let len = waiting.len() as isize;
    let Some(last) = len.checked_sub(1).filter(|last| *last >= 0) else {
        app.say(Token::Info, "nothing waits for a decision");
        return vec![];
    };
    let on = app.subject_action().map(|a| a.id);
    let selected = match app.list(APPROVALS).selected {
        Some(RowId::Action(id)) if app.details.is_empty() && app.pane() == APPROVALS => Some(id),
        _ => on,
    };
    let at = selected.and_then(|id| waiting.iter().position(|waits| *waits == id));
    let to = match at {
        Some(at) => (at as isize + steps).rem_euclid(len),
        None if steps > 0 => 0,
        None => last,
    };
    let id = waiting[to as usize];
    app.say(Token::Info, format!("{id} waits: {} of {len}", to + 1));
    app.decided = None;
    let listed = action(app, id);
    if listed {
        app.with_list(APPROVALS, |list, _| list.picked = true);
    }
    if app.details.pop().is_some() || !listed {
        return navigate::push(app, Target::Row(RowId::Action(id)));
    }
    match app.tab {
        Tab::Overview => app.focus = APPROVALS,
        Tab::Only(_) => app.tab = Tab::Only(APPROVALS),
    }
    vec![]
}
