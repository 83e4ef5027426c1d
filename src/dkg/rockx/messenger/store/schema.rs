//! Tables and the statements that change them.

use std::path::Path;

use rusqlite::{Connection, Transaction, params};

use super::{Registered, StoreError, Write};
use crate::dkg::rockx::messenger::removed::Removal;
use crate::dkg::rockx::messenger::topic::Origin;
use crate::lock::{self, NotOurs};
use crate::owner;
use crate::secrets::{Holds, judge_ours, make_private};
use crate::types::UnixMillis;

/// Step n takes a file of version n to version n + 1; a new file takes all of them.
pub(super) const STEPS: [&str; 5] = [FIRST, STANDING, BACKING, CONFIRMED, REMOVED];

/// The origin of a topic whose initiator is known, in the place of a client's address.
pub(super) const KNOWN: &str = "known";

const FIRST: &str = "
    CREATE TABLE registered (name TEXT PRIMARY KEY, address TEXT NOT NULL) STRICT;
    CREATE TABLE topic (id BLOB PRIMARY KEY, at INTEGER NOT NULL, owner BLOB, finished INTEGER) STRICT;
    CREATE TABLE member (topic BLOB NOT NULL, name TEXT NOT NULL, address TEXT NOT NULL, direct INTEGER NOT NULL,
        PRIMARY KEY (topic, name)) STRICT, WITHOUT ROWID;
    CREATE TABLE message (topic BLOB NOT NULL, seq INTEGER NOT NULL, at INTEGER NOT NULL, body BLOB NOT NULL,
        PRIMARY KEY (topic, seq)) STRICT;
    CREATE TABLE settled (topic BLOB NOT NULL, name TEXT NOT NULL, seq INTEGER NOT NULL, delivered INTEGER NOT NULL,
        PRIMARY KEY (topic, name, seq)) STRICT, WITHOUT ROWID;
    CREATE TABLE result (id BLOB PRIMARY KEY, at INTEGER NOT NULL, weight INTEGER NOT NULL, text TEXT NOT NULL) STRICT;
    CREATE TABLE conflict (id BLOB NOT NULL, at INTEGER NOT NULL, text TEXT NOT NULL,
        PRIMARY KEY (id, text)) STRICT;
";

/// What registrations have proved, and who made a topic. Files of version 1 have these tables or do not: a program that
/// wrote them left the number as it was. An entry without a row is a guest's.
const STANDING: &str = "
    CREATE TABLE IF NOT EXISTS standing (name TEXT PRIMARY KEY, key BLOB, proved INTEGER, vouched INTEGER NOT NULL,
        client TEXT, seen INTEGER NOT NULL, heard INTEGER NOT NULL) STRICT;
    CREATE TABLE IF NOT EXISTS origin (topic BLOB PRIMARY KEY, client TEXT) STRICT;
";

/// Whose signatures a result stands on: ids with commas between. Of results of earlier versions that is not known; they
/// make room first.
const BACKING: &str = "
    ALTER TABLE result ADD COLUMN vouched INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE result ADD COLUMN signers TEXT NOT NULL DEFAULT '';
";

/// What of an entry was confirmed is noted there, where earlier versions noted the same of entries that were only listed:
/// whoever can prove itself does so again. And when its last proof was signed, in ms since the Unix epoch.
const CONFIRMED: &str = "
    UPDATE standing SET vouched = 0;
    ALTER TABLE standing ADD COLUMN signed INTEGER;
";

/// Topics that their owners removed, when that was by the clock here, when it was signed by the owner's, and whether the
/// owner was an initiator that is known.
const REMOVED: &str = "
    CREATE TABLE removed (topic BLOB PRIMARY KEY, at INTEGER NOT NULL, signed INTEGER, known INTEGER NOT NULL) STRICT;
";

/// The database within the messenger's data directory.
pub const FILE: &str = "messenger.sqlite";

