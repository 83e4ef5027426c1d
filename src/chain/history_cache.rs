//! What was read of a long history, kept beside the journal, so that a restart goes on where the last run ended. One small
//! file, replaced as a whole. Each entry names the block up to which it reaches, and whoever takes it up asks first whether
//! that block still stands. What it says of the blocks below is read by no second endpoint: all of them go on from it. So the
//! file is sealed with a secret of the journal's own key, and one that was changed is not believed. Such a one, and one of
//! another chain, of other contracts or of another form, is put aside with a line in the log, and everything is read again.
//!
//! ```text
//! {"version": 3, "seal": "<64 hex digits>", "body": {"about": {…}, "entries": {…}}}
//! seal = HMAC-SHA-256 of the text of body, byte by byte, under the secret
//! ```

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use alloy::primitives::Address;
use aws_lc_rs::hmac;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::secrets::{read_trusted, replace_private};

/// Of the form below, and of what its entries promise. Another one is not read. Files of version 1 may have been settled
/// past a log that could not be read, and accuse endpoints of lies that no header proves; those of version 2 have no seal.
const VERSION: u32 = 3;
/// What the secret is derived for.
pub const PURPOSE: &str = "kept history";
/// A file longer than this, in bytes, is none of ours.
const LONGEST: u64 = 64 << 20;
/// While something is read, it is not written more often than this.
const EVERY: Duration = Duration::from_secs(5);

/// What a file is about: entries of another chain or of other contracts say nothing here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// The manager, which is also the owner in SSV.
    pub manager: Address,
    /// SSV's network contract.
    pub ssv_network: Address,
    /// The first block that was read.
    pub from_block: u64,
    /// What else the meaning of logs hangs on: the adapter and the cluster layout.
    pub read_as: String,
}

/// By what the file is known as this program's own.
#[derive(Debug, Clone)]
pub struct Seal(hmac::Key);

