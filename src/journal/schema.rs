//! The tables, indexes and triggers of a journal, and no other: a trigger more could swallow a record while SQLite reports
//! that all is well, and one less would let records be changed.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::Connection;

use super::error::{JournalError, sqlite_at};
use super::format;
use crate::types::SafeText;

/// What a thing of the database is, and its text without spaces, by name. Spaces differ: `ALTER TABLE` sets its own.
type Things = BTreeMap<String, (String, String)>;

/// Judges, unless SQLite's number of the schema is that of what was judged before: it changes with every change, whoever
/// makes it. Returns the number.
///
/// # Errors
/// See [`judge`].
pub(super) fn judged(path: &Path, connection: &Connection, before: Option<i64>) -> Result<i64, JournalError> {
    let version = version(connection).map_err(sqlite_at(path))?;
    if before != Some(version) {
        judge(path, connection)?;
    }
    Ok(version)
}

/// Why a record is not there, although SQLite reported no error.
pub(super) fn swallowed(path: &Path, connection: &Connection, seq: u64) -> JournalError {
    judge(path, connection).err().unwrap_or_else(|| JournalError::Schema {
        path: path.to_owned(),
        problem: format!(
            "does not have record {seq} after it was written. Stop the oracle; `journal backup FILE` keeps what is there"
        ),
    })
}

fn version(connection: &Connection) -> Result<i64, rusqlite::Error> {
    connection.pragma_query_value(None, "schema_version", |row| row.get(0))
}

/// Compares what the file has with what a journal of its format has. A file without any table is left to the caller.
///
/// # Errors
/// [`JournalError::Schema`] names the first difference, and how a person mends it.
pub(super) fn judge(path: &Path, connection: &Connection) -> Result<(), JournalError> {
    let found = things(connection).map_err(sqlite_at(path))?;
    let format = format::found(path, connection)?;
    let expected = expected(format).map_err(sqlite_at(path))?;
    let differs = |problem: String| JournalError::Schema {
        path: path.to_owned(),
        problem,
    };
    for (name, (kind, _)) in &found {
        if !expected.contains_key(name) {
            let (kind, name) = (SafeText::new(kind), SafeText::new(name));
            return Err(differs(format!(
                "has the {kind} {name}, which no journal has: it may swallow or change what is recorded. Where you know how it \
                 came there: sqlite3 FILE 'DROP {} {name}'",
                kind.as_str().to_uppercase()
            )));
        }
    }
    for (name, (kind, text)) in &expected {
        match found.get(name) {
            None => {
                return Err(differs(format!(
                    "lacks the {kind} {name} of a journal. `journal verify` of a copy says whether its records are as they \
                     were; sqlite3 makes it again with: {}",
                    statement(format, name).map_err(sqlite_at(path))?
                )));
            }
            Some((_, other)) if other != text => {
                return Err(differs(format!(
                    "has another {kind} {name} than a journal has. `journal restore FILE` puts a backup in its place"
                )));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

fn things(connection: &Connection) -> Result<Things, rusqlite::Error> {
    // what SQLite makes for itself has no text, or a table of statistics
    let sql = "SELECT name, type, sql FROM sqlite_master
               WHERE NOT (type IN ('table', 'index') AND name LIKE 'sqlite\\_%' ESCAPE '\\')";
    let mut statement = connection.prepare(sql)?;
    let rows = statement.query_map([], |row| {
        let text: Option<String> = row.get(2)?;
        let text: String = text.unwrap_or_default().split_whitespace().collect();
        Ok((row.get(0)?, (row.get(1)?, text)))
    })?;
    rows.collect()
}

fn made(format: u32) -> Result<Connection, rusqlite::Error> {
    let connection = Connection::open_in_memory()?;
    connection.execute_batch(&format::schema(format))?;
    Ok(connection)
}

fn expected(format: u32) -> Result<Things, rusqlite::Error> {
    things(&made(format)?)
}

/// The statement that makes the thing of this name.
fn statement(format: u32, name: &str) -> Result<String, rusqlite::Error> {
    let sql = "SELECT sql FROM sqlite_master WHERE name = ?1";
    made(format)?.query_row(sql, [name], |row| row.get(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::format::FORMAT;

    #[test]
    fn a_journal_has_its_own_tables_and_triggers_and_no_other() {
        let path = Path::new("journal.sqlite");
        for format in [1, FORMAT] {
            let connection = made(format).unwrap();
            connection.pragma_update(None, "user_version", format).unwrap();
            judge(path, &connection).unwrap();
            let judged = |sql: &str, undo: &str| {
                connection.execute_batch(sql).unwrap();
                let why = judge(path, &connection).unwrap_err().to_string();
                connection.execute_batch(undo).unwrap();
                judge(path, &connection).unwrap();
                why
            };
            let swallows = "CREATE TRIGGER t BEFORE INSERT ON records BEGIN SELECT RAISE(IGNORE); END";
            let why = judged(swallows, "DROP TRIGGER t");
            assert!(
                why.starts_with("journal.sqlite has the trigger t, which no journal has"),
                "{why}"
            );
            assert!(why.contains("'DROP TRIGGER t'"), "{why}");
            judged("CREATE TABLE more (a)", "DROP TABLE more");
            for trigger in ["records_stay", "records_are_final"] {
                let again = statement(format, trigger).unwrap();
                let why = judged(&format!("DROP TRIGGER {trigger}"), &again);
                assert!(why.contains(&format!("lacks the trigger {trigger}")), "{why}");
                assert!(why.contains(&again), "the way is said: {why}");
            }
            let weaker = "DROP TRIGGER records_stay; CREATE TRIGGER records_stay BEFORE DELETE ON records BEGIN SELECT 1; END";
            let again = statement(format, "records_stay").unwrap();
            let why = judged(weaker, &format!("DROP TRIGGER records_stay; {again}"));
            assert!(why.contains("another trigger records_stay"), "{why}");
        }
    }
}
