//! A question: what it is about, and which key says yes. Until that key counts, it is not offered. What does not fit is
//! scrolled, and the key counts once all of it was on the screen.

use std::ops::Range;

use ratatui::text::{Line, Span};

use crate::console::app::{App, Ask, Window};
use crate::console::keys::{Command, Group, Key};
use crate::console::theme::Token;
use crate::console::widgets::text::{clean, width, wrap};

/// What is asked, all of it.
pub(super) fn text(app: &App, ask: &Ask, columns: u16) -> Vec<Line<'static>> {
    let columns = usize::from(columns);
    let mut out = Vec::new();
    let token = if app.snapshot.network.mainnet {
        Token::Danger
    } else {
        Token::Emphasis
    };
    for line in wrap(&clean(&ask.question), columns) {
        out.push(Line::from(Span::styled(line, app.style(token))));
    }
    for text in &ask.lines {
        for line in wrap(&clean(text), columns) {
            out.push(Line::from(Span::styled(line, app.style(Token::Text))));
        }
    }
    out
}

/// So much of the text as the rows above the answers show, with a word of the rest.
pub(super) fn shown(app: &App, window: &Window, text: Vec<Line<'static>>) -> Vec<Line<'static>> {
    if window.max_scroll == 0 {
        return text;
    }
    let (from, all) = (window.scroll, text.len());
    let mut out: Vec<_> = text.into_iter().skip(from).take(window.height).collect();
    let to = from + out.len();
    let more = if to < all {
        let down = app.settings.keys.label(Group::Move, Command::Down);
        format!(": {down} shows the rest")
    } else {
        String::new()
    };
    let words = format!("lines {}-{to} of {all}{more}", from + 1);
    out.push(Line::from(Span::styled(words, app.style(Token::Warn))));
    out
}

/// The keys that answer.
pub(super) fn answers(app: &App, ask: &Ask) -> Line<'static> {
    let keys = &app.settings.keys;
    let label = |command| keys.label(Group::Ask, command);
    let (yes, no) = (label(Command::Yes), label(Command::No));
    let mut answer = if ask.ready(app.now.mono, app.settings.grace) {
        vec![
            Span::styled(yes, app.style(Token::KeyHint)),
            Span::styled(format!(" {}{GAP}", ask.verb), app.style(Token::Emphasis)),
        ]
    } else {
        vec![Span::styled(
            format!("{}{GAP}", not_yet(ask)),
            app.style(Token::Muted),
        )]
    };
    answer.push(Span::styled(no, app.style(Token::KeyHint)));
    answer.push(Span::styled(BACK, app.style(Token::Text)));
    Line::from(answer)
}

/// Why yes is not offered.
fn not_yet(ask: &Ask) -> &'static str {
    match ask.window.is_read() || ask.quiet_since.is_none() {
        true => MOMENT,
        false => UNREAD,
    }
}

const UNREAD: &str = "read all of it first";
const MOMENT: &str = "a moment, please";
const GAP: &str = "     ";
const BACK: &str = " back";

/// The columns of the last line that are a key each; yes is none before it counts.
pub(super) fn buttons(app: &App, ask: &Ask) -> Vec<(Range<u16>, Key)> {
    let of = |command, label: &str| {
        let key = app.settings.keys.first(Group::Ask, command)?;
        Some((key, width(&key.to_string()) + width(label)))
    };
    let ready = ask.ready(app.now.mono, app.settings.grace);
    let yes = of(Command::Yes, &format!(" {}", ask.verb)).filter(|_| ready);
    let begins = yes.map_or(width(not_yet(ask)), |(_, columns)| columns) + width(GAP);
    let placed = |at: usize, (key, columns): (Key, usize)| (at as u16..(at + columns) as u16, key);
    let no = of(Command::No, BACK).map(|no| placed(begins, no));
    yes.map(|yes| placed(0, yes)).into_iter().chain(no).collect()
}
