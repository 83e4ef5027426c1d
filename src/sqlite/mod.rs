//! What everything shares that is kept in SQLite's files: where they stand, how they are copied, and what an error says of
//! what was committed before.

mod source;
mod stand;

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, ffi};

#[cfg(test)]
pub(crate) use source::aside;
pub(crate) use source::{Source, Unread, open_read_only};
pub(crate) use stand::{Moved, Rescue, Stand, is_at};

/// The file that stands beside `path`: its name and this suffix.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Whether SQLite can copy into a file of this name: it takes names as text, and would write another file.
///
/// # Errors
/// It cannot.
pub(crate) fn can_copy_to(to: &Path) -> io::Result<()> {
    let words = "its name is no UTF-8, and SQLite copies only into files whose names are: choose another one";
    let refused = || io::Error::new(io::ErrorKind::InvalidInput, words);
    to.to_str().map(drop).ok_or_else(refused)
}

/// Copies the database as it stands at this moment, while others write it. `to` is missing or empty.
///
/// # Errors
/// SQLite's; the name is no UTF-8.
pub(crate) fn copy(source: &Connection, to: &Path) -> Result<(), rusqlite::Error> {
    let name = to
        .to_str()
        .ok_or_else(|| rusqlite::Error::InvalidPath(to.to_owned()))?;
    source.execute("VACUUM INTO ?1", [name]).map(drop)
}

/// Whether what the file holds can no longer be believed by this process: after a failed fsync the operating system may
/// have dropped what it calls written, and asked again it says that all is well. Only a new process that reads the file
/// can go on. A full disk, or a write that failed, took nothing that was there.
pub(crate) fn is_final(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error().map(|error| error.extended_code);
    matches!(
        code,
        Some(
            ffi::SQLITE_IOERR_FSYNC
                | ffi::SQLITE_IOERR_DIR_FSYNC
                | ffi::SQLITE_IOERR_CLOSE
                | ffi::SQLITE_IOERR_TRUNCATE
                | ffi::SQLITE_CORRUPT
                | ffi::SQLITE_NOTADB
        )
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_waited_for_and_a_failed_fsync_is_not() {
        let failed = |code| is_final(&rusqlite::Error::SqliteFailure(ffi::Error::new(code), None));
        for code in [ffi::SQLITE_FULL, ffi::SQLITE_IOERR_WRITE, ffi::SQLITE_BUSY] {
            assert!(!failed(code), "{code}");
        }
        for code in [
            ffi::SQLITE_IOERR_FSYNC,
            ffi::SQLITE_IOERR_DIR_FSYNC,
            ffi::SQLITE_IOERR_CLOSE,
            ffi::SQLITE_IOERR_TRUNCATE,
            ffi::SQLITE_CORRUPT,
            ffi::SQLITE_NOTADB,
        ] {
            assert!(failed(code), "{code}");
        }
    }
}
