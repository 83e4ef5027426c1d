//! The journal that the engine writes.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, params};

use super::chain::{Anchor, Entry, link};
use super::checkpoint::{Checkpoint, Stated, newest_key};
use super::doubt::Doubt;
use super::error::{JournalError, io_at, sqlite_at};
use super::format::{self, FORMAT, Upgrade};
use super::lineage;
use super::own_key::{self, Acknowledged, Handed, KEYED, OwnKey};
use super::places::JournalOptions;
use super::reading::JournalReader;
use super::stand::{self, Stand};
use super::{read, schema};
use crate::owner;
use crate::secrets::{self, Holds, judge_ours};
use crate::types::{FormerKey, JournalKey, Root, UnixMillis};

/// The log is written back into the file after so many bytes: what SQLite's own checkpoints wait for.
const WRITE_BACK: u64 = 4 << 20;
/// What a commit costs in the log beside its texts: the pages of two tables and their indexes.
const COMMIT: u64 = 4 * 4096;

/// A record to be appended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRecord {
    pub at: UnixMillis,
    /// Kind, as in `Record::kind`.
    pub kind: &'static str,
    /// JSON text; hashed and stored exactly so.
    pub body: String,
    /// What it is about, for finding it: a case, and the ceremony that it begins.
    pub subjects: Vec<String>,
}

/// A journal that is open for writing. One process at a time.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    /// File of its own key.
    key: PathBuf,
    connection: Connection,
    last: Anchor,
    checkpoint: Checkpoint,
    /// Signs checkpoints.
    own: Option<Own>,
    /// Records that were there when it was opened, and that no run had acknowledged.
    unacknowledged: u64,
    /// Why it cannot be believed as it is, although it verifies.
    doubt: Option<Doubt>,
    /// Bytes in the log since it was last written back, about.
    logged: u64,
    stand: Stand,
}

/// The journal's own key, in use.
#[derive(Debug)]
struct Own {
    key: OwnKey,
    /// A record names its public half. Nothing is signed before.
    is_named: bool,
    /// Hash of the journal's first record, once there is one.
    journal: Option<Root>,
}

impl Journal {
    /// Opens or creates the journal, takes its lock, brings an older format to the newest, and walks the chain behind
    /// `anchor`, which the caller has verified before. Every record goes to `visit` after its link was checked.
    ///
    /// # Errors
    /// See [`JournalError`]; a journal that does not verify is not opened. What `visit` says ends the walk.
    pub fn open<E: From<JournalError>>(
        options: &JournalOptions,
        anchor: Anchor,
        mut visit: impl FnMut(&Entry) -> Result<(), E>,
    ) -> Result<(Self, Option<Upgrade>), E> {
        let path = real_path(options)?;
        let lock = stand::lock(&path)?;
        let mut connection = connect(&path).map_err(JournalError::of_a_stranger)?;
        let checkpoint = Checkpoint::at(options.checkpoint_of(&path));
        let fresh = format::found(&path, &connection)? == format::NONE;
        // before anybody believes a record: a file that was rolled back verifies as well as any
        let mut acknowledged = None;
        if !fresh {
            acknowledged = checkpoint.compare(&path, &connection)?;
        }
        let found = match acknowledged {
            Some(_) => read::newest(&path, &connection)?,
            None => 0,
        };
        let upgrade = format::migrate(&path, &mut connection)?;
        // a checkpoint beside an empty file: the journal was removed
        if fresh {
            checkpoint.compare(&path, &connection)?;
        }
        check_anchor(&path, &connection, anchor)?;
        let last = {
            let mut reading = JournalReader::of(&lock, read::newest(&path, &connection)?);
            read::walk(&path, &connection, anchor, u64::MAX, |entry| {
                reading.at(entry.seq);
                visit(entry)
            })?
        };
        lineage::check(&path, &connection)?;
        let stand = Stand::of(&path, &connection, lock)?;
        let named = newest_key(&path, &connection, u64::MAX)?;
        let (known, signed) = match acknowledged {
            Some((known, signed)) => (Some(known.seq), signed),
            None => (None, None),
        };
        let doubt = Doubt::of(
            named,
            known,
            signed.as_ref(),
            last.seq,
            checkpoint.path().to_owned(),
        );
        if !fresh && known.is_none() && last.seq > 0 && doubt.is_none() {
            let words = "no checkpoint beside the journal says whether records followed its last one. Where it is a copy, and \
                         the oracle had gone on: stop it, `journal backup FILE`, `journal restore FILE --declare-lost REASON`";
            tracing::warn!(target: "journal", path = %path.display(), last = last.seq, "{words}");
        }
        let journal = Self {
            stand,
            last,
            key: options.key_of(&path),
            path,
            connection,
            checkpoint,
            own: None,
            unacknowledged: known.map_or(0, |known| found.saturating_sub(known)),
            doubt,
            logged: 0,
        };
        Ok((journal, upgrade))
    }

