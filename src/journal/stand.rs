//! Whether the journal's path still leads to the files that are open, whose lock is held, and which are a journal: what is
//! written into a file that was removed or replaced is gone with the process, whatever SQLite reports.

use std::fs;
use std::path::Path;

use rusqlite::Connection;

use super::error::{JournalError, io_at};
use super::places::lock_of;
use super::{backup, schema};
use crate::lock::{self, Held, NotOurs};
use crate::sqlite;
use crate::types::{SafeText, UnixMillis};

/// The process that has the journal at this path open for writing, as it says of itself; `None` where none has.
#[must_use]
pub fn writer(path: &Path) -> Option<SafeText> {
    // the lock is the same by whatever name the journal is reached
    let real = fs::canonicalize(path).ok();
    lock::holder_of(&lock_of(real.as_deref().unwrap_or(path)))
}

/// Takes the lock of whoever writes the journal at this path.
///
/// # Errors
/// Another process has it, or the file system reports an error.
pub(super) fn lock(path: &Path) -> Result<Held, JournalError> {
    let path = lock_of(path);
    lock::take(&path).map_err(|why| match why {
        NotOurs::Taken(by) => JournalError::Locked {
            path: path.clone(),
            by,
        },
        NotOurs::Io(error) => io_at(&path)(error),
    })
}

/// What stood at the journal's path when it was opened.
#[derive(Debug)]
pub(super) struct Stand {
    files: sqlite::Stand,
    /// SQLite's number of the schema that was judged.
    schema: i64,
    /// While the journal is open; released by the operating system however the process ends.
    lock: Held,
    /// Where everything was copied to when the path led elsewhere.
    rescued: sqlite::Rescue<()>,
}

impl Stand {
    /// To be called when SQLite has file and log open.
    ///
    /// # Errors
    /// The files cannot be looked at, or the schema is not that of a journal.
    pub(super) fn of(path: &Path, connection: &Connection, lock: Held) -> Result<Self, JournalError> {
        let schema = schema::judged(path, connection, None)?;
        Ok(Self {
            files: sqlite::Stand::of(path).map_err(io_at(path))?,
            schema,
            lock,
            rescued: sqlite::Rescue::default(),
        })
    }

    /// # Errors
    /// What is in the way, and how a person mends it.
    pub(super) fn look(
        &mut self,
        path: &Path,
        connection: &Connection,
        records: u64,
    ) -> Result<(), JournalError> {
        if let Some(moved) = self.files.moved() {
            return Err(JournalError::Moved {
                path: moved.path,
                problem: moved.problem,
                way: self.rescue(path, connection, records),
            });
        }
        if let Some(copy) = self.rescued.take() {
            tracing::info!(target: "journal", copy = %copy.display(), "the journal is in its place again; the copy is not needed");
        }
        // where it was removed, others could take another one
        let place = lock_of(path);
        if !sqlite::is_at(&self.lock, &place) {
            self.lock = lock(path)?;
            tracing::warn!(target: "journal", lock = %place.display(), "the lock's file was removed, and is made again");
        }
        self.schema = schema::judged(path, connection, Some(self.schema))?;
        Ok(())
    }

    /// # Errors
    /// The schema was changed, and is not that of a journal.
    pub(super) fn has_its_schema(&self, path: &Path, connection: &Connection) -> Result<(), JournalError> {
        schema::judged(path, connection, Some(self.schema)).map(drop)
    }

    /// Copies everything that is in the open files to a file beside the path, once. Says the way from there.
    fn rescue(&mut self, path: &Path, connection: &Connection, records: u64) -> String {
        let copy = |to: &Path| backup::copy(connection, path, to).map(drop);
        let now = UnixMillis::now().0;
        self.rescued.copied(path, now, "records", copy).map_or_else(
            |words| words,
            |(copy, ())| {
                let shown = copy.display();
                format!(
                    "All {records} records are copied to {shown}: put the file back, or stop this process, `casimir-dkg \
                     journal restore {shown}`, and start it again"
                )
            },
        )
    }
}
