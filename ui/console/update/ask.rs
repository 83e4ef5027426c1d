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
