//! Reading a journal without writing it: `journal show`, `verify` and `export`. Works while an oracle runs, and for
//! whoever has only a copy.

use std::io::Write;
use std::path::Path;

use super::chain::{Anchor, Entry};
use super::checkpoint::Checkpoint;
use super::error::{JournalError, io_at};
use super::format;
use super::read::{open_read_only, walk};
use crate::types::Root;

/// What a verification found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Records, all of them linked.
    pub records: u64,
    /// Hash of the newest.
    pub head: Root,
    /// Format of the file.
    pub format: u32,
    /// The newest record that a checkpoint beside the journal names; none where there is no checkpoint, as beside a copy.
    pub acknowledged: Option<u64>,
}

/// Every entry of the journal at `path`, in order, each handed to `take` only after its link was checked; then the
/// checkpoint, where one stands beside it. This is what a start judges by, too.
fn walk_all(
    path: &Path,
    take: impl FnMut(&Entry) -> Result<(), JournalError>,
) -> Result<Report, JournalError> {
    let connection = open_read_only(path)?;
    // what stands beside it stands beside the file itself, by whatever name it is reached
    let real = std::fs::canonicalize(path).map_err(io_at(path))?;
    let checkpoint = Checkpoint::beside(&real, None);
    // read first: an oracle that writes meanwhile moves it ahead of what is walked here
    let acknowledged = checkpoint.compare(path, &connection);
    let last = walk(path, &connection, Anchor::BEGINNING, u64::MAX, take)?;
    Ok(Report {
        records: last.seq,
        head: last.hash,
        format: format::found(path, &connection)?,
        acknowledged: acknowledged?.map(|a| a.seq),
    })
}

/// Walks the chain of the journal at `path`.
///
/// # Errors
/// [`JournalError::Broken`] names the first bad record, [`JournalError::RolledBack`] records that were acknowledged and
/// are missing.
pub fn verify(path: &Path) -> Result<(Report, Vec<Entry>), JournalError> {
    let mut entries = Vec::new();
    let report = walk_all(path, |entry| {
        entries.push(entry.clone());
        Ok(())
    })?;
    Ok((report, entries))
}

/// Writes one JSON object a line: `seq`, `format` (from 2 on), `at`, `kind`, `body` (the JSON text as a string, exactly as
/// hashed), `hash`. Whoever has the lines can recompute the chain.
///
/// # Errors
/// A journal that does not verify is exported all the same up to its first bad record, and the error is returned.
pub fn export(path: &Path, out: &mut dyn Write) -> Result<Report, JournalError> {
    walk_all(path, |entry| {
        let line = serde_json::to_writer(&mut *out, entry).map_err(std::io::Error::from);
        line.and_then(|()| out.write_all(b"\n"))
            .map_err(io_at("the output"))
    })
}
