//! Copies of a journal that is in use: one file, complete, verified after it was written.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::chain::Anchor;
use super::error::{JournalError, io_at, sqlite_at};
use super::read;
use super::source::open_read_only;
use crate::owner;
use crate::secrets;

/// Writes a copy of the journal at `path` to `to`, which must not exist, and verifies it. An oracle may go on writing the
/// journal meanwhile; the copy has the records of one moment.
///
/// # Errors
/// `to` exists, cannot be written, or the copy does not verify (then it is removed).
pub fn backup(path: &Path, to: &Path) -> Result<Anchor, JournalError> {
    if to.exists() {
        return Err(io_at(to)(std::io::Error::new(
            std::io::ErrorKind::AlreadyExists,
            "exists already; a backup never replaces a file",
        )));
    }
    // written under another name, so that an interrupted backup is not taken for one; whatever happens, it is removed
    let partial = secrets::partial_of(to).map_err(io_at(to))?;
    let last = write(path, &partial)?;
    partial.persist(to).map_err(|error| io_at(to)(error.error))?;
    if let Some(directory) = to.parent().filter(|d| !d.as_os_str().is_empty()) {
        File::open(directory)
            .and_then(|d| d.sync_all())
            .map_err(io_at(directory))?;
    }
    Ok(last)
}

pub(super) fn write(path: &Path, partial: &Path) -> Result<Anchor, JournalError> {
    let source = open_read_only(path)?;
    let target = partial.to_string_lossy();
    // before SQLite would make it with the mode that the process gives to new files
    secrets::make_private(partial).map_err(io_at(partial))?;
    source
        .execute("VACUUM INTO ?1", [target.as_ref()])
        .map_err(sqlite_at(path))?;
    owner::settle(partial).map_err(io_at(partial))?;
    File::open(partial)
        .and_then(|file| file.sync_all())
        .map_err(io_at(partial))?;
    let copy = open_read_only(partial)?;
    read::walk(partial, &copy, Anchor::BEGINNING, u64::MAX, |_| Ok(()))
}

/// The backup that a migration begins with, named after the format and the newest record: `journal.format-1-at-83.sqlite`.
/// One that is there already, from a migration that was cut off, is verified and kept. A file by this name that is
/// something else is not touched.
pub(super) fn before_upgrade(path: &Path, format: u32, last: Anchor) -> Result<PathBuf, JournalError> {
    let extension = path
        .extension()
        .map_or_else(String::new, |e| e.to_string_lossy().into_owned());
    let to = path.with_extension(format!("format-{format}-at-{}.{extension}", last.seq));
    if to.exists() {
        let copy = open_read_only(&to)?;
        let found: Anchor = read::walk(&to, &copy, Anchor::BEGINNING, u64::MAX, |_| {
            Ok::<_, JournalError>(())
        })?;
        if found == last {
            return Ok(to);
        }
        let words =
            "exists already and is no copy of this journal; move it away, so that a backup can be made";
        let error = std::io::Error::new(std::io::ErrorKind::AlreadyExists, words);
        return Err(io_at(&to)(error));
    }
    let copied = backup(path, &to)?;
    if copied != last {
        return Err(JournalError::Broken {
            path: to,
            seq: copied.seq,
            problem: format!("is the last of the backup, record {} of the journal", last.seq),
        });
    }
    Ok(to)
}
