//! What survives a restart: registrations, topics, messages and what became of them, results.
//!
//! One thread owns the database and commits in groups: everything that came in while the last commit was on its way
//! to the disk goes into the next one, so thirty ceremonies at once cost few more commits than one. Callers that must
//! know that their write is durable wait for [`Store::flush`]; deliveries never wait.

mod load;
mod schema;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use axum::body::Bytes;
use rusqlite::Connection;
use tokio::sync::{oneshot, watch};

use super::message::Message;
use super::registry::Entry;
use super::removed::Removal;
use super::results::Backing;
use super::topic::Origin;
use crate::dkg::rockx::durable;
use crate::sqlite::{Moved, Stand, is_final};
use crate::types::{RequestId, SafeText, UnixMillis};

pub use schema::FILE;

pub(super) use load::{Loaded, LoadedTopic};

/// The log is written back into the file after so many changes.
const WRITE_BACK: usize = 256;
/// A write that nobody waits for is committed after this long, unless it goes along with an earlier commit.
const LAZY: Duration = Duration::from_millis(200);
/// How often it is looked where the file stands while nothing is to be written.
const LOOK: Duration = Duration::from_secs(5);
/// Writes that may wait for a disk that refuses them, before no further messages are accepted.
const BACKLOG: usize = 20_000;

/// The database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The directory or the lock file could not be made.
    #[error("{path}: {source}")]
    Io {
        /// What was to be made or opened.
        path: String,
        /// Why not.
        source: std::io::Error,
    },
    /// Another process uses the directory.
    #[error("{path}: another messenger uses this directory: {by}")]
    InUse {
        /// The directory.
        path: String,
        /// What its holder says of itself.
        by: SafeText,
    },
    /// SQLite refused.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    /// SQLite cannot use the file.
    #[error(
        "{path}: {error}. Where it is damaged, move it away and start again: it holds registrations, topics under way and \
         results, nodes register again by themselves, and operators keep the results of their ceremonies"
    )]
    Unusable {
        /// The database.
        path: String,
        error: rusqlite::Error,
    },
    /// The database was written by a newer version of this program.
    #[error(
        "{path} has version {found}, this program knows versions up to {known}: it was written by a newer casimir-dkg; \
         run that one"
    )]
    Version {
        /// The database.
        path: String,
        /// Its version.
        found: i64,
        /// The newest version that this program knows.
        known: usize,
    },
    /// The last commit failed, or the thread that owns the database has ended.
    #[error("could not be stored")]
    Failed,
}

/// One change.
#[derive(Debug)]
pub(super) enum Write {
    /// Registered in `default`.
    Registered(Box<Registered>),
    /// A registration was forgotten.
    DropRegistered { name: String },
    /// A topic was made; everything of an earlier topic of that name goes.
    Topic {
        id: RequestId,
        at: UnixMillis,
        owner: Option<[u8; 32]>,
        origin: Origin,
        members: Vec<(String, String)>,
    },
    /// A subscriber registered on a topic directly, or a member's address changed.
    Member {
        topic: RequestId,
        name: String,
        address: String,
        direct: bool,
    },
    /// A topic was removed.
    DropTopic { id: RequestId },
    /// The topic's owner removed it.
    Removed { id: RequestId, removal: Removal },
    /// That is remembered no longer.
    ForgetRemoved { id: RequestId },
    /// A message was accepted.
    Message { topic: RequestId, message: Arc<Message> },
    /// A message was delivered to a subscriber, or given up.
    Settled {
        topic: RequestId,
        name: String,
        seq: u64,
        delivered: bool,
    },
    /// A topic got its result.
    Finished { topic: RequestId, at: UnixMillis },
    /// A finished topic's messages are no longer kept.
    DropMessages { topic: RequestId },
    /// The result of a request.
    Result {
        id: RequestId,
        at: UnixMillis,
        weight: usize,
        backing: Backing,
        text: Arc<str>,
    },
    /// A result that differs from the one that is kept.
    Conflict {
        id: RequestId,
        at: UnixMillis,
        text: Arc<str>,
    },
    /// A result is no longer kept.
    DropResult { id: RequestId },
}

/// A registration as it is stored.
#[derive(Debug)]
pub(super) struct Registered {
    name: String,
    entry: Entry,
}

