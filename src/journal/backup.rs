//! Copies of a journal that is in use: one file, complete, verified after it was written.

use std::fs::File;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::chain::Anchor;
use super::error::{JournalError, io_at, sqlite_at};
use super::source::open_read_only;
use super::{export, format, read};
use crate::owner;
use crate::secrets;
use crate::sqlite;

/// Writes a copy of the journal at `path` to `to`, which must not exist, and verifies it. An oracle may go on writing the
/// journal meanwhile; the copy has the records of one moment.
///
/// # Errors
/// `to` exists, cannot be written, or the copy does not verify (then it is removed).
pub fn backup(path: &Path, to: &Path) -> Result<Anchor, JournalError> {
    sqlite::can_copy_to(to).map_err(io_at(to))?;
    if to.exists() {
        return Err(io_at(to)(std::io::Error::new(
            std::io::ErrorKind::AlreadyExists,
            "exists already; a backup never replaces a file",
        )));
    }
    if let Some((directory, error)) = secrets::unmounted(to) {
        return Err(io_at(directory)(error));
    }
    if export::is_one(path)? {
        return Err(JournalError::NotCopied {
            path: path.to_owned(),
        });
    }
    let source = open_read_only(path)?;
    if format::is_empty(path, &source)? {
        return Err(JournalError::NoJournal {
            path: path.to_owned(),
        });
    }
    copy(&source, path, to)
}

/// The same from an open journal, which need not be where it was opened any more.
pub(super) fn copy(source: &Connection, path: &Path, to: &Path) -> Result<Anchor, JournalError> {
    // written under another name, so that an interrupted backup is not taken for one; whatever happens, it is removed
    let partial = secrets::partial_of(to).map_err(io_at(to))?;
    let last = write_from(source, path, &partial).map_err(|error| error.named(&partial, to))?;
    partial.persist(to).map_err(|error| io_at(to)(error.error))?;
    if let Some(directory) = to.parent().filter(|d| !d.as_os_str().is_empty()) {
        File::open(directory)
            .and_then(|d| d.sync_all())
            .map_err(io_at(directory))?;
    }
    Ok(last)
}

pub(super) fn write(path: &Path, partial: &Path) -> Result<Anchor, JournalError> {
    write_from(&*open_read_only(path)?, path, partial)
}

fn write_from(source: &Connection, path: &Path, partial: &Path) -> Result<Anchor, JournalError> {
    // before SQLite would make it with the mode that the process gives to new files
    secrets::make_private(partial).map_err(io_at(partial))?;
    if let Err(error) = sqlite::copy(source, partial) {
        return Err(sqlite_at(which(source, path, partial))(error));
    }
    owner::settle(partial).map_err(io_at(partial))?;
    File::open(partial)
        .and_then(|file| file.sync_all())
        .map_err(io_at(partial))?;
    let copy = open_read_only(partial)?;
    read::walk(partial, &copy, Anchor::BEGINNING, u64::MAX, |_| Ok(()))
}

/// Which of the two files an error of a copy is about: SQLite names neither. Where the source can be read to its end by
/// itself, it is the target.
fn which<'a>(source: &Connection, path: &'a Path, partial: &'a Path) -> &'a Path {
    let whole = source.query_row(
        "SELECT SUM(length(body)), SUM(length(hash)) FROM records",
        [],
        |_| Ok(()),
    );
    if whole.is_ok() { partial } else { path }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_copied_is_the_fault_of_the_file_that_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let [whole, cut, to] =
            ["whole.sqlite", "cut.sqlite", "to.sqlite"].map(|name| directory.path().join(name));
        let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/journals/format-2");
        let bytes = std::fs::read(vectors.join("life.sqlite")).unwrap();
        std::fs::write(&whole, &bytes).unwrap();
        // the first pages say that there are more
        std::fs::write(&cut, &bytes[..bytes.len() / 2]).unwrap();
        for (source, named) in [(&whole, &to), (&cut, &cut)] {
            let open = Connection::open(source).unwrap();
            assert_eq!(which(&open, source, &to), named);
        }
        let error = sqlite_at(&to)(rusqlite::Error::InvalidQuery).named(&to, &whole);
        assert!(
            error.to_string().starts_with(&whole.display().to_string()),
            "{error}"
        );
    }
}
