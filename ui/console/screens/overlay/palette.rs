//! The palette: what was typed, and the commands that fit.
//!
//! ```text
//! : ret▏
//! r   retry        take up a rejected or failed case again
//! R   reshare      not now: no validator is selected
//! ```
//!
//! What is cut of the selected one stands beneath in full.

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};

use super::{items, middle, panel};
use crate::console::app::{App, Entry, Palette, entries};
use crate::console::theme::Token;
use crate::console::widgets::sign::Sign;
use crate::console::widgets::text::{clean, fit, width, wrap};

const KEYS: usize = 12;
const NAME: usize = 17;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, app: &mut App, palette: &mut Palette) {
    let all = entries(app, palette.input.value());
    let area = middle(area, 100, area.height.saturating_sub(2));
    let rows = usize::from(area.height.saturating_sub(3)).max(1);
    let columns = usize::from(area.width.saturating_sub(4));
    palette.selected = palette.selected.min(all.len().saturating_sub(1));
    let whole = all
        .get(palette.selected)
        .map_or_else(Vec::new, |entry| whole(entry, columns));
    let (rows, whole) = match rows.checked_sub(whole.len()) {
        Some(left) if left >= 3 => (left, whole),
        _ => (rows, Vec::new()),
    };
    let lowest = (palette.selected + 1).saturating_sub(rows);
    palette.offset = palette.offset.clamp(lowest, palette.selected.max(lowest));

    let typed = format!(": {}", clean(palette.input.value()));
    let typed = fit(&typed, columns.saturating_sub(1), app.settings.ascii).into_owned();
    let cursor = area.x + 2 + width(&typed) as u16;
    let mut lines = vec![Line::from(Span::styled(
        format!("{typed:<columns$}"),
        app.style(Token::Input),
    ))];
    if all.is_empty() {
        let text = "no command has that in its name or its sentence";
        lines.push(Line::from(Span::styled(text, app.style(Token::Muted))));
    }
    let shown = all.iter().enumerate().skip(palette.offset).take(rows);
    lines.extend(shown.map(|(n, entry)| line(app, entry, n == palette.selected, columns)));
    // where the list is short, it stands at the edge all the same
    let blank = (rows + 1).saturating_sub(lines.len());
    if !whole.is_empty() {
        lines.extend(std::iter::repeat_n(Line::default(), blank));
    }
    lines.extend(
        whole
            .into_iter()
            .map(|line| Line::from(Span::styled(line, app.style(Token::Text)))),
    );
    let title = format!("commands {}", all.len());
    let first = area.y + 2;
    items(
        app,
        area,
        first,
        palette.offset..all.len().min(palette.offset + rows),
    );
    panel(frame, area, app, &title, lines);
    if cursor < area.right() && area.y + 1 < area.bottom() {
        frame.set_cursor_position(Position::new(cursor, area.y + 1));
    }
}

/// What stands behind a command's name.
fn words(entry: &Entry) -> (Token, String) {
    match &entry.why_not {
        Some(why) => (Token::Muted, format!("not now: {why}")),
        None => (Token::Text, entry.help.to_owned()),
    }
}

/// The words of the selected command in full, where its line is too short for them.
fn whole(entry: &Entry, columns: usize) -> Vec<String> {
    let (_, words) = words(entry);
    match width(&clean(&words)) > room(columns) {
        true => wrap(&clean(&format!("{}: {words}", entry.row.name)), columns),
        false => Vec::new(),
    }
}

fn room(columns: usize) -> usize {
    columns.saturating_sub(KEYS + NAME + 1)
}

fn line(app: &App, entry: &Entry, selected: bool, columns: usize) -> Line<'static> {
    let ascii = app.settings.ascii;
    let mark = if selected { Sign::Here.glyph(ascii) } else { " " };
    let (token, text) = words(entry);
    let text = fit(&clean(&text), room(columns), ascii).into_owned();
    let style = |token| {
        let style = app.style(token);
        if selected {
            style.patch(app.style(Token::Selection))
        } else {
            style
        }
    };
    let keys = fit(&entry.keys, KEYS - 1, ascii).into_owned();
    Line::from(vec![
        Span::styled(mark, app.style(Token::TitleFocus)),
        Span::styled(format!("{keys:<KEYS$}"), style(Token::KeyHint)),
        Span::styled(format!("{:<NAME$}", entry.row.name), style(token)),
        Span::styled(text, style(token)),
    ])
}
