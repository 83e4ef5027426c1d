//! A text field with its label, docked at the lower edge.

use casimir_dkg::view::Mode;
use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};

use super::{PAGE, note, noted_panel, share, shorten};
use crate::console::app::{App, Field, FieldKind};
use crate::console::theme::Token;
use crate::console::widgets::format;
use crate::console::widgets::text::{self, clean, wrap};

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, app: &App, field: &Field) -> Rect {
    let width = usize::from(area.width.saturating_sub(4));
    let (title, label) = match &field.kind {
        FieldKind::Filter { pane, .. } => ("filter", format!("Show {} that contain:", pane.title())),
        FieldKind::Search { help: None, .. } if app.details.is_empty() => (
            "search",
            "Find in the lines that are shown; n goes on, N goes back:".to_owned(),
        ),
        FieldKind::Search { .. } => ("search", "Find on this page; n goes on, N goes back:".to_owned()),
        FieldKind::Reason { action, .. } => (
            "reject",
            format!("Why is {action} rejected? The reason goes into the journal."),
        ),
        FieldKind::GiveUp { case } => (
            "give up",
            format!("Why is {case} given up? The reason goes into the journal."),
        ),
        FieldKind::Mode => ("mode", modes(app)),
        FieldKind::Past => ("past", moments(app)),
        FieldKind::Lever => ("director", levers(app, usize::from(area.height), width)),
        FieldKind::ExitPhrase { pool, expected } => (
            "exit",
            format!(
                "A rule may let the exit of pool {pool} be published, which nobody can undo. To go on, type:  {expected}"
            ),
        ),
        FieldKind::Phrase { action, expected, .. } => (
            "approve",
            format!("{action} cannot be undone by anybody. To go on, type:  {expected}"),
        ),
    };
    let mut lines: Vec<_> = label
        .lines()
        .flat_map(|line| wrap(&clean(line), width))
        .map(|l| Line::from(Span::styled(l, app.style(Token::Text))))
        .collect();
    let input_row = lines.len();
    let scroll = field.input.visual_scroll(width.saturating_sub(1));
    let shown: String = clean(field.input.value())
        .chars()
        .skip(scroll)
        .take(width.saturating_sub(1))
        .collect();
    let cursor = field.input.visual_cursor().max(scroll) - scroll;
    lines.push(Line::from(Span::styled(
        format!("{shown:<width$}"),
        app.style(Token::Input),
    )));
    if let Some(problem) = &field.problem {
        for line in wrap(&clean(problem), width) {
            lines.push(Line::from(Span::styled(line, app.style(Token::Warn))));
        }
    }
    let [rest, docked] = share(area, lines.len());
    let last = lines.len() - input_row;
    shorten(app, &mut lines, docked, last);
    let input_row = lines.len().saturating_sub(last) as u16;
    noted_panel(frame, docked, app, title, note(app, rest), lines);
    let x = docked.x + 2 + cursor as u16;
    let y = docked.y + 1 + input_row;
    if x < docked.right() && y < docked.bottom() {
        frame.set_cursor_position(Position::new(x, y));
    }
    rest
}

/// The levers with what each does, or only what can be typed where that would not leave room to type it; none of these is
/// broken over two lines.
fn levers(app: &App, rows: usize, columns: usize) -> String {
    let levers = &app.settings.levers;
    let lines = levers.iter().map(|lever| wrap(&clean(lever), columns).len());
    // the frame, the text, and what is behind: beside its frame and caption, rows of what waits
    if lines.sum::<usize>() + 3 + 2 * usize::from(PAGE) <= rows {
        return levers.join("\n");
    }
    let mut lines = vec![String::new()];
    for lever in levers {
        let typed = lever.split_once(':').map_or(lever.as_str(), |(typed, _)| typed);
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(typed),
            Some(line) if text::width(line) + text::width(typed) + 2 <= columns => {
                line.push_str("; ");
                line.push_str(typed);
            }
            _ => lines.push(typed.to_owned()),
        }
    }
    lines.join("\n")
}

/// What can be typed for a moment.
fn moments(app: &App) -> String {
    let present = app.past.as_ref().map_or(&app.snapshot, |past| &past.present);
    let back = match app.past {
        Some(_) => " Nothing typed: back to now.",
        None => "",
    };
    format!(
        "Which moment of the journal, which has {} records? A number, a time such as 2026-11-29 18:04 (UTC), or how long \
         ago, such as 10m or 2h.{back}",
        format::number(present.journal.records)
    )
}

/// So many actions are named.
const NAMED: usize = 6;

/// What each mode would mean now.
fn modes(app: &App) -> String {
    let now = app.snapshot.mode;
    let mut lines = vec![format!(
        "Mode is {now}. Type the name of another one: observe (nothing is decided or sent), supervised (a person decides), \
         both at once and over restarts; or auto (the rules decide, nobody is asked where one matches)."
    )];
    if now != Mode::Auto {
        let waiting = app.snapshot.waiting();
        let rules = waiting.filter_map(|a| Some(format!("auto: {}: {}", a.id, a.by_rules.as_ref()?)));
        let mut rules: Vec<_> = rules.collect();
        if rules.len() > NAMED {
            let more = format!("auto: and {} more that wait", rules.len() - NAMED);
            rules.truncate(NAMED);
            rules.push(more);
        }
        if rules.is_empty() {
            rules.push("auto: nothing waits, so nothing would be decided at once".to_owned());
        }
        lines.extend(rules);
    }
    lines.join("\n")
}
