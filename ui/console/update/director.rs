//! The director of a show: its levers are typed, and what came of one is said below. The levers are the show's; the
//! console only carries the words.

use std::time::Duration;

use tui_input::Input;

use super::*;
use crate::console::app::{Caption, Field, FieldKind};
use crate::console::keys::Command;

/// How long it stays on the screen what came of a lever.
const READ: Duration = Duration::from_secs(60);

/// The director's key.
pub(super) fn open(app: &mut App) {
    if let Some(why) = app.why_not(Command::Director) {
        return app.say(Token::Info, why);
    }
    app.overlay = Some(Overlay::Input(Field {
        kind: FieldKind::Lever,
        input: Input::default(),
        problem: None,
    }));
}

/// A lever was typed. Nothing typed closes the field, and what was said last.
pub(super) fn typed(app: &mut App, text: String) -> Vec<Effect> {
    app.overlay = None;
    if text.is_empty() {
        app.caption = None;
        return vec![];
    }
    app.say(Token::Info, format!("{text} …"));
    vec![Effect::Pull(text)]
}

/// What came of a lever, or a station of the tour: it is more than a line, and there is time to read it.
pub(super) fn told(app: &mut App, words: String, stays: bool) {
    app.toast = None;
    app.tell(app.now.wall, Token::Info, format!("director: {words}"));
    app.caption = Some(Caption {
        words,
        until: (!stays).then(|| app.now.mono + READ),
    });
}

/// What has been there for long enough goes.
pub(super) fn ticked(app: &mut App) {
    let now = app.now.mono;
    let over = |caption: &Caption| caption.until.is_some_and(|until| until <= now);
    if app.caption.as_ref().is_some_and(over) {
        app.caption = None;
    }
}
