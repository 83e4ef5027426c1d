//! What a node keeps: the shares it holds, encrypted at rest, and every request id it ever took part in.
//!
//! One SQLite file, one process (a lock beside it refuses a second); whoever only reads is not locked out, and a backup is
//! made while the node runs. What is committed is in the file itself at once and not only in SQLite's log, so that a plain
//! copy of the file has every share; a failed fsync ends the node. A manifest beside it names them, and tells of a file that lost some. A share is written `pending` before the first
//! message that depends on it leaves the node, becomes `active` when its run is known to be complete, and `never-use` when
//! anybody blamed anybody in that run: a blame reveals session keys, so the key of such a run may be known to others. A
//! row is never deleted, so an older share can be recovered by hand.
//!
//! # Which share counts
//!
//! A resharing adds a share of the same key. Shares of different runs do not sign together, so every member of a
//! committee must come to the same choice, also one that crashed or was cut off while the others went on. The rule:
//!
//! 1. A run that **completed** comes before one of which that is not known. It completed when every member of its
//!    committee has signed the result ([`Store::complete`] keeps these results as evidence).
//! 2. Among runs that completed, the one of the highest **generation** counts. A resharing's generation is one more
//!    than the highest among the runs of that key that had ended when it began.
//! 3. Of the same generation, the smaller request id. Without any completed run, the same order among the pending ones:
//!    better a share of which nothing is known than none.
//!
//! Why all members agree:
//!
//! * *Whoever is needed has the share.* A member signs its result only after its share is durable here. So if a run
//!   completed anywhere, each of its members has that run's share, whatever happened to the member since.
//! * *Whether a run completed does not depend on who saw it end.* The evidence is the members' signed results, which
//!   every member publishes and the messenger keeps. A node that missed the end finds them there and verifies them as
//!   it would have done in time ([`Store::unsettled`] lists what it has to ask for); the order in which messages reached
//!   it, or shares its disk, plays no part.
//! * *The order of completed runs is the same at every member of both.* A node takes part in one resharing of a key at a
//!   time. If node P ran A before B and node Q ran B before A, then Q had begun A before P ended it (a share takes
//!   messages of every member), which was before P began B, which was before Q ended B, which was before Q began A:
//!   a circle, so this cannot be.
//! * Where runs overlapped nevertheless (in a file that an older program wrote), they are of one generation, and a
//!   request id needs no memory of what came first.

mod backup;
mod held;
mod manifest;
mod reseal;
mod schema;
mod seal;
mod sessions;
mod shares;
mod standing;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, OptionalExtension, params};
use tokio::sync::watch;

use crate::dkg::rockx::durable;
use crate::lock::{self, NotOurs};
use crate::secrets::{Holds, judge_ours, make_private};
use crate::sqlite::{Unread, is_final};
use crate::types::{BlsPublicKey, SafeText, UnixMillis, counted};
use seal::Sealer;

pub use backup::{Restored, backup, restore, settle};
pub use held::{Begun, Held, begun, damaged, missing, shares};
pub use manifest::{Expected, Named, expectation, expected_by, manifest_of, named_by};
pub use reseal::{Resealed, reseal};
pub use schema::LAYOUT;
pub(super) use sessions::Remembered;
pub use sessions::{Ending, SessionKind};
pub use shares::{KeyShare, Unsettled};
pub(super) use standing::Refuses;
use standing::Standing;

