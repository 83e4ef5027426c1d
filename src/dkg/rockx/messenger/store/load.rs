//! Reads the database back at the start.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Bytes;
use rusqlite::{Connection, Row};

use super::schema::KNOWN;
use super::{LoadedMessage, StoreError};
use crate::dkg::rockx::keys::OperatorPublicKey;
use crate::dkg::rockx::messenger::registry::Entry;
use crate::dkg::rockx::messenger::removed::Removal;
use crate::dkg::rockx::messenger::results::Backing;
use crate::dkg::rockx::messenger::topic::Origin;
use crate::types::{OperatorId, RequestId, UnixMillis};

/// Everything that was kept.
#[derive(Default)]
pub(in super::super) struct Loaded {
    pub(in super::super) registered: BTreeMap<String, Entry>,
    pub(in super::super) topics: Vec<LoadedTopic>,
    pub(in super::super) results: Vec<LoadedResult>,
    pub(in super::super) removed: Vec<(RequestId, Removal)>,
}

/// A topic as it was.
pub(in super::super) struct LoadedTopic {
    pub(in super::super) id: RequestId,
    pub(in super::super) at: UnixMillis,
    pub(in super::super) owner: Option<[u8; 32]>,
    pub(in super::super) origin: Origin,
    pub(in super::super) finished: Option<UnixMillis>,
    /// Name, address, whether it registered on the topic itself.
    pub(in super::super) members: Vec<(String, String, bool)>,
    /// By position.
    pub(in super::super) messages: Vec<LoadedMessage>,
    /// Subscriber and position of what is done with, and whether it was delivered.
    pub(in super::super) settled: HashMap<(String, u64), bool>,
}

/// A result and what differed from it.
pub(in super::super) struct LoadedResult {
    pub(in super::super) id: RequestId,
    pub(in super::super) at: UnixMillis,
    pub(in super::super) weight: usize,
    pub(in super::super) backing: Backing,
    pub(in super::super) text: Arc<str>,
    pub(in super::super) conflicts: Vec<(UnixMillis, Arc<str>)>,
}

pub(super) fn load(connection: &Connection) -> Result<Loaded, StoreError> {
    Ok(Loaded {
        registered: registered(connection)?,
        topics: topics(connection)?,
        results: results(connection)?,
        removed: removed(connection)?,
    })
}

fn registered(connection: &Connection) -> Result<BTreeMap<String, Entry>, StoreError> {
    let mut registered = BTreeMap::new();
    // version 1 noted only the address: such an entry is a guest's of this moment
    let sql = "SELECT r.name, r.address, s.key, s.proved, s.vouched, s.client, s.seen, s.heard, s.signed
               FROM registered r LEFT JOIN standing s ON s.name = r.name";
    let now = UnixMillis::now();
    each(connection, sql, |row| {
        let millis = |column: usize| {
            let at = row.get::<_, Option<i64>>(column)?;
            Ok::<_, rusqlite::Error>(at.map(|at| UnixMillis(at.unsigned_abs())))
        };
        let key = row.get::<_, Option<Vec<u8>>>(2)?;
        let key = key.and_then(|der| OperatorPublicKey::from_der(&der).ok());
        let entry = Entry {
            address: row.get(1)?,
            proved: millis(3)?.filter(|_| key.is_some()),
            signed: millis(8)?.filter(|_| key.is_some()),
            confirmed: key.is_some() && row.get::<_, Option<bool>>(4)?.unwrap_or_default(),
            key: key.map(Arc::new),
            listed: false,
            client: client(row, 5)?,
            seen: millis(6)?.unwrap_or(now),
            heard: row.get::<_, Option<bool>>(7)?.unwrap_or_default(),
        };
        registered.insert(row.get(0)?, entry);
        Ok(())
    })?;
    Ok(registered)
}

fn client(row: &Row<'_>, column: usize) -> Result<Option<IpAddr>, rusqlite::Error> {
    let text = row.get::<_, Option<String>>(column)?;
    Ok(text.and_then(|text| text.parse().ok()))
}

