//! `[[policy.undo]]`: how long a person's approval waits before it takes effect.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::config::NetworkName;
use crate::config::raw::Row;
use crate::config::reader::Reader;
use crate::config::schema::Key;
use crate::oracle::{ActionKind, UndoWindows};
use crate::types::in_words;

const LIST: &str = "policy.undo";

pub(in crate::config) const KEYS: &[Key] = &[
    Key::new(
        "kinds",
        "a list of kinds of action",
        "Actions that a person's approval lets wait. What a rule approves does not wait.",
    ),
    Key::new(
        "window",
        "a time",
        "So long whoever may approve can take the approval back; \"0s\" for not at all. Without a table 10s for what moves money or cannot be undone on a public network, nothing else and nothing on a devnet.",
    ),
];

/// The windows that are in force. `expires`: how long an approval is good for.
pub(in crate::config) fn read(
    r: &mut Reader<'_>,
    network: Option<NetworkName>,
    expires: Option<Duration>,
) -> Option<UndoWindows> {
    let mut windows = match network {
        Some(name) if name.is_public() => UndoWindows::public(),
        _ => UndoWindows::default(),
    };
    let mut said = BTreeSet::new();
    let tables = r.each(LIST, |r, row| {
        one(r, row, expires).map(|table| (row.clone(), table))
    })?;
    for (row, (kinds, window)) in tables {
        for kind in kinds {
            if !said.insert(kind) {
                r.row_error(LIST, &row, "kinds", format!("{kind} has a window already"));
            }
            windows.set(kind, window);
        }
    }
    if let Some(expires) = expires {
        // the windows of the tables were judged where they stand
        let unsaid = ActionKind::ALL.iter().filter(|kind| !said.contains(*kind));
        let longest = unsaid.map(|kind| windows.of(*kind)).max();
        if let Some(longest) = longest.filter(|longest| *longest >= expires && !longest.is_zero()) {
            let message = format!(
                "expected more than the {} that an approval waits on this network before it takes effect (policy.undo), got {}",
                in_words(longest),
                r.said("policy.approval_expires")
            );
            r.error("policy.approval_expires", message);
        }
    }
    Some(windows)
}

fn one(r: &mut Reader<'_>, row: &Row, expires: Option<Duration>) -> Option<(Vec<ActionKind>, Duration)> {
    let kinds = r.row_required::<Vec<ActionKind>>(LIST, row, "kinds");
    let window = r.row_required::<Duration>(LIST, row, "window");
    let (mut kinds, window) = (kinds?, window?);
    kinds.sort_unstable();
    kinds.dedup();
    if kinds.is_empty() {
        r.row_error(LIST, row, "kinds", "covers nothing".to_owned());
    }
    if expires.is_some_and(|expires| window >= expires) {
        let message = "the approval would expire first (policy.approval_expires)";
        r.row_error(LIST, row, "window", message.to_owned());
    }
    Some((kinds, window))
}
