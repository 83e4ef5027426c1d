//! Copying full values: by OSC 52, and shown in full for selecting by hand where the terminal does not take that.

use super::*;
use crate::console::app::CopyList;
use crate::console::screens::copyable;

/// `c`
pub(super) fn open(app: &mut App) -> Vec<Effect> {
    let values = copyable::values(app);
    if values.is_empty() {
        app.say(Token::Info, "nothing to copy here");
        return vec![];
    }
    let only = values.len() == 1;
    app.overlay = Some(Overlay::Copy(CopyList {
        values,
        selected: 0,
        offset: 0,
    }));
    if only { this(app) } else { vec![] }
}

/// Copies the selected value. The list stays: its text can be selected too.
pub(super) fn this(app: &mut App) -> Vec<Effect> {
    let Some(Overlay::Copy(list)) = &app.overlay else {
        return vec![];
    };
    let Some((label, value)) = list.values.get(list.selected).cloned() else {
        return vec![];
    };
    let text = format!(
        "sent to the clipboard: {label} ({} characters)",
        value.chars().count()
    );
    app.say(Token::Ok, text);
    vec![Effect::Copy(value)]
}
