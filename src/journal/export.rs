//! Exports: one record a line, for another machine to verify. The form stands in the description of the journal.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write};
use std::path::Path;

use super::chain::{Anchor, Entry, Walker};
use super::checkpoint::{Checkpoint, Stated};
use super::error::{JournalError, io_at};
use super::format::FORMAT;
use super::inspect::{Report, walk_all};
use super::places::JournalOptions;
use crate::secrets;
use crate::types::without_mark;

/// A record may not be longer in an export. The longest that a program writes are proposals, some tens of KB.
const MAX_LINE: u64 = 64 << 20;

/// Version of an export whose checkpoint is signed; version 1 is of a journal without one.
pub const EXPORT: u32 = 2;

/// The first line of an export of version 2.
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    export: u32,
    /// The text of the newest checkpoint, which is signed.
    checkpoint: String,
}

/// Writes the journal as an export in the form that the description of this room gives: of version 2 where its
/// checkpoint is signed, and otherwise of version 1.
///
/// # Errors
/// A journal that does not verify is exported all the same up to its first bad record, and the error is returned.
pub fn export(options: &JournalOptions, out: &mut dyn Write) -> Result<Report, JournalError> {
    let real = std::fs::canonicalize(&options.path).map_err(io_at(&options.path))?;
    // read first: the records go on behind it
    let stated = Checkpoint::at(options.checkpoint_of(&real)).stated()?;
    if let Some(stated) = stated.filter(|stated| stated.seal.is_some()) {
        let head = Head {
            export: EXPORT,
            checkpoint: stated.to_string(),
        };
        let line = serde_json::to_writer(&mut *out, &head).map_err(std::io::Error::from);
        line.and_then(|()| out.write_all(b"\n"))
            .map_err(io_at("the output"))?;
    }
    walk_all(options, |entry| {
        let line = serde_json::to_writer(&mut *out, entry).map_err(std::io::Error::from);
        line.and_then(|()| out.write_all(b"\n"))
            .map_err(io_at("the output"))
    })
}

/// Whether the file is an export and not a database.
pub(super) fn is_one(path: &Path) -> Result<bool, JournalError> {
    secrets::regular(path).map_err(io_at(path))?;
    let mut first = Vec::new();
    let read = File::open(path).and_then(|file| file.take(FIRST).read_to_end(&mut first));
    read.map_err(io_at(path))?;
    let first = without_mark(&first);
    if first.first() != Some(&b'{') {
        return Ok(false);
    }
    // the end of a file that begins like another kind of JSON is not worth reading
    if begins_a_record(first) {
        return Ok(true);
    }
    Err(JournalError::NoJournal {
        path: path.to_owned(),
    })
}

/// As much of a file as tells what it is.
const FIRST: u64 = 1 << 10;

/// Whether the first name in the object is one that records or first lines have. Only `format` stands in other files, too.
fn begins_a_record(first: &[u8]) -> bool {
    let text = String::from_utf8_lossy(first);
    let name = text.trim_start_matches(['{', ' ', '\t']).split('"').nth(1);
    match name {
        Some("format") => text.contains("\"seq\""),
        Some(name) => ["export", "checkpoint", "seq", "at", "kind", "body", "hash"].contains(&name),
        None => false,
    }
}

/// What an export holds.
pub(super) struct Walked {
    pub(super) last: Anchor,
    pub(super) format: u32,
    /// What its first line says, not judged yet.
    pub(super) stated: Option<Stated>,
}

/// The checkpoint of a first line; none where it is a record already.
fn head(line: &[u8]) -> Result<Option<Stated>, String> {
    #[derive(serde::Deserialize)]
    struct Version {
        export: u32,
    }
    let Ok(Version { export }) = serde_json::from_slice(line) else {
        return Ok(None);
    };
    if export != EXPORT {
        return Err(format!(
            "stands in an export of version {export}, which this program does not know"
        ));
    }
    let head: Head =
        serde_json::from_slice(line).map_err(|error| format!("stands behind a bad first line: {error}"))?;
    let stated = Stated::parse(&head.checkpoint).filter(|stated| stated.seal.is_some());
    stated
        .map(Some)
        .ok_or_else(|| "stands behind a first line that has no signed checkpoint".to_owned())
}

/// Hands every record of an export to `take`, each after its link was checked.
pub(super) fn walk(
    path: &Path,
    mut take: impl FnMut(&Entry) -> Result<(), JournalError>,
) -> Result<Walked, JournalError> {
    let mut lines = BufReader::new(File::open(path).map_err(io_at(path))?);
    let mut walker = Walker::behind(Anchor::BEGINNING);
    let (mut format, mut stated, mut is_first) = (1, None, true);
    loop {
        let next = walker.last().seq + 1;
        let broken = |seq, problem| JournalError::Broken {
            path: path.to_owned(),
            seq,
            problem,
        };
        let mut line = Vec::new();
        let read = lines.by_ref().take(MAX_LINE).read_until(b'\n', &mut line);
        if read.map_err(io_at(path))? == 0 {
            return Ok(Walked {
                last: walker.last(),
                format,
                stated,
            });
        }
        let line = if is_first { without_mark(&line) } else { &line };
        if line.first() != Some(&b'{') {
            let other = "is no record of an export: its line does not begin with {".to_owned();
            return Err(broken(next, other));
        }
        if line.last() != Some(&b'\n') {
            let cut = "is cut off: its line has no end".to_owned();
            return Err(broken(next, cut));
        }
        if std::mem::take(&mut is_first) {
            stated = head(line).map_err(|problem| broken(next, problem))?;
            if stated.is_some() {
                continue;
            }
        }
        let entry: Entry = serde_json::from_slice(line)
            .map_err(|error| broken(next, format!("is no record of an export: {error}")))?;
        if entry.format > FORMAT {
            return Err(JournalError::TooNew {
                path: path.to_owned(),
                found: entry.format,
                known: FORMAT,
            });
        }
        walker
            .accept(&entry)
            .map_err(|(seq, problem)| broken(seq, problem))?;
        format = entry.format;
        take(&entry)?;
    }
}
