//! What an error of SQLite's says of what was committed before: one list for everything that is kept in its files.

use rusqlite::ffi;

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
