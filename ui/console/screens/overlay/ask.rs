//! A question: what it is about, and which key says yes. Until that key counts, it is not offered.

use ratatui::text::{Line, Span};

use crate::console::app::{App, Ask};
use crate::console::keys::{Command, Group};
use crate::console::theme::Token;
use crate::console::widgets::text::{clean, wrap};

pub(super) fn lines(app: &App, ask: &Ask, width: u16) -> Vec<Line<'static>> {
    let width = usize::from(width);
    let mut out = Vec::new();
    let token = if app.snapshot.network.mainnet {
        Token::Danger
    } else {
        Token::Emphasis
    };
    for line in wrap(&clean(&ask.question), width) {
        out.push(Line::from(Span::styled(line, app.style(token))));
    }
    for text in &ask.lines {
        for line in wrap(&clean(text), width) {
            out.push(Line::from(Span::styled(line, app.style(Token::Text))));
        }
    }
    let keys = &app.settings.keys;
    let (yes, no) = (
        keys.label(Group::Ask, Command::Yes),
        keys.label(Group::Ask, Command::No),
    );
    let ready = ask.ready(app.now.mono, app.settings.grace);
    let mut answer = if ready {
        vec![
            Span::styled(yes, app.style(Token::KeyHint)),
            Span::styled(format!(" {}     ", ask.verb), app.style(Token::Emphasis)),
        ]
    } else {
        vec![Span::styled("a moment, please     ", app.style(Token::Muted))]
    };
    answer.push(Span::styled(no, app.style(Token::KeyHint)));
    answer.push(Span::styled(" back", app.style(Token::Text)));
    out.push(Line::from(answer));
    out
}
