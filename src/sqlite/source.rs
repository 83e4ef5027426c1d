//! Opening what is only read: beside a process that writes it, and where nothing may be written at all.

use std::fs;
use std::io;
use std::ops::Deref;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, ErrorCode, OpenFlags};
use tempfile::TempDir;

use super::beside;

/// A database that is open for reading.
#[derive(Debug)]
pub(crate) struct Source {
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

/// Why a database cannot be read.
#[derive(Debug)]
pub(crate) enum Unread {
    Sqlite(rusqlite::Error),
    /// The file system refuses this file, which may be one of a copy.
    Io(PathBuf, io::Error),
}

impl From<rusqlite::Error> for Unread {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

/// Opens a database for reading, also while another process writes it.
///
/// SQLite wants to write beside a file in WAL mode even to read it. A copy may stand where that is not possible: then a file
/// without a log is read as it is, and one with a log from a copy of both.
///
/// # Errors
/// It cannot be read.
pub(crate) fn open_read_only(path: &Path) -> Result<Source, Unread> {
    match connect(path) {
        Err(error) if wants_to_write(&error) => aside(path),
        opened => Ok(Source {
            connection: opened?,
            _copy: None,
        }),
    }
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
///
/// # Errors
/// It cannot be read.
pub(crate) fn aside(path: &Path) -> Result<Source, Unread> {
    let log = beside(path, "-wal");
    if fs::metadata(&log).is_ok_and(|found| found.len() > 0) {
        let of = |file: &Path| {
            let file = file.to_owned();
            move |error| Unread::Io(file, error)
        };
        let folder = tempfile::tempdir().map_err(of(Path::new("the directory for temporary files")))?;
        let copy = folder.path().join("copy.sqlite");
        fs::copy(path, &copy).map_err(of(path))?;
        fs::copy(&log, beside(&copy, "-wal")).map_err(of(&log))?;
        return Ok(Source {
            connection: connect(&copy)?,
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
    Ok(Source {
        connection: Connection::open_with_flags(format!("file:{name}?immutable=1"), flags)?,
        _copy: None,
    })
}
