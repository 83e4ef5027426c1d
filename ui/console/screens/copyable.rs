//! Values worth copying, in full.

use crate::console::app::{App, Target};

/// Label and value, the most likely one first, each value once.
pub(crate) fn values(app: &App) -> Vec<(String, String)> {
    let all = match app.details.last().map(|d| d.target) {
        Some(Target::Status) => status(app),
        _ => app.subject().map_or_else(Vec::new, |id| {
            let of_pane = |pane: &super::panes::Pane| pane.copyable(app.known(), id);
            let found = app.settings.panes.iter().map(of_pane);
            found
                .into_iter()
                .find(|values| !values.is_empty())
                .unwrap_or_default()
        }),
    };
    let mut out: Vec<(String, String)> = Vec::new();
    for (label, value) in all {
        if !out.iter().any(|(_, known)| *known == value) {
            out.push((label, value));
        }
    }
    out
}

fn status(app: &App) -> Vec<(String, String)> {
    let snapshot = &app.snapshot;
    let value = |label: &str, value: String| (label.to_owned(), value);
    let address = snapshot
        .signer
        .address
        .map(|address| value("oracle address", address.to_string()));
    let others = [
        value("manager contract", snapshot.network.manager.to_string()),
        value("journal head", snapshot.journal.head.to_string()),
        value("journal file", snapshot.journal.path.to_string()),
    ];
    address.into_iter().chain(others).collect()
}
