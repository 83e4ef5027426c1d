//! Where a journal is, and what belongs to it.

use crate::secrets::Holds;
use std::io;
use std::path::{Path, PathBuf};

use super::error::{JournalError, io_at};

/// Where things are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalOptions {
    /// The database. Its lock (`.lock`) stands beside it; the directory is made when it is missing.
    pub path: PathBuf,
    /// File of the checkpoint; `None` puts it beside the journal (`.checkpoint`).
    pub checkpoint: Option<PathBuf>,
    /// File of the private half of the journal's own key; `None` puts it beside the journal (`.key`).
    pub key: Option<PathBuf>,
}

/// What tells of a journal whose file is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Left {
    /// How far it was acknowledged.
    Checkpoint(PathBuf),
    /// Its key alone. Nothing tells whether a record was ever made.
    Key(PathBuf),
}

/// The directory of the transcripts of ceremonies that the journal at this path names: beside it, by the name under which
/// it is reached.
#[must_use]
pub fn transcripts_of(journal: &Path) -> PathBuf {
    journal.with_file_name("transcripts")
}

/// What was read of the contract's history, beside the journal at this path.
#[must_use]
pub fn history_of(journal: &Path) -> PathBuf {
    journal.with_file_name("history.json")
}

/// The directory of a messenger within the oracle whose journal is at this path.
#[must_use]
pub fn messenger_of(journal: &Path) -> PathBuf {
    journal.with_file_name("messenger")
}

/// The file whose lock says who writes the journal `real`, which has no symbolic links in it.
pub(crate) fn lock_of(real: &Path) -> PathBuf {
    real.with_extension("lock")
}

/// The state that the journal `real` folds to, kept for the next start.
pub(crate) fn state_of(real: &Path) -> PathBuf {
    real.with_extension("state")
}

/// What receivers of notices were told and is not over, beside the journal `real`.
pub(crate) fn told_of(real: &Path) -> PathBuf {
    real.with_extension("told")
}

/// Whether nothing is there, or a file that holds nothing.
pub(super) fn is_blank(path: &Path) -> bool {
    match std::fs::metadata(path) {
        Ok(found) => found.is_file() && found.len() == 0,
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}

impl JournalOptions {
    /// A journal with everything beside it.
    #[must_use]
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            checkpoint: None,
            key: None,
        }
    }

    /// Where the checkpoint is of the journal `real`, which has no symbolic links in it.
    pub(super) fn checkpoint_of(&self, real: &Path) -> PathBuf {
        let beside = || real.with_extension("checkpoint");
        self.checkpoint.clone().unwrap_or_else(beside)
    }

    /// Whether it is a copy that somebody took away: of what an oracle writes beside its journal nothing is there.
    #[must_use]
    pub fn is_mere_copy(&self) -> bool {
        let real = std::fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone());
        !self.key_of(&real).exists() && !self.checkpoint_of(&real).exists()
    }

    /// Whether there was a journal here whose file is gone: its checkpoint or its key, which may stand on other disks, are
    /// left.
    #[must_use]
    pub fn tells_of_a_lost_one(&self) -> bool {
        self.left_of_a_lost_one().is_some()
    }

    /// Which of the two is left, the checkpoint before the key.
    #[must_use]
    pub fn left_of_a_lost_one(&self) -> Option<Left> {
        let real = std::fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone());
        let (checkpoint, key) = (self.checkpoint_of(&real), self.key_of(&real));
        match is_blank(&real) {
            true if checkpoint.exists() => Some(Left::Checkpoint(checkpoint)),
            true if key.exists() => Some(Left::Key(key)),
            _ => None,
        }
    }

    /// What a start reads beside the journal, where it is there, and whether it is a secret.
    #[must_use]
    pub fn beside(&self) -> [(&'static str, PathBuf, Holds); 5] {
        let real = std::fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone());
        [
            ("journal.key", self.key_of(&real), Holds::Secret),
            ("journal.checkpoint", self.checkpoint_of(&real), Holds::Trusted),
            ("kept state", state_of(&real), Holds::Trusted),
            (
                "what receivers of notices were told",
                told_of(&real),
                Holds::Trusted,
            ),
            ("what was read of the history", history_of(&real), Holds::Trusted),
        ]
    }

    /// Where its key is.
    pub(super) fn key_of(&self, real: &Path) -> PathBuf {
        self.key.clone().unwrap_or_else(|| real.with_extension("key"))
    }

    /// Refuses places of which one would be written over another, and directories elsewhere that are not there: of a disk
    /// that is not mounted, what is made in its place would stand on the wrong one.
    ///
    /// # Errors
    /// Names the keys and the file.
    pub(super) fn judge(&self, real: &Path) -> Result<(), JournalError> {
        let places = [
            ("the journal (journal.path)", real.to_owned()),
            ("its checkpoint (journal.checkpoint)", self.checkpoint_of(real)),
            ("its key (journal.key)", self.key_of(real)),
            ("its lock", lock_of(real)),
            ("its kept state", state_of(real)),
            ("what receivers of notices were told", told_of(real)),
            ("what was read of the history", history_of(real)),
            ("the directory of the transcripts", transcripts_of(real)),
            ("the messenger's directory", messenger_of(real)),
        ];
        for (n, (what, place)) in places.iter().enumerate() {
            let place = whole(place);
            if let Some((other, _)) = places[..n].iter().find(|(_, other)| whole(other) == place) {
                let words = format!("{other} and {what} would be one file: give one of them another name");
                let error = io::Error::new(io::ErrorKind::InvalidInput, words);
                return Err(io_at(&place)(error));
            }
        }
        let elsewhere = [
            ("journal.checkpoint", &self.checkpoint),
            ("journal.key", &self.key),
        ];
        for (key, place) in elsewhere {
            let directory = place.as_deref().and_then(Path::parent);
            let Some(directory) = directory.filter(|at| !at.as_os_str().is_empty() && !at.is_dir()) else {
                continue;
            };
            let words = format!(
                "{key} names a file in it, and there is no such directory: make it, or mount its disk"
            );
            return Err(io_at(directory)(io::Error::new(io::ErrorKind::NotFound, words)));
        }
        Ok(())
    }
}

