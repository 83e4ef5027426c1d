//! The footer: keys that mean something here and now, from the one command table.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::text::width;
use crate::console::app::{App, Overlay};
use crate::console::keys::{Command, Group};
use crate::console::theme::Token;

pub(crate) fn draw(frame: &mut Frame<'_>, area: Rect, app: &App) {
    let mut spans = vec![Span::raw(" ")];
    let mut left = usize::from(area.width).saturating_sub(1);
    let hints = hints(app);
    // help is the last to go: it explains all the others
    let help = hints.iter().rfind(|(_, label)| label == "help").cloned();
    let reserve = help.as_ref().map_or(0, |(k, l)| width(k) + width(l) + 3);
    let mut full = false;
    for (key, label) in hints.iter().filter(|h| h.1 != "help") {
        let needed = width(key) + width(label) + 3;
        if full || needed + reserve > left {
            full = true;
            continue;
        }
        left -= needed;
        push(app, &mut spans, key, label);
    }
    if let Some((key, label)) = help {
        push(app, &mut spans, &key, &label);
    }
    frame.render_widget(Line::from(spans), area);
}

fn push(app: &App, spans: &mut Vec<Span<'static>>, key: &str, label: &str) {
    spans.push(Span::styled(key.to_owned(), app.style(Token::KeyHint)));
    spans.push(Span::styled(format!(" {label}  "), app.style(Token::Muted)));
}

/// Keys and labels of what can be done now, most specific first.
pub(crate) fn hints(app: &App) -> Vec<(String, String)> {
    let mut out = Vec::new();
    for group in app.scene().groups() {
        if *group == Group::Move {
            continue;
        }
        for (row, keys) in app.settings.keys.rows(*group) {
            if row.label.is_empty() || row.dangerous && app.read_only() || !app.offers(row.command) {
                continue;
            }
            out.push((keys[0].to_string(), label(app, row.command, row.label)));
        }
    }
    out
}

/// Some labels depend on what they would do.
fn label(app: &App, command: Command, label: &str) -> String {
    match (command, &app.overlay) {
        (Command::Yes, Some(Overlay::Ask(ask))) => ask.verb.to_owned(),
        (Command::Pause, _) => {
            let paused = app
                .subject_case()
                .and_then(|id| app.known().case(id))
                .is_some_and(|c| c.paused);
            if paused { "resume" } else { "pause" }.to_owned()
        }
        (Command::Back, _) if !app.details.is_empty() || app.tab != crate::console::app::Tab::Overview => {
            "back".to_owned()
        }
        _ => label.to_owned(),
    }
}