impl Write {
    pub(super) fn registered(name: &str, entry: &Entry) -> Self {
        Self::Registered(Box::new(Registered {
            name: name.to_owned(),
            entry: entry.clone(),
        }))
    }
}

enum Command {
    Write(Write),
    Flush(oneshot::Sender<bool>),
    Close(oneshot::Sender<bool>),
}

/// The way to the thread that owns the database; without a directory, nothing is kept.
#[derive(Debug)]
pub(super) struct Store {
    commands: Option<Sender<Command>>,
    backlog: Arc<AtomicUsize>,
    broken: watch::Sender<Option<SafeText>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    pub(super) changes: Changes,
}

/// How often that changed which long lists are made of, whether it is kept or not.
#[derive(Debug, Default)]
pub(super) struct Changes {
    registered: AtomicU64,
    topics: AtomicU64,
}

impl Changes {
    pub(super) fn of_registered(&self) -> u64 {
        self.registered.load(Ordering::Relaxed)
    }

    /// Those of the list of all topics, which has the registry among them.
    pub(super) fn of_all(&self) -> u64 {
        self.of_registered() + self.topics.load(Ordering::Relaxed)
    }

    fn note(&self, change: &Write) {
        match change {
            Write::Registered(_) | Write::DropRegistered { .. } => &self.registered,
            Write::Topic { .. } | Write::Member { .. } | Write::DropTopic { .. } => &self.topics,
            _ => return,
        }
        .fetch_add(1, Ordering::Relaxed);
    }
}

impl Store {
    /// A store that keeps nothing.
    pub(super) fn none() -> Self {
        Self {
            commands: None,
            backlog: Arc::default(),
            broken: watch::Sender::new(None),
            thread: Mutex::new(None),
            changes: Changes::default(),
        }
    }

    /// Opens or makes the database in `dir` and reads it. Blocks.
    pub(super) fn open(dir: &Path) -> Result<(Self, Loaded), StoreError> {
        let path = dir.join(schema::FILE).display().to_string();
        let unusable = |error| match error {
            StoreError::Sqlite(error) => StoreError::Unusable {
                path: path.clone(),
                error,
            },
            other => other,
        };
        let (connection, lock) = schema::open(dir).map_err(unusable)?;
        let loaded = load::load(&connection).map_err(unusable)?;
        let stand = Stand::of(&dir.join(schema::FILE)).map_err(|source| StoreError::Io {
            path: path.clone(),
            source,
        })?;
        let (commands, receiver) = channel();
        let backlog = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&backlog);
        let broken = watch::Sender::new(None);
        let tells = Broken {
            path: dir.display().to_string(),
            why: broken.clone(),
        };
        let thread = std::thread::Builder::new()
            .name("messenger-store".to_owned())
            .spawn(move || {
                run(connection, &stand, &receiver, &counter, &tells);
                drop(lock);
            })
            .map_err(|source| StoreError::Io {
                path: dir.display().to_string(),
                source,
            })?;
        let store = Self {
            commands: Some(commands),
            backlog,
            broken,
            thread: Mutex::new(Some(thread)),
            changes: Changes::default(),
        };
        Ok((store, loaded))
    }

    /// Takes note of a change. Changes are committed in the order of these calls.
    pub(super) fn write(&self, change: Write) {
        self.changes.note(&change);
        if let Some(commands) = &self.commands {
            self.backlog.fetch_add(1, Ordering::Relaxed);
            // a thread that ended is noticed by the next flush
            let _ = commands.send(Command::Write(change));
        }
    }

    /// Returns when everything noted before is on the disk.
    pub(super) async fn flush(&self) -> Result<(), StoreError> {
        self.ask(Command::Flush).await
    }

    /// Commits what is left and ends the thread.
    pub(super) async fn close(&self) {
        if self.ask(Command::Close).await.is_err() {
            tracing::error!(target: "messenger", "the last changes could not be stored");
        }
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // it ends right after its answer: this does not block for long
            let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
    }

    /// Why the file can no longer be believed, once that is so.
    pub(super) fn broken(&self) -> watch::Receiver<Option<SafeText>> {
        self.broken.subscribe()
    }

    /// The disk refuses and too much waits for it.
    pub(super) fn is_overloaded(&self) -> bool {
        self.backlog.load(Ordering::Relaxed) > BACKLOG
    }

    /// Something noted is not on the disk yet.
    pub(super) fn is_behind(&self) -> bool {
        self.backlog.load(Ordering::Relaxed) > 0
    }

    async fn ask(&self, command: fn(oneshot::Sender<bool>) -> Command) -> Result<(), StoreError> {
        let Some(commands) = &self.commands else {
            return Ok(());
        };
        let (reply, answer) = oneshot::channel();
        commands.send(command(reply)).map_err(|_| StoreError::Failed)?;
        match answer.await {
            Ok(true) => Ok(()),
            _ => Err(StoreError::Failed),
        }
    }
}

