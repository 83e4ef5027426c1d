//! Rejecting: the reason goes into the journal.

use casimir_dkg::oracle::ActionState;
use tui_input::Input;

use super::*;
use crate::console::app::{Field, FieldKind};

/// The reject key.
pub(super) fn start(app: &mut App) {
    let Some(action) = app.subject_action() else {
        app.say(Token::Info, "nothing here waits for a decision");
        return;
    };
    if action.state != ActionState::Proposed {
        let text = format!(
            "{} is {}, it waits for no decision",
            action.id,
            action.state.word()
        );
        app.say(Token::Info, text);
        return;
    }
    let kind = FieldKind::Reason {
        action: action.id,
        digest: action.digest,
    };
    app.overlay = Some(Overlay::Input(Field {
        kind,
        input: Input::default(),
        problem: None,
    }));
}
