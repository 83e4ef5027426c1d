//! What lies over the screens. Questions and text fields dock at the lower edge, so that what they are about stays in
//! view; help, messages, copy list, commands, committee editor and the question
//! whether to leave float.

mod ask;
mod batch;
mod closed;
mod committee;
mod copy;
mod field;
mod help;
mod messages;
mod palette;
mod quit;

use std::ops::Range;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::Clear;

use crate::console::app::{App, Hit, Overlay};
use crate::console::theme::Token;
use crate::console::widgets::frame as frame_widget;

/// Draws a docked overlay and returns what is left of the content area.
pub(super) fn dock(frame: &mut Frame<'_>, area: Rect, app: &mut App) -> Rect {
    let columns = area.width.saturating_sub(4);
    let text = match &app.overlay {
        Some(Overlay::Ask(question)) => ask::text(app, question, columns),
        Some(Overlay::Input(input)) => {
            return field::draw(frame, area, app, input);
        }
        Some(Overlay::Closed(closed)) => {
            return closed::draw(frame, area, app, closed);
        }
        _ => return area,
    };
    let [rest, docked] = share(area, text.len() + 1);
    let rows = usize::from(docked.height.saturating_sub(2));
    let Some(Overlay::Ask(question)) = &mut app.overlay else {
        return area;
    };
    // the answers, and what is said of a text that is longer
    let height = if text.len() < rows {
        text.len()
    } else {
        rows.saturating_sub(2).max(1)
    };
    question.window.fit(text.len(), height, columns);
    let Some(Overlay::Ask(question)) = &app.overlay else {
        return area;
    };
    let mut lines = ask::shown(app, &question.window, text);
    lines.push(ask::answers(app, question));
    let buttons = ask::buttons(app, question);
    noted_panel(frame, docked, app, "confirm", note(app, rest), lines);
    // they are the last line
    for (columns, key) in buttons {
        let (x, width) = (docked.x + 2 + columns.start, columns.end - columns.start);
        let place = Rect::new(x, docked.bottom().saturating_sub(2), width, 1);
        app.hits.push((place.intersection(docked), Hit::Key(key)));
    }
    rest
}

/// Rows that a page behind needs to be worth a look: its frame, and three of its lines.
const PAGE: u16 = 5;

/// What the page keeps, and the box of so many lines below it. Where there is no room for both, the box stands in the
/// place of the page: a question is answered by what it says itself.
fn share(area: Rect, lines: usize) -> [Rect; 2] {
    let wanted = u16::try_from(lines + 2).unwrap_or(u16::MAX);
    let height = match area.height.saturating_sub(PAGE) {
        room if room >= wanted => wanted,
        _ => area.height,
    };
    Layout::vertical([Constraint::Fill(1), Constraint::Length(height)]).areas(area)
}

/// Says of a box that stands in the place of the page that it does.
fn note(app: &App, rest: Rect) -> Line<'static> {
    let words = " the page is behind: a higher terminal shows both ";
    match rest.height {
        0 => Line::from(Span::styled(words, app.style(Token::Muted))),
        _ => Line::default(),
    }
}

/// On a small screen the middle goes, with a word of it, and never what comes first nor the last lines, which are the keys
/// or what is typed.
fn shorten(app: &App, lines: &mut Vec<Line<'static>>, docked: Rect, last: usize) {
    let rows = usize::from(docked.height.saturating_sub(2));
    let (from, to) = (rows.saturating_sub(last + 1), lines.len().saturating_sub(last));
    if lines.len() > rows && from < to {
        let words = format!("{} more lines: a higher terminal shows them", to - from);
        lines.drain(from..to);
        lines.insert(from, Line::from(Span::styled(words, app.style(Token::Warn))));
    }
}

/// Draws a floating overlay.
pub(super) fn float(frame: &mut Frame<'_>, area: Rect, app: &mut App) {
    match app.overlay.take() {
        Some(Overlay::Help(mut help)) => {
            help::draw(frame, area, app, &mut help);
            app.overlay = Some(Overlay::Help(help));
        }
        Some(Overlay::Messages { mut scroll }) => {
            messages::draw(frame, area, app, &mut scroll);
            app.overlay = Some(Overlay::Messages { scroll });
        }
        Some(Overlay::Palette(mut palette)) => {
            palette::draw(frame, area, app, &mut palette);
            app.overlay = Some(Overlay::Palette(palette));
        }
        Some(Overlay::Quit { work }) => {
            quit::draw(frame, area, app, &work);
            app.overlay = Some(Overlay::Quit { work });
        }
        Some(Overlay::Copy(mut list)) => {
            copy::draw(frame, area, app, &mut list);
            app.overlay = Some(Overlay::Copy(list));
        }
        Some(Overlay::Committee(mut editor)) => {
            committee::draw(frame, area, app, &mut editor);
            app.overlay = Some(Overlay::Committee(editor));
        }
        Some(Overlay::Batch(mut batch)) => {
            batch::draw(frame, area, app, &mut batch);
            app.overlay = Some(Overlay::Batch(batch));
        }
        other => app.overlay = other,
    }
}

/// These items of a list stand one to a row, from that row on, and can be clicked.
fn items(app: &mut App, area: Rect, first: u16, items: Range<usize>) {
    for (row, item) in (first..).zip(items) {
        let place = Rect::new(area.x + 1, row, area.width.saturating_sub(2), 1);
        app.hits.push((place.intersection(area), Hit::Item(item)));
    }
}

/// A framed box with lines of text.
fn panel(frame: &mut Frame<'_>, area: Rect, app: &App, title: &str, lines: Vec<Line<'static>>) {
    noted_panel(frame, area, app, title, Line::default(), lines);
}

/// The same, with a note at its lower edge.
fn noted_panel(
    frame: &mut Frame<'_>,
    area: Rect,
    app: &App,
    title: &str,
    note: Line<'static>,
    lines: Vec<Line<'static>>,
) {
    frame.render_widget(Clear, area);
    let title = frame_widget::title(app, title, None, true);
    let inner = frame_widget::draw(frame, area, app, title, note, true);
    for (row, line) in inner.rows().zip(lines) {
        let row = Rect {
            x: row.x + 1,
            width: row.width.saturating_sub(2),
            ..row
        };
        frame.render_widget(line, row);
    }
}

/// A box in the middle, as large as wanted and possible.
fn middle(area: Rect, width: u16, height: u16) -> Rect {
    let (width, height) = (width.min(area.width), height.min(area.height));
    Rect::new(
        area.x + (area.width - width) / 2,
        area.y + (area.height - height) / 2,
        width,
        height,
    )
}
