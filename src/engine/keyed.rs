//! The record of a key that a person gave the journal while no engine runs.

use super::commit::row;
use crate::journal::{Doubt, New, NewRecord};
use crate::oracle::{Durable, Record};
use crate::types::{SafeText, UnixMillis};

/// Says who gave the journal this key, and why. What was doubted of it before pauses everything, as a start would.
#[must_use]
pub fn keyed(at: UnixMillis, new: New<'_>, by: SafeText, reason: SafeText) -> Vec<NewRecord> {
    let named = Record::JournalKeyed {
        key: new.key,
        by: Some(by),
        reason: Some(reason),
        former: new.former,
    };
    let paused = new.doubt.map(|doubt| {
        let text = paused_for(doubt);
        let by = by_the_start(&text);
        [
            Record::Note { case: None, text },
            Record::Paused { case: None, by },
        ]
    });
    [named]
        .iter()
        .chain(paused.iter().flatten())
        .map(|record| row(at, record, &Durable::default()))
        .collect()
}

/// Who pauses where a person did not.
const BY_THE_START: &str = "the start";

/// The same with why, from what [`paused_for`] says.
pub(super) fn by_the_start(text: &SafeText) -> SafeText {
    let why = text.as_str().strip_prefix(PAUSED_UNTIL).unwrap_or(text.as_str());
    SafeText::new(&format!("{BY_THE_START}: {why}"))
}

const PAUSED_UNTIL: &str = "everything is paused until a person has looked at the journal and resumes: ";

/// Why everything is paused.
pub(super) fn paused_for(doubt: &Doubt) -> SafeText {
    SafeText::new(&format!("{PAUSED_UNTIL}{doubt}"))
}
