//! What was read of a long history, kept beside the journal, so that a restart goes on where the last run ended. One small
//! file, replaced as a whole. Nothing rests on it alone: each entry names the block up to which it reaches, and whoever
//! takes it up asks first whether that block still stands. A file of another chain, of other contracts or of another
//! form is put aside with a line in the log, and everything is read again.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use alloy::primitives::Address;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::secrets::read_trusted;

/// Its name, beside the journal.
pub const FILE_NAME: &str = "history.json";
/// Of the form below, and of what its entries promise. Another one is not read. Files of version 1 may have been settled
/// past a log that could not be read, and accuse endpoints of lies that no header proves.
const VERSION: u32 = 2;
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

#[derive(Debug, Serialize, Deserialize)]
struct Form {
    version: u32,
    about: About,
    entries: BTreeMap<String, Value>,
}

/// The file, and what is in it.
#[derive(Debug)]
pub struct Kept {
    path: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    form: Form,
    written: Option<Instant>,
    /// It could not be written the last time, which is said once.
    failing: bool,
}

impl Kept {
    /// What is kept at `path` of what `about` names; nothing, where the file is missing or of something else.
    #[must_use]
    pub fn open(path: PathBuf, about: About) -> Self {
        let entries = match read(&path) {
            Ok(None) => BTreeMap::new(),
            Ok(Some(form)) if form.version == VERSION && form.about == about => form.entries,
            Ok(Some(form)) => {
                let why = if form.version == VERSION {
                    "it is of another chain, other contracts or another first block"
                } else {
                    "it is of another version of this program"
                };
                tracing::warn!(target: "chain", file = %path.display(), why, "the kept history is not used, and is read again");
                BTreeMap::new()
            }
            Err(error) => {
                tracing::warn!(target: "chain", file = %path.display(), %error, "the kept history is not used, and is read again");
                BTreeMap::new()
            }
        };
        let form = Form {
            version: VERSION,
            about,
            entries,
        };
        Self {
            path,
            state: Mutex::new(State {
                form,
                written: None,
                failing: false,
            }),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An entry, if there is one and it can be read.
    pub(crate) fn get<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        let entry = self.state().form.entries.get(key)?.clone();
        serde_json::from_value(entry).ok()
    }

    /// Keeps an entry. It is written soon, or with `now` at once. That it cannot be written costs nothing but time at the
    /// next start, so it is logged and no error.
    pub(crate) fn put<T: Serialize>(&self, key: &str, entry: &T, now: bool) {
        let Ok(entry) = serde_json::to_value(entry) else {
            return;
        };
        let mut state = self.state();
        state.form.entries.insert(key.to_owned(), entry);
        if !now && state.written.is_some_and(|at| at.elapsed() < EVERY) {
            return;
        }
        state.written = Some(Instant::now());
        match write(&self.path, &state.form) {
            Ok(()) => state.failing = false,
            Err(error) => {
                if !state.failing {
                    tracing::warn!(target: "chain", file = %self.path.display(), %error, "what was read of the history cannot be kept");
                }
                state.failing = true;
            }
        }
    }
}

/// An entry of the file at `path`, whatever it is about: for whoever only looks. None where there is no such file or entry,
/// or the file is of another version and read again by the next run.
///
/// # Errors
/// The file cannot be read, or is none of ours.
pub(crate) fn look<T: DeserializeOwned>(path: &Path, key: &str) -> io::Result<Option<(About, T)>> {
    let Some(mut form) = read(path)?.filter(|form| form.version == VERSION) else {
        return Ok(None);
    };
    let entry = form.entries.remove(key).map(serde_json::from_value).transpose()?;
    Ok(entry.map(|entry| (form.about, entry)))
}

fn read(path: &Path) -> io::Result<Option<Form>> {
    match read_trusted(path, LONGEST) {
        Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Written beside and moved over: a crash leaves the old one or the new one.
fn write(path: &Path, form: &Form) -> io::Result<()> {
    let temporary = path.with_extension("json.new");
    let mut make = File::options();
    make.create(true).write(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut make, 0o600);
    let mut file = BufWriter::new(make.open(&temporary)?);
    serde_json::to_writer(&mut file, form)?;
    file.flush()?;
    file.get_ref().sync_all()?;
    drop(file);
    fs::rename(&temporary, path)
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn what_was_kept_is_found_again_and_nothing_of_another_chain_or_form() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE_NAME);
        let kept = Kept::open(path.clone(), about(1));
        assert_eq!(kept.get::<u64>("cursor"), None);
        kept.put("cursor", &41_u64, false);
        kept.put("cursor", &42_u64, false);
        assert_eq!(kept.get::<u64>("cursor"), Some(42));
        let early = Kept::open(path.clone(), about(1)).get::<u64>("cursor");
        assert_eq!(early, Some(41), "written at most every few seconds");
        kept.put("cursor", &43_u64, true);
        assert_eq!(Kept::open(path.clone(), about(1)).get::<u64>("cursor"), Some(43));
        assert_eq!(look::<u64>(&path, "cursor").unwrap(), Some((about(1), 43)));
        assert_eq!(look::<u64>(&path, "other").unwrap(), None);
        assert_eq!(Kept::open(path.clone(), about(2)).get::<u64>("cursor"), None);

        let text = fs::read_to_string(&path).unwrap();
        for other in ["\"version\":1", "\"version\":9"] {
            let of_other = text.replace("\"version\":2", other);
            assert_ne!(of_other, text);
            fs::write(&path, of_other).unwrap();
            assert_eq!(Kept::open(path.clone(), about(1)).get::<u64>("cursor"), None);
            assert_eq!(look::<u64>(&path, "cursor").unwrap(), None);
        }
        Kept::open(path.clone(), about(1)).put("cursor", &44_u64, true);
        assert_eq!(look::<u64>(&path, "cursor").unwrap(), Some((about(1), 44)));
        fs::write(&path, "half a fi").unwrap();
        assert_eq!(Kept::open(path.clone(), about(1)).get::<u64>("cursor"), None);
        assert!(look::<u64>(&path, "cursor").is_err());
    }

    /// Whoever writes it decides which logs are never read again.
    #[cfg(unix)]
    #[test]
    fn a_file_that_everybody_may_write_is_not_believed() {
        use std::os::unix::fs::PermissionsExt as _;

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE_NAME);
        Kept::open(path.clone(), about(1)).put("cursor", &41_u64, true);
        let found = || Kept::open(path.clone(), about(1)).get::<u64>("cursor");
        assert_eq!(found(), Some(41));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
        assert_eq!(found(), None);
    }
}
