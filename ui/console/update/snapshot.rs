//! A new state of the engine: lists keep their selection by id, questions about things that changed close, and new
//! approvals announce themselves without taking the keyboard.

use std::sync::Arc;

use casimir_dkg::view::{ActionState, ActionView, Mode, Snapshot};

use super::*;
use crate::console::app::{FieldKind, Subject};

pub(super) fn arrived(app: &mut App, snapshot: Arc<Snapshot>) -> Vec<Effect> {
    if let Some(past) = &mut app.past {
        past.present = snapshot.clone();
        return announce(app, &snapshot);
    }
    let (positions, waited) = (app.positions(), select::waiting(app));
    let subject = app.subject();
    let before = std::mem::replace(&mut app.snapshot, snapshot.clone());
    app.older.carry(&before, &snapshot);
    app.refresh_lists(|pane| {
        let was = positions.iter().find(|(p, _)| *p == pane);
        was.and_then(|(_, position)| *position)
    });
    select::go_on(app, waited);
    if subject.is_some() && app.subject() != subject {
        app.moved = Some(app.now.mono);
    }
    settle_pending(app);
    close_outdated(app);
    batch::renew(app);
    let mut effects = read::left(app);
    effects.extend(announce(app, &snapshot));
    effects
}

/// An approval that has taken effect, or that failed to, does not stand in the way of the next one.
fn settle_pending(app: &mut App) {
    let snapshot = app.snapshot.clone();
    for pending in &mut app.pending {
        if let Subject::Action(id) = pending.subject {
            let waits = snapshot.action(id).is_some_and(ActionView::takes_approval);
            pending.approves &= waits;
        }
    }
}

/// A question is about one exact thing. When that is not there any more, neither is the question.
fn close_outdated(app: &mut App) {
    let about = match &app.overlay {
        Some(Overlay::Ask(ask)) => ask.action().map(|(action, digest)| (action, Some(digest))),
        Some(Overlay::Input(field)) => match &field.kind {
            FieldKind::Phrase { action, digest, .. } => Some((*action, Some(*digest))),
            FieldKind::Reason { action, .. } => Some((*action, None)),
            FieldKind::GiveUp { .. }
            | FieldKind::ExitPhrase { .. }
            | FieldKind::Filter { .. }
            | FieldKind::Search { .. }
            | FieldKind::Mode
            | FieldKind::Past
            | FieldKind::Lever => None,
        },
        Some(Overlay::Committee(editor)) => Some((editor.action, None)),
        _ => None,
    };
    let Some((id, digest)) = about else { return };
    let why = match app.known().action(id) {
        None => format!("{id} is gone"),
        // what is being refreshed can be rejected still
        Some(action) if !action.takes_approval() && (digest.is_some() || !action.is_proposed()) => {
            match action.decided() {
                Some(decided) => format!("{id} was {decided}{}", and_now(action)),
                None => format!("{id} is {} now", action.standing_in_full()),
            }
        }
        Some(action) if digest.is_some_and(|d| d != action.digest) => {
            format!("{id} changed while you were asked: read it again")
        }
        Some(action) if digest.is_some() && !is_as_seen(app, action) => {
            let seen = app.details.last().and_then(|detail| detail.seen.as_deref());
            let what = match seen.is_none_or(|seen| seen.is_approved_as(action)) {
                true => "the checks of",
                false => "whose approvals count for",
            };
            format!("{what} {id} changed while you were asked: read it again")
        }
        Some(_) => return,
    };
    closed::by_itself(app, why);
}

/// How it stands since, where that is more than what was decided.
fn and_now(action: &ActionView) -> String {
    match action.state {
        ActionState::Approved | ActionState::Rejected => String::new(),
        _ => format!(", and is {} now", action.standing_in_full()),
    }
}

/// A question about an approval stands over the page that was read.
fn is_as_seen(app: &App, action: &ActionView) -> bool {
    let seen = app.details.last().and_then(|detail| detail.seen.as_deref());
    seen.is_none_or(|seen| seen.id != action.id || seen.is_shown_as(action))
}

/// Tells once for each action that begins to wait for a person. Nothing opens, nothing moves.
fn announce(app: &mut App, snapshot: &Snapshot) -> Vec<Effect> {
    let waiting: Vec<_> = snapshot.for_a_person().map(|a| (a.id, a.digest)).collect();
    let new = waiting.iter().any(|key| !app.announced.contains(key));
    app.announced = waiting.into_iter().collect();
    // in the past nothing is decided, and what waits now is told all the same
    let decides = !app.settings.read_only && snapshot.mode != Mode::Observe;
    if new && app.settings.notify && decides {
        vec![Effect::Notify]
    } else {
        vec![]
    }
}
