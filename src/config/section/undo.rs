//! `[[policy.undo]]`: how long a person's approval waits before it takes effect.

use std::time::Duration;

use crate::config::raw::Row;
use crate::config::reader::Reader;
use crate::config::schema::Key;
use crate::oracle::ActionKind;

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
        "So long anybody at a seat can take the approval back; \"0s\" for not at all. Without a table 10s for what moves money or cannot be undone on a public network, nothing else and nothing on a devnet.",
    ),
];

/// The windows that the file sets, by kind. `expires`: how long an approval is good for.
pub(in crate::config) fn read(
    r: &mut Reader<'_>,
    expires: Option<Duration>,
) -> Option<Vec<(ActionKind, Duration)>> {
    let mut windows: Vec<(ActionKind, Duration)> = Vec::new();
    let mut whole = true;
    for row in r.rows(LIST) {
        let Some((kinds, window)) = one(r, row, expires) else {
            whole = false;
            continue;
        };
        for kind in kinds {
            if windows.iter().any(|(other, _)| *other == kind) {
                r.row_error(LIST, row, "kinds", format!("{kind} has a window already"));
            }
            windows.push((kind, window));
        }
    }
    whole.then_some(windows)
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
