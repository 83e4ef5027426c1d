//! The checkpoint: number and hash of the newest acknowledged record, outside the journal, and signed where the journal has
//! a key of its own.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::chain::Anchor;
use super::error::{JournalError, io_at, sqlite_at};
use super::own_key::{self, Acknowledged, KEYED, Seal};
use super::read;
use crate::owner;
use crate::secrets::read_trusted;
use crate::types::{JournalKey, Root, UnixMillis};

/// Bytes of a checkpoint, and some to spare.
const LONGEST: u64 = 1 << 10;

/// What a checkpoint says: `<seq> <hash>`, and ` <at> <key> <signature>` behind that where it is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stated {
    pub(super) newest: Anchor,
    /// Programs from before journals had keys wrote none.
    pub(super) seal: Option<Seal>,
}

impl std::fmt::Display for Stated {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.newest.seq, self.newest.hash)?;
        match &self.seal {
            Some(Seal { at, key, signature }) => write!(f, " {} {key} {signature}", at.0),
            None => Ok(()),
        }
    }
}

impl Stated {
    /// Reads the text of a checkpoint.
    pub(super) fn parse(text: &str) -> Option<Self> {
        // Rust takes a sign for a part of a number
        let number = |word: &str| {
            word.bytes()
                .all(|byte| byte.is_ascii_digit())
                .then(|| word.parse().ok())?
        };
        let mut words = text.split_whitespace();
        let newest = Anchor {
            seq: number(words.next()?)?,
            hash: words.next()?.parse().ok()?,
        };
        let rest: Vec<&str> = words.collect();
        let seal = match rest[..] {
            [] => None,
            [at, key, signature] => Some(Seal {
                at: UnixMillis(number(at)?),
                key: key.parse().ok()?,
                signature: signature.parse().ok()?,
            }),
            _ => return None,
        };
        Some(Self { newest, seal })
    }

    /// Judges the signature by what the journal says: the hash of its first record, the acknowledged record's format, and
    /// the newest key that a record up to there names.
    ///
    /// # Errors
    /// In words. What is not signed is not wrong.
    pub(super) fn signed(
        &self,
        journal: Root,
        format: u32,
        named: Option<(u64, JournalKey)>,
    ) -> Result<Option<Signed>, String> {
        let Some(seal) = &self.seal else {
            return Ok(None);
        };
        let Some((record, key)) = named else {
            return Err(
                "was acknowledged with a signature, and no record up to it names a key of the journal's own"
                    .to_owned(),
            );
        };
        if key != seal.key {
            return Err(format!(
                "was acknowledged with key {}, and record {record} names key {key}",
                seal.key
            ));
        }
        let said = Acknowledged {
            journal,
            format,
            newest: self.newest,
            at: seal.at,
        };
        if !said.is_sealed(seal) {
            return Err(
                "was acknowledged with a signature that is not right: checkpoint or journal is another one"
                    .to_owned(),
            );
        }
        Ok(Some(Signed {
            upto: self.newest.seq,
            record,
            key,
            at: seal.at,
        }))
    }
}

/// A signature of the journal's own key that was verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Signed {
    /// The acknowledged record. What stands before it cannot be changed without the private half.
    pub upto: u64,
    /// The record that names the key.
    pub record: u64,
    pub key: JournalKey,
    /// When it was acknowledged, by the machine's clock.
    pub at: UnixMillis,
}

/// The file of a checkpoint, replaced atomically.
#[derive(Debug)]
pub(super) struct Checkpoint {
    path: PathBuf,
}

