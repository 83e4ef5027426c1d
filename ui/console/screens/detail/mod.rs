//! Detail views: one page for each kind of thing, scrolled as a whole.

mod action;
mod case;
mod ceremony;
mod exit;
mod payload;
mod status;
pub(super) mod times;
mod transaction;
mod validator;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::console::app::{App, RowId, Target, rows};
use crate::console::theme::Token;
use crate::console::widgets::frame as frame_widget;
use crate::console::widgets::page::Page;

/// Draws the view on top.
pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, app: &mut App) {
    let Some(target) = app.details.last().map(|d| d.target) else {
        return;
    };
    let width = area.width.saturating_sub(4);
    let (title, lines) = page(app, target, width);
    let rows = usize::from(area.height.saturating_sub(2));
    let max = lines.len().saturating_sub(rows);
    let scroll = {
        let Some(detail) = app.details.last_mut() else {
            return;
        };
        detail.max_scroll = max;
        detail.height = rows;
        detail.scroll = detail.scroll.min(max);
        detail.scroll
    };
    let note = if max == 0 {
        Line::default()
    } else {
        let last = (scroll + rows).min(lines.len());
        let more = if scroll < max { "  more below" } else { "" };
        let text = format!(" lines {}-{last} of {}{more} ", scroll + 1, lines.len());
        Line::from(Span::styled(text, app.style(Token::Muted)))
    };
    let title = frame_widget::title(app, &title, None, true);
    let inner = frame_widget::draw(frame, area, app, title, note, true);
    for (row, line) in inner.rows().zip(lines.into_iter().skip(scroll)) {
        let row = Rect {
            x: row.x + 1,
            width: row.width.saturating_sub(2),
            ..row
        };
        frame.render_widget(line, row);
    }
}

fn page(app: &App, target: Target, width: u16) -> (String, Vec<Line<'static>>) {
    let snapshot = &app.snapshot;
    let mut page = Page::new(app, width);
    let title = match target {
        Target::Status => {
            status::build(&mut page, app);
            Some("status".to_owned())
        }
        Target::Row(RowId::Action(id)) => rows::action(snapshot, id).map(|a| {
            action::build(&mut page, app, a);
            format!("action {id}")
        }),
        Target::Row(RowId::Case(id)) => rows::case(snapshot, id).map(|c| {
            case::build(&mut page, app, c);
            format!("case {id}")
        }),
        Target::Row(RowId::Ceremony(id)) => rows::ceremony(snapshot, id).map(|c| {
            ceremony::build(&mut page, app, c);
            format!("{} for {}", c.kind, c.case)
        }),
        Target::Row(RowId::Transaction(action, nonce)) => {
            rows::transaction(snapshot, action, nonce).map(|t| {
                transaction::build(&mut page, app, t);
                format!("transaction of {action}")
            })
        }
        Target::Row(RowId::Exit(id)) => rows::exit(snapshot, id).map(|e| {
            exit::build(&mut page, app, e);
            format!("exit of pool {}", id.pool)
        }),
        Target::Row(RowId::Validator(key)) => rows::validator(snapshot, key).map(|v| {
            validator::build(&mut page, app, v);
            format!("validator of pool {}", v.pool)
        }),
    };
    let title = title.unwrap_or_else(|| {
        page.text(
            Token::Stale,
            "This is not part of the engine's state any more. The journal still has it.",
        );
        "gone".to_owned()
    });
    (title, page.into_lines())
}
