//! A new key of the journal's own, by a person's word: where the file of the old one is lost, is another journal's, or may be
//! known to others.

use std::path::{Path, PathBuf};

use super::chain::Anchor;
use super::doubt::Doubt;
use super::error::{JournalError, io_at};
use super::places::JournalOptions;
use super::store::{Journal, NewRecord};
use crate::types::{FormerKey, JournalKey};

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
    /// The key before it, where it signed the new one.
    pub former: Option<JournalKey>,
    /// Why the key before it did not sign the new one, in words; none where it did, or where there was none.
    pub unsigned: Option<String>,
}

/// What is told of a new key to whoever makes its record.
#[derive(Debug, Clone, Copy)]
pub struct New<'a> {
    pub key: JournalKey,
    /// The key before it, and its signature, which goes into the record.
    pub former: Option<FormerKey>,
    /// What a start would doubt, which the new key's signature would cover up.
    pub doubt: Option<&'a Doubt>,
}

/// Makes a new key and appends what `records` says of it, the record that names it first. Where the file of the key before it
/// is there, that key signs the new one and everything before it; otherwise the new one counts on the word of whoever asks. The
/// whole journal is verified first; no oracle may run meanwhile.
///
/// # Errors
/// The journal is in use or does not verify, or the file cannot be written. A key that was made and is in no record is as
/// good as none: doing it again helps.
pub fn new_key(
    options: &JournalOptions,
    records: impl FnOnce(New<'_>) -> Vec<NewRecord>,
) -> Result<Renewed, JournalError> {
    let (mut journal, _) = Journal::open(options, Anchor::BEGINNING, |_| Ok::<_, JournalError>(()))?;
    let file = journal.key().to_owned();
    let (former, unsigned) = match journal.former() {
        Ok(former) => (former, None),
        // a file that cannot be used is a key that is not there
        Err(JournalError::Key { key, problem }) => (None, Some(format!("{} {problem}", key.display()))),
        Err(error) => (None, Some(error.to_string())),
    };
    let replaced = set_aside(&file, journal.head().0)?;
    let key = journal.make_key()?;
    let former = match &former {
        Some(former) => journal.hand_on(former, key)?,
        None => None,
    };
    let records = records(New {
        key,
        former,
        doubt: journal.doubt(),
    });
    let record = journal.append(&records)?;
    Ok(Renewed {
        record,
        key,
        file,
        replaced,
        former: former.map(|former| former.key),
        unsigned,
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
