//! What a node keeps: the shares it holds, encrypted at rest, and every request id it ever took part in.
//!
//! One SQLite file, one process (an exclusive lock refuses a second). A share is written `pending` before the first
//! message that depends on it leaves the node, becomes `active` when the outputs of the whole committee were seen, and
//! `never-use` when anybody blamed anybody in that run: a blame reveals session keys, so the key of such a run may be
//! known to others. A row is never deleted. A resharing adds a row; which one counts is decided by [`Store::key`].

mod seal;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use rusqlite::{Connection, OptionalExtension, params};
use zeroize::Zeroizing;

use crate::types::{BlsPublicKey, OperatorId, RequestId, SafeText, UnixMillis};
use seal::Sealer;

/// The operator's share of a validator key and what is public about the whole key.
#[derive(Clone)]
pub struct KeyShare {
    /// The validator key.
    pub validator: BlsPublicKey,
    /// Shares needed to sign.
    pub threshold: u8,
    /// This operator's share: a scalar, 32 bytes big-endian.
    pub share: Zeroizing<[u8; 32]>,
    /// Public key of every operator's share, this operator's included.
    pub share_public_keys: BTreeMap<OperatorId, BlsPublicKey>,
}

impl fmt::Debug for KeyShare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyShare")
            .field("validator", &self.validator)
            .field("threshold", &self.threshold)
            .field("operators", &self.share_public_keys.keys())
            .finish_non_exhaustive()
    }
}

/// How a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The whole committee's outputs were seen.
    Complete,
    /// Somebody blamed somebody.
    Blamed,
    /// It stopped for another reason: a timeout, a contradiction, a peer's surrender.
    Failed,
    /// The node was stopped while it ran.
    Aborted,
}

impl Ending {
    fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Blamed => "blamed",
            Self::Failed => "failed",
            Self::Aborted => "aborted",
        }
    }
}

