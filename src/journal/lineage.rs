//! Which key of the journal's own came after which, and on whose word: that of the key before, which signed it, or a person's
//! alone.

use std::path::Path;

use rusqlite::Connection;

use super::chain::{Anchor, Entry};
use super::error::JournalError;
use super::own_key::{self, KEYED};
use super::read;
use crate::types::{JournalKey, Root};

/// A key that a record names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Succession {
    /// The record that names it.
    pub record: u64,
    pub key: JournalKey,
    pub word: Word,
}

/// On whose word a key counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Word {
    /// It is the journal's first: whoever wrote it down knows it.
    First,
    /// The key before it signed it, and everything up to there.
    Former,
    /// A person declared it, without the key before it.
    Person,
}

/// The keys of a journal, in the order in which records name them.
#[derive(Debug, Default)]
pub(super) struct Lineage {
    /// Hash of the first record: which journal it is.
    journal: Option<Root>,
    before: Option<Anchor>,
    keys: Vec<Succession>,
}

impl Lineage {
    /// Takes the next entry, of all of them in order.
    ///
    /// # Errors
    /// In words: it names no key, or one that the key before it did not sign although it says so.
    pub(super) fn take(&mut self, entry: &Entry) -> Result<(), String> {
        let journal = *self.journal.get_or_insert(entry.hash);
        if entry.kind == KEYED {
            self.keys
                .push(judge(journal, self.before, self.keys.last(), entry)?);
        }
        self.before = Some(anchor(entry));
        Ok(())
    }

    pub(super) fn keys(self) -> Vec<Succession> {
        self.keys
    }
}

/// Judges the keys that a whole journal names, whose links were checked.
///
/// # Errors
/// [`JournalError::Broken`] at the record that names a key wrongly.
pub(super) fn check(path: &Path, connection: &Connection) -> Result<(), JournalError> {
    let Some(first) = read::one(path, connection, 1)? else {
        return Ok(());
    };
    let mut newest: Option<Succession> = None;
    for seq in read::of_kind(path, connection, KEYED)? {
        let Some(entry) = read::one(path, connection, seq)? else {
            continue;
        };
        let before = read::one(path, connection, seq - 1)?.as_ref().map(anchor);
        let next = judge(first.hash, before, newest.as_ref(), &entry).map_err(broken(path, seq))?;
        newest = Some(next);
    }
    Ok(())
}

pub(super) fn broken(path: &Path, seq: u64) -> impl FnOnce(String) -> JournalError {
    let path = path.to_owned();
    move |problem| JournalError::Broken { path, seq, problem }
}

fn anchor(entry: &Entry) -> Anchor {
    Anchor {
        seq: entry.seq,
        hash: entry.hash,
    }
}

fn judge(
    journal: Root,
    before: Option<Anchor>,
    newest: Option<&Succession>,
    entry: &Entry,
) -> Result<Succession, String> {
    let named = own_key::named(&entry.body).ok_or("names no key")?;
    let word = match (newest, named.former) {
        (None, None) => Word::First,
        (Some(_), None) => Word::Person,
        (None, Some(former)) => {
            return Err(format!(
                "names a key that {} signed, and no record before it names that one",
                former.key
            ));
        }
        (Some(newest), Some(former)) if newest.key != former.key => {
            return Err(format!(
                "names a key that {} signed, and the journal's own was {}, by record {}",
                former.key, newest.key, newest.record
            ));
        }
        (Some(_), Some(former)) => {
            let handed = before.map(|before| own_key::Handed {
                journal,
                before,
                to: named.key,
            });
            if !handed.is_some_and(|handed| handed.is_signed(&former)) {
                return Err(format!(
                    "names a new key with a signature of {} that is not right: it, or what stands before it, is another one",
                    former.key
                ));
            }
            Word::Former
        }
    };
    Ok(Succession {
        record: entry.seq,
        key: named.key,
        word,
    })
}

/// What a key that somebody wrote down holds of a journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reach<'a> {
    /// The newest key that counts on its word, by one signature after the other: itself where it handed on to none.
    pub heir: &'a Succession,
    /// The last record that it, or a key that it handed on to, signed when it handed on; 0 where none did.
    pub handed: u64,
    /// The key that took its place on a person's word.
    pub replaced: Option<&'a Succession>,
}

/// How far `key` reaches among these keys; `None` where no record names it.
#[must_use]
pub fn reach<'a>(keys: &'a [Succession], key: &JournalKey) -> Option<Reach<'a>> {
    let at = keys.iter().position(|named| named.key == *key)?;
    let behind = &keys[at + 1..];
    let heirs = behind
        .iter()
        .take_while(|named| named.word == Word::Former)
        .count();
    let heir = &keys[at + heirs];
    Some(Reach {
        heir,
        handed: if heirs > 0 { heir.record - 1 } else { 0 },
        replaced: behind.get(heirs),
    })
}
