//! Opening what is only read: beside an oracle that writes it, and where nothing may be written at all.

use std::ops::Deref;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use rusqlite::{Connection, ErrorCode, OpenFlags};
use tempfile::TempDir;

use super::error::{JournalError, io_at, sqlite_at};
use super::format;
use crate::sqlite::beside;

/// A journal that is open for reading.
#[derive(Debug)]
pub(super) struct Source {
    connection: Connection,
    /// Where a copy stands that is read in the file's place. Dropped after the connection.
    _copy: Option<TempDir>,
}

impl Deref for Source {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.connection
    }
}

/// Opens a journal of any known format for reading, also while an oracle writes it.
///
/// SQLite wants to write beside a file in WAL mode even to read it. An auditor's copy may stand where that is not possible:
/// then a file without a log is read as it is, and one with a log from a copy of both.
pub(super) fn open_read_only(path: &Path) -> Result<Source, JournalError> {
    let source = match connect(path) {
        Err(error) if wants_to_write(&error) => aside(path)?,
        opened => Source {
            connection: opened.map_err(|error| sqlite_at(path)(error).of_a_stranger())?,
            _copy: None,
        },
    };
    format::readable(path, &source).map_err(JournalError::of_a_stranger)?;
    Ok(source)
}

fn connect(path: &Path) -> Result<Connection, rusqlite::Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    // nothing is opened before something is read
    connection.query_row("SELECT COUNT(*) FROM sqlite_master", [], |_| Ok(()))?;
    Ok(connection)
}

fn wants_to_write(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly)
    )
}

/// Reads the file without touching anything beside it.
pub(super) fn aside(path: &Path) -> Result<Source, JournalError> {
    let log = beside(path, "-wal");
    if std::fs::metadata(&log).is_ok_and(|found| found.len() > 0) {
        let folder = tempfile::tempdir().map_err(io_at("the directory for temporary files"))?;
        let copy = folder.path().join("journal.sqlite");
        std::fs::copy(path, &copy).map_err(io_at(path))?;
        std::fs::copy(&log, beside(&copy, "-wal")).map_err(io_at(&log))?;
        return Ok(Source {
            connection: connect(&copy).map_err(sqlite_at(path))?,
            _copy: Some(folder),
        });
    }
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    // everything that means something in a URI is written in hex
    let name: String = path
        .as_os_str()
        .as_bytes()
        .iter()
        .map(|&byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' => {
                char::from(byte).to_string()
            }
            byte => format!("%{byte:02X}"),
        })
        .collect();
    let connection = Connection::open_with_flags(format!("file:{name}?immutable=1"), flags);
    Ok(Source {
        connection: connection.map_err(sqlite_at(path))?,
        _copy: None,
    })
}
