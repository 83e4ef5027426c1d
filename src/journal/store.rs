//! The journal that the engine writes.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, params};

use super::chain::{Entry, Walker, link};
use super::checkpoint::Checkpoint;
use super::error::JournalError;
use crate::types::{BlockRef, Root, UnixMillis};

/// Format of the file, in SQLite's `user_version`.
pub(super) const FORMAT: u32 = 1;

const SCHEMA: &str = "
CREATE TABLE records (
    seq  INTEGER PRIMARY KEY,
    at   INTEGER NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    hash BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT;
CREATE TRIGGER records_are_final BEFORE UPDATE ON records BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER records_stay BEFORE DELETE ON records BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TABLE cursor (
    id     INTEGER PRIMARY KEY CHECK (id = 1),
    number INTEGER NOT NULL,
    hash   BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT;
PRAGMA user_version = 1;
";

/// Where things are.
#[derive(Debug, Clone)]
pub struct JournalOptions {
    /// The database. Its lock (`.lock`) stands beside it; the directory is made when it is missing.
    pub path: PathBuf,
    /// File of the checkpoint; `None` puts it beside the journal.
    pub checkpoint: Option<PathBuf>,
}

/// A journal that is open for writing. One process at a time.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    connection: Connection,
    seq: u64,
    head: Root,
    cursor: Option<BlockRef>,
    checkpoint: Checkpoint,
    /// Held while the journal is open; released by the operating system however the process ends.
    _lock: File,
}

impl Journal {
    /// Opens or creates the journal, takes its lock, and walks the whole chain.
    ///
    /// # Errors
    /// See [`JournalError`]; a journal that does not verify is not opened.
    pub fn open(options: &JournalOptions) -> Result<(Self, Vec<Entry>), JournalError> {
        let io = |path: &Path| {
            let path = path.to_owned();
            move |source| JournalError::Io { path, source }
        };
        let path = options.path.clone();
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory).map_err(io(directory))?;
        }
        let lock_path = path.with_extension("lock");
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&lock_path)
            .map_err(io(&lock_path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(JournalError::Locked { path: lock_path }),
            Err(TryLockError::Error(e)) => return Err(io(&lock_path)(e)),
        }
        let sqlite = |source| JournalError::Sqlite {
            path: path.clone(),
            source,
        };
        let mut connection = Connection::open(&path).map_err(sqlite)?;
        restrict_to_owner(&path).map_err(io(&path))?;
        connection
            .pragma_update(None, "journal_mode", "WAL")
            .map_err(sqlite)?;
        connection
            .pragma_update(None, "synchronous", "FULL")
            .map_err(sqlite)?;
        migrate(&path, &mut connection)?;
        let entries = read_entries(&path, &connection)?;
        let mut walker = Walker::new();
        for entry in &entries {
            walker
                .accept(entry)
                .map_err(|(seq, problem)| JournalError::Broken {
                    path: path.clone(),
                    seq,
                    problem,
                })?;
        }
        let checkpoint_path = options
            .checkpoint
            .clone()
            .unwrap_or_else(|| path.with_extension("checkpoint"));
        let checkpoint = Checkpoint::new(checkpoint_path);
        compare(&path, &checkpoint, &entries)?;
        let cursor = read_cursor(&connection).map_err(sqlite)?;
        let journal = Self {
            seq: walker.seq,
            head: walker.hash,
            path,
            connection,
            cursor,
            checkpoint,
            _lock: lock,
        };
        Ok((journal, entries))
    }

    /// Appends records, and moves the event cursor, in one durable commit. Returns the number of the first record.
    ///
    /// # Errors
    /// Nothing was written when an error is returned.
    pub fn append(
        &mut self,
        at: UnixMillis,
        records: &[(&str, String)],
        cursor: Option<BlockRef>,
    ) -> Result<u64, JournalError> {
        let first = self.seq + 1;
        if records.is_empty() && cursor == self.cursor {
            return Ok(first);
        }
        let (seq, head) = self
            .write(at, records, cursor)
            .map_err(|source| JournalError::Sqlite {
                path: self.path.clone(),
                source,
            })?;
        self.cursor = cursor.or(self.cursor);
        if seq != self.seq {
            self.seq = seq;
            self.head = head;
            if let Err(error) = self.checkpoint.write(seq, head) {
                // the record itself is durable
                tracing::warn!(target: "journal", path = %self.checkpoint.path().display(), %error, "checkpoint not written");
            }
        }
        Ok(first)
    }

    fn write(
        &mut self,
        at: UnixMillis,
        records: &[(&str, String)],
        cursor: Option<BlockRef>,
    ) -> Result<(u64, Root), rusqlite::Error> {
        let (mut seq, mut head) = (self.seq, self.head);
        let transaction = self.connection.transaction()?;
        {
            let mut insert = transaction.prepare_cached(
                "INSERT INTO records (seq, at, kind, body, hash) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?;
            for (kind, body) in records {
                seq += 1;
                head = link(head, seq, at, kind, body);
                insert.execute(params![to_sql(seq), to_sql(at.0), kind, body, head.0.as_slice()])?;
            }
        }
        if let Some(block) = cursor {
            transaction.execute(
                "INSERT INTO cursor (id, number, hash) VALUES (1, ?1, ?2)
                 ON CONFLICT (id) DO UPDATE SET number = excluded.number, hash = excluded.hash",
                params![to_sql(block.number), block.hash.0.as_slice()],
            )?;
        }
        transaction.commit()?;
        Ok((seq, head))
    }

    /// The block up to which events were read.
    #[must_use]
    pub fn cursor(&self) -> Option<BlockRef> {
        self.cursor
    }

    /// Number and hash of the newest record.
    #[must_use]
    pub fn head(&self) -> (u64, Root) {
        (self.seq, self.head)
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

fn migrate(path: &Path, connection: &mut Connection) -> Result<(), JournalError> {
    let sqlite = |source| JournalError::Sqlite {
        path: path.to_owned(),
        source,
    };
    let found: u32 = connection
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .map_err(sqlite)?;
    match found {
        0 => {
            let transaction = connection.transaction().map_err(sqlite)?;
            transaction.execute_batch(SCHEMA).map_err(sqlite)?;
            transaction.commit().map_err(sqlite)
        }
        FORMAT => Ok(()),
        _ => Err(JournalError::TooNew {
            path: path.to_owned(),
            found,
            known: FORMAT,
        }),
    }
}

/// A checkpoint that is ahead of the journal, or on another branch, is evidence of lost records.
fn compare(path: &Path, checkpoint: &Checkpoint, entries: &[Entry]) -> Result<(), JournalError> {
    let Some((seq, hash)) = checkpoint.read()? else {
        return Ok(());
    };
    let found = entries.last().map_or(0, |e| e.seq);
    if seq > found {
        let (path, checkpoint) = (path.to_owned(), checkpoint.path().to_owned());
        return Err(JournalError::RolledBack {
            path,
            checkpoint,
            found,
            expected: seq,
        });
    }
    let at = usize::try_from(seq)
        .ok()
        .and_then(|n| n.checked_sub(1))
        .and_then(|n| entries.get(n));
    match at {
        Some(entry) if entry.hash != hash => Err(JournalError::Broken {
            path: path.to_owned(),
            seq,
            problem: format!(
                "has hash {}, but {hash} was acknowledged ({})",
                entry.hash,
                checkpoint.path().display()
            ),
        }),
        _ => Ok(()),
    }
}

pub(super) fn open_read_only(path: &Path) -> Result<Connection, JournalError> {
    Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )
    .map_err(|source| JournalError::Sqlite {
        path: path.to_owned(),
        source,
    })
}

pub(super) fn read_entries(path: &Path, connection: &Connection) -> Result<Vec<Entry>, JournalError> {
    let read = || -> Result<Vec<Entry>, rusqlite::Error> {
        let mut statement =
            connection.prepare("SELECT seq, at, kind, body, hash FROM records ORDER BY seq")?;
        let rows = statement.query_map([], |row| {
            Ok(Entry {
                seq: from_sql(row.get(0)?),
                at: UnixMillis(from_sql(row.get(1)?)),
                kind: row.get(2)?,
                body: row.get(3)?,
                hash: Root(row.get(4)?),
            })
        })?;
        rows.collect()
    };
    read().map_err(|source| JournalError::Sqlite {
        path: path.to_owned(),
        source,
    })
}

fn read_cursor(connection: &Connection) -> Result<Option<BlockRef>, rusqlite::Error> {
    let mut statement = connection.prepare("SELECT number, hash FROM cursor")?;
    let mut rows = statement.query([])?;
    rows.next()?
        .map(|row| {
            Ok(BlockRef {
                number: from_sql(row.get(0)?),
                hash: Root(row.get(1)?),
            })
        })
        .transpose()
}

/// SQLite integers are signed; our numbers stay far below 2^63.
fn to_sql(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

fn from_sql(n: i64) -> u64 {
    u64::try_from(n).unwrap_or(0)
}

#[cfg(unix)]
fn restrict_to_owner(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))
}

#[cfg(not(unix))]
fn restrict_to_owner(_: &Path) -> std::io::Result<()> {
    Ok(())
}
