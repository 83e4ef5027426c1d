//! The record of a key that a person gave the journal while no engine runs.

use super::commit::row;
use crate::journal::NewRecord;
use crate::oracle::{Durable, Record};
use crate::types::{JournalKey, SafeText, UnixMillis};

/// Says who gave the journal this key, and why.
#[must_use]
pub fn keyed(at: UnixMillis, key: JournalKey, by: SafeText, reason: SafeText) -> NewRecord {
    let record = Record::JournalKeyed {
        key,
        by: Some(by),
        reason: Some(reason),
    };
    row(at, &record, &Durable::default())
}
