//! The palette: opened, typed into, and what it runs.

use tui_input::InputRequest;

use super::*;
use crate::console::app::{Palette, entries};
use crate::console::keys::Key;

/// `:`
pub(super) fn open(app: &mut App) {
    app.overlay = Some(Overlay::Palette(Palette::default()));
}

/// A key that is no command goes into the text, and the list begins anew.
pub(super) fn key(app: &mut App, key: Key) {
    let Some(Overlay::Palette(palette)) = &mut app.overlay else {
        return;
    };
    let request = match key.code {
        crossterm::event::KeyCode::Backspace => InputRequest::DeletePrevChar,
        _ => match key.character() {
            Some(c) => InputRequest::InsertChar(c),
            None => return,
        },
    };
    palette.input.handle(request);
    (palette.selected, palette.offset) = (0, 0);
}

/// Enter: does the selected command as its key would, or says why not. What asks first when its key is pressed asks here, too.
pub(super) fn run(app: &mut App) -> Vec<Effect> {
    let Some(Overlay::Palette(palette)) = &app.overlay else {
        return vec![];
    };
    let all = entries(app, palette.input.value());
    let Some(entry) = all.get(palette.selected) else {
        return vec![];
    };
    if let Some(why) = &entry.why_not {
        let text = format!("{}: not now: {why}", entry.row.name);
        app.say(Token::Info, text);
        return vec![];
    }
    let command = entry.row.command;
    app.overlay = None;
    let scene = app.scene();
    super::key::run(app, scene, command)
}
