//! What can be wrong with a journal.

use std::path::PathBuf;

/// Errors name the file and, where there is one, the record.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// Another process writes it.
    #[error("{path} is in use by another process: only one oracle may write a journal")]
    Locked {
        /// The lock file.
        path: PathBuf,
    },
    /// The chain does not verify.
    #[error(
        "{path}: record {seq} {problem}; nothing will be done on the word of this journal. Restore it from a backup, or move it away to start anew after checking the chain by hand"
    )]
    Broken {
        path: PathBuf,
        /// First bad record.
        seq: u64,
        /// What is wrong with it.
        problem: String,
    },
    /// Acknowledged records are missing.
    #[error(
        "{path} ends at record {found}, but record {expected} was acknowledged ({checkpoint}): the file was rolled back or its tail was lost. Restore the newer file"
    )]
    RolledBack {
        path: PathBuf,
        /// The checkpoint.
        checkpoint: PathBuf,
        /// Newest record that is there.
        found: u64,
        /// Newest record that was acknowledged.
        expected: u64,
    },
    /// It was written by a newer version.
    #[error("{path} has format {found}, this program knows formats up to {known}")]
    TooNew {
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The newest known format.
        known: u32,
    },
    /// SQLite reports an error (a full disk among them).
    #[error("{path}: {source}")]
    Sqlite {
        path: PathBuf,
        /// SQLite's error.
        source: rusqlite::Error,
    },
    /// The file system reports an error.
    #[error("{path}: {source}")]
    Io { path: PathBuf, source: std::io::Error },
}
