//! The log pane: the rows of the log that are in its window.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use tracing::Level;

use super::{format, text};
use crate::console::app::{App, INDENT, words};
use crate::console::screens::panes::LOGS;
use crate::console::theme::Token;
use crate::log::Entry;

/// In fewer columns no line can be read.
const LEAST: u16 = 24;

/// Draws the newest lines, or those that were scrolled to.
pub(crate) fn draw(frame: &mut Frame<'_>, area: Rect, app: &mut App) {
    if area.width < LEAST || area.height == 0 {
        return;
    }
    app.logs.columns = usize::from(area.width);
    app.logs.height = usize::from(area.height);
    if app.past.is_some() {
        let text = "Not kept: the log has the lines of this process, and the journal has none. What happened until then is in \
                    each case's history.";
        let lines = text::wrap(text, usize::from(area.width));
        for (row, line) in area.rows().zip(lines) {
            frame.render_widget(Line::from(Span::styled(line, app.style(Token::Muted))), row);
        }
        return;
    }
    let filter = &app.list(LOGS).filter;
    let window = app.logs.window(filter);
    if window.is_empty() && !filter.is_empty() {
        let text = format!("No line that is shown contains \"{}\".", text::clean(filter));
        let span = Span::styled(text, app.style(Token::Muted));
        frame.render_widget(Line::from(span), area);
        return;
    }
    let rows = window
        .into_iter()
        .flat_map(|(entry, rows, skipped)| lines(app, entry, rows, skipped));
    for (place, line) in area.rows().zip(rows) {
        frame.render_widget(line, place);
    }
}

/// The rows of one line of the log, of which the first `skipped` are above the window.
fn lines(app: &App, entry: &Entry, rows: Vec<String>, skipped: usize) -> Vec<Line<'static>> {
    let (word, token) = match entry.level {
        Level::ERROR => ("ERROR", Token::Danger),
        Level::WARN => ("WARN ", Token::Warn),
        Level::INFO => ("info ", Token::Info),
        Level::DEBUG => ("debug", Token::Muted),
        Level::TRACE => ("trace", Token::Muted),
    };
    let needle = app.search.to_lowercase();
    let hit = !needle.is_empty() && words(entry).to_lowercase().contains(&needle);
    let body = app.style(if hit { Token::Match } else { Token::Text });
    let room = app.logs.columns.saturating_sub(INDENT);
    let numbered = rows.into_iter().enumerate();
    numbered
        .map(|(n, row)| {
            let row = Span::styled(text::fit(&row, room, app.settings.ascii).into_owned(), body);
            if n + skipped > 0 {
                return Line::from(vec![Span::raw(" ".repeat(INDENT)), row]);
            }
            let time = format!("{} ", format::clock(entry.at));
            Line::from(vec![
                Span::styled(time, app.style(Token::Muted)),
                Span::styled(format!("{word} "), app.style(token)),
                row,
            ])
        })
        .collect()
}