/// Opens the database of `dir`, with the lock that keeps other processes away from it.
pub(super) fn open(dir: &Path) -> Result<(Connection, lock::Held), StoreError> {
    let io = |path: &Path| {
        let path = path.display().to_string();
        move |source| StoreError::Io { path, source }
    };
    // said of the directory: the file within it is not there yet
    owner::make_directories(dir, 0o700).map_err(io(dir))?;
    let path = dir.join(FILE);
    make_private(&path).map_err(io(&path))?;
    // beside the file itself, not beside a link to it
    let real = std::fs::canonicalize(&path).ok();
    let home = real.as_deref().and_then(Path::parent).unwrap_or(dir);
    let beside = home.join("messenger.lock");
    let lock = lock::take(&beside).map_err(|why| match why {
        NotOurs::Taken(by) => StoreError::InUse {
            path: dir.display().to_string(),
            by,
        },
        NotOurs::Io(source) => io(&beside)(source),
    })?;
    judge_ours(&path, Holds::Trusted).map_err(io(&path))?;
    let mut connection = Connection::open(&path)?;
    // before the first pragma: some of them write, and a newer file is left as it is
    let version = version(&connection, &path)?;
    // FULL: a commit that was answered survives a power cut; grouping makes it cheap enough
    connection.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 5000; \
             PRAGMA wal_autocheckpoint = 0;",
    )?;
    bring_up_to_date(&mut connection, version)?;
    Ok((connection, lock))
}

/// How many steps the file has taken; 0 where it has no tables yet.
fn version(connection: &Connection, path: &Path) -> Result<usize, StoreError> {
    let found: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    match usize::try_from(found) {
        Ok(version) if version <= STEPS.len() => Ok(version),
        _ => Err(StoreError::Version {
            path: path.display().to_string(),
            found,
            known: STEPS.len(),
        }),
    }
}

/// Takes the steps that are missing in one transaction: the file is of the newest version afterwards, or as it was.
fn bring_up_to_date(connection: &mut Connection, version: usize) -> Result<(), rusqlite::Error> {
    if version == STEPS.len() {
        return Ok(());
    }
    let tx = connection.transaction()?;
    for step in &STEPS[version..] {
        tx.execute_batch(step)?;
    }
    tx.pragma_update(None, "user_version", int(STEPS.len() as u64))?;
    tx.commit()
}

/// Applies `changes` in one transaction.
pub(super) fn commit(connection: &mut Connection, changes: &[Write]) -> Result<(), rusqlite::Error> {
    if changes.is_empty() {
        return Ok(());
    }
    let tx = connection.transaction()?;
    for change in changes {
        apply(&tx, change)?;
    }
    tx.commit()
}

const KEEP_RESULT: &str = "INSERT OR REPLACE INTO result (id, at, weight, text, vouched, signers)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6)";

