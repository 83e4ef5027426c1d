//! A question with yes and no. Only its own key says yes, and only once the question has been on the screen for a
//! moment in which nothing else was typed.

use std::time::Duration;

use super::*;
use crate::console::app::Ask;
use crate::console::keys::{Command, Key, Scene};

/// Opens a question.
pub(super) fn open(app: &mut App, ask: Ask) {
    app.overlay = Some(Overlay::Ask(ask));
}

/// Something was typed that does not answer: the quiet moment begins again.
pub(super) fn disturbed(ask: &mut Ask, mono: Duration) {
    if let Some(since) = &mut ask.quiet_since {
        *since = mono;
    }
}

pub(super) fn key(app: &mut App, key: Key, command: Option<Command>) -> Vec<Effect> {
    let (mono, grace) = (app.now.mono, app.settings.grace);
    let Some(Overlay::Ask(ask)) = &mut app.overlay else {
        return vec![];
    };
    match command {
        Some(Command::Yes) if ask.ready(mono, grace) => {
            let Some(Overlay::Ask(ask)) = app.overlay.take() else {
                return vec![];
            };
            send::request(app, ask.request)
        }
        Some(Command::Yes) if !ask.window.is_read() => {
            disturbed(ask, mono);
            ask.window.seek_unread();
            app.say(
                Token::Warn,
                "not all of the question was on the screen: here is the rest; then answer",
            );
            vec![]
        }
        Some(Command::No) => {
            app.overlay = None;
            vec![]
        }
        Some(Command::Interrupt) => quit::interrupt(app),
        Some(Command::Redraw) => vec![Effect::Repaint],
        Some(Command::Leave) => quit::ask(app),
        Some(Command::SaveScreen) => {
            disturbed(ask, mono);
            vec![Effect::SaveScreen]
        }
        Some(
            command @ (Command::Up
            | Command::Down
            | Command::PageUp
            | Command::PageDown
            | Command::Top
            | Command::Bottom),
        ) if ask.window.max_scroll > 0 => {
            disturbed(ask, mono);
            let window = &mut ask.window;
            let page = window.height.saturating_sub(1).max(1);
            window.scroll = match command {
                Command::Up => window.scroll.saturating_sub(1),
                Command::Down => window.scroll + 1,
                Command::PageUp => window.scroll.saturating_sub(page),
                Command::PageDown => window.scroll + page,
                Command::Top => 0,
                _ => window.max_scroll,
            }
            .min(window.max_scroll);
            vec![]
        }
        other => {
            disturbed(ask, mono);
            match other {
                Some(Command::Yes) => app.say(
                    Token::Info,
                    format!("{key} came too early: it counts once it stands beneath the question"),
                ),
                _ => unheard::say(app, Scene::Ask, key),
            }
            vec![]
        }
    }
}
