//! What can be wrong with a journal.

use std::path::{Path, PathBuf};

use crate::sqlite::is_final;
use crate::types::SafeText;

/// Errors name the file and, where there is one, the record.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// Another process writes it.
    #[error("{path} is in use by another process: only one oracle may write a journal ({by})")]
    Locked {
        /// The lock file.
        path: PathBuf,
        /// Who has it, as far as it says so.
        by: SafeText,
    },
    /// The chain does not verify.
    #[error(
        "{path}: record {seq} {problem}; nothing will be done on the word of this journal. `journal restore FILE` puts a backup or another copy in its place"
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
        "{path} ends at record {found}, but record {expected} was acknowledged ({checkpoint}): the file was rolled back or its tail was lost. `journal restore FILE` puts a backup or another copy in its place that has these records; where there is none, `journal declare-lost REASON` goes on without them"
    )]
    RolledBack {
        path: PathBuf,
        checkpoint: PathBuf,
        /// Newest record that is there.
        found: u64,
        /// Newest record that was acknowledged.
        expected: u64,
    },
    /// An export does not verify: nothing is put in its place, and no start looks at it.
    #[error("{}", of_an_export(.0))]
    Export(Box<JournalError>),
    /// The journal's own key is not where it was, or is another one.
    #[error(
        "{key} {problem}. Put the file back from where this journal was written; where nobody has it any more, `journal new-key \
         REASON` makes another one, and a record says so"
    )]
    Key {
        /// File of the private half.
        key: PathBuf,
        problem: String,
    },
    /// A file is not what would be put in the journal's place.
    #[error("{from} was not restored: it {problem}")]
    NotRestored {
        from: PathBuf,
        /// What speaks against it.
        problem: String,
    },
    /// An export is no journal that a backup could be made of.
    #[error(
        "{path} is an export, which is a file of its own: copy it as it is. A backup is made of a journal"
    )]
    NotCopied { path: PathBuf },
    /// It was written by a newer version.
    #[error(
        "{path} has journal format {found}, this program knows formats up to {known}: it was written by a newer \
         casimir-dkg; run that one"
    )]
    TooNew {
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The newest known format.
        known: u32,
    },
    /// A database, or a file, that is no journal.
    #[error("{path} is no journal: it is neither a database with a table of records nor an export of one")]
    NoJournal { path: PathBuf },
    /// It has other tables, indexes or triggers than a journal.
    #[error("{path} {problem}; nothing will be recorded or done on the word of this journal before")]
    Schema {
        path: PathBuf,
        /// The first difference, and how it is mended.
        problem: String,
    },
    /// The path does not lead to the open file any more.
    #[error(
        "{path} {problem}: what is recorded there would be lost with this process, so nothing leaves. {way}"
    )]
    Moved {
        /// The file, or its log.
        path: PathBuf,
        problem: String,
        /// How a person gets the records back.
        way: String,
    },
    /// A commit went into a file that was moved at the same moment.
    #[error("{0}. It happened while a record was written, which this process cannot take back")]
    MovedMeanwhile(Box<JournalError>),
    /// SQLite reports an error (a full disk among them).
    #[error("{path}: {}", in_words(source))]
    Sqlite {
        path: PathBuf,
        /// SQLite's error.
        source: rusqlite::Error,
    },
    /// The file system reports an error.
    #[error("{path}: {source}")]
    Io { path: PathBuf, source: std::io::Error },
}

impl JournalError {
    /// Whether what the file holds can no longer be believed by this process: after a failed fsync the operating system
    /// may have dropped what it calls written. Only a new process that reads and verifies can go on.
    #[must_use]
    pub fn is_final(&self) -> bool {
        let Self::Sqlite { source, .. } = self else {
            return matches!(
                self,
                Self::Broken { .. } | Self::RolledBack { .. } | Self::MovedMeanwhile(_)
            );
        };
        is_final(source)
    }

    /// The same, of a file that was never opened before: what SQLite does not take for a database is no journal. Of one that is
    /// open, that would be a disk that fails.
    pub(super) fn of_a_stranger(self) -> Self {
        match self {
            Self::Sqlite { path, source }
                if source.sqlite_error_code() == Some(rusqlite::ErrorCode::NotADatabase) =>
            {
                Self::NoJournal { path }
            }
            other => other,
        }
    }

    /// The same, of an export: its reader cannot restore anything.
    pub(super) fn of_an_export(self) -> Self {
        match self {
            Self::Broken { .. } | Self::RolledBack { .. } => Self::Export(Box::new(self)),
            other => other,
        }
    }

    /// The same, where it is about the file `hidden` by a name that nobody knows, about `known`.
    pub(super) fn named(mut self, hidden: &Path, known: &Path) -> Self {
        if let Self::Sqlite { path, .. } | Self::Io { path, .. } = &mut self
            && path == hidden
        {
            known.clone_into(path);
        }
        self
    }
}

/// What SQLite says, once, and the way on where the file itself is bad.
fn in_words(error: &rusqlite::Error) -> String {
    let said = match error {
        rusqlite::Error::SqliteFailure(_, Some(words)) => words.clone(),
        other => other.to_string(),
    };
    match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::DatabaseCorrupt) => {
            format!(
                "{said}: it was cut off or overwritten. `journal restore FILE` puts a backup or another copy in its place"
            )
        }
        _ => said,
    }
}

/// What is wrong with an export, and what its reader can do.
fn of_an_export(error: &JournalError) -> String {
    let way = "Have another export made of the journal itself: where that verifies, this file was changed behind it";
    match error {
        JournalError::Broken { path, seq, problem } => {
            let path = path.display();
            format!(
                "{path}: record {seq} {problem}; nothing in this export can be relied on from there. {way}"
            )
        }
        JournalError::RolledBack {
            path,
            checkpoint,
            found,
            expected,
        } => format!(
            "{} ends at record {found}, but record {expected} was acknowledged ({}): its end is missing. {way}",
            path.display(),
            checkpoint.display()
        ),
        other => other.to_string(),
    }
}

/// Names the file in an error of SQLite's.
pub(super) fn sqlite_at(path: &Path) -> impl Fn(rusqlite::Error) -> JournalError + Copy + '_ {
    move |source| JournalError::Sqlite {
        path: path.to_owned(),
        source,
    }
}

/// Names the file in an error of the file system's.
pub(super) fn io_at<P: AsRef<Path> + ?Sized>(
    path: &P,
) -> impl Fn(std::io::Error) -> JournalError + Copy + '_ {
    move |source| JournalError::Io {
        path: path.as_ref().to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::ffi;

    use super::*;

    #[test]
    fn a_full_disk_is_waited_for_and_a_failed_fsync_is_not() {
        let failed = |code| {
            let source = rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
            sqlite_at(Path::new("journal.sqlite"))(source).is_final()
        };
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
