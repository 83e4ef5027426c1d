//! The director of a show: its levers are typed, and what came of one is said below. The levers are the show's; the
//! console only carries the words.

use tui_input::Input;

use super::*;
use crate::console::app::{Field, FieldKind};

/// The director's key.
pub(super) fn open(app: &mut App) {
    if app.settings.levers.is_empty() {
        return app.say(Token::Info, "the director is the demo's: there is none here");
    }
    app.overlay = Some(Overlay::Input(Field {
        kind: FieldKind::Lever,
        input: Input::default(),
        problem: None,
    }));
}

/// A lever was typed. Nothing typed closes the field.
pub(super) fn typed(app: &mut App, text: String) -> Vec<Effect> {
    app.overlay = None;
    if text.is_empty() {
        return vec![];
    }
    app.say(Token::Info, format!("{text} …"));
    vec![Effect::Pull(text)]
}

/// What came of a lever, or a station of the tour.
pub(super) fn told(app: &mut App, words: String) {
    app.say(Token::Info, words);
}
