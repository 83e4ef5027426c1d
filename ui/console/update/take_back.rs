//! Taking an approval back: the safe direction, so it happens at once.

use casimir_dkg::view::Request;

use super::*;

pub(super) fn send(app: &mut App) -> Vec<Effect> {
    let Some(action) = app.undoable().map(|action| action.id) else {
        app.say(
            Token::Info,
            "no approval can be taken back: nothing that was approved waits in an undo window",
        );
        return vec![];
    };
    send::request(app, Request::TakeBack { action })
}
