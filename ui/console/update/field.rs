//! Text fields: filter, search, reason, phrase.

use casimir_dkg::types::SafeText;
use casimir_dkg::view::Request;
use crossterm::event::KeyCode;
use tui_input::{Input, InputRequest};

use super::*;
use crate::console::app::{Field, FieldKind, Tab};
use crate::console::keys::{Command, Group, Key};
use crate::console::screens::panes::Pane;

/// No field takes more characters.
const LONGEST: usize = 500;

/// A key that is no command goes into the text.
pub(super) fn key(field: &mut Field, key: Key) {
    use InputRequest as R;
    let control = key.mods.contains(crossterm::event::KeyModifiers::CONTROL);
    let request = match (key.code, control) {
        (KeyCode::Char('u'), true) => R::DeleteLine,
        (KeyCode::Char('w'), true) => R::DeletePrevWord,
        (KeyCode::Char('a'), true) | (KeyCode::Home, _) => R::GoToStart,
        (KeyCode::Char('e'), true) | (KeyCode::End, _) => R::GoToEnd,
        (KeyCode::Backspace, _) => R::DeletePrevChar,
        (KeyCode::Delete, _) => R::DeleteNextChar,
        (KeyCode::Left, _) => R::GoToPrevChar,
        (KeyCode::Right, _) => R::GoToNextChar,
        _ => match key.character() {
            Some(c) if field.input.value().chars().count() < LONGEST => R::InsertChar(c),
            _ => return,
        },
    };
    field.input.handle(request);
    field.problem = None;
}

/// Takes pasted text without its control characters.
///
/// # Errors
/// This field must be typed.
pub(super) fn paste(field: &mut Field, text: &str) -> Result<(), &'static str> {
    if matches!(
        field.kind,
        FieldKind::Phrase { .. } | FieldKind::ExitPhrase { .. } | FieldKind::Mode
    ) {
        return Err("this must be typed, not pasted");
    }
    let room = LONGEST.saturating_sub(field.input.value().chars().count());
    let text: String = text.chars().take(room).collect();
    for c in SafeText::new(&text).as_str().chars() {
        field.input.handle(InputRequest::InsertChar(c));
    }
    field.problem = None;
    Ok(())
}

/// Filters work while they are typed.
pub(super) fn changed(app: &mut App) {
    let Some(Overlay::Input(field)) = &app.overlay else {
        return;
    };
    let text = field.input.value().to_owned();
    match field.kind {
        FieldKind::Filter { pane, .. } => set_filter(app, pane, text),
        FieldKind::Search { .. } => app.search = text,
        _ => {}
    }
}

fn set_filter(app: &mut App, pane: Pane, text: String) {
    app.with_list(pane, |list, known| {
        let position = list.position(known);
        list.filter = text;
        list.refresh(known, position);
    });
}

/// `/`
pub(super) fn open_filter(app: &mut App) {
    let pane = app.pane();
    let before = app.list(pane).filter.clone();
    app.overlay = Some(Overlay::Input(Field {
        input: Input::new(before.clone()),
        kind: FieldKind::Filter { pane, before },
        problem: None,
    }));
}

/// Esc in a list: all rows again; where all are there, the selection follows what matters again.
pub(super) fn clear_filter(app: &mut App) {
    if app.caption.take().is_some() {
        return;
    }
    let pane = app.pane();
    if app.list(pane).filter.is_empty() && batch::unmark(app) {
        return;
    }
    let list = app.list(pane);
    if list.filter.is_empty() && !list.picked {
        let label = |group, command| app.settings.keys.label(group, command);
        let words = match app.tab == Tab::Overview && app.past.is_none() {
            true => {
                let leave = label(Group::Over, Command::Leave);
                format!("nothing to go back from here; {leave} leaves the console")
            }
            false => format!(
                "nothing to clear here; {} goes back",
                label(Group::Global, Command::Back)
            ),
        };
        return app.say(Token::Info, words);
    }
    if list.filter.is_empty() {
        app.with_list(pane, |list, _| list.picked = false);
    }
    set_filter(app, pane, String::new());
}

/// Esc in a field.
pub(super) fn cancelled(app: &mut App, field: Field) {
    match field.kind {
        FieldKind::Filter { pane, before } => set_filter(app, pane, before),
        FieldKind::Search { before, help } => find::left(app, help, before),
        _ => {}
    }
}

/// Enter in a field.
pub(super) fn submit(app: &mut App) -> Vec<Effect> {
    let Some(Overlay::Input(field)) = &mut app.overlay else {
        return vec![];
    };
    let text = field.input.value().trim().to_owned();
    match field.kind.clone() {
        FieldKind::Filter { .. } => app.overlay = None,
        FieldKind::Search { help, .. } => find::left(app, help, text),
        FieldKind::Reason { .. } | FieldKind::GiveUp { .. } if text.is_empty() => {
            field.problem = Some("a reason is needed: it goes into the journal".to_owned());
        }
        FieldKind::Reason { action, digest } => {
            app.overlay = None;
            let reason = SafeText::new(&text);
            return send::request(
                app,
                Request::Reject {
                    action,
                    digest,
                    reason,
                },
            );
        }
        FieldKind::Mode => match mode::typed(app.snapshot.mode, &text) {
            Ok(request) => {
                app.overlay = None;
                return send::request(app, request);
            }
            Err(why) => field.problem = Some(why),
        },
        FieldKind::Past => {
            app.overlay = None;
            return past::submit(app, &text);
        }
        FieldKind::Lever => return director::typed(app, text),
        FieldKind::GiveUp { case } => give_up::reason_typed(app, case, &text),
        FieldKind::Phrase { expected, .. } | FieldKind::ExitPhrase { expected, .. } if text != expected => {
            field.problem = Some(format!("that is not the phrase: type  {expected}"));
        }
        FieldKind::ExitPhrase { pool, .. } => exit::question(app, pool),
        FieldKind::Phrase { action, digest, .. } => approve::phrase_typed(app, action, digest, text),
    }
    vec![]
}
