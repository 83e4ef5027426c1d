//! The way on from a journal that is refused: another file in its place, or records declared lost by a person.

use std::fmt;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::chain::{Anchor, Entry};
use super::checkpoint::{Checkpoint, Stated, newest_key};
use super::error::{JournalError, io_at};
use super::export;
use super::own_key::{self, Acknowledged};
use super::places::{JournalOptions, is_blank};
use super::source::open_read_only;
use super::stand;
use super::store::{self, Journal, NewRecord};
use super::{backup, format};
use super::{read, schema};
use crate::sqlite::beside;
use crate::types::{Root, SafeText, UnixMillis};

/// What stands in a note behind the words that say what was lost.
pub const LOST_BEHIND: &str = "What was decided, made and sent in them is not known to";
/// Kind of the record that says what was lost.
const NOTE: &str = "note";

/// A person's word that records are lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declaration {
    pub by: SafeText,
    /// The person's words.
    pub reason: SafeText,
    /// What was open at the last record that is left, in words.
    pub open: SafeText,
    /// What is recorded with it, before the word itself.
    pub records: Vec<NewRecord>,
}

/// Records that are lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lost {
    /// The first of them.
    pub first: u64,
    /// The last that was acknowledged, or that the replaced file had; `None` where nothing that is left says how many
    /// there were.
    pub last: Option<u64>,
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { first, last } = self;
        match last {
            Some(last) => write!(f, "records {first} to {last}"),
            None => write!(f, "any records from {first} on"),
        }
    }
}

/// What was put in the journal's place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// Number of the newest record that is there now.
    pub records: u64,
    /// Its hash.
    pub head: Root,
    /// What was declared lost.
    pub lost: Option<Lost>,
    /// Whether a checkpoint named the copy's last record as the last that was acknowledged. Otherwise nobody can say whether
    /// records followed, and no checkpoint is written that would say that none did.
    pub end_is_known: bool,
    /// Where the file is kept that was in its place.
    pub replaced: Option<PathBuf>,
}

/// Puts a copy of `from` (a backup, another copy, or the journal itself) in the place of the journal, and verifies it.
///
/// The copy must have every record that was acknowledged, and every record of a file that is replaced and verifies. It may
/// lack some at its end where a person declares them lost, or all of them where the journal itself is gone: then another one
/// begins in its place, with that word. What a person declares is recorded also where nothing here says
/// that anything is missing: a new disk knows less than the person.
///
/// # Errors
/// `from` does not verify, is an export, or is another journal; it lacks records and nothing was declared; the journal is
/// in use. Then everything is as it was.
pub fn restore(
    options: &JournalOptions,
    from: &Path,
    declared: Option<&Declaration>,
) -> Result<Restored, JournalError> {
    let begins_anew = declared.is_some() && is_gone(options, from);
    if !begins_anew && export::is_one(from)? {
        let problem = "is an export, which proves what was recorded but is no journal".to_owned();
        return Err(JournalError::NotRestored {
            from: from.to_owned(),
            problem,
        });
    }
    let judged = match begins_anew {
        true => None,
        false => Some(judged(from)?),
    };
    let had_file = options.path.exists();
    let path = store::real_path(options)?;
    let given = judged.unwrap_or_else(|| path.clone());
    let partial = path.with_extension("restoring.sqlite");
    let (mut held, mut orphans) = (None, Vec::new());
    let outcome = stand::lock(&path).and_then(|lock| {
        held = Some(lock);
        remove(&partial)?;
        // before SQLite looks at the empty file
        if is_blank(&path) {
            set_aside_log(&path, &mut orphans)?;
        }
        let outcome = replace(&path, options, &given, &partial, declared, had_file);
        let _ = remove(&partial);
        outcome
    });
    if outcome.is_err() && !had_file {
        // it was made to be locked
        let _ = fs::remove_file(&path);
    }
    // beside a copy that got as far as its place the log would be taken for the copy's
    if outcome.is_err() && is_blank(&path) {
        for (from, to) in orphans {
            let _ = fs::rename(to, from);
        }
    }
    drop(held);
    outcome
}

/// Whether `from` is the place of the journal, of which nothing is left but what stands elsewhere.
fn is_gone(options: &JournalOptions, from: &Path) -> bool {
    from == options.path && is_blank(from) && options.tells_of_a_lost_one()
}

/// The file at `from`, which verifies: one that does not is named as such before anything is touched.
fn judged(from: &Path) -> Result<PathBuf, JournalError> {
    let given = fs::canonicalize(from).map_err(io_at(from))?;
    // SQLite would delete the log that is left beside it
    if is_blank(&given) {
        return Err(JournalError::NoJournal { path: given });
    }
    let source = open_read_only(&given)?;
    if format::is_empty(&given, &source)? {
        return Err(JournalError::NoJournal { path: given });
    }
    read::walk(&given, &source, Anchor::BEGINNING, u64::MAX, |_| {
        Ok::<_, JournalError>(())
    })?;
    schema::judge(&given, &source)?;
    Ok(given)
}

