//! Opening a journal that is only read: beside an oracle that writes it, and where nothing may be written at all.

use std::path::Path;

use super::error::{JournalError, io_at, sqlite_at};
use super::format;
pub(super) use crate::sqlite::Source;
use crate::sqlite::{self, Unread};

/// Opens a journal of any known format for reading, also while an oracle writes it.
pub(super) fn open_read_only(path: &Path) -> Result<Source, JournalError> {
    let source = sqlite::open_read_only(path)
        .map_err(named(path))
        .map_err(JournalError::of_a_stranger)?;
    format::readable(path, &source).map_err(JournalError::of_a_stranger)?;
    Ok(source)
}

/// Reads the file without touching anything beside it.
#[cfg(test)]
pub(super) fn aside(path: &Path) -> Result<Source, JournalError> {
    sqlite::aside(path).map_err(named(path))
}

fn named(path: &Path) -> impl FnOnce(Unread) -> JournalError + '_ {
    move |unread| match unread {
        Unread::Sqlite(error) => sqlite_at(path)(error),
        Unread::Io(file, error) => io_at(&file)(error),
    }
}
