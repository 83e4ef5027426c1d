//! The formats of the file that ever landed, and the way from each to the newest.
//!
//! Records are never rewritten: exports, checkpoints and copies hold their hashes. A migration changes what stands around
//! them, and begins with a verified backup beside the journal.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, Transaction, params};
use serde_json::json;

use super::backup;
use super::chain::{Anchor, link};
use super::error::{JournalError, sqlite_at};
use super::{read, schema as judged};
use crate::types::{BlockRef, UnixMillis};

/// Format of new records, and of the file (SQLite's `user_version`).
pub const FORMAT: u32 = 2;

/// What SQLite says of a file that has no tables yet.
pub(super) const NONE: u32 = 0;

/// Format 2. `kind` is indexed for pages of what is closed; `subjects` finds the records of one case, and is derived: it
/// is no part of the chain, and `journal verify` does not need it.
const SCHEMA: &str = "
CREATE TABLE records (
    seq    INTEGER PRIMARY KEY,
    at     INTEGER NOT NULL,
    kind   TEXT NOT NULL,
    body   TEXT NOT NULL,
    hash   BLOB NOT NULL CHECK (length(hash) = 32),
    format INTEGER NOT NULL DEFAULT 1
) STRICT;
";

const INDEXES: &str = "
CREATE INDEX records_by_kind ON records (kind, seq);
CREATE TABLE subjects (
    subject TEXT NOT NULL,
    seq     INTEGER NOT NULL,
    PRIMARY KEY (subject, seq)
) STRICT, WITHOUT ROWID;
";

/// Format 1.
const SCHEMA_1: &str = "
CREATE TABLE records (
    seq  INTEGER PRIMARY KEY,
    at   INTEGER NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    hash BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT;
CREATE TABLE cursor (
    id     INTEGER PRIMARY KEY CHECK (id = 1),
    number INTEGER NOT NULL,
    hash   BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT;
";

/// The same in every format.
const TRIGGERS: &str = "
CREATE TRIGGER records_are_final BEFORE UPDATE ON records BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER records_stay BEFORE DELETE ON records BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
";

/// The statements that make an empty journal of this format.
pub(super) fn schema(format: u32) -> String {
    let tables = if format == 1 {
        SCHEMA_1.to_owned()
    } else {
        format!("{SCHEMA}{INDEXES}")
    };
    tables + TRIGGERS
}

/// Kind of the record that a migration appends.
pub(super) const UPGRADED: &str = "journal-upgraded";

/// What a migration did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upgrade {
    /// Format that the file had.
    pub from: u32,
    /// Copy of the file as it was, verified after writing.
    pub backup: PathBuf,
}

pub(super) fn found(path: &Path, connection: &Connection) -> Result<u32, JournalError> {
    connection
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .map_err(sqlite_at(path))
}

/// Whether the file has no table at all.
pub(super) fn is_empty(path: &Path, connection: &Connection) -> Result<bool, JournalError> {
    connection
        .query_row("SELECT COUNT(*) = 0 FROM sqlite_master", [], |row| row.get(0))
        .map_err(sqlite_at(path))
}

/// Makes the tables of an empty file, or brings an older one to [`FORMAT`]. The caller holds the lock and has verified
/// nothing yet.
///
/// # Errors
/// A file of a newer format, or one that does not verify, is left as it is.
pub(super) fn migrate(path: &Path, connection: &mut Connection) -> Result<Option<Upgrade>, JournalError> {
    match found(path, connection)? {
        NONE if !is_empty(path, connection)? => Err(JournalError::NoJournal {
            path: path.to_owned(),
        }),
        NONE => {
            let create = |connection: &mut Connection| -> Result<(), rusqlite::Error> {
                let transaction = connection.transaction()?;
                transaction.execute_batch(&schema(FORMAT))?;
                transaction.pragma_update(None, "user_version", FORMAT)?;
                transaction.commit()
            };
            create(connection).map_err(sqlite_at(path)).map(|()| None)
        }
        1 => from_1(path, connection).map(Some),
        FORMAT => Ok(None),
        newer => Err(too_new(path, connection, newer)),
    }
}

/// Why a file of this number is refused: a newer program's journal, or none at all.
fn too_new(path: &Path, connection: &Connection, found: u32) -> JournalError {
    match has_records(path, connection) {
        Ok(true) => JournalError::TooNew {
            path: path.to_owned(),
            found,
            known: FORMAT,
        },
        Ok(false) => JournalError::NoJournal {
            path: path.to_owned(),
        },
        Err(error) => error,
    }
}

fn has_records(path: &Path, connection: &Connection) -> Result<bool, JournalError> {
    let sql = "SELECT COUNT(*) > 0 FROM sqlite_master WHERE type = 'table' AND name = 'records'";
    connection
        .query_row(sql, [], |row| row.get(0))
        .map_err(sqlite_at(path))
}

/// Whether this program can read the file: a journal of a format that it knows, or one that is only made.
///
/// # Errors
/// It is a newer program's journal, or none.
pub(super) fn readable(path: &Path, connection: &Connection) -> Result<(), JournalError> {
    let found = found(path, connection)?;
    if found > FORMAT {
        return Err(too_new(path, connection, found));
    }
    if has_records(path, connection)? || (found == NONE && is_empty(path, connection)?) {
        return Ok(());
    }
    Err(JournalError::NoJournal {
        path: path.to_owned(),
    })
}

/// Format 1 kept the cursor of the event intake in a table of its own, outside the chain. Format 2 keeps it in records;
/// the first of them carries the old cursor over.
fn from_1(path: &Path, connection: &mut Connection) -> Result<Upgrade, JournalError> {
    let last = read::walk(path, connection, Anchor::BEGINNING, u64::MAX, |_| Ok(()))?;
    judged::judge(path, connection)?;
    let backup = backup::before_upgrade(path, 1, last)?;
    let rewrite = |connection: &mut Connection| -> Result<(), rusqlite::Error> {
        let transaction = connection.transaction()?;
        transaction.execute_batch("ALTER TABLE records ADD COLUMN format INTEGER NOT NULL DEFAULT 1;")?;
        transaction.execute_batch(INDEXES)?;
        index_subjects(&transaction)?;
        let cursor = old_cursor(&transaction)?;
        let at = UnixMillis::now();
        let body = json!({ "record": UPGRADED, "from": 1, "cursor": cursor }).to_string();
        let seq = last.seq + 1;
        let hash = link(last.hash, FORMAT, seq, at, UPGRADED, &body);
        transaction.execute(
            "INSERT INTO records (seq, at, kind, body, hash, format) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![
                read::to_sql(seq),
                read::to_sql(at.0),
                UPGRADED,
                body,
                hash.0.as_slice(),
                FORMAT
            ],
        )?;
        transaction.execute_batch("DROP TABLE cursor;")?;
        transaction.pragma_update(None, "user_version", FORMAT)?;
        transaction.commit()
    };
    rewrite(connection).map_err(sqlite_at(path))?;
    Ok(Upgrade { from: 1, backup })
}

