//! Pause and resume. Pausing is the safe direction and happens at once; resuming lets things leave this machine again
//! and asks.

use casimir_dkg::view::{Request, Scope};

use super::*;
use crate::console::app::Ask;

/// The selected case.
pub(super) fn case(app: &mut App) -> Vec<Effect> {
    let Some(case) = app.subject_case() else {
        app.say(Token::Info, "select a case to pause; P pauses everything");
        return vec![];
    };
    let paused = app.known().case(case).is_some_and(|c| c.paused);
    toggle(app, Scope::Case(case), paused, &case.to_string())
}

pub(super) fn everything(app: &mut App) -> Vec<Effect> {
    let paused = app.snapshot.paused.is_some();
    toggle(app, Scope::All, paused, "everything")
}

fn toggle(app: &mut App, scope: Scope, paused: bool, what: &str) -> Vec<Effect> {
    if !paused {
        return send::request(app, Request::Pause { scope });
    }
    ask::open(
        app,
        Ask {
            question: format!("Resume {what}?"),
            lines: vec!["Approved actions that were held back will be sent.".to_owned()],
            verb: "resume",
            request: Request::Resume { scope },
            quiet_since: None,
        },
    );
    vec![]
}
