//! The copy list: every value in full, so that it can also be selected by hand.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::{items, panel};
use crate::console::app::{App, CopyList};
use crate::console::theme::Token;
use crate::console::widgets::sign::Sign;
use crate::console::widgets::text::{clean, wrap};

/// Very long values end here on the screen; the clipboard gets all of them.
const MOST_LINES: usize = 12;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, app: &mut App, list: &mut CopyList) {
    let columns = usize::from(area.width.saturating_sub(6));
    let mut lines = Vec::new();
    let mut starts = Vec::new();
    for (i, (label, value)) in list.values.iter().enumerate() {
        starts.push(lines.len());
        let here = i == list.selected;
        let mark = if here {
            Sign::Here.glyph(app.settings.ascii)
        } else {
            " "
        };
        let token = if here { Token::TitleFocus } else { Token::Muted };
        lines.push(Line::from(Span::styled(
            format!("{mark} {}", clean(label)),
            app.style(token),
        )));
        let wrapped = wrap(&clean(value), columns);
        let cut = wrapped.len().saturating_sub(MOST_LINES);
        for line in wrapped.into_iter().take(MOST_LINES) {
            lines.push(Line::from(Span::styled(
                format!("  {line}"),
                app.style(Token::Value),
            )));
        }
        if cut > 0 {
            let text = format!("  {cut} more lines, all of them copied");
            lines.push(Line::from(Span::styled(text, app.style(Token::Muted))));
        }
    }
    let height = (lines.len() as u16).saturating_add(2).min(area.height);
    let rows = usize::from(height.saturating_sub(2));
    let start = starts.get(list.selected).copied().unwrap_or(0);
    list.offset = list
        .offset
        .clamp((start + 2).saturating_sub(rows).min(start), start);
    let docked = Rect {
        y: area.bottom() - height,
        height,
        ..area
    };
    let line_of = |n: usize| starts.partition_point(|start| *start <= n + list.offset) - 1;
    for n in 0..rows.min(lines.len() - list.offset) {
        items(app, docked, docked.y + 1 + n as u16, line_of(n)..line_of(n) + 1);
    }
    panel(
        frame,
        docked,
        app,
        "copy",
        lines.into_iter().skip(list.offset).collect(),
    );
}
