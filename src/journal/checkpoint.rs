//! The checkpoint: number and hash of the newest acknowledged record, outside the journal.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::chain::Anchor;
use super::error::{JournalError, io_at, sqlite_at};
use super::read;
use crate::owner;
use crate::secrets::read_trusted;
use crate::types::Root;

/// Bytes of a checkpoint, and some to spare.
const LONGEST: u64 = 1 << 10;

/// `<seq> <hash>\n`, replaced atomically.
#[derive(Debug)]
pub(super) struct Checkpoint {
    path: PathBuf,
}

impl Checkpoint {
    /// The checkpoint of the journal at `path`: at the place that was configured, or beside it.
    pub(super) fn beside(path: &Path, configured: Option<&Path>) -> Self {
        Self {
            path: configured.map_or_else(|| path.with_extension("checkpoint"), Path::to_owned),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn write(&self, newest: Anchor) -> io::Result<()> {
        let temporary = self.path.with_extension("checkpoint.new");
        let mut file = create_private(&temporary)?;
        writeln!(file, "{} {}", newest.seq, newest.hash)?;
        // no fsync: a checkpoint that lags behind is harmless, and it cannot get ahead of the journal
        drop(file);
        owner::settle(&temporary)?;
        fs::rename(&temporary, &self.path)
    }

    pub(super) fn read(&self) -> Result<Option<Anchor>, JournalError> {
        let text = match read_trusted(&self.path, LONGEST) {
            // what is no text is no checkpoint either
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(io_at(&self.path)(e)),
        };
        if text.trim().is_empty() {
            // the last write was torn by a power cut before it reached the disk
            return Ok(None);
        }
        let parsed = text.trim().split_once(' ').and_then(|(seq, hash)| {
            Some(Anchor {
                seq: seq.parse().ok()?,
                hash: hash.parse().ok()?,
            })
        });
        parsed.map(Some).ok_or_else(|| {
            io_at(&self.path)(io::Error::new(
                io::ErrorKind::InvalidData,
                "is not «<number> <hash>»",
            ))
        })
    }

    /// A checkpoint that is ahead of the journal, or on another branch, is evidence of lost records.
    ///
    /// # Errors
    /// [`JournalError::RolledBack`] or [`JournalError::Broken`]. Returns what was acknowledged otherwise.
    pub(super) fn compare(
        &self,
        path: &Path,
        connection: &Connection,
    ) -> Result<Option<Anchor>, JournalError> {
        let Some(acknowledged) = self.read()? else {
            return Ok(None);
        };
        // a file that was emptied has no tables
        let records: i64 = connection
            .query_row(
                "SELECT COUNT(*) FROM sqlite_master WHERE name = 'records'",
                [],
                |row| row.get(0),
            )
            .map_err(sqlite_at(path))?;
        let (found, newest) = if records == 0 {
            (None, 0)
        } else {
            let newest = "SELECT COALESCE(MAX(seq), 0) FROM records";
            let newest: i64 = connection
                .query_row(newest, [], |row| row.get(0))
                .map_err(sqlite_at(path))?;
            let found = read::one(path, connection, acknowledged.seq)?;
            (found.map(|entry| entry.hash), read::from_sql(newest))
        };
        self.judge(path, acknowledged, found, newest)
            .map(|()| Some(acknowledged))
    }

    /// Judges by the hash that stands in the acknowledged record's place, and the number of the newest record.
    ///
    /// # Errors
    /// As above.
    pub(super) fn judge(
        &self,
        path: &Path,
        acknowledged: Anchor,
        found: Option<Root>,
        newest: u64,
    ) -> Result<(), JournalError> {
        match found {
            Some(hash) if hash == acknowledged.hash => Ok(()),
            Some(hash) => Err(JournalError::Broken {
                path: path.to_owned(),
                seq: acknowledged.seq,
                problem: format!(
                    "has hash {hash}, but {} was acknowledged ({})",
                    acknowledged.hash,
                    self.path.display()
                ),
            }),
            None => Err(JournalError::RolledBack {
                path: path.to_owned(),
                checkpoint: self.path.clone(),
                found: newest,
                expected: acknowledged.seq,
            }),
        }
    }
}

#[cfg(unix)]
fn create_private(path: &Path) -> io::Result<fs::File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
}

#[cfg(not(unix))]
fn create_private(path: &Path) -> io::Result<fs::File> {
    fs::File::create(path)
}
