//! The palette: the one command table as a list that is typed into, with what cannot be done now and why.

use tui_input::Input;

use super::App;
use crate::console::keys::{Group, Row};

#[derive(Debug, Clone, Default)]
pub(crate) struct Palette {
    pub(crate) input: Input,
    pub(crate) selected: usize,
    pub(crate) offset: usize,
}

/// One command, as it stands now.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) row: &'static Row,
    /// Its keys, for whoever wants to learn them.
    pub(crate) keys: String,
    pub(crate) help: &'static str,
    /// Why it cannot be done now.
    pub(crate) why_not: Option<String>,
}

/// The commands that are heard beneath the palette and have every word of what was typed.
pub(crate) fn entries(app: &App, typed: &str) -> Vec<Entry> {
    let typed = typed.to_lowercase();
    let mut out = Vec::new();
    for group in app.scene_beneath().groups() {
        // whoever can open the palette knows how to move
        if *group == Group::Move {
            continue;
        }
        for (row, keys) in app.settings.keys.rows(*group) {
            let Some(help) = row.help(&app.settings.panes) else {
                continue;
            };
            let all = format!("{} {help}", row.name).to_lowercase();
            if !typed.split_whitespace().all(|word| all.contains(word)) {
                continue;
            }
            let keys: Vec<_> = keys.iter().map(ToString::to_string).collect();
            out.push(Entry {
                row,
                keys: keys.join(" "),
                help,
                why_not: app.why_not(row.command),
            });
        }
    }
    // what begins with what was typed is what was meant
    out.sort_by_key(|entry| !entry.row.name.starts_with(typed.trim()));
    out
}
