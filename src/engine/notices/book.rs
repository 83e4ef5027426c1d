//! What somebody was told and what is not over, over restarts: whoever heard that something is wrong hears that it is over,
//! also where that came about while no engine ran. It is written down before it is told. A file that cannot be read is said
//! and left aside: then a person looks at his pager.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::journal::places;
use crate::log_limit::RepeatFilter;
use crate::ports::notifier::{Notice, NoticeKind, NoticePhase};
use crate::secrets::{Holds, open, replace_private};
use crate::types::SafeText;

/// Version of the file.
const VERSION: u32 = 1;
/// Bytes; a longer file is as good as none.
const LONGEST: u64 = 4 << 20;
/// Matters of one receiver; what comes on top is not kept.
const MATTERS: usize = 512;

/// A write is waited for so long before what it is about is told all the same.
const TIMEOUT: Duration = Duration::from_secs(2);

/// By receiver, and by matter.
type Pages = BTreeMap<String, BTreeMap<String, Notice>>;

#[derive(Serialize, Deserialize)]
struct Written {
    v: u32,
    told: Pages,
}

/// Who was told what that is not over.
#[derive(Debug, Default)]
pub struct Book {
    /// None: it is kept for this run only.
    place: Option<PathBuf>,
    /// Never held while something is written: a disk that hangs must not hold up a thread that others run on.
    told: Mutex<Pages>,
    /// What was said of writes that failed. Held while one is written, so that the newest is written last.
    writes: Mutex<RepeatFilter>,
}

impl Book {
    /// The file beside the journal at this path, by the name that the journal has without links.
    #[must_use]
    pub fn beside(journal: &Path) -> Self {
        Self::at(places::told_of(journal))
    }

    fn at(place: PathBuf) -> Self {
        let told = match read(&place) {
            Ok(told) => told,
            Err(problem) => {
                leave_aside(&place, &problem);
                Pages::new()
            }
        };
        Self {
            place: Some(place),
            told: Mutex::new(told),
            writes: Mutex::default(),
        }
    }

    /// What a receiver was told before this run, and was not told to be over. What receivers were told that are configured
    /// no more is forgotten.
    pub(super) fn left(&self, receivers: &[String]) -> BTreeMap<String, Vec<Notice>> {
        let mut told = self.told();
        told.retain(|receiver, _| receivers.contains(receiver));
        told.iter()
            .map(|(receiver, matters)| (receiver.clone(), matters.values().cloned().collect()))
            .collect()
    }

    /// It is going to be told. Where the file cannot be written, that is said.
    pub(super) async fn begins(self: &Arc<Self>, receiver: &str, notice: &Notice) {
        if notice.phase == NoticePhase::Over || notice.kind == NoticeKind::Test {
            return;
        }
        let matter = notice.matter();
        {
            let mut told = self.told();
            let page = told.entry(receiver.to_owned()).or_default();
            let known = page.len();
            match page.get_mut(&matter) {
                // what is told again changes nothing that is needed at its end
                Some(_) => return,
                None if known >= MATTERS => return,
                None => page.insert(matter, notice.clone()),
            };
        }
        self.write().await;
    }

    /// Its end was told.
    pub(super) async fn ends(self: &Arc<Self>, receiver: &str, notice: &Notice) {
        let gone = {
            let mut told = self.told();
            let page = told.get_mut(receiver);
            page.is_some_and(|page| page.remove(&notice.matter()).is_some())
        };
        if gone {
            self.write().await;
        }
    }

    fn told(&self) -> MutexGuard<'_, Pages> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A disk that hangs holds up no task of the engine, and a notice for a moment only: it may be about that disk.
    async fn write(self: &Arc<Self>) {
        let book = Arc::clone(self);
        let written = tokio::task::spawn_blocking(move || book.write_now());
        // one that died has told so
        let _ = tokio::time::timeout(TIMEOUT, written).await;
    }

    fn write_now(&self) {
        let Some(place) = &self.place else { return };
        let mut refrain = self.writes.lock().unwrap_or_else(PoisonError::into_inner);
        let told = self.told().clone();
        let written = Written { v: VERSION, told };
        let Err(error) = write(place, &written) else {
            return;
        };
        let words = SafeText::new(&error.to_string());
        if let Some(left_out) = refrain.line(&words) {
            let path = place.display();
            tracing::warn!(target: "notices", %path, left_out, "what was told cannot be kept for the next start: {words}");
        }
    }
}

