//! Taking an approval back: the safe direction, so it happens at once.

use casimir_dkg::view::Request;

use super::*;
use crate::console::keys::{Command, Group};
use crate::summary;

pub(super) fn send(app: &mut App) -> Vec<Effect> {
    let Some(action) = app.undoable().map(|action| action.id) else {
        app.say(Token::Info, summary::NOTHING_TO_TAKE_BACK);
        return vec![];
    };
    // what the key stood for may have left, or come to be, since the person looked
    if let Some(shown) = app.undo_shown.filter(|shown| *shown != action) {
        app.undo_shown = Some(action);
        let key = app.settings.keys.label(Group::Work, Command::TakeBack);
        let words = match app.snapshot.action(shown) {
            Some(gone) if gone.undo.is_none() => {
                format!(
                    "{shown} is {}; {key} takes that of {action} back now",
                    gone.standing()
                )
            }
            _ => format!("{key} takes that of {action} back now, and not that of {shown}"),
        };
        app.say(Token::Warn, words);
        return vec![];
    }
    send::request(app, Request::TakeBack { action })
}
