//! Reading a journal without writing it: `journal show`, `verify` and `export`. Works while an oracle runs.

use std::io::Write;
use std::path::Path;

use super::chain::{Entry, Walker};
use super::error::JournalError;
use super::store::{open_read_only, read_entries};
use crate::types::Root;

/// What a verification found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Records, all of them linked.
    pub records: u64,
    /// Hash of the newest.
    pub head: Root,
}

/// Every entry of the journal at `path`, in order, each handed to `take` only after its link was checked.
fn walk(
    path: &Path,
    mut take: impl FnMut(Entry) -> Result<(), JournalError>,
) -> Result<Report, JournalError> {
    let mut walker = Walker::new();
    for entry in read_entries(path, &open_read_only(path)?)? {
        walker
            .accept(&entry)
            .map_err(|(seq, problem)| JournalError::Broken {
                path: path.to_owned(),
                seq,
                problem,
            })?;
        take(entry)?;
    }
    Ok(Report {
        records: walker.seq,
        head: walker.hash,
    })
}

/// Walks the chain of the journal at `path`.
///
/// # Errors
/// [`JournalError::Broken`] names the first bad record.
pub fn verify(path: &Path) -> Result<(Report, Vec<Entry>), JournalError> {
    let mut entries = Vec::new();
    let report = walk(path, |entry| {
        entries.push(entry);
        Ok(())
    })?;
    Ok((report, entries))
}

/// Writes one JSON object a line: `seq`, `at`, `kind`, `body` (the JSON text as a string, exactly as hashed), `hash`.
/// Whoever has the lines can recompute the chain.
///
/// # Errors
/// A journal that does not verify is exported all the same up to its first bad record, and the error is returned.
pub fn export(path: &Path, out: &mut dyn Write) -> Result<Report, JournalError> {
    walk(path, |entry| {
        let line = serde_json::to_writer(&mut *out, &entry).map_err(std::io::Error::from);
        line.and_then(|()| out.write_all(b"\n"))
            .map_err(|source| JournalError::Io {
                path: "the output".into(),
                source,
            })
    })
}
