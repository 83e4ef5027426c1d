//! Another operator key: the store is sealed anew in a copy, which is verified and takes its place.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, params};

use super::backup::{Kept, check, damaged_of};
use super::held::{Held, held_by, open_read_only};
use super::manifest::{Named, naming};
use super::seal::Sealer;
use super::{StoreError, make_private, schema, sealer, take_lock};
use crate::owner;
use crate::sqlite::{self, beside};
use crate::types::UnixMillis;

/// A store under another key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resealed {
    /// Shares that it holds, sealed under the new key.
    pub shares: usize,
    /// Shares that did not decrypt under the former key either; they stay as they are.
    pub damaged: Vec<Named>,
    /// The file as it was, which the former key opens.
    pub former: PathBuf,
}

/// Seals every share of the store at `path`, which the key `old` opens, for the key `new` (both in the encoding with which
/// a store is opened). The file as it was is kept beside it.
///
/// # Errors
/// There is no store, a node uses it, or `old` is not its key. Then everything is as it was.
pub fn reseal(path: &Path, old: &[u8], new: &[u8]) -> Result<Resealed, StoreError> {
    drop(open_read_only(path)?);
    let path = fs::canonicalize(path).map_err(naming(path))?;
    let _lock = take_lock(&path)?;
    // what a node that was killed left in SQLite's log belongs to the file
    Connection::open(&path)?.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    let partial = path.with_extension("resealing.sqlite");
    remove(&partial)?;
    let done = seal_anew(&path, &partial, old, new).and_then(|(shares, damaged)| {
        let former = install(&path, &partial)?;
        Ok(Resealed {
            shares,
            damaged,
            former,
        })
    });
    if done.is_err() {
        remove(&partial)?;
    }
    done
}

/// Writes the store under its new key to `partial`, and opens every share of it as a node would.
fn seal_anew(path: &Path, partial: &Path, old: &[u8], new: &[u8]) -> Result<(usize, Vec<Named>), StoreError> {
    make_private(partial)?;
    let source = open_read_only(path)?;
    sqlite::copy(&source, partial)?;
    let mut copy = Connection::open(partial)?;
    check(&copy)?;
    schema::bring_up_to_date(&copy)?;
    let former = sealer(&copy, path, old)?;
    let (ours, salt, key_check) = Sealer::create(new);
    let all = held_by(&copy)?;
    let damaged = damaged_of(&copy, &all, &former)?;
    let is_sound = |held: &&Held| !damaged.contains(&Named::from(*held));
    let tx = copy.transaction()?;
    for held in all.iter().filter(is_sound) {
        let sealed = Kept::read(&tx, held, &former)?.sealed_by(&ours);
        tx.execute(
            "UPDATE shares SET sealed = ?2 WHERE request_id = ?1",
            params![held.ceremony.0, sealed],
        )?;
    }
    tx.execute("UPDATE meta SET value = ?1 WHERE name = 'salt'", [&salt[..]])?;
    tx.execute("UPDATE meta SET value = ?1 WHERE name = 'key_check'", [key_check])?;
    tx.commit()?;
    // no free page keeps a share under the former key
    copy.execute_batch("VACUUM")?;
    copy.close().map_err(|(_, error)| error)?;

    let copy = open_read_only(partial)?;
    check(&copy)?;
    let ours = sealer(&copy, partial, new)?;
    if held_by(&copy)? != all {
        let words = "the copy holds other shares than the store";
        return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, words).into());
    }
    for held in all.iter().filter(is_sound) {
        let (before, after) = (Kept::read(&source, held, &former), Kept::read(&copy, held, &ours));
        if before?.share != after?.share {
            return Err(StoreError::Altered(held.validator));
        }
    }
    Ok((all.len() - damaged.len(), damaged))
}

/// Puts the copy in the store's place: at each moment one of the two is there.
fn install(path: &Path, partial: &Path) -> Result<PathBuf, StoreError> {
    let log = beside(path, "-wal");
    if fs::metadata(&log).is_ok_and(|found| found.len() > 0) {
        let words = "somebody reads the store just now: try again";
        return Err(naming(&log)(std::io::Error::other(words)).into());
    }
    let former = path.with_extension(format!("former-key-{}.sqlite", UnixMillis::now().0));
    make_private(&former)?;
    fs::copy(path, &former).map_err(naming(&former))?;
    for file in [&former, &partial.to_owned()] {
        File::open(file)
            .and_then(|file| file.sync_all())
            .map_err(naming(file))?;
        owner::settle(file).map_err(naming(file))?;
    }
    // both are empty by now; beside another file they would be taken for that file's
    for suffix in ["-shm", "-wal"] {
        remove(&beside(path, suffix))?;
    }
    fs::rename(partial, path).map_err(naming(path))?;
    if let Some(directory) = path.parent() {
        File::open(directory)
            .and_then(|d| d.sync_all())
            .map_err(naming(directory))?;
    }
    Ok(former)
}

fn remove(file: &Path) -> Result<(), StoreError> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(naming(file)(error).into()),
        _ => Ok(()),
    }
}
