//! Copies of a store that is in use, and what is taken back from them. Shares stay as they are sealed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, TransactionBehavior, params};
use tempfile::TempDir;
use zeroize::Zeroizing;

use super::held::{self, AMID, Begun, Held, SETTLED, held_by, open_read_only};
use super::manifest::{self, Named};
use super::seal::Sealer;
use super::shares::associated;
use super::{Store, StoreError, is_damage, now, schema, sealer, shown};
use crate::owner;
use crate::secrets::{make_private, partial_of, unmounted};
use crate::sqlite;
use crate::types::{BlsPublicKey, RequestId};

/// Copies the store at `path` to `to`, with a manifest beside the copy, and verifies both. A node may go on meanwhile: the
/// copy has every share that was there when this began. It needs no key, and holds none in clear; whether a share still
/// decrypts, [`damaged`](super::damaged) tells with the key.
///
/// # Errors
/// `to` or its manifest exists or cannot be written, there is no store, it lost shares that its manifest names, or the copy
/// lacks something (then it is removed).
pub fn backup(path: &Path, to: &Path) -> Result<Vec<Held>, StoreError> {
    sqlite::can_copy_to(to).map_err(manifest::naming(to))?;
    for file in [to.to_owned(), manifest::manifest_of(to)] {
        if file.exists() {
            let words = format!(
                "{} exists already; a backup never replaces a file",
                file.display()
            );
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, words).into());
        }
    }
    if let Some((directory, error)) = unmounted(to) {
        return Err(manifest::naming(directory)(error).into());
    }
    let source = open_read_only(path)?;
    // before the copy: a share is named after it is durable
    let must_have = manifest::read(path)?;
    // SQLite names neither file of a copy: where the source can be read to its end, it is the target
    held_by(&source)
        .and_then(|_| sealed(&source))
        .map_err(|error| error.about(path))?;
    copy_with(&source, to, settle_copy, |named| {
        lost(path, must_have, named).map_or(Ok(()), Err)
    })
}

/// Takes down in the store at `path` that its copy `to` is a newer backup than one that was made amid a run, and was made
/// amid none itself: that a share may have been kept after the former one is said no more. Returns of how many runs. A node
/// may use the store meanwhile.
///
/// # Errors
/// The store cannot be written, or the copy not be read.
pub fn settle(path: &Path, to: &Path) -> Result<usize, StoreError> {
    let read = || {
        let copy = open_read_only(to)?;
        let mut statement = copy.prepare("SELECT request_id FROM sessions WHERE detail = ?1")?;
        let runs = statement.query_map([SETTLED], |row| row.get(0).map(RequestId))?;
        Ok(runs.collect::<Result<Vec<_>, _>>()?)
    };
    let runs = read().map_err(|error: StoreError| error.about(to))?;
    let begun = held::begun(path)?;
    if !begun
        .iter()
        .any(|begun| begun.from_backup && runs.contains(&begun.ceremony))
    {
        return Ok(0);
    }
    let write = || {
        let mut db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut settled = 0;
        for run in &runs {
            settled += tx.execute(
                "UPDATE sessions SET detail = ?2 WHERE request_id = ?1 AND detail = ?3",
                params![run.0, SETTLED, AMID],
            )?;
        }
        tx.commit()?;
        Ok(settled)
    };
    write().map_err(|error: StoreError| error.about(path))
}

/// A copy that was made amid no run says no more that shares may have been kept since a former one.
fn settle_copy(copy: &Path) -> Result<(), StoreError> {
    let db = Connection::open(copy)?;
    if held::begun_by(&db)?.iter().all(|begun| begun.from_backup) && schema::layout(&db)? != 0 {
        db.execute(
            "UPDATE sessions SET detail = ?2 WHERE detail = ?1",
            [AMID, SETTLED],
        )?;
    }
    Ok(())
}

/// The same of a store that is open, which need not be where it was opened any more, as it stands.
pub(super) fn copy(source: &Connection, to: &Path) -> Result<Vec<Held>, StoreError> {
    copy_with(source, to, |_| Ok(()), |_| Ok(()))
}

