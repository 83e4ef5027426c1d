//! How it looks: theme, mouse, what is folded, and the screen as a file.

use super::*;

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
    if let Some(detail) = app.details.last_mut() {
        detail.unfolded = !detail.unfolded;
    }
}

/// The screen was saved, or not.
pub(super) fn saved(app: &mut App, files: Result<String, String>) {
    match files {
        Ok(files) => app.say(Token::Ok, format!("saved {files}")),
        Err(why) => app.say(Token::Warn, format!("the screen was not saved: {why}")),
    }
}