    /// Appends records in one durable commit. Returns the number of the first.
    ///
    /// # Errors
    /// Nothing was written when an error is returned, except where [`JournalError::is_final`] says that nobody knows.
    pub fn append(&mut self, records: &[NewRecord]) -> Result<u64, JournalError> {
        let first = self.last.seq + 1;
        if records.is_empty() {
            return Ok(first);
        }
        self.look()?;
        self.last = self.write(records)?;
        if let Err(moved) = self.look() {
            return Err(JournalError::MovedMeanwhile(Box::new(moved)));
        }
        if let Some(own) = &mut self.own {
            own.is_named |= records.iter().any(|record| record.kind == KEYED);
        }
        let stated = self.stated().map_err(std::io::Error::other);
        if let Err(error) = stated.and_then(|stated| self.checkpoint.put(&stated)) {
            // the record itself is durable
            tracing::warn!(target: "journal", path = %self.checkpoint.path().display(), %error, "checkpoint not written");
        }
        self.logged += COMMIT + records.iter().map(|r| r.body.len() as u64).sum::<u64>();
        if self.logged >= WRITE_BACK {
            self.write_back()?;
        }
        Ok(first)
    }

    /// Writes the log back into the file. What fails here fails again at the next time, except a failed fsync.
    fn write_back(&mut self) -> Result<(), JournalError> {
        self.logged = 0;
        let done = self
            .connection
            .query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
        match done.map_err(sqlite_at(&self.path)) {
            Err(error) if !error.is_final() => {
                tracing::warn!(target: "journal", %error, "the log is not written back yet");
                Ok(())
            }
            done => done,
        }
    }

    /// Looks whether what is recorded next would be there: the path leads to the open files, the lock keeps others out,
    /// and the schema is that of a journal. Cheap enough for every commit.
    ///
    /// # Errors
    /// What is in the way, and how a person mends it. Once that is done it can be recorded on.
    pub fn look(&mut self) -> Result<(), JournalError> {
        self.stand.look(&self.path, &self.connection, self.last.seq)
    }

    fn write(&mut self, records: &[NewRecord]) -> Result<Anchor, JournalError> {
        let (mut seq, mut hash) = (self.last.seq, self.last.hash);
        let path = self.path.as_path();
        let sqlite = sqlite_at(path);
        let transaction = self.connection.transaction().map_err(sqlite)?;
        {
            let mut insert = transaction
                .prepare_cached(
                    "INSERT INTO records (seq, at, kind, body, hash, format) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                )
                .map_err(sqlite)?;
            let mut index = transaction
                .prepare_cached("INSERT OR IGNORE INTO subjects (subject, seq) VALUES (?1, ?2)")
                .map_err(sqlite)?;
            for NewRecord {
                at,
                kind,
                body,
                subjects,
            } in records
            {
                seq += 1;
                hash = link(hash, FORMAT, seq, *at, kind, body);
                let number = read::to_sql(seq);
                let row = params![number, read::to_sql(at.0), kind, body, hash.0.as_slice(), FORMAT];
                if insert.execute(row).map_err(sqlite)? != 1 {
                    return Err(schema::swallowed(path, &transaction, seq));
                }
                for subject in subjects {
                    index.execute(params![subject, number]).map_err(sqlite)?;
                }
            }
        }
        // what stands there, and not what was handed over
        let stands = read::one(path, &transaction, seq)?;
        if stands.is_none_or(|entry| entry.hash != hash) {
            return Err(schema::swallowed(path, &transaction, seq));
        }
        // before it counts: another program may have changed it a moment ago
        self.stand.has_its_schema(path, &transaction)?;
        transaction.commit().map_err(sqlite)?;
        Ok(Anchor { seq, hash })
    }

    /// Takes up the journal's own key, which signs checkpoints from here on; a journal that has none gets one. Returns the
    /// public half where no record names it yet: the caller appends the record that does.
    ///
    /// # Errors
    /// [`JournalError::Key`] where a record names a key, and its file is missing or holds another one.
    pub fn take_up_key(&mut self) -> Result<Option<JournalKey>, JournalError> {
        let named = newest_key(&self.path, &self.connection, u64::MAX)?;
        let Some(found) = own_key::held(&self.key, named)? else {
            return self.make_key().map(Some);
        };
        if self.last.seq == 0 {
            let words = "there is no record, and a key was here: where a journal was lost, stop this, and `journal restore FILE` \
                         puts a backup in its place, or `journal declare-lost REASON` says that there is none. A first start that \
                         ended before its first record leaves a key, too";
            tracing::warn!(target: "journal", path = %self.path.display(), key = %self.key.display(), "{words}");
        }
        let public = self.begin_with(found);
        match &mut self.own {
            Some(own) if named.is_some() => own.is_named = true,
            _ => return Ok(Some(public)),
        }
        Ok(None)
    }

    /// The key that records name, by its file, or by one beside that: a renewal that ended before its record put it aside. Why
    /// not, where none holds it.
    pub(super) fn former(&self) -> Result<Option<OwnKey>, JournalError> {
        let named = newest_key(&self.path, &self.connection, u64::MAX)?;
        let found = match (own_key::held(&self.key, named), named) {
            (Err(why @ JournalError::Key { .. }), Some((_, key))) => {
                let aside = own_key::put_aside(&self.key, key);
                Some(aside.ok_or(why)?.1)
            }
            (found, _) => found?,
        };
        // one that no record names signed nothing
        Ok(found.filter(|_| named.is_some()))
    }

    /// Has the key before it hand on to one that was made, in the record that comes next.
    pub(super) fn hand_on(&self, former: &OwnKey, to: JournalKey) -> Result<Option<FormerKey>, JournalError> {
        let first = read::one(&self.path, &self.connection, 1)?;
        Ok(first.map(|first| {
            former.hand_on(&Handed {
                journal: first.hash,
                before: self.last,
                to,
            })
        }))
    }

    /// Makes a key that no record names yet.
    pub(super) fn make_key(&mut self) -> Result<JournalKey, JournalError> {
        let made = OwnKey::make(&self.key)?;
        Ok(self.begin_with(made))
    }

    fn begin_with(&mut self, key: OwnKey) -> JournalKey {
        let public = key.public();
        self.own = Some(Own {
            key,
            is_named: false,
            journal: None,
        });
        public
    }

    /// What the checkpoint says of the newest record.
    fn stated(&mut self) -> Result<Stated, JournalError> {
        let newest = self.last;
        let Some(own) = self.own.as_mut().filter(|own| own.is_named) else {
            return Ok(Stated { newest, seal: None });
        };
        if own.journal.is_none() {
            own.journal = read::one(&self.path, &self.connection, 1)?.map(|entry| entry.hash);
        }
        let seal = own.journal.map(|journal| {
            own.key.sign(&Acknowledged {
                journal,
                format: FORMAT,
                newest,
                at: UnixMillis::now(),
            })
        });
        Ok(Stated { newest, seal })
    }

    /// Number and hash of the newest record.
    #[must_use]
    pub fn head(&self) -> (u64, Root) {
        (self.last.seq, self.last.hash)
    }

    /// The newest record of this kind.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn newest_of(&self, kind: &str) -> Result<Option<Entry>, JournalError> {
        read::newest_of(&self.path, &self.connection, kind, u64::MAX)
    }

