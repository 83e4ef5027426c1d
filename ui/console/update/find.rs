//! Searching a page or the help: what is typed is marked, and the next place comes into view.

use tui_input::Input;

use super::*;
use crate::console::app::{Field, FieldKind, Help};

/// `/` where a page is in front.
pub(super) fn open(app: &mut App) {
    let help = match &app.overlay {
        Some(Overlay::Help(help)) => Some(help.scroll),
        _ => None,
    };
    app.overlay = Some(Overlay::Input(Field {
        input: Input::default(),
        kind: FieldKind::Search {
            before: std::mem::take(&mut app.search),
            help,
        },
        problem: None,
    }));
    app.found = None;
}

/// The field is left: the help comes back where it was open.
pub(super) fn left(app: &mut App, help: Option<usize>, text: String) {
    app.search = text;
    app.overlay = help.map(|scroll| {
        Overlay::Help(Help {
            scroll,
            hits: Vec::new(),
            seeks: !app.search.is_empty(),
        })
    });
    if help.is_none() && !app.search.is_empty() {
        step(app, 1);
    }
}

/// `n` and `N`: the next place, around the end.
pub(super) fn step(app: &mut App, steps: isize) {
    let (hits, from) = match (&app.overlay, app.details.last()) {
        (Some(Overlay::Help(help)), _) => (&help.hits, help.scroll),
        (_, Some(detail)) => (&detail.hits, detail.scroll),
        _ => return,
    };
    if app.search.is_empty() {
        return app.say(Token::Info, "nothing is searched for; / asks for what");
    }
    let Some(last) = hits.len().checked_sub(1) else {
        let text = format!("nothing here contains \"{}\"", app.search);
        return app.say(Token::Info, text);
    };
    let at = match app.found {
        Some(line) if steps > 0 => hits.iter().position(|hit| *hit > line).unwrap_or(0),
        Some(line) => hits.iter().rposition(|hit| *hit < line).unwrap_or(last),
        None if steps > 0 => hits.iter().position(|hit| *hit >= from).unwrap_or(0),
        None => last,
    };
    let (line, count) = (hits[at], hits.len());
    app.found = Some(line);
    let text = format!("\"{}\": {} of {count}", app.search, at + 1);
    app.say(Token::Info, text);
    match &mut app.overlay {
        Some(Overlay::Help(help)) => help.scroll = line,
        _ => {
            if let Some(detail) = app.details.last_mut() {
                detail.scroll = line.min(detail.max_scroll);
            }
        }
    }
}