impl Seal {
    /// Under a secret that nobody else has.
    #[must_use]
    pub fn of(secret: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    fn over(&self, body: &str) -> String {
        hex::encode(hmac::sign(&self.0, body.as_bytes()))
    }

    fn holds(&self, body: &str, seal: &str) -> bool {
        hex::decode(seal).is_ok_and(|seal| hmac::verify(&self.0, body.as_bytes(), &seal).is_ok())
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Body {
    about: About,
    entries: BTreeMap<String, Value>,
}

/// What every version has.
#[derive(Deserialize)]
struct Head {
    version: u32,
}

#[derive(Serialize, Deserialize)]
struct Sealed<'a> {
    version: u32,
    seal: String,
    #[serde(borrow)]
    body: &'a RawValue,
}

/// What a file is.
enum ReadFile {
    OtherVersion,
    /// Its seal is not one of this secret.
    Changed,
    Body(Body),
}

/// What an entry says of a file for whoever only looks.
#[derive(Debug, PartialEq, Eq)]
pub enum Looked<T> {
    /// There is no such file or entry, or the file is of another version and read again by the next run.
    Nothing,
    /// The file is not as this program wrote it, or the journal has another key by now: the next run reads everything again.
    Changed,
    Entry(About, T),
}

/// The file, and what is in it.
#[derive(Debug)]
pub struct HistoryCache(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    seal: Seal,
    state: Mutex<State>,
    /// Held while the file is written, so that what was put last is what stands in it.
    writing: Mutex<()>,
}

#[derive(Debug)]
struct State {
    form: Body,
    written: Option<Instant>,
    /// It could not be written the last time, which is said once.
    failing: bool,
}

impl HistoryCache {
    /// What is kept at `path` of what `about` names, under this seal; nothing, where the file is missing, of something else
    /// or changed.
    #[must_use]
    pub fn open(path: PathBuf, about: About, seal: Seal) -> Self {
        let why = match read(&path, &seal) {
            Ok(None) => None,
            Ok(Some(ReadFile::Body(form))) if form.about == about => return Self::with(path, seal, form),
            Ok(Some(ReadFile::Body(_))) => {
                Some("it is of another chain, other contracts or another first block".to_owned())
            }
            Ok(Some(ReadFile::OtherVersion)) => Some("it is of another version of this program".to_owned()),
            Ok(Some(ReadFile::Changed)) => Some(CHANGED.to_owned()),
            Err(error) => Some(error.to_string()),
        };
        if let Some(why) = why {
            tracing::warn!(target: "chain", file = %path.display(), why, "the kept history is not used, and is read again");
        }
        let entries = BTreeMap::new();
        Self::with(path, seal, Body { about, entries })
    }

    fn with(path: PathBuf, seal: Seal, form: Body) -> Self {
        Self(Arc::new(Inner {
            path,
            seal,
            state: Mutex::new(State {
                form,
                written: None,
                failing: false,
            }),
            writing: Mutex::default(),
        }))
    }

    /// An entry, if there is one and it can be read.
    pub(crate) fn get<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        let entry = self.0.state().form.entries.get(key)?.clone();
        serde_json::from_value(entry).ok()
    }

    /// Keeps an entry. It is written soon, or with `now` at once, by a thread that may wait for the disk; whoever gives up
    /// waiting for that leaves it to finish. That it cannot be written costs nothing but time at the next start, so it is
    /// logged and no error.
    pub(crate) async fn put<T: Serialize>(&self, key: &str, entry: &T, now: bool) {
        let Ok(entry) = serde_json::to_value(entry) else {
            return;
        };
        if self.0.take(key, entry, now) {
            let inner = Arc::clone(&self.0);
            // a panic in it is told where panics are told, and the next write tries again
            let _ = tokio::task::spawn_blocking(move || inner.write()).await;
        }
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes an entry, and says whether the file is to be written now.
    fn take(&self, key: &str, entry: Value, now: bool) -> bool {
        let mut state = self.state();
        state.form.entries.insert(key.to_owned(), entry);
        let is_due = now || state.written.is_none_or(|at| at.elapsed() >= EVERY);
        if is_due {
            state.written = Some(Instant::now());
        }
        is_due
    }

    fn write(&self) {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let body = serde_json::value::to_raw_value(&self.state().form);
        let written = body.map_err(io::Error::from);
        let written = written.and_then(|body| write(&self.path, &self.seal, &body));
        let mut state = self.state();
        if let Err(error) = &written
            && !state.failing
        {
            tracing::warn!(target: "chain", file = %self.path.display(), %error, "what was read of the history cannot be kept");
        }
        state.failing = written.is_err();
    }
}

/// Why a file is put aside whose seal does not hold, in words.
pub const CHANGED: &str =
    "its seal does not hold: it was changed, or the journal beside it has another key by now";

/// An entry of the file at `path`, whatever it is about: for whoever only looks.
///
/// # Errors
/// The file cannot be read, or is none of ours.
pub(crate) fn look<T: DeserializeOwned>(path: &Path, seal: &Seal, key: &str) -> io::Result<Looked<T>> {
    let mut form = match read(path, seal)? {
        None | Some(ReadFile::OtherVersion) => return Ok(Looked::Nothing),
        Some(ReadFile::Changed) => return Ok(Looked::Changed),
        Some(ReadFile::Body(form)) => form,
    };
    let entry = form.entries.remove(key).map(serde_json::from_value).transpose()?;
    Ok(entry.map_or(Looked::Nothing, |entry| Looked::Entry(form.about, entry)))
}

fn read(path: &Path, seal: &Seal) -> io::Result<Option<ReadFile>> {
    let bytes = match read_trusted(path, LONGEST) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let Head { version } = serde_json::from_slice(&bytes)?;
    if version != VERSION {
        return Ok(Some(ReadFile::OtherVersion));
    }
    let sealed: Sealed<'_> = serde_json::from_slice(&bytes)?;
    if !seal.holds(sealed.body.get(), &sealed.seal) {
        return Ok(Some(ReadFile::Changed));
    }
    Ok(Some(ReadFile::Body(serde_json::from_str(sealed.body.get())?)))
}

/// Written beside and moved over: a crash leaves the old one or the new one.
fn write(path: &Path, seal: &Seal, body: &RawValue) -> io::Result<()> {
    let sealed = Sealed {
        version: VERSION,
        seal: seal.over(body.get()),
        body,
    };
    replace_private(path, |file| {
        serde_json::to_writer(&mut *file, &sealed)?;
        file.flush()?;
        file.get_ref().sync_all()
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn about(chain_id: u64) -> About {
        About {
            chain_id,
            manager: Address::repeat_byte(1),
            ssv_network: Address::repeat_byte(2),
            from_block: 7,
            read_as: "toy".to_owned(),
        }
    }

    fn seal() -> Seal {
        Seal::of(&[7; 32])
    }

    fn open(path: &Path, chain_id: u64) -> HistoryCache {
        HistoryCache::open(path.to_owned(), about(chain_id), seal())
    }

    fn looks(path: &Path, key: &str) -> io::Result<Looked<u64>> {
        look(path, &seal(), key)
    }

    /// All endpoints go on from it, so nobody would contradict a number in it.
    #[tokio::test]
    async fn a_file_that_was_changed_or_sealed_by_another_key_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history.json");
        open(&path, 1).put("registrations", &41_u64, true).await;
        let text = fs::read_to_string(&path).unwrap();
        let changed = text.replace("41", "40");
        assert_ne!(changed, text);
        fs::write(&path, &changed).unwrap();
        assert_eq!(open(&path, 1).get::<u64>("registrations"), None);
        assert_eq!(looks(&path, "registrations").unwrap(), Looked::Changed);
        fs::write(&path, &text).unwrap();
        assert_eq!(open(&path, 1).get::<u64>("registrations"), Some(41));
        let other = HistoryCache::open(path.clone(), about(1), Seal::of(&[8; 32]));
        assert_eq!(other.get::<u64>("registrations"), None);
        // what is read again is sealed again
        other.put("registrations", &42_u64, true).await;
        let again = HistoryCache::open(path.clone(), about(1), Seal::of(&[8; 32]));
        assert_eq!(again.get::<u64>("registrations"), Some(42));
    }

    #[tokio::test]
    async fn what_was_kept_is_found_again_and_nothing_of_another_chain_or_form() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history.json");
        let kept = open(&path, 1);
        assert_eq!(kept.get::<u64>("cursor"), None);
        kept.put("cursor", &41_u64, false).await;
        kept.put("cursor", &42_u64, false).await;
        assert_eq!(kept.get::<u64>("cursor"), Some(42));
        let early = open(&path, 1).get::<u64>("cursor");
        assert_eq!(early, Some(41), "written at most every few seconds");
        kept.put("cursor", &43_u64, true).await;
        assert_eq!(open(&path, 1).get::<u64>("cursor"), Some(43));
        assert_eq!(looks(&path, "cursor").unwrap(), Looked::Entry(about(1), 43));
        assert_eq!(looks(&path, "other").unwrap(), Looked::Nothing);
        assert_eq!(open(&path, 2).get::<u64>("cursor"), None);

        let text = fs::read_to_string(&path).unwrap();
        for other in ["\"version\":2", "\"version\":9"] {
            let of_other = text.replace("\"version\":3", other);
            assert_ne!(of_other, text);
            fs::write(&path, of_other).unwrap();
            assert_eq!(open(&path, 1).get::<u64>("cursor"), None);
            assert_eq!(looks(&path, "cursor").unwrap(), Looked::Nothing);
        }
        open(&path, 1).put("cursor", &44_u64, true).await;
        assert_eq!(looks(&path, "cursor").unwrap(), Looked::Entry(about(1), 44));
        fs::write(&path, "half a fi").unwrap();
        assert_eq!(open(&path, 1).get::<u64>("cursor"), None);
        assert!(looks(&path, "cursor").is_err());
    }

    /// Whoever reads a history asks nodes on the same threads, and the disk may be slow.
    #[tokio::test]
    async fn the_file_is_written_beside_what_serves_everybody_and_the_last_word_stands() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history.json");
        let kept = open(&path, 1);
        let (disk, is_ready) = std::sync::mpsc::channel::<()>();
        let (busy, is_busy) = std::sync::mpsc::channel();
        let inner = Arc::clone(&kept.0);
        let slow = std::thread::spawn(move || {
            let _writing = inner.writing.lock().unwrap();
            busy.send(()).unwrap();
            // until the test lets go
            let _ = is_ready.recv();
        });
        is_busy.recv().unwrap();
        let mut first = Box::pin(kept.put("cursor", &41_u64, true));
        let patience = Duration::from_millis(50);
        let waits = tokio::time::timeout(patience, &mut first).await;
        assert!(waits.is_err(), "it waits for the disk, and this thread does not");
        // given up half-way, it is written all the same, and so is what comes after it
        drop(first);
        let mut second = Box::pin(kept.put("cursor", &42_u64, true));
        assert!(tokio::time::timeout(patience, &mut second).await.is_err());
        assert_eq!(kept.get::<u64>("cursor"), Some(42));
        drop(disk);
        slow.join().unwrap();
        second.await;
        assert_eq!(open(&path, 1).get::<u64>("cursor"), Some(42));
    }

    /// Whoever writes it decides which logs are never read again.
    #[tokio::test]
    async fn a_file_that_everybody_may_write_is_not_believed() {
        use std::os::unix::fs::PermissionsExt as _;

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history.json");
        open(&path, 1).put("cursor", &41_u64, true).await;
        let found = || open(&path, 1).get::<u64>("cursor");
        assert_eq!(found(), Some(41));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
        assert_eq!(found(), None);
    }
}
