//! Why a key does nothing: Caps Lock, another keyboard layout, a key of another place, or no key at all. A dead key looks
//! like a dead program.

use super::*;
use crate::console::app::Toast;
use crate::console::keys::{Command, Group, Key, Row, Scene};

/// Says it, unless a warning still stands to be read.
pub(super) fn say(app: &mut App, scene: Scene, key: Key) {
    let is_free = |toast: &Toast| !matches!(toast.token, Token::Warn | Token::Danger);
    if app.toast.as_ref().is_none_or(is_free) {
        let (token, words) = words(app, scene, key);
        app.say(token, words);
    }
}

fn words(app: &App, scene: Scene, key: Key) -> (Token, String) {
    let letter = key.character().filter(|c| c.is_alphanumeric());
    if let Some(typed) = letter.filter(|c| !c.is_ascii()) {
        let words = format!(
            "{typed} is no key here: is another keyboard layout on? Keys are Latin letters; ? lists them"
        );
        return (Token::Warn, words);
    }
    if let Some(typed) = letter.filter(char::is_ascii_uppercase) {
        let small = typed.to_ascii_lowercase();
        let code = crossterm::event::KeyCode::Char(small);
        if app.settings.keys.command(scene, Key { code, ..key }).is_some() {
            let words = format!("{typed} is no key here, {small} is: is Caps Lock on?");
            return (Token::Info, words);
        }
    }
    if scene == Scene::Ask {
        let label = |command| app.settings.keys.label(Group::Ask, command);
        let (yes, no) = (label(Command::Yes), label(Command::No));
        return (
            Token::Info,
            format!("{key} answers nothing: {yes} is yes, {no} goes back"),
        );
    }
    let words = match elsewhere(app, key) {
        Some(row) => format!("{key} is no key here. {}: {}", row.group.heading(), row.help),
        None => format!("{key} is no key here; ? lists those that are"),
    };
    (Token::Info, words)
}

/// What it does where a person looks around.
fn elsewhere(app: &App, key: Key) -> Option<&'static Row> {
    let groups = [Group::Work, Group::List, Group::Detail, Group::Logs];
    groups.into_iter().find_map(|group| {
        let mut rows = app.settings.keys.rows(group);
        rows.find(|(_, keys)| keys.contains(&key)).map(|(row, _)| row)
    })
}