impl Checkpoint {
    /// The checkpoint in this file.
    pub(super) fn at(path: PathBuf) -> Self {
        Self { path }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a checkpoint without a signature.
    pub(super) fn write(&self, newest: Anchor) -> io::Result<()> {
        self.put(&Stated { newest, seal: None })
    }

    pub(super) fn put(&self, stated: &Stated) -> io::Result<()> {
        let temporary = self.path.with_extension("checkpoint.new");
        let mut file = create_private(&temporary)?;
        writeln!(file, "{stated}")?;
        // no fsync: a checkpoint that lags behind is harmless, and it cannot get ahead of the journal
        drop(file);
        owner::settle(&temporary)?;
        fs::rename(&temporary, &self.path)
    }

    /// Number and hash, without a look at the signature.
    pub(super) fn read(&self) -> Result<Option<Anchor>, JournalError> {
        Ok(self.stated()?.map(|stated| stated.newest))
    }

    pub(super) fn stated(&self) -> Result<Option<Stated>, JournalError> {
        let text = match read_trusted(&self.path, LONGEST) {
            // what is no text is no checkpoint either
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(io_at(&self.path)(e)),
        };
        if text.trim().is_empty() {
            // the last write was torn by a power cut before it reached the disk
            return Ok(None);
        }
        Stated::parse(&text).map(Some).ok_or_else(|| {
            io_at(&self.path)(io::Error::new(
                io::ErrorKind::InvalidData,
                "is not «<number> <hash>»: it is no checkpoint, or was damaged. A journal's own tells how far it was \
                 acknowledged: compare its end with a backup or an export. Where it is whole, move this file away: the start \
                 goes on paused, until a person has looked",
            ))
        })
    }

    /// A checkpoint that is ahead of the journal, or on another branch, is evidence of lost records; one whose signature is
    /// not right, of a journal or a checkpoint that was written anew.
    ///
    /// # Errors
    /// [`JournalError::RolledBack`] or [`JournalError::Broken`]. Returns what was acknowledged otherwise.
    pub(super) fn compare(
        &self,
        path: &Path,
        connection: &Connection,
    ) -> Result<Option<(Anchor, Option<Signed>)>, JournalError> {
        let Some(stated) = self.stated()? else {
            return Ok(None);
        };
        let acknowledged = stated.newest;
        // a file that was emptied has no tables
        let records: i64 = connection
            .query_row(
                "SELECT COUNT(*) FROM sqlite_master WHERE name = 'records'",
                [],
                |row| row.get(0),
            )
            .map_err(sqlite_at(path))?;
        let (found, newest) = if records == 0 {
            (None, 0)
        } else {
            let newest = read::newest(path, connection)?;
            let found = read::one(path, connection, acknowledged.seq)?;
            (found, newest)
        };
        let hash = found.as_ref().map(|entry| entry.hash);
        self.judge(path, acknowledged, hash, newest)?;
        let first = read::one(path, connection, 1)?;
        let (Some(found), Some(first)) = (found, first) else {
            return Ok(Some((acknowledged, None)));
        };
        let named = match &stated.seal {
            Some(_) => newest_key(path, connection, acknowledged.seq)?,
            None => None,
        };
        let signed = stated
            .signed(first.hash, found.format, named)
            .map_err(|problem| self.unsound(path, acknowledged.seq, &problem))?;
        Ok(Some((acknowledged, signed)))
    }

    /// A signature that does not hold.
    pub(super) fn unsound(&self, path: &Path, seq: u64, problem: &str) -> JournalError {
        JournalError::Broken {
            path: path.to_owned(),
            seq,
            problem: format!("{problem} ({})", self.path.display()),
        }
    }

    /// Judges by the hash that stands in the acknowledged record's place, and the number of the newest record.
    ///
    /// # Errors
    /// As above.
    pub(super) fn judge(
        &self,
        path: &Path,
        acknowledged: Anchor,
        found: Option<Root>,
        newest: u64,
    ) -> Result<(), JournalError> {
        match found {
            Some(hash) if hash == acknowledged.hash => Ok(()),
            Some(hash) => Err(JournalError::Broken {
                path: path.to_owned(),
                seq: acknowledged.seq,
                problem: format!(
                    "has hash {hash}, but {} was acknowledged ({})",
                    acknowledged.hash,
                    self.path.display()
                ),
            }),
            None => Err(JournalError::RolledBack {
                path: path.to_owned(),
                checkpoint: self.path.clone(),
                found: newest,
                expected: acknowledged.seq,
            }),
        }
    }
}

/// The newest key that a record up to this one names.
pub(super) fn newest_key(
    path: &Path,
    connection: &Connection,
    upto: u64,
) -> Result<Option<(u64, JournalKey)>, JournalError> {
    let Some(super::chain::Entry { seq, body, .. }) = read::newest_of(path, connection, KEYED, upto)? else {
        return Ok(None);
    };
    match own_key::named(&body) {
        Some(named) => Ok(Some((seq, named.key))),
        None => Err(JournalError::Broken {
            path: path.to_owned(),
            seq,
            problem: "names no key".to_owned(),
        }),
    }
}

fn create_private(path: &Path) -> io::Result<fs::File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
}