fn old_cursor(transaction: &Transaction<'_>) -> Result<Option<BlockRef>, rusqlite::Error> {
    let mut statement = transaction.prepare("SELECT number, hash FROM cursor")?;
    let mut rows = statement.query([])?;
    let cursor = rows.next()?.map(|row| {
        Ok(BlockRef {
            number: read::from_sql(row.get(0)?),
            hash: crate::types::Root(row.get(1)?),
        })
    });
    cursor.transpose()
}

/// Format 1 did not tell which case a record is about; most bodies name it, and the rest names a ceremony of it.
fn index_subjects(transaction: &Transaction<'_>) -> Result<(), rusqlite::Error> {
    transaction.execute_batch(
        "INSERT OR IGNORE INTO subjects (subject, seq)
         SELECT COALESCE(json_extract(body, '$.case'),
                         substr(json_extract(body, '$.action'), 1, instr(json_extract(body, '$.action'), '#') - 1)),
                seq
         FROM records
         WHERE json_extract(body, '$.case') IS NOT NULL OR instr(json_extract(body, '$.action'), '#') > 1;
         INSERT OR IGNORE INTO subjects (subject, seq)
         SELECT json_extract(body, '$.request'), seq FROM records WHERE kind = 'ceremony-started';
         INSERT OR IGNORE INTO subjects (subject, seq)
         SELECT json_extract(started.body, '$.case'), later.seq
         FROM records AS later
         JOIN records AS started
           ON started.kind = 'ceremony-started'
          AND json_extract(started.body, '$.request') = json_extract(later.body, '$.request')
         WHERE later.kind IN ('ceremony-verified', 'ceremony-failed', 'ceremony-unknown', 'ceremony-declared-lost');",
    )
}