fn read(place: &Path) -> Result<Pages, String> {
    let found = match open(place, Holds::Trusted) {
        Ok(found) => found.logged(place),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Pages::new()),
        Err(error) => return Err(error.to_string()),
    };
    if found.metadata.len() > LONGEST {
        return Err(format!("it is longer than {LONGEST} bytes"));
    }
    let json = BufReader::new(found.file.take(LONGEST));
    let text: Value = serde_json::from_reader(json).map_err(|error| error.to_string())?;
    // the version first: what another one holds may be of another form
    if text["v"] != VERSION {
        return Err(format!(
            "it is of version {}, and this program reads {VERSION}",
            text["v"]
        ));
    }
    let written: Written = serde_json::from_value(text).map_err(|error| error.to_string())?;
    Ok(written.told)
}

fn leave_aside(place: &Path, problem: &str) {
    let aside = place.with_extension("told.broken");
    let moved = fs::rename(place, &aside);
    let (path, problem) = (place.display(), SafeText::new(problem));
    match moved {
        Ok(()) => {
            let aside = aside.display();
            tracing::warn!(target: "notices", %path, %aside, "what was told before cannot be read and is left aside; nobody is told of its ends: {problem}");
        }
        Err(error) => {
            tracing::warn!(target: "notices", %path, %error, "what was told before cannot be read, nor moved away; nobody is told of its ends: {problem}");
        }
    }
}

fn write(place: &Path, written: &Written) -> io::Result<()> {
    replace_private(place, |file| {
        serde_json::to_writer(&mut *file, written)?;
        file.flush()?;
        file.get_ref().sync_all()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::notifier::{About, Severity};
    use crate::types::UnixMillis;

    fn notice(phase: NoticePhase) -> Notice {
        Notice {
            kind: NoticeKind::OperatorDown,
            phase,
            severity: Severity::Warning,
            sentence: "operator 3 is down".into(),
            advice: "".into(),
            about: About {
                operator: Some(crate::types::OperatorId(3)),
                ..About::default()
            },
            since: UnixMillis(1),
            at: UnixMillis(2),
            reason: Some("operator-down".to_owned()),
            due: None,
        }
    }

    fn receivers() -> [String; 1] {
        ["duty".to_owned()]
    }

    #[tokio::test]
    async fn what_was_told_is_there_at_the_next_start_until_its_end_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let journal = folder.path().join("journal.sqlite");
        let book = Arc::new(Book::beside(&journal));
        assert!(book.left(&receivers()).is_empty());
        let begun = notice(NoticePhase::Begun);
        book.begins("duty", &begun).await;
        book.begins("gone", &begun).await;
        {
            use std::os::unix::fs::PermissionsExt as _;
            let place = folder.path().join("journal.told");
            assert_eq!(fs::metadata(place).unwrap().permissions().mode() & 0o777, 0o600);
        }
        let next = Arc::new(Book::beside(&journal));
        assert_eq!(next.left(&receivers())["duty"], [begun]);
        assert_eq!(next.left(&receivers()).len(), 1, "whoever is configured no more");
        next.ends("duty", &notice(NoticePhase::Over)).await;
        assert!(Book::beside(&journal).left(&receivers())["duty"].is_empty());
    }

    #[tokio::test]
    async fn a_file_that_cannot_be_read_is_left_aside() {
        let folder = tempfile::tempdir().unwrap();
        let journal = folder.path().join("journal.sqlite");
        let place = folder.path().join("journal.told");
        for text in ["", "{\"v\":1,\"told\":7}", "{\"v\":2,\"told\":{}}", "\u{0}\u{0}"] {
            fs::write(&place, text).unwrap();
            let book = Arc::new(Book::beside(&journal));
            assert!(book.left(&receivers()).is_empty(), "{text}");
            assert!(!place.exists());
            let aside = fs::read_to_string(folder.path().join("journal.told.broken")).unwrap();
            assert_eq!(aside, text);
        }
        // and where nothing can be written, it is told all the same
        let nowhere = Arc::new(Book::beside(&folder.path().join("nowhere/journal.sqlite")));
        nowhere.begins("duty", &notice(NoticePhase::Begun)).await;
        assert_eq!(nowhere.left(&receivers())["duty"].len(), 1);
    }
}
