//! Retry: take a case up again, or look again at once. Where the outcome of a ceremony is unknown, it is the key that
//! gives the ceremony up; that asks.

use casimir_dkg::view::Request;

use super::*;
use crate::console::app::Ask;

pub(super) fn send(app: &mut App) -> Vec<Effect> {
    let Some(case) = app.subject_case() else {
        app.say(Token::Info, "select a case, an action or a ceremony to retry");
        return vec![];
    };
    let doubtful = app
        .known()
        .case(case)
        .and_then(|c| c.doubtful)
        .and_then(|id| app.known().ceremony(id));
    let Some(ceremony) = doubtful else {
        return send::request(app, Request::Retry { case });
    };
    let question = format!("Declare the {} of {case} lost?", ceremony.kind);
    let request = Request::DeclareLost { request: ceremony.id };
    ask::open(
        app,
        Ask {
            question,
            lines: vec![
                "Its outcome is unknown; it may have ended well. Nobody looks for it any more, and whatever it made \
                 is never used. Another ceremony is proposed."
                    .to_owned(),
            ],
            verb: "declare lost",
            request,
            quiet_since: None,
            window: Default::default(),
        },
    );
    vec![]
}
