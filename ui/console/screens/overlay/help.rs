//! The help: the command table with the keys of this session.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::{middle, panel};
use crate::console::app::{App, Help};
use crate::console::keys::Group;
use crate::console::screens::search;
use crate::console::theme::Token;
use crate::console::widgets::text::wrap;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, app: &App, help: &mut Help) {
    let mut lines = lines(app, usize::from(area.width.min(100).saturating_sub(4)));
    let area = middle(area, 100, lines.len() as u16 + 2);
    let rows = usize::from(area.height.saturating_sub(2));
    help.hits = search::mark(app, &mut lines);
    if std::mem::take(&mut help.seeks) {
        let first = help.hits.iter().find(|line| **line >= help.scroll);
        help.scroll = first.or(help.hits.first()).copied().unwrap_or(help.scroll);
    }
    help.scroll = help.scroll.min(lines.len().saturating_sub(rows));
    let title = if lines.len() > rows {
        "help (down for more)"
    } else {
        "help"
    };
    panel(
        frame,
        area,
        app,
        title,
        lines.into_iter().skip(help.scroll).collect(),
    );
}

fn lines(app: &App, columns: usize) -> Vec<Line<'static>> {
    let mut out = Vec::new();
    for group in Group::ALL {
        let rows: Vec<_> = app.settings.keys.rows(group).collect();
        if rows.is_empty() {
            continue;
        }
        out.push(Line::from(Span::styled(
            group.heading(),
            app.style(Token::TitleFocus),
        )));
        for (row, keys) in rows {
            let Some(help) = row.help(&app.settings.panes) else {
                continue;
            };
            let keys: Vec<_> = keys.iter().map(ToString::to_string).collect();
            let keys = format!("  {:<18}", keys.join("  "));
            for (i, text) in wrap(help, columns.saturating_sub(20)).into_iter().enumerate() {
                let lead = if i == 0 { keys.clone() } else { " ".repeat(20) };
                out.push(Line::from(vec![
                    Span::styled(lead, app.style(Token::KeyHint)),
                    Span::styled(text, app.style(Token::Text)),
                ]));
            }
        }
        out.push(Line::default());
    }
    out.pop();
    out
}