fn topics(connection: &Connection) -> Result<Vec<LoadedTopic>, StoreError> {
    let (mut topics, mut index) = (Vec::new(), Index::new());
    let sql = "SELECT t.id, t.at, t.finished, t.owner, o.client
               FROM topic t LEFT JOIN origin o ON o.topic = t.id";
    each(connection, sql, |row| {
        let id = id(row, 0)?;
        index.insert(id, topics.len());
        topics.push(LoadedTopic {
            id,
            at: time(row, 1)?,
            finished: row
                .get::<_, Option<i64>>(2)?
                .map(|at| UnixMillis(at.unsigned_abs())),
            owner: row.get(3)?,
            origin: match row.get::<_, Option<String>>(4)? {
                Some(text) if text == KNOWN => Origin::Known,
                _ => Origin::Guest(client(row, 4)?),
            },
            members: Vec::new(),
            messages: Vec::new(),
            settled: HashMap::new(),
        });
        Ok(())
    })?;
    let members = "SELECT topic, name, address, direct FROM member";
    each_of(connection, members, &index, &mut topics, |topic, row| {
        topic.members.push((row.get(1)?, row.get(2)?, row.get(3)?));
        Ok(())
    })?;
    let messages = "SELECT topic, seq, at, body FROM message ORDER BY topic, seq";
    each_of(connection, messages, &index, &mut topics, |topic, row| {
        topic.messages.push(LoadedMessage {
            seq: row.get::<_, i64>(1)?.unsigned_abs(),
            at: time(row, 2)?,
            body: Bytes::from(row.get::<_, Vec<u8>>(3)?),
        });
        Ok(())
    })?;
    let settled = "SELECT topic, name, seq, delivered FROM settled";
    each_of(connection, settled, &index, &mut topics, |topic, row| {
        let key = (row.get(1)?, row.get::<_, i64>(2)?.unsigned_abs());
        topic.settled.insert(key, row.get(3)?);
        Ok(())
    })?;
    Ok(topics)
}

fn results(connection: &Connection) -> Result<Vec<LoadedResult>, StoreError> {
    let (mut results, mut index) = (Vec::new(), Index::new());
    each(
        connection,
        "SELECT id, at, weight, text, vouched, signers FROM result ORDER BY at",
        |row| {
            let id = id(row, 0)?;
            index.insert(id, results.len());
            results.push(LoadedResult {
                id,
                at: time(row, 1)?,
                weight: usize::try_from(row.get::<_, i64>(2)?).unwrap_or_default(),
                text: row.get(3)?,
                backing: Backing {
                    vouched: row.get(4)?,
                    signers: signers(&row.get::<_, String>(5)?),
                },
                conflicts: Vec::new(),
            });
            Ok(())
        },
    )?;
    let conflicts = "SELECT id, at, text FROM conflict ORDER BY rowid";
    each_of(connection, conflicts, &index, &mut results, |result, row| {
        result.conflicts.push((time(row, 1)?, row.get(2)?));
        Ok(())
    })?;
    Ok(results)
}

fn removed(connection: &Connection) -> Result<Vec<(RequestId, Removal)>, StoreError> {
    let mut removed = Vec::new();
    let sql = "SELECT topic, at, signed, known FROM removed ORDER BY at";
    each(connection, sql, |row| {
        let signed = row.get::<_, Option<i64>>(2)?;
        let removal = Removal {
            at: time(row, 1)?,
            signed: signed.map(|at| UnixMillis(at.unsigned_abs())),
            origin: match row.get(3)? {
                true => Origin::Known,
                false => Origin::Guest(None),
            },
        };
        removed.push((id(row, 0)?, removal));
        Ok(())
    })?;
    Ok(removed)
}

/// The operators of a comma-separated list. A result of an earlier version tells nobody.
fn signers(list: &str) -> Vec<OperatorId> {
    list.split(',')
        .filter_map(|id| id.parse().ok())
        .map(OperatorId)
        .collect()
}

/// Where the topic or result of an id stands in its list.
type Index = HashMap<RequestId, usize>;

/// Gives each row to the topic or result that its first column names. A row whose owner is gone is left out.
fn each_of<T>(
    connection: &Connection,
    sql: &str,
    index: &Index,
    owners: &mut [T],
    mut take: impl FnMut(&mut T, &Row<'_>) -> Result<(), rusqlite::Error>,
) -> Result<(), StoreError> {
    each(connection, sql, |row| match index.get(&id(row, 0)?) {
        Some(at) => take(&mut owners[*at], row),
        None => Ok(()),
    })
}

fn each(
    connection: &Connection,
    sql: &str,
    mut take: impl FnMut(&Row<'_>) -> Result<(), rusqlite::Error>,
) -> Result<(), StoreError> {
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        take(row)?;
    }
    Ok(())
}

fn id(row: &Row<'_>, column: usize) -> Result<RequestId, rusqlite::Error> {
    row.get::<_, [u8; 24]>(column).map(RequestId)
}

fn time(row: &Row<'_>, column: usize) -> Result<UnixMillis, rusqlite::Error> {
    row.get::<_, i64>(column).map(|at| UnixMillis(at.unsigned_abs()))
}