/// The store could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process has it.
    #[error("share store: {path} is in use by another process ({by})")]
    InUse {
        /// The lock file.
        path: PathBuf,
        /// Who has it, as far as it says so.
        by: SafeText,
    },
    /// A copy lacks a share that it must have.
    #[error("share store: the copy lacks a share of {0}")]
    Incomplete(BlsPublicKey),
    /// SQLite failed.
    #[error("share store: {0}")]
    Database(#[from] rusqlite::Error),
    /// The directory or file could not be made private.
    #[error("share store: {0}")]
    Io(#[from] std::io::Error),
    /// The same of a file that is known.
    #[error("share store: {path}: {problem}")]
    File { path: SafeText, problem: SafeText },
    /// The file is no database any more.
    #[error(
        "share store: {path}: {problem}. Move it away and take the shares back from a backup: casimir-dkg operator restore \
         BACKUP"
    )]
    Damaged { path: SafeText, problem: SafeText },
    /// What is to be copied lost shares: the copy would pass for a whole one.
    #[error(
        "share store: {path} lost {}, one of {first}, which its manifest names: nothing was copied. Take them back \
         (casimir-dkg operator restore BACKUP); where no backup has them, who accepts that stops the node and removes \
         {manifest}",
        counted(*.count, "share")
    )]
    Lost {
        path: SafeText,
        count: usize,
        first: BlsPublicKey,
        manifest: SafeText,
    },
    /// What is written would go into a file that nobody finds again.
    #[error(
        "share store: {path} {problem}: nothing is kept, and no ceremony can begin, until it is in its place again. {way}"
    )]
    Moved {
        path: SafeText,
        problem: SafeText,
        /// What a person does.
        way: SafeText,
    },
    /// The file was written with another operator key.
    #[error(
        "share store: {0} belongs to another operator key: it opens with the key that was configured (node.key_file) when \
         it was written, or with that of `casimir-dkg operator reseal` where it was sealed anew since: set node.key_file to \
         that key. Where the key is to change, `operator reseal` does that"
    )]
    WrongKey(SafeText),
    /// A share does not decrypt: the row was altered.
    #[error("share store: the share of {0} does not decrypt; the file was altered")]
    Altered(BlsPublicKey),
    /// The file was written by a newer program.
    #[error("share store: layout {0} is not known to this program")]
    Layout(i64),
}

impl From<Unread> for StoreError {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::Sqlite(error) => error.into(),
            Unread::Io(file, error) => manifest::naming(&file)(error).into(),
        }
    }
}

impl StoreError {
    /// The same, where nothing in it names the file that it is about.
    fn about(self, path: &Path) -> Self {
        let path = shown(path);
        let problem = match &self {
            Self::Database(error) if is_damage(error) => {
                let problem = SafeText::new(&error.to_string());
                return Self::Damaged { path, problem };
            }
            Self::Database(error) => error.to_string(),
            Self::Io(error) => error.to_string(),
            _ => return self,
        };
        if problem.contains(path.as_str()) {
            return self;
        }
        let problem = SafeText::new(&problem);
        Self::File { path, problem }
    }
}

/// See the module's description.
pub struct Store {
    path: PathBuf,
    db: Mutex<Connection>,
    sealer: Sealer,
    /// Named by the manifest and not here.
    missing: Mutex<Vec<Named>>,
    /// Here, and not in a form that decrypts.
    damaged: Vec<Named>,
    /// Why this process can no longer believe the file.
    broken: watch::Sender<Option<SafeText>>,
    /// Where its files stood when it was opened.
    standing: Mutex<Standing>,
    /// Why the last write failed.
    refuses_writes: Mutex<Option<Refuses>>,
    /// The manifest does not name all that is here.
    manifest_lags: Mutex<bool>,
    /// Held while the store is open; released by the operating system however the process ends.
    _lock: lock::Held,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

impl Store {
    /// Opens or creates the file. `secret` is the operator's private key in any stable encoding; the key that seals
    /// the shares is derived from it. Sessions that were running when the process ended become `aborted`.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn open(path: &Path, secret: &[u8]) -> Result<Self, StoreError> {
        Self::open_at(path, secret).map_err(|error| error.about(path))
    }

    fn open_at(path: &Path, secret: &[u8]) -> Result<Self, StoreError> {
        make_private(path)?;
        judge_ours(path, Holds::Secret)?;
        let lock = take_lock(path)?;
        let mut db = Connection::open(path)?;
        db.pragma_update(None, "journal_mode", "WAL")?;
        db.pragma_update(None, "synchronous", "FULL")?;
        db.pragma_update(None, "secure_delete", "ON")?;
        // SQLite's own checkpoints would keep a failed fsync to themselves
        db.pragma_update(None, "wal_autocheckpoint", 0)?;
        schema::bring_up_to_date(&db)?;
        let sealer = sealer(&db, path, secret)?;
        db.execute(
            "UPDATE sessions SET ending = ?1, ended_ms = ?2, detail = 'the node was stopped' WHERE ending IS NULL",
            params![Ending::Aborted.as_str(), now()],
        )?;
        let held = held::held_by(&db)?;
        let damaged = backup::damaged_of(&db, &held, &sealer)?;
        let held: Vec<Named> = held.iter().map(Named::from).collect();
        let mut missing = manifest::read(path)?;
        missing.retain(|named| !held.contains(named));
        sessions::note_missing(
            &mut db,
            &missing,
            "the manifest names its share, which is not here",
        )?;
        let store = Self {
            path: path.to_owned(),
            db: Mutex::new(db),
            sealer,
            missing: Mutex::new(missing),
            damaged,
            broken: watch::Sender::new(None),
            standing: Mutex::new(Standing::of(path)?),
            refuses_writes: Mutex::new(None),
            manifest_lags: Mutex::new(false),
            _lock: lock,
        };
        store.durably(|_| Ok(()))?;
        store.write_manifest();
        Ok(store)
    }

