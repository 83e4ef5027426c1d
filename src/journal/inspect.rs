//! Reading a journal without writing it: `journal show`, `verify` and `export`. Works while an oracle runs, and for
//! whoever has only a copy or an export.

use std::path::Path;

use super::chain::{Anchor, Entry};
use super::checkpoint::Checkpoint;
use super::error::{JournalError, io_at};
use super::export;
use super::format;
use super::read::walk;
use super::source::open_read_only;
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
/// checkpoint, where one is given or stands beside it. This is what a start judges by, too.
pub(super) fn walk_all(
    path: &Path,
    checkpoint: Option<&Path>,
    take: impl FnMut(&Entry) -> Result<(), JournalError>,
) -> Result<Report, JournalError> {
    let connection = open_read_only(path)?;
    // what stands beside it stands beside the file itself, by whatever name it is reached
    let real = std::fs::canonicalize(path).map_err(io_at(path))?;
    let checkpoint = Checkpoint::beside(&real, checkpoint);
    // read first: an oracle that writes meanwhile moves it ahead of what is walked here
    let acknowledged = checkpoint.compare(path, &connection);
    let format = format::found(path, &connection)?;
    let last = match format {
        // made a moment ago, or emptied: the checkpoint tells which
        format::NONE if format::is_empty(path, &connection)? => Anchor::BEGINNING,
        _ => walk(path, &connection, Anchor::BEGINNING, u64::MAX, take)?,
    };
    Ok(Report {
        records: last.seq,
        head: last.hash,
        format,
        acknowledged: acknowledged?.map(|a| a.seq),
    })
}

/// Walks the chain of the journal at `path`, as a start does. A checkpoint beside it is compared.
///
/// # Errors
/// [`JournalError::Broken`] names the first bad record, [`JournalError::RolledBack`] records that were acknowledged and
/// are missing.
pub fn verify(path: &Path) -> Result<(Report, Vec<Entry>), JournalError> {
    verify_with(path, None)
}

/// The same for a journal or an export of one, compared with a checkpoint that may stand elsewhere: whoever has only a
/// copy can be given the checkpoint of the original.
///
/// # Errors
/// As above.
pub fn verify_with(path: &Path, checkpoint: Option<&Path>) -> Result<(Report, Vec<Entry>), JournalError> {
    let mut entries = Vec::new();
    let mut take = |entry: &Entry| {
        entries.push(entry.clone());
        Ok(())
    };
    if !export::is_one(path)? {
        let report = walk_all(path, checkpoint, take)?;
        return Ok((report, entries));
    }
    let (last, format) = export::walk(path, &mut take)?;
    let acknowledged = match checkpoint {
        Some(file) => {
            let checkpoint = Checkpoint::beside(path, Some(file));
            let acknowledged = checkpoint.read()?;
            if let Some(anchor) = acknowledged {
                let found = entries.iter().find(|entry| entry.seq == anchor.seq);
                checkpoint.judge(path, anchor, found.map(|entry| entry.hash), last.seq)?;
            }
            acknowledged.map(|anchor| anchor.seq)
        }
        None => None,
    };
    let report = Report {
        records: last.seq,
        head: last.hash,
        format,
        acknowledged,
    };
    Ok((report, entries))
}