/// The work of [`restore()`], under the journal's lock.
fn replace(
    path: &Path,
    options: &JournalOptions,
    given: &Path,
    partial: &Path,
    declared: Option<&Declaration>,
    had_file: bool,
) -> Result<Restored, JournalError> {
    let refused = |problem: String| JournalError::NotRestored {
        from: given.to_owned(),
        problem,
    };
    // of a journal that is gone there is nothing to be copied
    let mut last = match given == path && is_blank(given) {
        true => Anchor::BEGINNING,
        false => backup::write(given, partial)?,
    };
    let missing = missing(path, options, given, last)?;
    let end_is_known = matches!(missing, Missing::Nothing);
    let lost = match (missing, declared) {
        (Missing::Everything(problem), _) => return Err(refused(problem)),
        (Missing::Nothing, _) if given == path => {
            return Err(refused(
                "is the journal itself, and lacks nothing that was acknowledged. Where its checkpoint was put back with it, \
                 what followed is declared lost with a copy: `journal backup FILE`, then `journal restore FILE \
                 --declare-lost REASON`"
                    .to_owned(),
            ));
        }
        (Missing::NotKnown, None) if given == path => {
            return Err(refused(
                "is the journal itself, and in its place already".to_owned(),
            ));
        }
        (Missing::Nothing | Missing::NotKnown, None) => None,
        (Missing::Nothing | Missing::NotKnown, Some(_)) => Some(Lost {
            first: last.seq + 1,
            last: None,
        }),
        (Missing::Tail(lost), Some(_)) => Some(lost),
        (Missing::Tail(lost), None) => {
            return Err(refused(format!(
                "ends at record {}, and {lost} were acknowledged: they would be lost. Take a newer copy; where there is \
                 none, a person declares them lost (--declare-lost REASON)",
                last.seq
            )));
        }
    };
    if let Some((lost, declared)) = lost.zip(declared) {
        last = tell(partial, last, lost, declared)?;
    }
    let replaced = install(path, partial, had_file)?;
    // elsewhere the checkpoint that is there names its end already, or nothing tells where that is
    if lost.is_some() {
        let stated = stated(path, options, last)?;
        let checkpoint = Checkpoint::at(options.checkpoint_of(path));
        checkpoint.put(&stated).map_err(io_at(checkpoint.path()))?;
    }
    Ok(Restored {
        records: last.seq,
        head: last.hash,
        lost,
        end_is_known,
        replaced,
    })
}

/// What the checkpoint says of the journal that a person went on with: signed where its key is here. Where it is not, a start
/// is refused anyway, until a person puts it there or makes another one.
fn stated(path: &Path, options: &JournalOptions, newest: Anchor) -> Result<Stated, JournalError> {
    let installed = open_read_only(path)?;
    let named = newest_key(path, &installed, newest.seq)?;
    let key = named.and_then(|_| own_key::held(&options.key_of(path), named).ok().flatten());
    let (first, last) = (
        read::one(path, &installed, 1)?,
        read::one(path, &installed, newest.seq)?,
    );
    let seal = key.zip(first).zip(last).map(|((key, first), last)| {
        key.sign(&Acknowledged {
            journal: first.hash,
            format: last.format,
            newest,
            at: UnixMillis::now(),
        })
    });
    Ok(Stated { newest, seal })
}

enum Missing {
    /// Its last record is the last that was acknowledged.
    Nothing,
    /// It has all of which something here tells, and no checkpoint says that nothing followed.
    NotKnown,
    /// The end of what was acknowledged.
    Tail(Lost),
    /// It is another journal: why.
    Everything(String),
}

/// What the file at `given` lacks of what was acknowledged, and of what the journal at `path` has.
fn missing(
    path: &Path,
    options: &JournalOptions,
    given: &Path,
    last: Anchor,
) -> Result<Missing, JournalError> {
    let acknowledged = Checkpoint::at(options.checkpoint_of(path)).read()?;
    if last.seq == 0 && given == path {
        return Ok(Missing::Tail(Lost {
            first: 1,
            last: acknowledged.map(|anchor| anchor.seq),
        }));
    }
    if last.seq == 0 {
        return Ok(Missing::Everything("has no record".to_owned()));
    }
    let source = open_read_only(given)?;
    // a file that does not verify has no say
    let here = open_read_only(path).and_then(|here| {
        let first = read::one(path, &here, 1)?;
        let last = read::walk(path, &here, Anchor::BEGINNING, u64::MAX, |_| Ok(()))?;
        Ok((first, last))
    });
    let (first, newest) = here.map_or((None, None), |(first, last): (Option<Entry>, Anchor)| {
        (first, (last.seq > 0).then_some(last))
    });
    if let (Some(here), Some(there)) = (first, read::one(given, &source, 1)?)
        && here.hash != there.hash
    {
        return Ok(Missing::Everything(
            "is another journal: its first record is another one".to_owned(),
        ));
    }
    let mut lost: Option<Lost> = None;
    for wanted in [acknowledged, newest].into_iter().flatten() {
        let found = read::one(given, &source, wanted.seq)?;
        match found {
            Some(entry) if entry.hash == wanted.hash => {}
            Some(_) => {
                return Ok(Missing::Everything(format!(
                    "has another record {} than was acknowledged: it went on by itself, or is another journal",
                    wanted.seq
                )));
            }
            None => {
                let before = lost.and_then(|lost| lost.last);
                lost = Some(Lost {
                    first: last.seq + 1,
                    last: before.max(Some(wanted.seq)),
                });
            }
        }
    }
    Ok(match lost {
        Some(lost) => Missing::Tail(lost),
        // a file alone may have been rolled back itself
        None if acknowledged.is_some_and(|anchor| anchor.seq == last.seq) => Missing::Nothing,
        None => Missing::NotKnown,
    })
}