fn run(
    mut connection: Connection,
    stand: &Stand,
    commands: &Receiver<Command>,
    backlog: &AtomicUsize,
    broken: &Broken,
) {
    let (mut came, mut changes) = (Vec::new(), Vec::new());
    let mut waiting: Vec<oneshot::Sender<bool>> = Vec::new();
    let mut oldest: Option<Instant> = None;
    // SQLite's own checkpoints would keep a failed fsync to themselves
    let (mut closing, mut logged) = (false, 0);
    while !closing {
        if let Some(moved) = stand.moved() {
            return broken.by_move(&moved);
        }
        let wait = oldest.map_or(LOOK, |since| LAZY.saturating_sub(since.elapsed()));
        match commands.recv_timeout(wait) {
            Err(RecvTimeoutError::Disconnected) => closing = true,
            came_first => came.extend(came_first),
        }
        came.extend(commands.try_iter());
        for command in came.drain(..) {
            match command {
                Command::Write(change) => {
                    oldest.get_or_insert_with(Instant::now);
                    changes.push(change);
                }
                Command::Flush(reply) => waiting.push(reply),
                Command::Close(reply) => {
                    waiting.push(reply);
                    closing = true;
                }
            }
        }
        let due = oldest.is_some_and(|since| since.elapsed() >= LAZY);
        if !(due || closing || !waiting.is_empty()) {
            continue;
        }
        let done = schema::commit(&mut connection, &changes);
        // before anybody is told that it is kept
        if let Some(moved) = stand.moved() {
            return broken.by_move(&moved);
        }
        let stored = done.is_ok();
        match done {
            Ok(()) => {
                backlog.fetch_sub(changes.len(), Ordering::Relaxed);
                logged += changes.len();
                changes.clear();
                oldest = None;
            }
            Err(error) if is_final(&error) => return broken.told(&error),
            Err(error) => {
                // kept, and tried again with the next commit: writing twice changes nothing
                tracing::error!(target: "messenger", %error, changes = changes.len(), "could not store");
                oldest = Some(Instant::now());
            }
        }
        for reply in waiting.drain(..) {
            let _ = reply.send(stored);
        }
        if logged >= WRITE_BACK || closing {
            logged = 0;
            if let Err(error) = durable::write_back(&connection) {
                return broken.told(&error);
            }
        }
    }
}

/// Tells whoever runs the messenger that its file can no longer be believed.
struct Broken {
    path: String,
    why: watch::Sender<Option<SafeText>>,
}

impl Broken {
    /// What is written goes into a file that nobody finds: the next start makes another, where it is not put back.
    fn by_move(&self, moved: &Moved) {
        let (path, problem) = (moved.path.display(), &moved.problem);
        self.ends(&format!(
            "messenger's store {path} {problem}: what is stored would be lost, so that this process accepts nothing any more and \
             ends. Put it back before the next start, which makes a new one otherwise: nodes register again by themselves, and \
             operators keep the results of their ceremonies"
        ));
    }

    /// After a failed fsync nobody knows what the file holds: nothing is accepted any more, whoever waits is told so, and
    /// whoever runs the messenger ends it.
    fn told(&self, error: &rusqlite::Error) {
        let path = &self.path;
        self.ends(&format!(
            "messenger's store {path}: {error}: what it holds can no longer be believed by this process, which accepts \
             nothing any more and ends; the next start reads it anew. If that fails too, the disk fails"
        ));
    }

    fn ends(&self, why: &str) {
        tracing::error!(target: "messenger", "{why}");
        self.why.send_replace(Some(SafeText::new(why)));
    }
}

/// A message as it is read back.
pub(super) struct LoadedMessage {
    pub(super) seq: u64,
    pub(super) at: UnixMillis,
    pub(super) body: Bytes,
}