    /// Shares that the manifest beside the store names, and that the store does not have: it was emptied, or replaced by an
    /// older copy.
    #[must_use]
    pub fn missing(&self) -> Vec<Named> {
        self.missing
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Shares that were here when it was opened and did not decrypt: the disk or somebody altered them.
    #[must_use]
    pub fn damaged(&self) -> &[Named] {
        &self.damaged
    }

    /// Whether nothing was ever kept here: no share, and no request id. So is the store of an operator that starts for the
    /// first time, and of one whose whole directory was lost.
    ///
    /// # Errors
    /// SQLite failed.
    pub fn is_new(&self) -> Result<bool, StoreError> {
        let is_used: bool = self.db().query_row(
            "SELECT EXISTS (SELECT 1 FROM sessions) OR EXISTS (SELECT 1 FROM shares)",
            [],
            |row| row.get(0),
        )?;
        Ok(!is_used && self.missing().is_empty())
    }

    /// Does what is committed, and writes SQLite's log back into the file, so that a plain copy of the file has everything.
    /// After a failed fsync nobody knows what the file holds: that is told to whoever runs the node, which ends.
    fn durably<T>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, rusqlite::Error>,
    ) -> Result<T, StoreError> {
        let mut db = self.db();
        self.look_at(&db)?;
        let done = work(&mut db).and_then(|done| durable::write_back(&db).map(|()| done));
        let done = self.judged(done)?;
        // what went into a file that was moved meanwhile is not kept
        self.look_at(&db)?;
        Ok(done)
    }

    /// Does what survives the process at once, and a power cut with what is next done [durably](Self::durably).
    fn soon<T>(&self, work: impl FnOnce(&Connection) -> Result<T, rusqlite::Error>) -> Result<T, StoreError> {
        let db = self.db();
        self.look_at(&db)?;
        db.pragma_update(None, "synchronous", "NORMAL")?;
        let done = work(&db);
        db.pragma_update(None, "synchronous", "FULL")?;
        self.judged(done)
    }

    fn judged<T>(&self, done: Result<T, rusqlite::Error>) -> Result<T, StoreError> {
        self.refuse(done.is_err().then_some(Refuses::Disk));
        if let Some(error) = done.as_ref().err().filter(|error| is_final(error)) {
            let path = self.path.display();
            self.broken.send_replace(Some(SafeText::new(&format!(
                "share store {path}: {error}: what it holds can no longer be believed by this process; the next start \
                 reads it anew. If that fails too, the disk fails: take the shares back from a backup"
            ))));
        }
        Ok(done?)
    }

    /// Why the file can no longer be believed, once that is so.
    pub(super) fn broken(&self) -> watch::Receiver<Option<SafeText>> {
        self.broken.subscribe()
    }

