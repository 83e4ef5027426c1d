//! Who decides. The name of the mode is typed, whichever it is: nobody gives the decision to the rules by one key.

use casimir_dkg::view::{Mode, Request};
use tui_input::Input;

use super::*;
use crate::console::app::{Field, FieldKind};
use crate::console::keys::Command;

/// In mode observe nothing is decided but this, where the seat may decide at all.
pub(super) fn may_be_switched(app: &App, command: Command) -> bool {
    command == Command::Mode && !app.settings.read_only && app.past.is_none()
}

/// The mode key.
pub(super) fn start(app: &mut App) {
    app.overlay = Some(Overlay::Input(Field {
        kind: FieldKind::Mode,
        input: Input::default(),
        problem: None,
    }));
}

/// What the name of a mode asks for.
///
/// # Errors
/// It is none, or the present one.
pub(super) fn typed(now: Mode, text: &str) -> Result<Request, String> {
    let mode = [Mode::Observe, Mode::Supervised, Mode::Auto]
        .into_iter()
        .find(|mode| mode.to_string() == text)
        .ok_or("type observe, supervised or auto")?;
    if mode == now {
        return Err(format!("it is in mode {mode} already"));
    }
    let word = (mode == Mode::Auto).then(|| text.to_owned());
    Ok(Request::SwitchMode { mode, word })
}
