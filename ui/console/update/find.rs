//! Searching a page, the log or the help: what is typed is marked, and the next place comes into view.

use tui_input::Input;

use super::*;
use crate::console::app::{Field, FieldKind, Help};
use crate::console::screens::panes::LOGS;

/// `/` where a page or the log is in front.
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
    app.forget_found();
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
    if app.search.is_empty() {
        return app.say(Token::Info, "nothing is searched for; / asks for what");
    }
    let found = match (&app.overlay, app.details.last()) {
        (Some(Overlay::Help(help)), _) => along(app.found, &help.hits, help.scroll, steps),
        (_, Some(detail)) => along(app.found, &detail.hits, detail.scroll, steps),
        _ if app.pane() == LOGS => return in_log(app, steps),
        _ => return,
    };
    let Some((line, at, of)) = found else {
        return nowhere(app);
    };
    app.found = Some(line);
    stands(app, at, of);
    match &mut app.overlay {
        Some(Overlay::Help(help)) => help.scroll = line,
        _ => {
            if let Some(detail) = app.details.last_mut() {
                detail.scroll = line.min(detail.max_scroll);
            }
        }
    }
}

/// The line to go to, and which of how many it is.
fn along(found: Option<usize>, hits: &[usize], from: usize, steps: isize) -> Option<(usize, usize, usize)> {
    let last = hits.len().checked_sub(1)?;
    let at = match found {
        Some(line) if steps > 0 => hits.iter().position(|hit| *hit > line).unwrap_or(0),
        Some(line) => hits.iter().rposition(|hit| *hit < line).unwrap_or(last),
        None if steps > 0 => hits.iter().position(|hit| *hit >= from).unwrap_or(0),
        None => last,
    };
    Some((hits[at], at + 1, hits.len()))
}

fn in_log(app: &mut App, steps: isize) {
    let filter = app.list(LOGS).filter.clone();
    match app.logs.find(&filter, &app.search, steps) {
        Some((at, of)) => stands(app, at, of),
        None => nowhere(app),
    }
}

fn nowhere(app: &mut App) {
    app.found_at = None;
    let text = format!("nothing here contains \"{}\"", app.search);
    app.say(Token::Info, text);
}

fn stands(app: &mut App, at: usize, of: usize) {
    app.found_at = Some((at, of));
    let text = format!("\"{}\": {at} of {of}", app.search);
    app.say(Token::Info, text);
}
