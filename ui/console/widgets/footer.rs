//! The footer: keys that mean something here and now, from the one command table. A click on one is a press of its key.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::text::width;
use crate::console::app::{App, Hit, Overlay};
use crate::console::keys::{Command, Group, Key};
use crate::console::theme::Token;

/// Labels of keys that lead out of what is in front.
const WAYS_OUT: [&str; 8] = [
    "back",
    "back to now",
    "cancel",
    "close",
    "go on",
    "no",
    "quit",
    "stay",
];

/// The label of the key that shows what some line has no room for.
const WHOLE: &str = "whole";

pub(crate) fn draw(frame: &mut Frame<'_>, area: Rect, app: &mut App) {
    let hints = hints(app);
    let needed = |(key, label): &(Key, String)| width(&key.to_string()) + width(label) + 3;
    // a column before the first, and no gap behind the last
    let mut left = usize::from(area.width) + 1;
    // these stay whatever else goes: the way out, and what explains all the others
    let way_out = hints
        .iter()
        .position(|(_, label)| WAYS_OUT.contains(&label.as_str()));
    let whole = |at: usize| app.cut && hints[at].1 == WHOLE;
    let stays = |at: usize| Some(at) == way_out || hints[at].1 == "help" || whole(at);
    for at in (0..hints.len()).filter(|at| stays(*at)) {
        left = left.saturating_sub(needed(&hints[at]));
    }
    let mut fits = true;
    let shown: Vec<_> = hints
        .iter()
        .enumerate()
        .filter(|(at, hint)| {
            if stays(*at) {
                return true;
            }
            match left.checked_sub(needed(hint)).filter(|_| fits) {
                Some(rest) => left = rest,
                None => fits = false,
            }
            fits
        })
        .map(|(_, hint)| hint.clone())
        .collect();
    let mut spans = vec![Span::raw(" ")];
    let mut x = area.x + 1;
    for (key, label) in shown {
        let (name, label) = (key.to_string(), format!(" {label}  "));
        let columns = (width(&name) + width(&label)) as u16;
        // the gap behind it belongs to nobody
        let place = Rect::new(x, area.y, columns - 2, 1).intersection(area);
        app.hits.push((place, Hit::Key(key)));
        x = x.saturating_add(columns);
        spans.push(Span::styled(name, app.style(Token::KeyHint)));
        spans.push(Span::styled(label, app.style(Token::Muted)));
    }
    frame.render_widget(Line::from(spans), area);
}

/// Keys and labels of what can be done now, most specific first; what was begun by marks comes before all.
pub(crate) fn hints(app: &App) -> Vec<(Key, String)> {
    let mut out = Vec::new();
    for group in app.scene().groups() {
        if *group == Group::Move {
            continue;
        }
        for (row, keys) in app.settings.keys.rows(*group) {
            if row.label.is_empty() || row.dangerous && app.read_only() || !app.offers(row.command) {
                continue;
            }
            let hint = (keys[0], label(app, row.command, row.label));
            // two keys may lead back: one is enough to be told
            if hint.1 == "back" && out.iter().any(|(_, label)| label == "back") {
                continue;
            }
            match row.command {
                Command::Batch => out.insert(0, hint),
                _ => out.push(hint),
            }
        }
    }
    out
}

/// Some labels depend on what they would do.
fn label(app: &App, command: Command, label: &str) -> String {
    match (command, &app.overlay) {
        (Command::Yes, Some(Overlay::Ask(ask))) => ask.verb.to_owned(),
        (Command::TakeBack, _) => match app.undoable_elsewhere() {
            Some(other) => format!("{label} {other}"),
            None => label.to_owned(),
        },
        (Command::Approve, _) if app.leads_on() => "next".to_owned(),
        (Command::Pause, _) => {
            let paused = app
                .subject_case()
                .and_then(|id| app.known().case(id))
                .is_some_and(|c| c.paused);
            if paused { "resume" } else { "pause" }.to_owned()
        }
        (Command::Back, None) if app.past.is_some() && app.details.is_empty() => "back to now".to_owned(),
        (Command::Back, _) if !app.details.is_empty() || app.tab != crate::console::app::Tab::Overview => {
            "back".to_owned()
        }
        _ => label.to_owned(),
    }
}
