//! Taking an approval back: the safe direction, so it happens at once.

use casimir_dkg::view::Request;

use super::*;
use crate::summary;

pub(super) fn send(app: &mut App) -> Vec<Effect> {
    let Some(action) = app.undoable().map(|action| action.id) else {
        app.say(Token::Info, summary::NOTHING_TO_TAKE_BACK);
        return vec![];
    };
    send::request(app, Request::TakeBack { action })
}