    /// How many of the newest records were there when the journal was opened, although no run had acknowledged them: a run
    /// that was killed while it wrote them, or that was told that they could not be written.
    #[must_use]
    pub fn unacknowledged(&self) -> u64 {
        self.unacknowledged
    }

    /// Why it cannot be believed as it is, although it verifies. What is appended next is signed all the same: whoever goes
    /// on says this first.
    #[must_use]
    pub fn doubt(&self) -> Option<&Doubt> {
        self.doubt.as_ref()
    }

    /// File of its own key.
    pub(super) fn key(&self) -> &Path {
        &self.key
    }

    /// The file, with symbolic links followed.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its checkpoint, which may stand on another disk.
    pub fn checkpoint(&self) -> &Path {
        self.checkpoint.path()
    }
}

/// Opens the database for writing, after its files were judged.
fn connect(path: &Path) -> Result<Connection, JournalError> {
    judge_ours(path, Holds::Trusted).map_err(io_at(path))?;
    let connection = Connection::open(path).map_err(sqlite_at(path))?;
    restrict_to_owner(path).map_err(io_at(path))?;
    // SQLite's own checkpoints would keep a failed fsync to themselves
    let settings = [
        ("journal_mode", "WAL"),
        ("synchronous", "FULL"),
        ("wal_autocheckpoint", "0"),
    ];
    for (name, value) in settings {
        connection
            .pragma_update(None, name, value)
            .map_err(sqlite_at(path))?;
    }
    Ok(connection)
}

/// The file itself, made if it is missing: the lock must be the same by whatever name the journal is reached.
pub(super) fn real_path(options: &JournalOptions) -> Result<PathBuf, JournalError> {
    let path = options.path.as_path();
    if let Some(directory) = path.parent() {
        owner::make_directories(directory, 0o777).map_err(io_at(directory))?;
    }
    secrets::append_private(path).map_err(io_at(path))?;
    let real = fs::canonicalize(path).map_err(io_at(path))?;
    owner::settle(&real).map_err(io_at(&real))?;
    options.judge(&real)?;
    Ok(real)
}

/// A walk behind a record means nothing unless that record is the one that was verified.
fn check_anchor(path: &Path, connection: &Connection, anchor: Anchor) -> Result<(), JournalError> {
    if anchor == Anchor::BEGINNING {
        return Ok(());
    }
    let problem = match read::one(path, connection, anchor.seq)? {
        Some(entry) if entry.hash == anchor.hash => return Ok(()),
        Some(entry) => format!(
            "has hash {}, but {} was verified earlier",
            entry.hash, anchor.hash
        ),
        None => "is missing, although it was verified earlier".to_owned(),
    };
    Err(JournalError::Broken {
        path: path.to_owned(),
        seq: anchor.seq,
        problem,
    })
}

pub(super) fn restrict_to_owner(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))
}
