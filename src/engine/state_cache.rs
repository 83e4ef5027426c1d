//! A start that need not read everything first: the state that was verified, kept beside the journal with the record that
//! it reaches to. It is never believed by itself. A start verifies what came after it at once, and everything before it
//! while it shows what there is; nothing is decided, recorded or done until the records make the very same state.

use std::fs;
use std::io::{self, BufReader, BufWriter, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tokio::task::{self, JoinError, JoinHandle};

use super::core::EngineError;
use crate::journal::{Anchor, Archive, places};
use crate::oracle::{Durable, Record};
use crate::secrets::{Holds, open, replace_private};
use crate::types::Root;

/// Bytes of a kept state: one of 10,000 pools has some tens of MB. A longer one is as good as none.
const LONGEST: u64 = 1 << 30;

/// Who folds. What another version kept is not used.
const FOLD_VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "/13");

/// A state, and the record that it reaches to.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct CachedState {
    fold: String,
    pub(super) anchor: Anchor,
    pub(super) durable: Durable,
}

impl CachedState {
    pub(super) fn new(anchor: Anchor, durable: Durable) -> Self {
        Self {
            fold: FOLD_VERSION.to_owned(),
            anchor,
            durable,
        }
    }

    /// What was kept of the journal at this path. What cannot be used is as good as none.
    pub(super) fn read(journal: &Path) -> Option<Self> {
        // beside the file itself, by whatever name it is reached
        let journal = fs::canonicalize(journal).ok()?;
        let place = places::state_of(&journal);
        let found = match open(&place, Holds::Trusted) {
            Ok(found) => found.logged(&place),
            Err(error) => {
                if error.kind() != io::ErrorKind::NotFound {
                    let path = place.display();
                    tracing::warn!(target: "files", %path, %error, "the kept state is not used: everything is read from the journal");
                }
                return None;
            }
        };
        if found.metadata.len() > LONGEST {
            return None;
        }
        let cached: Self = serde_json::from_reader(BufReader::new(found.file.take(LONGEST))).ok()?;
        (cached.fold == FOLD_VERSION && cached.durable.newest == cached.anchor.seq).then_some(cached)
    }

    /// Keeps it for the next start. A start without it reads everything.
    pub(super) fn write(&self, journal: &Path) -> io::Result<()> {
        replace_private(&places::state_of(journal), |file| {
            Ok(serde_json::to_writer(file, self)?)
        })
    }

    /// What is to be verified of it. The state itself need not be there twice for that.
    pub(super) fn believed(&self) -> io::Result<AdoptedState> {
        Ok(AdoptedState {
            anchor: self.anchor,
            state: digest(&self.durable)?,
        })
    }
}

