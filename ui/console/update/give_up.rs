//! Giving a case up: a reason for the journal first, then the question, with what it costs.

use casimir_dkg::types::{CaseId, SafeText};
use casimir_dkg::view::{Request, Way};
use tui_input::Input;

use super::*;
use crate::console::app::{Ask, Field, FieldKind};

/// The give-up key.
pub(super) fn start(app: &mut App) {
    let Some(case) = app.subject_case() else {
        app.say(Token::Info, "select a case to give it up");
        return;
    };
    if let Err(why) = app.way_of(case, Way::GiveUp) {
        app.say(Token::Info, why);
        return;
    }
    app.overlay = Some(Overlay::Input(Field {
        kind: FieldKind::GiveUp { case },
        input: Input::default(),
        problem: None,
    }));
}

/// The reason was typed: now the question.
pub(super) fn reason_typed(app: &mut App, case: CaseId, reason: &str) {
    app.overlay = None;
    let on = match app.way_of(case, Way::GiveUp) {
        Ok(on) => on,
        Err(why) => return closed::instead_of_a_question(app, why),
    };
    let reason = SafeText::new(reason);
    let ask = Ask {
        question: format!("Give {case} up?"),
        lines: vec![format!("reason: {reason}"), format!("costs: {}", on.costs)],
        verb: "give up",
        request: Request::GiveUp { case, reason },
        quiet_since: None,
        window: Default::default(),
    };
    ask::open(app, ask);
}