/// SQLite's integers are signed; times and positions never come near the limit.
fn int(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn apply(tx: &Transaction<'_>, change: &Write) -> Result<(), rusqlite::Error> {
    let run =
        |sql: &str, values: &[&dyn rusqlite::ToSql]| tx.prepare_cached(sql)?.execute(values).map(|_| ());
    match change {
        Write::Registered(registered) => register(tx, registered),
        Write::DropRegistered { name } => {
            run("DELETE FROM registered WHERE name = ?1", params![name])?;
            run("DELETE FROM standing WHERE name = ?1", params![name])
        }
        Write::Topic {
            id,
            at,
            owner,
            origin,
            members,
        } => create_topic(tx, &id.0, *at, *owner, *origin, members),
        Write::Member {
            topic,
            name,
            address,
            direct,
        } => run(
            "INSERT OR REPLACE INTO member (topic, name, address, direct) VALUES (?1, ?2, ?3, ?4)",
            params![topic.0, name, address, direct],
        ),
        Write::DropTopic { id } => drop_topic(tx, &id.0),
        Write::Removed { id, removal } => note_removed(tx, &id.0, removal),
        Write::ForgetRemoved { id } => run("DELETE FROM removed WHERE topic = ?1", params![id.0]),
        Write::Message { topic, message } => run(
            "INSERT OR REPLACE INTO message (topic, seq, at, body) VALUES (?1, ?2, ?3, ?4)",
            params![topic.0, int(message.seq), int(message.at.0), &message.body[..]],
        ),
        Write::Settled {
            topic,
            name,
            seq,
            delivered,
        } => run(
            "INSERT OR REPLACE INTO settled (topic, name, seq, delivered) VALUES (?1, ?2, ?3, ?4)",
            params![topic.0, name, int(*seq), delivered],
        ),
        Write::Finished { topic, at } => run(
            "UPDATE topic SET finished = ?2 WHERE id = ?1",
            params![topic.0, int(at.0)],
        ),
        Write::DropMessages { topic } => drop_messages(tx, &topic.0),
        Write::Result {
            id,
            at,
            weight,
            backing,
            text,
        } => {
            let signers: Vec<String> = backing.signers.iter().map(ToString::to_string).collect();
            let (at, weight) = (int(at.0), int(*weight as u64));
            run(
                KEEP_RESULT,
                params![id.0, at, weight, text, backing.vouched, signers.join(",")],
            )
        }
        Write::Conflict { id, at, text } => run(
            "INSERT OR REPLACE INTO conflict (id, at, text) VALUES (?1, ?2, ?3)",
            params![id.0, int(at.0), text],
        ),
        Write::DropResult { id } => {
            run("DELETE FROM result WHERE id = ?1", params![id.0])?;
            run("DELETE FROM conflict WHERE id = ?1", params![id.0])
        }
    }
}

fn register(tx: &Transaction<'_>, Registered { name, entry }: &Registered) -> Result<(), rusqlite::Error> {
    tx.prepare_cached("INSERT OR REPLACE INTO registered (name, address) VALUES (?1, ?2)")?
        .execute(params![name, entry.address])?;
    tx.prepare_cached(
        "INSERT OR REPLACE INTO standing (name, key, proved, vouched, client, seen, heard, signed)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?
    .execute(params![
        name,
        entry.key.as_ref().map(|key| key.as_spki_der()),
        entry.proved.map(|at| int(at.0)),
        entry.confirmed,
        entry.client.map(|client| client.to_string()),
        int(entry.seen.0),
        entry.heard,
        entry.signed.map(|at| int(at.0)),
    ])?;
    Ok(())
}

fn note_removed(tx: &Transaction<'_>, topic: &[u8; 24], removal: &Removal) -> Result<(), rusqlite::Error> {
    let signed = removal.signed.map(|at| int(at.0));
    let known = removal.origin == Origin::Known;
    tx.prepare_cached("INSERT OR REPLACE INTO removed (topic, at, signed, known) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![topic, int(removal.at.0), signed, known])?;
    Ok(())
}

fn create_topic(
    tx: &Transaction<'_>,
    id: &[u8; 24],
    at: UnixMillis,
    owner: Option<[u8; 32]>,
    origin: Origin,
    members: &[(String, String)],
) -> Result<(), rusqlite::Error> {
    drop_topic(tx, id)?;
    tx.prepare_cached("INSERT INTO topic (id, at, owner) VALUES (?1, ?2, ?3)")?
        .execute(params![id, int(at.0), owner])?;
    let client = match origin {
        Origin::Known => Some(KNOWN.to_owned()),
        Origin::Guest(client) => client.map(|client| client.to_string()),
    };
    tx.prepare_cached("INSERT OR REPLACE INTO origin (topic, client) VALUES (?1, ?2)")?
        .execute(params![id, client])?;
    for (name, address) in members {
        tx.prepare_cached("INSERT INTO member (topic, name, address, direct) VALUES (?1, ?2, ?3, 0)")?
            .execute(params![id, name, address])?;
    }
    Ok(())
}

fn drop_messages(tx: &Transaction<'_>, topic: &[u8]) -> Result<(), rusqlite::Error> {
    for table in ["message", "settled"] {
        tx.prepare_cached(&format!("DELETE FROM {table} WHERE topic = ?1"))?
            .execute([topic])?;
    }
    Ok(())
}

fn drop_topic(tx: &Transaction<'_>, topic: &[u8]) -> Result<(), rusqlite::Error> {
    drop_messages(tx, topic)?;
    tx.prepare_cached("DELETE FROM member WHERE topic = ?1")?
        .execute([topic])?;
    tx.prepare_cached("DELETE FROM origin WHERE topic = ?1")?
        .execute([topic])?;
    tx.prepare_cached("DELETE FROM topic WHERE id = ?1")?
        .execute([topic])?;
    Ok(())
}
