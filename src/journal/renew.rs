//! A new key of the journal's own, by a person's word: where the file of the old one is lost, is another journal's, or may be
//! known to others.

use std::path::{Path, PathBuf};

use super::chain::Anchor;
use super::doubt::Doubt;
use super::error::{JournalError, io_at};
use super::places::JournalOptions;
use super::store::{Journal, NewRecord};
use crate::types::JournalKey;

/// What [`new_key`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renewed {
    /// The record that names the key.
    pub record: u64,
    pub key: JournalKey,
    /// File of the private half.
    pub file: PathBuf,
    /// Where the file is kept that was in its place.
    pub replaced: Option<PathBuf>,
}

/// Makes a new key and appends what `records` says of it, the record that names it first; it is told what a start would doubt,
/// which the new signature would cover up. The whole journal is verified first; no oracle may run meanwhile.
///
/// # Errors
/// The journal is in use or does not verify, or the file cannot be written. A key that was made and is in no record is as
/// good as none: doing it again helps.
pub fn new_key(
    options: &JournalOptions,
    records: impl FnOnce(JournalKey, Option<&Doubt>) -> Vec<NewRecord>,
) -> Result<Renewed, JournalError> {
    let (mut journal, _) = Journal::open(options, Anchor::BEGINNING, |_| Ok::<_, JournalError>(()))?;
    let file = journal.key().to_owned();
    let replaced = set_aside(&file, journal.head().0)?;
    let key = journal.make_key()?;
    let records = records(key, journal.doubt());
    let record = journal.append(&records)?;
    Ok(Renewed {
        record,
        key,
        file,
        replaced,
    })
}

/// What is there may still be asked for: it signed what was acknowledged until now.
fn set_aside(file: &Path, newest: u64) -> Result<Option<PathBuf>, JournalError> {
    if std::fs::symlink_metadata(file).is_err() {
        return Ok(None);
    }
    let mut kept = file.with_extension(format!("until-{newest}.key"));
    let mut n = 1;
    while kept.exists() {
        n += 1;
        kept = file.with_extension(format!("until-{newest}-{n}.key"));
    }
    std::fs::rename(file, &kept).map_err(io_at(file))?;
    Ok(Some(kept))
}
