//! What a store holds, without the operator's key: which shares, of which keys. For lists, manifests and backups.

use std::collections::BTreeSet;
use std::path::Path;

use rusqlite::{Connection, ErrorCode, Row};
use serde::Serialize;

use super::backup::damaged_of;
use super::manifest::{self, Named};
use super::sessions::MAKE_SHARES;
use super::{StoreError, schema, sealer};
use crate::secrets::regular;
use crate::sqlite::{self, Source};
use crate::types::{BlsPublicKey, OperatorId, RequestId, SafeText, UnixMillis};

/// A share that is kept, without the share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Held {
    pub validator: BlsPublicKey,
    /// The run that produced it.
    pub ceremony: RequestId,
    pub stored_at: UnixMillis,
    /// `active`, `pending` or `never-use`.
    pub state: SafeText,
    /// Resharings before it, and one.
    pub generation: u64,
    /// Shares needed to sign.
    pub threshold: u8,
    /// Who holds the others.
    pub operators: Vec<OperatorId>,
    /// It is the one of its key with which this node signs.
    pub counts: bool,
}

/// Opens a store for reading, also while a node writes it, and where nothing may be written.
pub(super) fn open_read_only(path: &Path) -> Result<Source, StoreError> {
    if let Err(error) = regular(path) {
        let words = match error.kind() {
            std::io::ErrorKind::NotFound => format!("there is none at {}", path.display()),
            _ => format!("none can be read at {}: {error}", path.display()),
        };
        return Err(std::io::Error::new(error.kind(), words).into());
    }
    let open = || {
        let db = sqlite::open_read_only(path)?;
        let is_one = "SELECT COUNT(*) = 0 OR SUM(type = 'table' AND name = 'shares') > 0 FROM sqlite_master";
        let is_one: bool = db.query_row(is_one, [], |row| row.get(0))?;
        schema::layout(&db)?;
        Ok((db, is_one))
    };
    let stranger = || StoreError::File {
        path: SafeText::new(&path.display().to_string()),
        problem: SafeText::new("it is no store of shares, but another kind of file"),
    };
    match open() {
        Ok((db, true)) => Ok(db),
        Ok((_, false)) => Err(stranger()),
        Err(StoreError::Database(error)) if error.sqlite_error_code() == Some(ErrorCode::NotADatabase) => {
            Err(stranger())
        }
        Err(error) => Err(error.about(path)),
    }
}

/// Every share in the store at `path`, the oldest first.
///
/// # Errors
/// There is no store, or it cannot be read.
pub fn shares(path: &Path) -> Result<Vec<Held>, StoreError> {
    let db = open_read_only(path)?;
    held_by(&db).map_err(|error| error.about(path))
}

/// Shares that the manifest beside the store at `path` names, and that the store does not have.
///
/// # Errors
/// There is no store, or it or its manifest cannot be read.
pub fn missing(path: &Path) -> Result<Vec<Named>, StoreError> {
    // first: a share is named after it is durable
    let mut named = manifest::read(path)?;
    let held: BTreeSet<Named> = shares(path)?.iter().map(Named::from).collect();
    named.retain(|named| !held.contains(named));
    Ok(named)
}

/// Shares of the store at `path` that do not decrypt with the operator's private key `secret`. A node may use it meanwhile.
///
/// # Errors
/// There is no store, it cannot be read, or it belongs to another key.
pub fn damaged(path: &Path, secret: &[u8]) -> Result<Vec<Named>, StoreError> {
    let db = open_read_only(path)?;
    // a file that was made a moment ago has no key yet
    if schema::layout(&db)? == 0 {
        return Ok(Vec::new());
    }
    let read = || damaged_of(&db, &held_by(&db)?, &sealer(&db, path, secret)?);
    read().map_err(|error| error.about(path))
}

/// A run that was under way when a copy was made, or is now, and of which no share is here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Begun {
    pub ceremony: RequestId,
    /// `keygen` or `reshare`.
    pub kind: SafeText,
    pub started_at: UnixMillis,
    /// It was taken over from a backup that was made amid it, so it is not under way here.
    pub from_backup: bool,
}

/// What is noted of a run that a backup was made amid.
pub(super) const AMID: &str =
    "under way when the backup was made; whether its share was kept since is not known here";

/// What is noted instead once a newer backup is whole: it was made amid no run, so nothing is begun of which a copy says no
/// more. A messenger's word of the run's share counts as before.
pub(super) const SETTLED: &str =
    "under way when a former backup was made, and here without a share when the next whole one was";

/// Runs without an end, as far as the store at `path` knows, and without a share here: one that was kept after the copy was
/// made is lost with what the copy is put in the place of.
///
/// # Errors
/// There is no store, or it cannot be read.
pub fn begun(path: &Path) -> Result<Vec<Begun>, StoreError> {
    let db = open_read_only(path)?;
    begun_by(&db).map_err(|error| error.about(path))
}

pub(super) fn begun_by(db: &Connection) -> Result<Vec<Begun>, StoreError> {
    if schema::layout(db)? == 0 {
        return Ok(Vec::new());
    }
    let mut statement = db.prepare(&format!(
        "SELECT request_id, kind, started_ms, ending IS NOT NULL FROM sessions
         WHERE kind IN {MAKE_SHARES} AND (ending IS NULL OR detail = ?1)
           AND request_id NOT IN (SELECT request_id FROM shares)
         ORDER BY rowid"
    ))?;
    let rows = statement.query_map([AMID], |row| {
        Ok(Begun {
            ceremony: RequestId(row.get(0)?),
            kind: SafeText::new(&row.get::<_, String>(1)?),
            started_at: UnixMillis(u64::try_from(row.get::<_, i64>(2)?).unwrap_or(0)),
            from_backup: row.get(3)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn held_by(db: &Connection) -> Result<Vec<Held>, StoreError> {
    let generation = match schema::layout(db)? {
        // a file that was made a moment ago
        0 => return Ok(Vec::new()),
        1 => "1",
        _ => "generation",
    };
    let mut statement = db.prepare(&format!(
        "SELECT validator, request_id, stored_ms, state, {generation} AS generation, facts,
                state IN ('active', 'pending') AND ROW_NUMBER() OVER (
                    PARTITION BY validator, state IN ('active', 'pending')
                    ORDER BY state = 'active' DESC, {generation} DESC, request_id
                ) = 1
         FROM shares ORDER BY id"
    ))?;
    let rows = statement.query_map([], held)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn held(row: &Row<'_>) -> Result<Held, rusqlite::Error> {
    let number = |value: i64| u64::try_from(value).unwrap_or(0);
    let facts: String = row.get(5)?;
    // what is beside a share is bound to it: who signs with it is told when it was altered
    let (threshold, keys) = serde_json::from_str::<super::shares::Beside>(&facts).unwrap_or_default();
    Ok(Held {
        validator: BlsPublicKey(row.get(0)?),
        ceremony: RequestId(row.get(1)?),
        stored_at: UnixMillis(number(row.get(2)?)),
        state: SafeText::new(&row.get::<_, String>(3)?),
        generation: number(row.get(4)?),
        threshold,
        operators: keys.into_keys().collect(),
        counts: row.get(6)?,
    })
}