/// The store could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// SQLite failed, or another process holds the file.
    #[error("share store: {0}")]
    Database(#[from] rusqlite::Error),
    /// The directory or file could not be made private.
    #[error("share store: {0}")]
    Io(#[from] std::io::Error),
    /// The file was written with another operator key.
    #[error("share store: it belongs to another operator key")]
    WrongKey,
    /// A share does not decrypt: the row was altered.
    #[error("share store: the share of {0} does not decrypt; the file was altered")]
    Altered(BlsPublicKey),
    /// The file was written by a newer program.
    #[error("share store: layout {0} is not known to this program")]
    Layout(i64),
}

/// See the module's description.
pub struct Store {
    db: Mutex<Connection>,
    sealer: Sealer,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

const LAYOUT: i64 = 1;

const SCHEMA: &str = "
CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;
CREATE TABLE sessions (
    request_id BLOB PRIMARY KEY, kind TEXT NOT NULL, started_ms INTEGER NOT NULL,
    ended_ms INTEGER, ending TEXT, detail TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE TABLE shares (
    id INTEGER PRIMARY KEY, request_id BLOB NOT NULL UNIQUE, validator BLOB NOT NULL, stored_ms INTEGER NOT NULL,
    state TEXT NOT NULL, reason TEXT NOT NULL DEFAULT '', facts TEXT NOT NULL, sealed BLOB NOT NULL
) STRICT;
CREATE INDEX shares_of_validator ON shares (validator);
PRAGMA user_version = 1;
";

impl Store {
    /// Opens or creates the file. `secret` is the operator's private key in any stable encoding; the key that seals
    /// the shares is derived from it. Sessions that were running when the process ended become `aborted`.
    pub fn open(path: &Path, secret: &[u8]) -> Result<Self, StoreError> {
        make_private(path)?;
        let db = Connection::open(path)?;
        db.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        db.pragma_update(None, "journal_mode", "WAL")?;
        db.pragma_update(None, "synchronous", "FULL")?;
        db.pragma_update(None, "secure_delete", "ON")?;
        let layout: i64 = db.pragma_query_value(None, "user_version", |row| row.get(0))?;
        match layout {
            0 => db.execute_batch(&format!("BEGIN IMMEDIATE;{SCHEMA}COMMIT;"))?,
            LAYOUT => {}
            other => return Err(StoreError::Layout(other)),
        }
        let meta = |name: &str| -> Result<Option<Vec<u8>>, rusqlite::Error> {
            db.query_row("SELECT value FROM meta WHERE name = ?1", [name], |row| row.get(0))
                .optional()
        };
        let sealer = match (meta("salt")?, meta("key_check")?) {
            (Some(salt), Some(check)) => Sealer::reopen(secret, &salt, &check).ok_or(StoreError::WrongKey)?,
            _ => {
                let (sealer, salt, check) = Sealer::create(secret);
                db.execute(
                    "INSERT INTO meta (name, value) VALUES ('salt', ?1), ('key_check', ?2)",
                    params![salt, check],
                )?;
                sealer
            }
        };
        db.execute(
            "UPDATE sessions SET ending = ?1, ended_ms = ?2, detail = 'the node was stopped' WHERE ending IS NULL",
            params![Ending::Aborted.as_str(), now()],
        )?;
        Ok(Self {
            db: Mutex::new(db),
            sealer,
        })
    }

    /// Notes that a session starts. `false`: this id was used before, now or in an earlier life; refuse it.
    pub fn begin(&self, id: RequestId, kind: &str) -> Result<bool, StoreError> {
        let db = self.db();
        // survives the process at once, and a power cut with the next share: nobody waits for the disk to start
        db.pragma_update(None, "synchronous", "NORMAL")?;
        let added = db.execute(
            "INSERT OR IGNORE INTO sessions (request_id, kind, started_ms) VALUES (?1, ?2, ?3)",
            params![id.0, kind, now()],
        );
        db.pragma_update(None, "synchronous", "FULL")?;
        Ok(added? == 1)
    }

    /// Every request id that was ever begun here: none of them may start again.
    pub fn known(&self) -> Result<Vec<RequestId>, StoreError> {
        let db = self.db();
        let mut statement = db.prepare("SELECT request_id FROM sessions")?;
        let ids = statement.query_map([], |row| row.get(0).map(RequestId))?;
        Ok(ids.collect::<Result<_, _>>()?)
    }

    /// Notes how a session ended, and what that means for the share of its run, in one transaction.
    pub fn finish(&self, id: RequestId, ending: Ending, detail: &SafeText) -> Result<(), StoreError> {
        let mut db = self.db();
        let tx = db.transaction()?;
        tx.execute(
            "UPDATE sessions SET ending = ?2, ended_ms = ?3, detail = ?4 WHERE request_id = ?1",
            params![id.0, ending.as_str(), now(), detail.as_str()],
        )?;
        match ending {
            Ending::Complete => {
                tx.execute(
                    "UPDATE shares SET state = 'active' WHERE request_id = ?1 AND state = 'pending'",
                    [id.0],
                )?;
            }
            Ending::Blamed => {
                tx.execute(
                    "UPDATE shares SET state = 'never-use', reason = ?2 WHERE request_id = ?1",
                    params![id.0, detail.as_str()],
                )?;
            }
            // others may hold a complete set of outputs: the share stays, as pending
            Ending::Failed | Ending::Aborted => {}
        }
        tx.commit()?;
        Ok(())
    }

    /// Keeps the share that the run `id` produced, as pending. Durable when this returns.
    pub fn keep(&self, id: RequestId, key: &KeyShare) -> Result<(), StoreError> {
        let facts = facts_of(key);
        let sealed = self
            .sealer
            .seal(&key.share, &associated(id, key.validator, &facts));
        self.db().execute(
            "INSERT INTO shares (request_id, validator, stored_ms, state, facts, sealed)
             VALUES (?1, ?2, ?3, 'pending', ?4, ?5)",
            params![id.0, key.validator.0, now(), facts, sealed],
        )?;
        Ok(())
    }

    /// The share to sign with: the newest active one; without any, the newest pending one (this node did not see the
    /// end of that run, others may have). Never one of a blamed run.
    pub fn key(&self, validator: BlsPublicKey) -> Result<Option<KeyShare>, StoreError> {
        let row: Option<([u8; 24], String, Vec<u8>)> = self
            .db()
            .query_row(
                "SELECT request_id, facts, sealed FROM shares
                 WHERE validator = ?1 AND state IN ('active', 'pending')
                 ORDER BY state = 'active' DESC, id DESC LIMIT 1",
                [validator.0],
                |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
            )
            .optional()?;
        let Some((id, facts, sealed)) = row else {
            return Ok(None);
        };
        let altered = || StoreError::Altered(validator);
        let share = self
            .sealer
            .open(&sealed, &associated(RequestId(id), validator, &facts))
            .ok_or_else(altered)?;
        let (threshold, share_public_keys) = serde_json::from_str(&facts).map_err(|_| altered())?;
        Ok(Some(KeyShare {
            validator,
            threshold,
            share,
            share_public_keys,
        }))
    }

    fn db(&self) -> std::sync::MutexGuard<'_, Connection> {
        // a panic while the lock was held left no transaction open: rusqlite rolls back on drop
        self.db.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn facts_of(key: &KeyShare) -> String {
    serde_json::to_string(&(key.threshold, &key.share_public_keys)).expect("numbers and hex strings are JSON")
}

/// What a sealed share is bound to: moved to another row, or beside other facts, it does not open.
fn associated(id: RequestId, validator: BlsPublicKey, facts: &str) -> Vec<u8> {
    [&id.0[..], &validator.0[..], facts.as_bytes()].concat()
}

fn now() -> i64 {
    i64::try_from(UnixMillis::now().0).unwrap_or(i64::MAX)
}

/// Creates the directory (0700) and the file (0600) before SQLite would create them with the process's umask.
fn make_private(path: &Path) -> std::io::Result<()> {
    if let Some(dir) = path.parent() {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(dir)?;
    }
    let mut options = std::fs::OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

#[cfg(test)]
mod tests;
