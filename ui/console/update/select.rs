//! After a decision the selection of the approvals goes on: to what follows from what was decided, else to the next that
//! waits.

use casimir_dkg::types::ActionId;
use casimir_dkg::view::{RowId, Snapshot};

use super::*;
use crate::console::screens::panes::APPROVALS;

/// Selects an action in the approvals, where its row is listed.
pub(super) fn action(app: &mut App, id: ActionId) -> bool {
    app.with_list(APPROVALS, |list, known| {
        let row = RowId::Action(id);
        let listed = APPROVALS.position(known, &list.rows, row).is_some();
        if listed {
            list.selected = Some(row);
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

/// After a snapshot was taken in: when the selected action was decided, the selection goes on, now or as soon as
/// something waits. `was` is what [`waiting`] said before.
pub(super) fn go_on(app: &mut App, was: Option<ActionId>) {
    let decided = |snapshot: &Snapshot, id: ActionId| snapshot.action(id).is_none_or(|a| !a.waits());
    if let Some(id) = was.filter(|id| decided(&app.snapshot, *id)) {
        app.decided = Some(id);
    }
    let Some(decided) = app.decided else { return };
    let follows = app.snapshot.successor(decided).map(|a| a.id);
    let waiting: Vec<ActionId> = app.snapshot.waiting().map(|a| a.id).collect();
    // the filter may hide some of them
    if follows.into_iter().chain(waiting).any(|id| action(app, id)) {
        app.decided = None;
    }
}
