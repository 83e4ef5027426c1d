//! How it looks: theme, mouse, what is folded, and the screen as a file.

use casimir_dkg::view::RowId;

use super::*;
use crate::console::app::Target;

/// The next theme of those that the program has, the person's own first.
pub(super) fn next_theme(app: &mut App) {
    let themes = &app.settings.themes;
    if themes.is_empty() {
        return;
    }
    app.theme = (app.theme + 1) % themes.len();
    let (name, theme) = themes[app.theme].clone();
    app.settings.theme = theme;
    app.theme_chosen = true;
    app.say(
        Token::Info,
        format!("theme {name}; it is remembered, and ui.theme in the configuration wins over it"),
    );
}

/// Gives the mouse to the console, or back to the terminal.
pub(super) fn mouse(app: &mut App) -> Vec<Effect> {
    app.mouse = !app.mouse;
    let text = if app.mouse {
        "the console has the mouse; hold Shift to select text"
    } else {
        "the terminal has the mouse: select text as usual"
    };
    app.say(Token::Info, text);
    vec![Effect::Mouse(app.mouse)]
}

/// Opens bytes and long prose of the page, or folds them.
pub(super) fn unfold(app: &mut App) {
    match app.details.last_mut() {
        Some(detail) if matches!(detail.target, Target::Row(RowId::Action(_))) => {
            detail.unfolded = !detail.unfolded;
        }
        _ => app.say(Token::Info, "nothing is folded on this page"),
    }
}

/// Less important lines of the log too, or only more important ones.
pub(super) fn levels(app: &mut App, more: bool) {
    let before = app.logs.level_name();
    match more {
        true => app.logs.more(),
        false => app.logs.less(),
    }
    if app.logs.level_name() == before {
        let why = match more {
            true => "every line that is kept is shown already",
            false => "nothing but errors is shown already",
        };
        app.say(Token::Info, why);
    }
}

/// The screen was saved, or not.
pub(super) fn saved(app: &mut App, files: Result<String, String>) {
    match files {
        Ok(files) => app.say(Token::Ok, format!("saved {files}")),
        Err(why) => app.say(Token::Warn, format!("the screen was not saved: {why}")),
    }
}
