//! Retry: take a case up again, or look again at once.

use casimir_dkg::engine::Request;

use super::*;

pub(super) fn send(app: &mut App) -> Vec<Effect> {
    let Some(case) = app.subject_case() else {
        app.say(Token::Info, "select a case, an action or a ceremony to retry");
        return vec![];
    };
    let by = app.settings.user.clone();
    send::request(app, Request::Retry { case, by })
}