    /// Why the last write failed, as on a full disk.
    pub(super) fn refuses_writes(&self) -> Option<Refuses> {
        *self.refuses_writes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn refuse(&self, why: Option<Refuses>) {
        *self.refuses_writes.lock().unwrap_or_else(PoisonError::into_inner) = why;
    }

    /// Whether the file is where it was opened; everything is copied to where it can be found as soon as it is not.
    ///
    /// # Errors
    /// It is not.
    fn look_at(&self, db: &Connection) -> Result<(), StoreError> {
        let mut standing = self.standing.lock().unwrap_or_else(PoisonError::into_inner);
        standing
            .look(&self.path, db)
            .inspect_err(|_| self.refuse(Some(Refuses::Moved)))
    }

    /// Looks whether all is well while nothing is to be written, and mends what can be: a moved file is noticed, a write that
    /// failed is tried again, so is the manifest, and what stayed in SQLite's log because somebody read at that moment goes
    /// into the file.
    ///
    /// # Errors
    /// No ceremony can begin.
    pub(super) fn look_after(&self) -> Result<(), StoreError> {
        self.look_at(&self.db())?;
        if self.refuses_writes().is_some() {
            self.try_out()?;
        } else {
            self.durably(|_| Ok(()))?;
        }
        if self.manifest_lags() {
            self.write_manifest();
        }
        Ok(())
    }

    /// As a full disk would, or one with room.
    #[cfg(test)]
    pub(super) fn lets_write(&self, lets: bool) {
        let refuses = self.db().pragma_update(None, "query_only", !lets);
        refuses.expect("a setting of this connection");
    }

    /// Writes what nobody reads, to find out whether it can be written again.
    ///
    /// # Errors
    /// It cannot.
    fn try_out(&self) -> Result<(), StoreError> {
        self.durably(|db| {
            db.execute(
                "INSERT OR REPLACE INTO meta (name, value) VALUES ('tried', ?1)",
                [now().to_be_bytes().as_slice()],
            )
            .map(drop)
        })
    }

    /// The manifest of what is here, and of what is missing until a person says otherwise.
    fn write_manifest(&self) {
        self.write_manifest_under(&mut self.manifest());
    }

    fn write_manifest_under(&self, lags: &mut bool) {
        let written = held::held_by(&self.db()).and_then(|held| {
            let mut named: Vec<Named> = held.iter().map(Named::from).collect();
            let mut missing = self.missing();
            missing.retain(|missing| !named.contains(missing));
            named.extend(missing);
            Ok(manifest::write(&self.path, &named)?)
        });
        told(lags, written);
    }

    /// Adds a share to the manifest. The share is durable without it.
    fn note(&self, named: Named) {
        let mut lags = self.manifest();
        if *lags {
            // another share may be named by half a line, or by none: one more line would hide that
            self.write_manifest_under(&mut lags);
        } else {
            told(
                &mut lags,
                manifest::append(&self.path, &named).map_err(StoreError::from),
            );
        }
    }

    /// Held while the manifest is written: whether it lags behind.
    fn manifest(&self) -> MutexGuard<'_, bool> {
        self.manifest_lags.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn manifest_lags(&self) -> bool {
        *self.manifest()
    }

    fn db(&self) -> MutexGuard<'_, Connection> {
        // a panic while the lock was held left no transaction open: rusqlite rolls back on drop
        self.db.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn told(lags: &mut bool, written: Result<(), StoreError>) {
    *lags = written.is_err();
    if let Err(error) = written {
        tracing::warn!(target: "casimir_dkg::node", %error, "the manifest of the share store is not up to date");
    }
}

/// The lock stands beside the file itself, not beside a link to it: two ways to one file are one store.
fn take_lock(path: &Path) -> Result<lock::Held, StoreError> {
    let file = std::fs::canonicalize(path).map_err(manifest::naming(path))?;
    let path = file.with_extension("lock");
    lock::take(&path).map_err(|why| match why {
        NotOurs::Taken(by) => StoreError::InUse { path, by },
        NotOurs::Io(error) => manifest::naming(&path)(error).into(),
    })
}

/// The sealer of this file, which is called `path`; a new file gets its salt and check value.
fn sealer(db: &Connection, path: &Path, secret: &[u8]) -> Result<Sealer, StoreError> {
    let meta = |name: &str| -> Result<Option<Vec<u8>>, rusqlite::Error> {
        db.query_row("SELECT value FROM meta WHERE name = ?1", [name], |row| row.get(0))
            .optional()
    };
    if let (Some(salt), Some(check)) = (meta("salt")?, meta("key_check")?) {
        return Sealer::reopen(secret, &salt, &check).ok_or_else(|| StoreError::WrongKey(shown(path)));
    }
    let (sealer, salt, check) = Sealer::create(secret);
    db.execute(
        "INSERT INTO meta (name, value) VALUES ('salt', ?1), ('key_check', ?2)",
        params![salt, check],
    )?;
    Ok(sealer)
}

/// Whether the bytes of the file are not those of a database, whatever this process does.
fn is_damage(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error_code();
    matches!(
        code,
        Some(rusqlite::ErrorCode::NotADatabase | rusqlite::ErrorCode::DatabaseCorrupt)
    )
}

fn shown(path: &Path) -> SafeText {
    SafeText::new(&path.display().to_string())
}

fn now() -> i64 {
    i64::try_from(UnixMillis::now().0).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod copies;
#[cfg(test)]
mod tests;
