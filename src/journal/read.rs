//! Reading records: in order with every link checked, or those of one case or kind.

use std::path::Path;

use rusqlite::{Connection, Row, params};

use super::chain::{Anchor, Entry, Walker};
use super::error::{JournalError, sqlite_at};
use super::format;
use crate::types::{Root, UnixMillis};

/// Hands every entry behind `anchor`, up to record `upto`, to `visit`, each after its link was checked, and returns the last.
/// One record is in memory at a time.
///
/// # Errors
/// The first record that is not linked, or what `visit` says.
pub(super) fn walk<E: From<JournalError>>(
    path: &Path,
    connection: &Connection,
    anchor: Anchor,
    upto: u64,
    mut visit: impl FnMut(&Entry) -> Result<(), E>,
) -> Result<Anchor, E> {
    let sqlite = |error| E::from(sqlite_at(path)(error));
    let columns = columns(path, connection)?;
    let sql = format!("SELECT {columns} FROM records WHERE seq > ?1 AND seq <= ?2 ORDER BY seq");
    let mut statement = connection.prepare(&sql).map_err(sqlite)?;
    let mut rows = statement
        .query(params![to_sql(anchor.seq), to_sql(upto)])
        .map_err(sqlite)?;
    let mut walker = Walker::behind(anchor);
    while let Some(row) = rows.next().map_err(sqlite)? {
        let entry = entry(row).map_err(sqlite)?;
        walker
            .accept(&entry)
            .map_err(|(seq, problem)| JournalError::Broken {
                path: path.to_owned(),
                seq,
                problem,
            })?;
        visit(&entry)?;
    }
    Ok(walker.last())
}

/// Numbers of the records of a kind, oldest first.
pub(super) fn of_kind(path: &Path, connection: &Connection, kind: &str) -> Result<Vec<u64>, JournalError> {
    let read = || {
        let mut statement = connection.prepare("SELECT seq FROM records WHERE kind = ?1 ORDER BY seq")?;
        let rows = statement.query_map(params![kind], |row| Ok(from_sql(row.get(0)?)))?;
        rows.collect::<Result<Vec<u64>, rusqlite::Error>>()
    };
    read().map_err(sqlite_at(path))
}

/// Number of the newest record; 0 where there is none.
pub(super) fn newest(path: &Path, connection: &Connection) -> Result<u64, JournalError> {
    let newest = "SELECT COALESCE(MAX(seq), 0) FROM records";
    let newest: i64 = connection
        .query_row(newest, [], |row| row.get(0))
        .map_err(sqlite_at(path))?;
    Ok(from_sql(newest))
}

/// The record with this number, if it is there.
pub(super) fn one(path: &Path, connection: &Connection, seq: u64) -> Result<Option<Entry>, JournalError> {
    let columns = columns(path, connection)?;
    let sql = format!("SELECT {columns} FROM records WHERE seq = ?1");
    let read = || {
        let mut statement = connection.prepare_cached(&sql)?;
        let mut rows = statement.query(params![to_sql(seq)])?;
        rows.next()?.map(entry).transpose()
    };
    read().map_err(sqlite_at(path))
}

/// The newest record of this kind up to record `upto`.
pub(super) fn newest_of(
    path: &Path,
    connection: &Connection,
    kind: &str,
    upto: u64,
) -> Result<Option<Entry>, JournalError> {
    let columns = columns(path, connection)?;
    let sql =
        format!("SELECT {columns} FROM records WHERE kind = ?1 AND seq <= ?2 ORDER BY seq DESC LIMIT 1");
    let read = || {
        let mut statement = connection.prepare_cached(&sql)?;
        let mut rows = statement.query(params![kind, to_sql(upto)])?;
        rows.next()?.map(entry).transpose()
    };
    read().map_err(sqlite_at(path))
}

/// Format 1 has no column for the format.
fn columns(path: &Path, connection: &Connection) -> Result<&'static str, JournalError> {
    Ok(match format::found(path, connection)? {
        1 => "seq, at, kind, body, hash, 1",
        _ => "seq, at, kind, body, hash, format",
    })
}

pub(super) fn entry(row: &Row<'_>) -> Result<Entry, rusqlite::Error> {
    Ok(Entry {
        seq: from_sql(row.get(0)?),
        at: UnixMillis(from_sql(row.get(1)?)),
        kind: row.get(2)?,
        body: row.get(3)?,
        hash: Root(row.get(4)?),
        format: row.get(5)?,
    })
}

/// SQLite integers are signed; our numbers stay far below 2^63.
pub(super) fn to_sql(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

pub(super) fn from_sql(n: i64) -> u64 {
    u64::try_from(n).unwrap_or(0)
}