fn copy_with(
    source: &Connection,
    to: &Path,
    amend: impl FnOnce(&Path) -> Result<(), StoreError>,
    judge: impl FnOnce(&[Named]) -> Result<(), StoreError>,
) -> Result<Vec<Held>, StoreError> {
    // written under another name, so that an interrupted backup is not taken for one; whatever happens, it is removed
    let partial = partial_of(to).map_err(manifest::naming(to))?;
    let held = write(source, &partial, amend).map_err(|error| error.about(to))?;
    let named: Vec<Named> = held.iter().map(Named::from).collect();
    judge(&named)?;
    // first, so that a copy without its manifest is never seen
    manifest::write(to, &named)?;
    partial
        .persist(to)
        .map_err(|error| manifest::naming(to)(error.error))?;
    if let Some(directory) = to.parent().filter(|d| !d.as_os_str().is_empty()) {
        File::open(directory).and_then(|d| d.sync_all())?;
    }
    Ok(held)
}

/// What the store at `path` must have and has not.
fn lost(path: &Path, mut must_have: Vec<Named>, held: &[Named]) -> Option<StoreError> {
    must_have.retain(|named| !held.contains(named));
    let first = must_have.first()?.validator;
    Some(StoreError::Lost {
        path: shown(path),
        count: must_have.len(),
        first,
        manifest: shown(&manifest::manifest_of(path)),
    })
}

fn write(
    source: &Connection,
    partial: &Path,
    amend: impl FnOnce(&Path) -> Result<(), StoreError>,
) -> Result<Vec<Held>, StoreError> {
    let before = sealed(source)?;
    make_private(partial)?;
    sqlite::copy(source, partial)?;
    amend(partial)?;
    File::open(partial).and_then(|file| file.sync_all())?;
    let copy = open_read_only(partial)?;
    check(&copy)?;
    let copied = sealed(&copy)?;
    for (ceremony, (validator, bytes)) in &before {
        if copied.get(ceremony).is_none_or(|(_, copied)| copied != bytes) {
            return Err(StoreError::Incomplete(*validator));
        }
    }
    held_by(&copy)
}

