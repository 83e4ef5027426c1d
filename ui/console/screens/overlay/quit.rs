//! The question before leaving: what would be cut off, or at least who would not watch any more.

use casimir_dkg::types::SafeText;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::{middle, panel};
use crate::console::app::App;
use crate::console::theme::Token;
use crate::console::widgets::sign::Sign;
use crate::console::widgets::text::{clean, wrap};

/// So many that wait are named.
const WAITING: usize = 6;

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
    let question = if app.settings.attached.is_some() {
        "Leave? The engine goes on."
    } else if work.is_empty() {
        "Quit? Nothing is in flight."
    } else {
        "Quit while work is in flight?"
    };
    let mut lines = text(Token::Emphasis, question);
    lines.push(Line::default());
    let dot = Sign::Running.glyph(app.settings.ascii);
    for item in work.iter().take(SHOWN) {
        lines.extend(text(Token::Text, &format!("{dot} {item}")));
    }
    if work.len() > SHOWN {
        lines.extend(text(Token::Text, &format!("and {} more", work.len() - SHOWN)));
    }
    if !work.is_empty() {
        lines.push(Line::default());
    }
    waiting(app, &mut lines, &text);
    let elsewhere = app.settings.attached.as_ref().map(|engine| {
        format!(
            "It is process {}, run by {}. What waits, waits for anybody who may decide; `casimir-dkg console` comes back to it.",
            engine.process, engine.run_by
        )
    });
    let consequence = if let Some(words) = &elsewhere {
        words
    } else if let Some(words) = &app.settings.leaving {
        words
    } else if work.is_empty() {
        "The oracle ends with this console: until it is started again nobody watches the contract, and what waits, waits."
    } else {
        "Sent transactions go on by themselves and are picked up at the next start. A running ceremony may be given up, and \
         then needs a new approval."
    };
    lines.extend(text(Token::Muted, consequence));
    let area = middle(area, width, lines.len() as u16 + 2);
    panel(frame, area, app, "quit", lines);
}

/// What nobody has decided yet.
fn waiting(app: &App, lines: &mut Vec<Line<'static>>, text: &dyn Fn(Token, &str) -> Vec<Line<'static>>) {
    let waiting: Vec<_> = app.snapshot.for_a_person().map(|a| a.id.to_string()).collect();
    let named = waiting.len().min(WAITING);
    let words = match waiting.len() {
        0 => return,
        n if n > named => format!("{} and {} more", waiting[..named].join(", "), n - named),
        _ => waiting.join(", "),
    };
    let verb = if waiting.len() == 1 { "waits" } else { "wait" };
    lines.extend(text(Token::Text, &format!("{words} {verb} for a decision.")));
    lines.push(Line::default());
}
