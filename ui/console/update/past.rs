//! Looking at a past moment of the journal, and back.

use std::sync::Arc;

use casimir_dkg::view::{Query, Refused, Snapshot};
use tui_input::Input;

use super::*;
use crate::console::app::{Field, FieldKind, Older, Past, moment};

/// The key of the past: which moment is typed.
pub(super) fn open(app: &mut App) {
    app.overlay = Some(Overlay::Input(Field {
        kind: FieldKind::Past,
        input: Input::default(),
        problem: None,
    }));
}

/// A moment was typed; nothing typed means now. What is none is said in the field.
pub(super) fn submit(app: &mut App, text: &str) -> Vec<Effect> {
    typed(app, text).unwrap_or_else(|why| {
        open(app);
        if let Some(Overlay::Input(field)) = &mut app.overlay {
            field.problem = Some(why);
        }
        vec![]
    })
}

/// # Errors
/// It is no moment.
fn typed(app: &mut App, text: &str) -> Result<Vec<Effect>, String> {
    if text.is_empty() {
        leave(app);
        return Ok(vec![]);
    }
    let at = moment(text, app.now.wall)
        .ok_or("type the number of a record, a time such as 2026-11-29 18:04 (UTC), or how long ago: 45s, 10m, 2h, 3d")?;
    let ticket = app.ticket();
    app.past_asked = Some(ticket);
    app.say(Token::Info, "reading the journal up to there …");
    Ok(vec![Effect::Read {
        ticket,
        query: Query::Past { at },
    }])
}

/// The engine's answer: the state at that moment.
pub(super) fn arrived(app: &mut App, answer: Result<Box<Snapshot>, Refused>) {
    app.past_asked = None;
    let past = match answer {
        Ok(past) => past,
        Err(why) => return app.say(Token::Danger, format!("the past cannot be shown: {why}")),
    };
    let (present, selected) = match app.past.take() {
        Some(past) => (past.present, past.selected),
        None => (app.snapshot.clone(), app.selections()),
    };
    let (record, newest) = (past.journal.records, present.journal.records);
    let at = format::date(past.at);
    // whoever asked for a time behind it must not take this for what came later
    let text = match record >= newest {
        true => format!("record {record} of {at} is the newest: nothing was recorded after it"),
        false => format!("the past: record {record} of {newest}, {at}"),
    };
    app.past = Some(Past { present, selected });
    show(app, Arc::from(past));
    app.say(Token::Info, text);
}

/// Back to now.
pub(super) fn leave(app: &mut App) {
    app.past_asked = None;
    if let Some(past) = app.past.take() {
        show(app, past.present);
        // as it was left, or else what matters now: nothing that was selected in the past has to do with it
        for (pane, row, picked) in past.selected {
            app.with_list(pane, |list, known| {
                list.picked = picked;
                let at = row.and_then(|row| pane.position(known, &list.rows, row));
                match at {
                    Some(at) => list.select(known, at),
                    None => list.picked = false,
                }
                list.refresh(known, None);
            });
        }
        app.say(Token::Info, "this is now again");
    }
}

/// Another state altogether: what was read, opened or marked of the other one is let go.
fn show(app: &mut App, snapshot: Arc<Snapshot>) {
    app.snapshot = snapshot;
    app.older = Older::default();
    app.details.clear();
    app.marked.clear();
    app.decided = None;
    // the journal may take a while, and something else be typed meanwhile
    if app.overlay.is_some() {
        closed::by_itself(app, "another moment is shown now".to_owned());
    }
    app.forget_found();
    app.refresh_lists(|_| None);
}