/// SHA-256 over the state's JSON. All its maps are ordered, and it is read back from its JSON as it was, so equal digests
/// are equal states.
fn digest(durable: &Durable) -> io::Result<Root> {
    struct Hash(Sha256);
    impl io::Write for Hash {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.update(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut hash = BufWriter::new(Hash(Sha256::new()));
    serde_json::to_writer(&mut hash, durable)?;
    let hash = hash.into_inner().map_err(io::IntoInnerError::into_error)?;
    Ok(Root(hash.0.finalize().into()))
}

/// A state that a start took over, and the record that it reaches to.
#[derive(Debug, Clone, Copy)]
pub(super) struct AdoptedState {
    pub(super) anchor: Anchor,
    /// Its digest.
    state: Root,
}

impl AdoptedState {
    /// Reads everything up to where it reaches, verifies it, and compares. A state that is not what the records say is
    /// removed.
    fn verify(&self, journal: &Path, stop: &AtomicBool) -> Result<(), EngineError> {
        let mut folded = Durable::default();
        let archive = Archive::open(journal)?;
        archive.walk_to(self.anchor, |entry| {
            if stop.load(Ordering::Relaxed) {
                return Err(EngineError::Stopped);
            }
            let record = Record::read(&entry.kind, &entry.body).map_err(|problem| EngineError::Record {
                seq: entry.seq,
                problem,
            })?;
            folded.apply(entry.seq, entry.at, &record);
            Ok(())
        })?;
        if digest(&folded).is_ok_and(|folded| folded == self.state) {
            return Ok(());
        }
        let path = places::state_of(journal);
        // the next start does without it
        let _ = fs::remove_file(&path);
        Err(EngineError::CachedState { path })
    }
}

/// The verification of everything before a kept state, in a thread of its own. It ends with this value.
#[derive(Debug)]
pub(super) struct Behind {
    task: JoinHandle<Result<(), EngineError>>,
    stop: Arc<AtomicBool>,
}

impl Behind {
    pub(super) fn start(believed: AdoptedState, journal: PathBuf) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let task = task::spawn_blocking(move || believed.verify(&journal, &stopped));
        Self { task, stop }
    }

    /// Waits for its end. Whoever does not wait to the end may wait again.
    pub(super) async fn ended(&mut self) -> Result<Result<(), EngineError>, JoinError> {
        (&mut self.task).await
    }
}

impl Drop for Behind {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod lives;

#[cfg(test)]
mod tests {
    use rusqlite::{Connection, OpenFlags};
    use tempfile::TempDir;

    use super::*;
    use crate::journal::{Journal, JournalError, JournalOptions, NewRecord};
    use crate::oracle::ActionState;
    use crate::types::{SafeText, UnixMillis};

    static GO_ON: AtomicBool = AtomicBool::new(false);

    fn options(directory: &TempDir) -> JournalOptions {
        JournalOptions::at(directory.path().join("journal.sqlite"))
    }

    /// A journal of an earlier program, upgraded, and the state that is kept of it.
    fn cached(name: &str) -> (TempDir, JournalOptions, CachedState) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/journals");
        let directory = tempfile::tempdir().unwrap();
        let options = options(&directory);
        fs::copy(folder.join(name), &options.path).unwrap();
        let mut durable = Durable::default();
        let (journal, _) = Journal::open(&options, Anchor::BEGINNING, |entry| {
            let record = Record::read(&entry.kind, &entry.body).unwrap();
            durable.apply(entry.seq, entry.at, &record);
            Ok::<_, JournalError>(())
        })
        .unwrap();
        let (seq, hash) = journal.head();
        let cached = CachedState::new(Anchor { seq, hash }, durable);
        cached.write(&options.path).unwrap();
        (directory, options, cached)
    }

    #[test]
    fn it_comes_back_as_it_was_and_is_what_the_records_say() {
        for name in [
            "format-1/waiting.sqlite",
            "format-1/approved.sqlite",
            "format-1/signed.sqlite",
            "format-1/closed.sqlite",
            "format-2/waiting.sqlite",
            "format-2/closed.sqlite",
            "format-2/life.sqlite",
        ] {
            let (_directory, options, cached) = cached(name);
            let back = CachedState::read(&options.path).unwrap();
            assert_eq!(back.anchor, cached.anchor, "{name}");
            assert_eq!(back.durable, cached.durable, "{name}");
            back.believed().unwrap().verify(&options.path, &GO_ON).unwrap();
        }
    }

    /// What this version of the fold makes of the journals of earlier programs.
    const FOLDED: [(&str, &str); 7] = [
        (
            "format-1/waiting.sqlite",
            "0x82b5d8ff03ed771440a9318ad71d7f7a729da71dc5ddecec370ec8ff21c4cc66",
        ),
        (
            "format-1/approved.sqlite",
            "0x41d4077e6b617c20aeef03db3707d1b7801325f7da7ac680d5f406a0e9d6d4c2",
        ),
        (
            "format-1/signed.sqlite",
            "0x7ce62bdfd5c87d51a136bc9f6e441c730835746bba02888e2fee211809ba6fac",
        ),
        (
            "format-1/closed.sqlite",
            "0xfafaca65e7afed6b713a49927e8749c662807d6ff90f2921c47b87cabbd9a005",
        ),
        (
            "format-2/waiting.sqlite",
            "0x54b30d608f8e5e3134e67f5256c564a07f968630dc4369927eaf8752b74546b4",
        ),
        (
            "format-2/closed.sqlite",
            "0x6ed343913202e5f86ba25b291b840a248ebff9ce7acbaa850362a5389f2db2c2",
        ),
        (
            "format-2/life.sqlite",
            "0x41c551a6b195649143887ac166d42ea8d17731b8186e96b7ca359d4c58c445ee",
        ),
    ];

    #[test]
    fn a_fold_that_changed_has_another_version() {
        let folded = FOLDED.map(|(name, _)| {
            // as they are in the file: what a migration appends bears the time of today
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/journals");
            // SQLite writes beside what it reads
            let directory = tempfile::tempdir().unwrap();
            let copy = directory.path().join("journal.sqlite");
            fs::copy(folder.join(name), &copy).unwrap();
            let file = Connection::open_with_flags(&copy, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
            let mut rows = file
                .prepare("SELECT seq, at, kind, body FROM records ORDER BY seq")
                .unwrap();
            let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)));
            let mut durable = Durable::default();
            for (seq, at, kind, body) in rows.unwrap().map(Result::unwrap) {
                let (seq, at): (i64, i64) = (seq, at);
                let (kind, body): (String, String) = (kind, body);
                let at = UnixMillis(at.cast_unsigned());
                durable.apply(seq.cast_unsigned(), at, &Record::read(&kind, &body).unwrap());
            }
            (name, digest(&durable).unwrap().to_string())
        });
        let folded = folded.each_ref().map(|(name, digest)| (*name, digest.as_str()));
        assert_eq!(
            (FOLD_VERSION.rsplit('/').next(), folded),
            (Some("13"), FOLDED),
            "the fold makes another state of the same records, or keeps it in another form: a state that an earlier \
             program kept must not be taken for one of this. Raise FOLD_VERSION by 1, and put the version and the digests down here"
        );
    }

    #[test]
    fn a_record_that_was_changed_before_it_is_found_behind_the_start() {
        let (_directory, options, cached) = cached("format-1/closed.sqlite");
        let damage = "DROP TRIGGER records_are_final; UPDATE records SET at = at + 1 WHERE seq = 40";
        Connection::open(&options.path)
            .unwrap()
            .execute_batch(damage)
            .unwrap();
        let refused = cached.believed().unwrap().verify(&options.path, &GO_ON);
        assert!(
            matches!(
                refused,
                Err(EngineError::Journal(JournalError::Broken { seq: 40, .. }))
            ),
            "{refused:?}"
        );
    }

    #[test]
    fn a_state_that_no_record_says_is_found_and_removed() {
        let (_directory, options, mut cached) = cached("format-1/waiting.sqlite");
        let action = cached.durable.actions.values_mut().next().unwrap();
        action.state = ActionState::Approved;
        cached.write(&options.path).unwrap();
        let refused = CachedState::read(&options.path).unwrap().believed().unwrap();
        let refused = refused.verify(&options.path, &GO_ON);
        assert!(
            matches!(refused, Err(EngineError::CachedState { .. })),
            "{refused:?}"
        );
        assert!(CachedState::read(&options.path).is_none());
    }

    #[test]
    fn what_cannot_be_used_is_as_good_as_none() {
        let (_directory, options, cached) = cached("format-1/waiting.sqlite");
        let place = places::state_of(&options.path);
        let text = fs::read_to_string(&place).unwrap();
        for other in [
            text[..text.len() / 2].to_owned(),
            text.replace(FOLD_VERSION, "0.0.1/1"),
            text.replace(&format!("\"newest\":{}", cached.anchor.seq), "\"newest\":3"),
            String::new(),
        ] {
            fs::write(&place, other).unwrap();
            assert!(CachedState::read(&options.path).is_none());
        }
        fs::write(&place, text).unwrap();
        assert!(CachedState::read(&options.path).is_some());
    }

    #[test]
    fn whoever_does_not_wait_ends_it() {
        let (_directory, options, cached) = cached("format-1/closed.sqlite");
        let ended = cached
            .believed()
            .unwrap()
            .verify(&options.path, &AtomicBool::new(true));
        assert!(matches!(ended, Err(EngineError::Stopped)), "{ended:?}");
    }

    #[test]
    fn what_was_appended_since_is_taken_into_account() {
        let (_directory, options, cached) = cached("format-1/waiting.sqlite");
        let case = *cached.durable.cases.keys().next().unwrap();
        let record = Record::Note {
            case: Some(case),
            text: SafeText::new("since"),
        };
        let (mut journal, _) = Journal::open(&options, cached.anchor, |_| Ok::<_, JournalError>(())).unwrap();
        let row = NewRecord {
            at: UnixMillis(9),
            kind: record.kind(),
            body: serde_json::to_string(&record).unwrap(),
            subjects: Vec::new(),
        };
        journal.append(&[row]).unwrap();
        // up to where it reaches, and no further
        cached.believed().unwrap().verify(&options.path, &GO_ON).unwrap();
    }
}
