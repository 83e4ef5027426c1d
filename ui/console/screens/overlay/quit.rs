//! The question before leaving while work is in flight.

use casimir_dkg::types::SafeText;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::{middle, panel};
use crate::console::app::App;
use crate::console::theme::Token;
use crate::console::widgets::sign::Sign;
use crate::console::widgets::text::{clean, wrap};

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, app: &App, work: &[SafeText]) {
    const SHOWN: usize = 8;
    let width = 76.min(area.width);
    let columns = usize::from(width.saturating_sub(4));
    let text = |token, text: &str| -> Vec<Line<'static>> {
        let lines = wrap(&clean(text), columns).into_iter();
        lines
            .map(|l| Line::from(Span::styled(l, app.style(token))))
            .collect()
    };
    let mut lines = text(Token::Emphasis, "Quit while work is in flight?");
    lines.push(Line::default());
    let dot = Sign::Running.glyph(app.settings.ascii);
    for item in work.iter().take(SHOWN) {
        lines.extend(text(Token::Text, &format!("{dot} {item}")));
    }
    if work.len() > SHOWN {
        lines.extend(text(Token::Text, &format!("and {} more", work.len() - SHOWN)));
    }
    lines.push(Line::default());
    lines.extend(text(
        Token::Muted,
        "Sent transactions go on by themselves and are picked up at the next start. A running ceremony may be given up, and then needs a new approval.",
    ));
    let area = middle(area, width, lines.len() as u16 + 2);
    panel(frame, area, app, "quit", lines);
}
