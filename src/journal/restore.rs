//! The way on from a journal that is refused: another file in its place, or records declared lost by a person.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::chain::{Anchor, Entry};
use super::checkpoint::Checkpoint;
use super::error::{JournalError, io_at};
use super::export;
use super::read;
use super::source::{beside, open_read_only};
use super::store::{self, Journal, JournalOptions, NewRecord};
use super::{backup, format};
use crate::types::{Root, SafeText, UnixMillis};

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
    /// The last that was acknowledged, or that the replaced file had.
    pub last: u64,
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
    /// Where the file is kept that was in its place.
    pub replaced: Option<PathBuf>,
}

/// Puts a copy of `from` (a backup, another copy, or the journal itself) in the place of the journal, and verifies it.
///
/// The copy must have every record that was acknowledged, and every record of a file that is replaced and verifies. It may
/// lack some at its end where a person declares them lost.
///
/// # Errors
/// `from` does not verify, is an export, or is another journal; it lacks records and nothing was declared; the journal is
/// in use. Then everything is as it was.
pub fn restore(
    options: &JournalOptions,
    from: &Path,
    declared: Option<&Declaration>,
) -> Result<Restored, JournalError> {
    if export::is_one(from)? {
        let problem = "is an export, which proves what was recorded but is no journal".to_owned();
        return Err(JournalError::NotRestored {
            from: from.to_owned(),
            problem,
        });
    }
    let given = fs::canonicalize(from).map_err(io_at(from))?;
    // a file that does not verify is named as such before anything is touched
    let source = open_read_only(&given)?;
    read::walk(&given, &source, Anchor::BEGINNING, u64::MAX, |_| {
        Ok::<_, JournalError>(())
    })?;
    drop(source);
    let had_file = options.path.exists();
    let path = store::real_path(&options.path)?;
    let partial = path.with_extension("restoring.sqlite");
    let outcome = store::lock(&path).and_then(|lock| {
        remove(&partial)?;
        let outcome = replace(&path, options, &given, &partial, declared, had_file);
        let _ = remove(&partial);
        drop(lock);
        outcome
    });
    if outcome.is_err() && !had_file {
        // it was made to be locked
        let _ = fs::remove_file(&path);
    }
    outcome
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
    let mut last = backup::write(given, partial)?;
    let lost = match (missing(path, options, given, last)?, declared) {
        (Missing::Nothing, _) if given == path => {
            return Err(refused("is the journal itself, and lacks nothing".to_owned()));
        }
        (Missing::Nothing, _) => None,
        (Missing::Tail(lost), Some(declared)) => {
            last = tell(partial, lost, declared)?;
            Some(lost)
        }
        (Missing::Tail(lost), None) => {
            return Err(refused(format!(
                "ends at record {}, and records {} to {} were acknowledged: they would be lost. Take a newer copy; where \
                 there is none, a person declares them lost (--declare-lost REASON)",
                last.seq, lost.first, lost.last
            )));
        }
        (Missing::Everything(problem), _) => return Err(refused(problem)),
    };
    let replaced = install(path, partial, had_file)?;
    Checkpoint::beside(path, options.checkpoint.as_deref())
        .write(last)
        .map_err(io_at(path))?;
    Ok(Restored {
        records: last.seq,
        head: last.hash,
        lost,
        replaced,
    })
}

enum Missing {
    Nothing,
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
    if last.seq == 0 {
        return Ok(Missing::Everything("has no record".to_owned()));
    }
    let source = open_read_only(given)?;
    let acknowledged = Checkpoint::beside(path, options.checkpoint.as_deref()).read()?;
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
                let until = lost.map_or(wanted.seq, |lost| lost.last.max(wanted.seq));
                lost = Some(Lost {
                    first: last.seq + 1,
                    last: until,
                });
            }
        }
    }
    Ok(lost.map_or(Missing::Nothing, Missing::Tail))
}

/// Appends what is lost to the copy, before it is put in its place.
fn tell(partial: &Path, lost: Lost, declared: &Declaration) -> Result<Anchor, JournalError> {
    let Declaration {
        by,
        reason,
        open,
        records,
    } = declared;
    let Lost { first, last: until } = lost;
    let text = SafeText::new(&format!(
        "records {first} to {until} were declared lost by {by}: {reason}. What was decided, made and sent in them is not \
         known to this journal; the chain tells what became of it. {open}"
    ));
    let options = JournalOptions {
        path: partial.to_owned(),
        checkpoint: None,
    };
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
    let replaced = path.with_extension(format!("replaced-{}.sqlite", UnixMillis::now().0));
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