/// Every sealed share, by the run that produced it.
fn sealed(db: &Connection) -> Result<BTreeMap<RequestId, (BlsPublicKey, Vec<u8>)>, StoreError> {
    let mut statement = db.prepare("SELECT request_id, validator, sealed FROM shares")?;
    let rows = statement.query_map([], |row| {
        Ok((
            RequestId(row.get(0)?),
            (BlsPublicKey(row.get(1)?), row.get::<_, Vec<u8>>(2)?),
        ))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn check(db: &Connection) -> Result<(), StoreError> {
    let found: String = db.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if found == "ok" {
        return Ok(());
    }
    Err(io::Error::new(io::ErrorKind::InvalidData, format!("it is damaged: {found}")).into())
}

/// What stood where a store may be made in a moment.
struct Before {
    had_store: bool,
    /// What was not there of that which is made with a store.
    absent: Vec<PathBuf>,
}

impl Before {
    fn look(path: &Path) -> Self {
        let mut with_it = ["-wal", "-shm", ""]
            .map(|suffix| sqlite::beside(path, suffix))
            .to_vec();
        with_it.extend([manifest::manifest_of(path), path.with_extension("lock")]);
        with_it.retain(|file| fs::symlink_metadata(file).is_err());
        Self {
            had_store: fs::symlink_metadata(path).is_ok(),
            absent: with_it,
        }
    }

    /// Removes what was made since where there was no store: an empty one would pass for one that was restored. A manifest
    /// that stood there stays, since nothing else names what was lost.
    fn put_back(self) {
        if !self.had_store {
            self.absent.iter().for_each(|file| drop(fs::remove_file(file)));
        }
    }
}

/// Takes over what the backup at `from` has into the store at `path`, which is made where there is none: shares, request ids
/// that were used, and what became of them. `secret` is the operator's private key. Nothing that is there is taken away but a
/// share that does not decrypt any more, whose place the backup's takes. Every share of the backup is opened, and sealed again
/// for the store; one that does not open, or is not there, keeps none of the others back, and is missing from then on.
///
/// # Errors
/// The backup as a whole is damaged, or was sealed with another key, or the store cannot be written. Then nothing is taken
/// over, and a store that was not there is not there.
pub fn restore(path: &Path, from: &Path, secret: &[u8]) -> Result<Restored, StoreError> {
    // read to its end before anything is made or begun
    let backup = Backup::open(from, owner::parent(path), secret)?;
    let before = Before::look(path);
    let taken = Store::open(path, secret).and_then(|store| store.take_over(&backup));
    match &taken {
        // it is somebody else's by now
        Ok(_) | Err(StoreError::InUse { .. }) => {}
        Err(_) => before.put_back(),
    }
    taken
}

/// What came of a restore.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Restored {
    /// Shares that the store did not have.
    pub added: Vec<Named>,
    /// Shares that it had already.
    pub known: usize,
    /// A manifest beside the backup says what it should hold. Without one a backup that lost shares looks whole.
    pub has_manifest: bool,
    /// Shares of the backup that do not decrypt: they were damaged before it was made, or in it.
    pub damaged: Vec<Named>,
    /// Shares that its manifest names and the backup has not.
    pub lacking: Vec<Named>,
    /// Shares that this store must have, by either manifest, and still has not, or not in a form that decrypts.
    pub absent: Vec<Named>,
    /// Runs amid which the backup was made, and of which no share is here.
    pub amid: Vec<Begun>,
}

/// A backup that was read to its end.
struct Backup {
    /// A copy of the newest layout.
    db: Connection,
    sealer: Sealer,
    /// What decrypts.
    held: Vec<Held>,
    /// What it says of itself.
    said: Restored,
    /// Where the copy stands. Dropped after the connection.
    _copy: TempDir,
}

impl Backup {
    /// Opens the backup at `from`, which is not touched: it is brought to the newest layout in a copy, in `directory` where
    /// that is there.
    fn open(from: &Path, directory: &Path, secret: &[u8]) -> Result<Self, StoreError> {
        let (db, copy) = copied(from, directory)?;
        let read = || {
            let sealer = sealer(&db, from, secret)?;
            let held = held_by(&db)?;
            let damaged = damaged_of(&db, &held, &sealer)?;
            Ok((sealer, held, damaged))
        };
        let (sealer, mut held, damaged) = read().map_err(|error: StoreError| error.about(from))?;
        let mut lacking = manifest::read(from)?;
        lacking.retain(|named| !held.iter().any(|held| Named::from(held) == *named));
        held.retain(|held| !damaged.contains(&held.into()));
        Ok(Self {
            db,
            sealer,
            held,
            said: Restored {
                has_manifest: manifest::manifest_of(from).exists(),
                damaged,
                lacking,
                ..Restored::default()
            },
            _copy: copy,
        })
    }
}

/// What was committed to the database at `from`, also where it still stands in SQLite's log: a plain copy of a store need not
/// have it in the file itself.
fn copied(from: &Path, directory: &Path) -> Result<(Connection, TempDir), StoreError> {
    let source = open_read_only(from)?;
    check(&source).map_err(|error| error.about(from))?;
    let folder = match directory.is_dir() {
        true => tempfile::tempdir_in(directory),
        false => tempfile::tempdir(),
    };
    let folder = folder.map_err(manifest::naming(directory))?;
    let copy = folder.path().join("backup.sqlite");
    sqlite::copy(&source, &copy).map_err(|error| {
        let file = if is_damage(&error) { from } else { directory };
        StoreError::from(error).about(file)
    })?;
    let brought = || {
        let db = Connection::open(&copy)?;
        schema::bring_up_to_date(&db)?;
        Ok(db)
    };
    let db = brought().map_err(|error: StoreError| error.about(from))?;
    Ok((db, folder))
}

impl Store {
    /// [`restore()`] into a store that is open.
    ///
    /// # Errors
    /// As there.
    #[cfg(test)]
    pub(super) fn restore(&self, from: &Path, secret: &[u8]) -> Result<Restored, StoreError> {
        self.take_over(&Backup::open(from, owner::parent(&self.path), secret)?)
    }

    fn take_over(&self, backup: &Backup) -> Result<Restored, StoreError> {
        let mut restored = backup.said.clone();
        self.take(backup, &mut restored)
            .and_then(|()| self.still_absent(&mut restored))
            .and_then(|()| self.name_absent(&restored.absent))
            .map_err(|error| error.about(&self.path))?;
        Ok(restored)
    }

    /// Has the manifest name what is still absent: whoever starts, looks or makes a backup later is told again.
    fn name_absent(&self, absent: &[Named]) -> Result<(), StoreError> {
        self.miss_by(
            absent,
            "the manifest of a backup names its share, which was not taken back",
        )?;
        if !absent.is_empty() && self.manifest_lags() {
            let manifest = manifest::manifest_of(&self.path);
            let words = "it could not be written, so nothing names from now on what is still missing: mend that and restore again";
            return Err(manifest::naming(&manifest)(io::Error::other(words)).into());
        }
        Ok(())
    }

    fn still_absent(&self, restored: &mut Restored) -> Result<(), StoreError> {
        let db = self.db();
        let held = held_by(&db)?;
        let damaged = damaged_of(&db, &held, &self.sealer)?;
        let sound =
            |named: &Named| held.iter().any(|held| Named::from(held) == *named) && !damaged.contains(named);
        let of_backup = restored.damaged.iter().chain(&restored.lacking);
        let missing = self.missing();
        let must_have: BTreeSet<Named> = of_backup.chain(&missing).chain(&damaged).copied().collect();
        let mut amid = held::begun_by(&db)?;
        amid.retain(|begun| {
            begun.from_backup && !missing.iter().any(|named| named.ceremony == begun.ceremony)
        });
        restored.amid = amid;
        restored.absent = must_have.into_iter().filter(|named| !sound(named)).collect();
        Ok(())
    }

    fn take(&self, backup: &Backup, restored: &mut Restored) -> Result<(), StoreError> {
        let mut db = self.db();
        let tx = db.transaction()?;
        take_sessions(&backup.db, &tx)?;
        for held in &backup.held {
            let share = Kept::read(&backup.db, held, &backup.sealer)?;
            if share.add(&tx, &self.sealer)? {
                restored.added.push(held.into());
            } else {
                restored.known += 1;
            }
        }
        tx.commit()?;
        drop(db);
        self.durably(|_| Ok(()))?;
        self.write_manifest();
        Ok(())
    }
}

/// What was begun there, and how it ended. A request id that was used is used for ever, so none may be forgotten. Of a run
/// amid which a backup was made that was taken back before, a newer one knows how it ended.
fn take_sessions(backup: &Connection, tx: &Connection) -> Result<(), StoreError> {
    let mut read = backup.prepare(
        "SELECT request_id, kind, started_ms, ended_ms, ending, detail, generation, signed FROM sessions ORDER BY rowid",
    )?;
    let mut rows = read.query([])?;
    let mut add = tx.prepare(
        "INSERT INTO sessions (request_id, kind, started_ms, ended_ms, ending, detail, generation)
         VALUES (?1, ?2, ?3, CASE WHEN ?5 IS NULL THEN ?8 ELSE ?4 END, COALESCE(?5, 'aborted'),
                 CASE WHEN ?5 IS NULL THEN ?9 ELSE ?6 END, ?7)
         ON CONFLICT (request_id) DO UPDATE SET ended_ms = excluded.ended_ms, ending = excluded.ending,
                 detail = CASE WHEN detail = ?9 THEN excluded.detail ELSE detail END
         WHERE excluded.ending = 'complete' AND ending IS NOT 'blamed'
            OR detail = ?9 AND excluded.detail <> ?9",
    )?;
    // what a configured initiator signed is remembered for ever, also where this store does not know who did
    let mut sign = tx.prepare("UPDATE sessions SET signed = 1 WHERE request_id = ?1")?;
    while let Some(row) = rows.next()? {
        let value = |n| row.get::<_, rusqlite::types::Value>(n);
        add.execute(params![
            value(0)?,
            value(1)?,
            value(2)?,
            value(3)?,
            value(4)?,
            value(5)?,
            value(6)?,
            now(),
            AMID
        ])?;
        if row.get("signed")? {
            sign.execute([value(0)?])?;
        }
    }
    Ok(())
}

/// Those of `held` that do not decrypt: what is beside a share, or the share itself, was altered.
pub(super) fn damaged_of(db: &Connection, held: &[Held], sealer: &Sealer) -> Result<Vec<Named>, StoreError> {
    let mut damaged = Vec::new();
    for held in held {
        match Kept::read(db, held, sealer) {
            Ok(_) => {}
            Err(StoreError::Altered(_)) => damaged.push(held.into()),
            Err(error) => return Err(error),
        }
    }
    Ok(damaged)
}

/// A share of a backup, opened.
pub(super) struct Kept<'a> {
    held: &'a Held,
    reason: String,
    facts: String,
    outputs: Option<Vec<u8>>,
    pub(super) share: Zeroizing<[u8; 32]>,
}

impl<'a> Kept<'a> {
    pub(super) fn read(backup: &Connection, held: &'a Held, theirs: &Sealer) -> Result<Self, StoreError> {
        let (reason, facts, outputs, sealed): (_, String, _, Vec<u8>) = backup.query_row(
            "SELECT reason, facts, outputs, sealed FROM shares WHERE request_id = ?1",
            [held.ceremony.0],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
        )?;
        let share = theirs
            .open(&sealed, &associated(held.ceremony, held.validator, &facts))
            .ok_or(StoreError::Altered(held.validator))?;
        Ok(Self {
            held,
            reason,
            facts,
            outputs,
            share,
        })
    }

    /// The same share for a file that `ours` seals.
    pub(super) fn sealed_by(&self, ours: &Sealer) -> Vec<u8> {
        let Held {
            validator, ceremony, ..
        } = *self.held;
        ours.seal(&self.share, &associated(ceremony, validator, &self.facts))
    }

    /// Adds it; `false` where it was there already. Of two words on one share the graver counts: `never-use`, then `active`.
    fn add(&self, tx: &Connection, ours: &Sealer) -> Result<bool, StoreError> {
        let Held {
            validator, ceremony, ..
        } = *self.held;
        tx.execute(
            "UPDATE shares SET state = ?2, reason = ?3, outputs = COALESCE(outputs, ?4)
             WHERE request_id = ?1 AND (?2 = 'never-use' OR (?2 = 'active' AND state = 'pending'))",
            params![ceremony.0, self.held.state.as_str(), self.reason, self.outputs],
        )?;
        let known: bool = tx.query_row(
            "SELECT EXISTS (SELECT 1 FROM shares WHERE request_id = ?1)",
            [ceremony.0],
            |row| row.get(0),
        )?;
        let sealed = self.sealed_by(ours);
        if known {
            return self.mend(tx, ours, &sealed);
        }
        let sql = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        tx.execute(
            "INSERT INTO shares
                 (request_id, validator, stored_ms, state, reason, facts, sealed, generation, outputs)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            params![
                ceremony.0,
                validator.0,
                sql(self.held.stored_at.0),
                self.held.state.as_str(),
                self.reason,
                self.facts,
                sealed,
                sql(self.held.generation),
                self.outputs
            ],
        )?;
        Ok(true)
    }

    /// Takes the place of one that is here and does not decrypt; `false` where that one does.
    fn mend(&self, tx: &Connection, ours: &Sealer, sealed: &[u8]) -> Result<bool, StoreError> {
        let is_damaged = !damaged_of(tx, std::slice::from_ref(self.held), ours)?.is_empty();
        if is_damaged {
            tx.execute(
                "UPDATE shares SET facts = ?2, sealed = ?3 WHERE request_id = ?1",
                params![self.held.ceremony.0, self.facts, sealed],
            )?;
        }
        Ok(is_damaged)
    }
}