/// The same file by the same name, whether it is there already or not.
fn whole(place: &Path) -> PathBuf {
    let directory = match place.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => directory,
        _ => Path::new("."),
    };
    let found = place.canonicalize().ok();
    found.unwrap_or_else(|| match (directory.canonicalize(), place.file_name()) {
        (Ok(directory), Some(name)) => directory.join(name),
        _ => place.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{Anchor, Journal};

    fn open(options: &JournalOptions) -> Result<Journal, JournalError> {
        Journal::open(options, Anchor::BEGINNING, |_| Ok::<_, JournalError>(())).map(|(journal, _)| journal)
    }

    #[test]
    fn a_name_under_which_it_would_write_over_itself_is_refused_and_the_file_stays() {
        let folder = tempfile::tempdir().unwrap();
        let suffixed = ["j.lock", "j.checkpoint", "j.key", "j.state", "j.told"];
        for name in suffixed
            .into_iter()
            .chain(["history.json", "transcripts", "messenger"])
        {
            let path = folder.path().join(name);
            std::fs::write(&path, "somebody's").unwrap();
            let words = open(&JournalOptions::at(&path)).unwrap_err().to_string();
            assert!(
                words.contains("would be one file") && words.contains(name),
                "{words}"
            );
            assert_eq!(std::fs::read_to_string(&path).unwrap(), "somebody's", "{name}");
        }
        let mut options = JournalOptions::at(folder.path().join("journal.sqlite"));
        options.checkpoint = Some(folder.path().join("same"));
        options.key = Some(folder.path().join("./same"));
        let words = open(&options).unwrap_err().to_string();
        assert!(
            words.contains("journal.checkpoint") && words.contains("journal.key"),
            "{words}"
        );
    }

    #[test]
    fn checkpoint_and_key_stand_where_they_are_put_and_nowhere_is_not_made() {
        let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let mut options = JournalOptions::at(folder.path().join("journal.sqlite"));
        options.checkpoint = Some(other.path().join("disk/checkpoint"));
        options.key = Some(other.path().join("disk/key"));
        let words = open(&options).unwrap_err().to_string();
        assert!(
            words.contains("journal.checkpoint") && words.contains("mount its disk"),
            "{words}"
        );
        std::fs::create_dir(other.path().join("disk")).unwrap();
        let mut journal = open(&options).unwrap();
        let key = journal.take_up_key().unwrap().unwrap();
        journal.append(&[crate::journal::keys::keyed(key)]).unwrap();
        drop(journal);
        let beside = std::fs::read_dir(folder.path()).unwrap();
        let mut beside: Vec<_> = beside.map(|entry| entry.unwrap().file_name()).collect();
        beside.sort();
        assert!(
            beside
                .iter()
                .all(|name| name != "journal.checkpoint" && name != "journal.key"),
            "{beside:?}"
        );
        let signed = crate::journal::verify_at(&options).unwrap().0.signed;
        assert_eq!(signed.map(|signed| signed.key), Some(key));
        assert_eq!(open(&options).unwrap().take_up_key().unwrap(), None);
    }
}
