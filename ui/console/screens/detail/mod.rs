//! Detail views: one page for each kind of thing, scrolled as a whole.

pub(super) mod action;
mod before_after;
pub(super) mod case;
pub(super) mod ceremony;
pub(super) mod charts;
pub(super) mod exit;
mod operators;
mod payload;
mod status;
mod summary;
pub(super) mod times;
pub(super) mod transaction;
pub(super) mod validator;
mod ways;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use casimir_dkg::view::RowId;

use crate::console::app::{App, Reading, Target};
use crate::console::keys::{Command, Group};
use crate::console::screens::search;
use crate::console::theme::Token;
use crate::console::widgets::frame as frame_widget;
use crate::console::widgets::page::Page;
use crate::console::widgets::text::clean;

/// Draws the view on top.
pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, app: &mut App) {
    let Some(target) = app.details.last().map(|d| d.target) else {
        return;
    };
    let width = area.width.saturating_sub(4);
    let rows = usize::from(area.height.saturating_sub(2));
    let (title, page) = page(app, target, (width, rows));
    let (front, named) = (page.front(), page.named());
    let mut lines = page.into_lines();
    let found = search::mark(app, &mut lines);
    let max = lines.len().saturating_sub(rows);
    let scroll = {
        let Some(detail) = app.details.last_mut() else {
            return;
        };
        detail.max_scroll = max;
        detail.height = rows;
        if detail.width != width {
            (detail.width, detail.read) = (width, 0);
        }
        (detail.front, detail.named) = (front, named);
        detail.hits = found;
        detail.scroll = detail.scroll.min(max);
        detail.scroll
    };
    let mut note = Vec::new();
    if let Some((at, of)) = app.found_at {
        let text = format!(" /{} {at}/{of} ", clean(&app.search));
        note.push(Span::styled(text, app.style(Token::Match)));
    }
    if max > 0 {
        let last = (scroll + rows).min(lines.len());
        let more = match (
            scroll < max,
            app.settings.keys.label(Group::Move, Command::PageDown),
        ) {
            (false, _) => String::new(),
            (true, key) if key.is_empty() => "  more below".to_owned(),
            (true, key) => format!("  {key}: more below"),
        };
        let text = format!(" lines {}-{last} of {}{more} ", scroll + 1, lines.len());
        note.push(Span::styled(text, app.style(Token::Muted)));
    }
    let title = frame_widget::title(app, &title, None, true);
    let inner = frame_widget::draw(frame, area, app, title, Line::from(note), true);
    for (row, line) in inner.rows().zip(lines.into_iter().skip(scroll)) {
        let row = Rect {
            x: row.x + 1,
            width: row.width.saturating_sub(2),
            ..row
        };
        frame.render_widget(line, row);
    }
}

/// Title and page.
fn page(app: &App, target: Target, (width, rows): (u16, usize)) -> (String, Page<'_>) {
    let mut page = Page::new(app, width).in_rows(rows);
    let title = match target {
        Target::Status => {
            status::build(&mut page, app);
            "status".to_owned()
        }
        Target::Charts => {
            charts::build(&mut page, app);
            "charts".to_owned()
        }
        Target::Row(id) => {
            let panes = &app.settings.panes;
            let found = panes.iter().find_map(|pane| pane.page(&mut page, app, id));
            found.unwrap_or_else(|| not_here(&mut page, app, id))
        }
    };
    (title, page)
}

/// A thing that is not in the snapshot is read from the engine.
fn not_here(page: &mut Page<'_>, app: &App, id: RowId) -> String {
    let (title, token, text) = match app.older.one(id) {
        Reading::Asked => (
            "reading",
            Token::Info,
            "Not in the newest state: it is read from the engine.".to_owned(),
        ),
        Reading::Failed(why) => (
            "not read",
            Token::Danger,
            format!("It could not be read from the engine: {why}"),
        ),
        Reading::Idle | Reading::Absent => (
            "gone",
            Token::Stale,
            "This is not part of the engine's state any more. The journal still has it.".to_owned(),
        ),
    };
    page.text(token, &text);
    title.to_owned()
}
