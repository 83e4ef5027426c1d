//! Reading what left memory: the records of one case, and which cases there are, beside the process that writes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rusqlite::{OptionalExtension as _, params};

use super::chain::{Anchor, Entry};
use super::error::{JournalError, sqlite_at};
use super::read;
use super::source::{self, Source};
use crate::types::UnixMillis;

/// A journal that is open for reading. What is read was verified when it was written, or at the start.
#[derive(Debug)]
pub struct Archive {
    path: PathBuf,
    connection: Source,
}

impl Archive {
    /// Opens the journal at `path`, which must be of the newest format.
    ///
    /// # Errors
    /// There is none, or it cannot be read.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        Ok(Self {
            path: path.to_owned(),
            connection: source::open_read_only(path)?,
        })
    }

    /// Hands every record up to `last` to `visit`, each after its link was checked.
    ///
    /// # Errors
    /// The first record that is not linked, or another one in the place of `last`; or what `visit` says.
    pub fn walk_to<E: From<JournalError>>(
        &self,
        last: Anchor,
        visit: impl FnMut(&Entry) -> Result<(), E>,
    ) -> Result<(), E> {
        let found = read::walk(&self.path, &self.connection, Anchor::BEGINNING, last.seq, visit)?;
        if found == last {
            return Ok(());
        }
        Err(E::from(JournalError::Broken {
            path: self.path.clone(),
            seq: found.seq,
            problem: format!("has hash {}, but {} was acknowledged", found.hash, last.hash),
        }))
    }

    /// Hands every record behind `from` up to the number `last` to `visit`, each after its link was checked; the last of
    /// them.
    ///
    /// # Errors
    /// The first record that is not linked; or what `visit` says.
    pub fn walk_until<E: From<JournalError>>(
        &self,
        from: Anchor,
        last: u64,
        visit: impl FnMut(&Entry) -> Result<(), E>,
    ) -> Result<Anchor, E> {
        read::walk(&self.path, &self.connection, from, last, visit)
    }

    /// Number of the newest record, and when it was written; `None` where there is none yet.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn newest(&self) -> Result<Option<(u64, UnixMillis)>, JournalError> {
        let newest = self.connection.query_row(
            "SELECT seq, at FROM records ORDER BY seq DESC LIMIT 1",
            params![],
            |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)),
        );
        let newest = newest.optional().map_err(sqlite_at(&self.path))?;
        let whole = |number: i64| u64::try_from(number).unwrap_or(0);
        Ok(newest.map(|(seq, at)| (whole(seq), UnixMillis(whole(at)))))
    }

    /// Number of the newest record that is not younger; 0 where every one is.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn newest_at(&self, at: UnixMillis) -> Result<u64, JournalError> {
        let at = i64::try_from(at.0).unwrap_or(i64::MAX);
        let newest = self.connection.query_row(
            "SELECT COALESCE(MAX(seq), 0) FROM records WHERE at <= ?1",
            params![at],
            |row| row.get::<_, i64>(0),
        );
        let newest = newest.map_err(sqlite_at(&self.path))?;
        Ok(u64::try_from(newest).unwrap_or(0))
    }

    /// The records of one subject, oldest first.
    ///
    /// # Errors
    /// They cannot be read.
    pub fn records_of(&self, subject: &str) -> Result<Vec<Entry>, JournalError> {
        let read = || -> Result<Vec<_>, rusqlite::Error> {
            let mut statement = self.connection.prepare_cached(
                "SELECT r.seq, r.at, r.kind, r.body, r.hash, r.format
                 FROM subjects s JOIN records r ON r.seq = s.seq WHERE s.subject = ?1 ORDER BY s.seq",
            )?;
            statement.query_map(params![subject], read::entry)?.collect()
        };
        read().map_err(sqlite_at(&self.path))
    }

    /// The subjects of all records of a kind, each once, that of the newest record first.
    ///
    /// # Errors
    /// They cannot be read.
    pub fn subjects(&self, kind: &str) -> Result<Vec<String>, JournalError> {
        let read = || -> Result<Vec<_>, rusqlite::Error> {
            let mut statement = self.connection.prepare_cached(
                "SELECT s.subject FROM records r JOIN subjects s ON s.seq = r.seq
                 WHERE r.kind = ?1 GROUP BY s.subject ORDER BY MAX(r.seq) DESC",
            )?;
            statement.query_map(params![kind], |row| row.get(0))?.collect()
        };
        read().map_err(sqlite_at(&self.path))
    }

    /// How many different values of a field of their bodies the records of a kind have, for each subject.
    ///
    /// # Errors
    /// They cannot be read.
    pub fn counts(&self, kind: &str, field: &str) -> Result<BTreeMap<String, u64>, JournalError> {
        let field = format!("$.{field}");
        let read = || -> Result<BTreeMap<_, _>, rusqlite::Error> {
            let mut statement = self.connection.prepare_cached(
                "SELECT s.subject, COUNT(DISTINCT json_extract(r.body, ?2))
                 FROM records r JOIN subjects s ON s.seq = r.seq WHERE r.kind = ?1 GROUP BY s.subject",
            )?;
            let rows = statement.query_map(params![kind, field], |row| {
                Ok((row.get(0)?, read::from_sql(row.get(1)?)))
            })?;
            rows.collect()
        };
        read().map_err(sqlite_at(&self.path))
    }
}
