//! Rejecting: the reason goes into the journal.

use tui_input::Input;

use super::*;
use crate::console::app::{Field, FieldKind};

/// The reject key.
pub(super) fn start(app: &mut App) {
    let Some(action) = app.subject_action() else {
        app.say(Token::Info, "nothing here waits for a decision");
        return;
    };
    if let Err(why) = action.can_reject.check() {
        let why = why.to_string();
        app.say(Token::Info, why);
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