/// Appends what is lost to the copy, before it is put in its place.
fn tell(partial: &Path, last: Anchor, lost: Lost, declared: &Declaration) -> Result<Anchor, JournalError> {
    let Declaration {
        by,
        reason,
        open,
        records,
    } = declared;
    let how_many = match lost.last {
        Some(_) => "",
        None => "How many there were, nothing says that was left. ",
    };
    let text = SafeText::new(&format!(
        "{lost} were declared lost by {by}: {reason}. {how_many}{LOST_BEHIND} \
         this journal; the chain tells what became of it. {open}"
    ));
    let options = JournalOptions::at(partial);
    // it was written a moment ago, and its end is where it should be; one that begins has none
    if last.seq > 0 {
        Checkpoint::at(options.checkpoint_of(partial))
            .write(last)
            .map_err(io_at(partial))?;
    }
    let anchor = Anchor::BEGINNING;
    let (mut journal, _) = Journal::open(&options, anchor, |_| Ok::<_, JournalError>(()))?;
    let word = NewRecord {
        at: UnixMillis::now(),
        kind: NOTE,
        body: json!({ "record": NOTE, "case": null, "text": text }).to_string(),
        subjects: Vec::new(),
    };
    let records: Vec<_> = records.iter().cloned().chain([word]).collect();
    journal.append(&records)?;
    let (seq, hash) = journal.head();
    drop(journal);
    for beside in ["lock", "checkpoint"] {
        let _ = fs::remove_file(partial.with_extension(beside));
    }
    Ok(Anchor { seq, hash })
}

/// Moves the log of a file that is gone out of SQLite's way, which would take it for that of the file that comes, or delete
/// it. Adds to `moved` what was moved, and where to.
fn set_aside_log(path: &Path, moved: &mut Vec<(PathBuf, PathBuf)>) -> Result<(), JournalError> {
    let replaced = replaced(path);
    for suffix in ["-shm", "-wal"] {
        let (from, to) = (beside(path, suffix), beside(&replaced, suffix));
        if from.exists() {
            fs::rename(&from, &to).map_err(io_at(&from))?;
            moved.push((from, to));
        }
    }
    Ok(())
}

/// Where what was in the journal's place is kept.
fn replaced(path: &Path) -> PathBuf {
    path.with_extension(format!("replaced-{}.sqlite", UnixMillis::now().0))
}

/// Moves the copy into the journal's place, and what was there aside. The log goes first: beside another file it would be
/// taken for that file's.
fn install(path: &Path, partial: &Path, had_file: bool) -> Result<Option<PathBuf>, JournalError> {
    // the log of the copy is written back when it is closed
    let log = beside(partial, "-wal");
    if fs::metadata(&log).is_ok_and(|found| found.len() > 0) {
        let error = io::Error::other("the copy's log was not written back");
        return Err(io_at(&log)(error));
    }
    File::open(partial)
        .and_then(|file| file.sync_all())
        .map_err(io_at(partial))?;
    let replaced = replaced(path);
    for suffix in ["-shm", "-wal", ""] {
        let from = beside(path, suffix);
        if had_file && from.exists() {
            fs::rename(&from, beside(&replaced, suffix)).map_err(io_at(&from))?;
        }
    }
    fs::rename(partial, path).map_err(io_at(path))?;
    if let Some(directory) = path.parent().filter(|d| !d.as_os_str().is_empty()) {
        File::open(directory)
            .and_then(|d| d.sync_all())
            .map_err(io_at(directory))?;
    }
    let installed = open_read_only(path)?;
    format::found(path, &installed)?;
    Ok(had_file.then_some(replaced))
}

/// What an interrupted restore left.
fn remove(partial: &Path) -> Result<(), JournalError> {
    for suffix in ["-shm", "-wal", ""] {
        let file = beside(partial, suffix);
        match fs::remove_file(&file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(io_at(&file)(error)),
            _ => {}
        }
    }
    Ok(())
}
