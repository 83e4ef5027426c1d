//! The messages: what the lines around the screen say, in as many lines as it takes, and what they said before.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::{middle, panel};
use crate::console::app::App;
use crate::console::screens::said;
use crate::console::theme::Token;
use crate::console::widgets::format;
use crate::console::widgets::text::{clean, width, wrap};

/// A time, or the place that says it, and a gap.
const LEAD: usize = 10;

/// Draws it from the line `scroll` on, which becomes one that there is.
pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, app: &App, scroll: &mut usize) {
    let lines = lines(app, usize::from(area.width.min(120).saturating_sub(4)));
    let area = middle(area, 120, lines.len() as u16 + 2);
    let rows = usize::from(area.height.saturating_sub(2));
    *scroll = (*scroll).min(lines.len().saturating_sub(rows));
    let title = match lines.len() > rows {
        true => "messages (down for more)",
        false => "messages",
    };
    panel(
        frame,
        area,
        app,
        title,
        lines.into_iter().skip(*scroll).take(rows).collect(),
    );
}

fn lines(app: &App, columns: usize) -> Vec<Line<'static>> {
    let heading = |text: &'static str| Line::from(Span::styled(text, app.style(Token::TitleFocus)));
    let mut out = vec![heading("Now")];
    for (place, token, text) in said::standing(app) {
        item(&mut out, app, columns, (place, token, &text));
    }
    out.extend([Line::default(), heading("Said before, the newest first (UTC)")]);
    let mut messages = app.messages.iter().peekable();
    if messages.peek().is_none() {
        let text = "nothing yet: what the status line says is kept here";
        out.push(Line::from(Span::styled(text, app.style(Token::Muted))));
    }
    for message in messages {
        let clock = format::clock(message.at);
        item(&mut out, app, columns, (&clock, message.token, &message.text));
    }
    out
}

fn item(out: &mut Vec<Line<'static>>, app: &App, columns: usize, (lead, token, text): (&str, Token, &str)) {
    for (i, line) in wrap(&clean(text), columns.saturating_sub(LEAD))
        .into_iter()
        .enumerate()
    {
        let lead = if i == 0 { lead } else { "" };
        let gap = " ".repeat(LEAD.saturating_sub(width(lead)));
        out.push(Line::from(vec![
            Span::styled(format!("{lead}{gap}"), app.style(Token::Muted)),
            Span::styled(line, app.style(token)),
        ]));
    }
}
