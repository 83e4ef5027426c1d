//! Exports: one record a line, for another machine to verify. The form stands in the description of the journal.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write};
use std::path::Path;

use super::chain::{Anchor, Entry, Walker};
use super::error::{JournalError, io_at};
use super::format::FORMAT;
use super::inspect::{Report, walk_all};

/// A record may not be longer in an export. The longest that a program writes are proposals, some tens of KB.
const MAX_LINE: u64 = 64 << 20;

/// Writes the journal at `path` as an export of version 1, in the form that the description of this room gives.
///
/// # Errors
/// A journal that does not verify is exported all the same up to its first bad record, and the error is returned.
pub fn export(path: &Path, out: &mut dyn Write) -> Result<Report, JournalError> {
    walk_all(path, None, |entry| {
        let line = serde_json::to_writer(&mut *out, entry).map_err(std::io::Error::from);
        line.and_then(|()| out.write_all(b"\n"))
            .map_err(io_at("the output"))
    })
}

/// Whether the file is an export and not a database.
pub(super) fn is_one(path: &Path) -> Result<bool, JournalError> {
    let mut first = [0];
    let read = File::open(path).and_then(|mut file| file.read(&mut first));
    Ok(read.map_err(io_at(path))? == 1 && first == *b"{")
}

/// Hands every record of an export to `take`, each after its link was checked.
pub(super) fn walk(
    path: &Path,
    mut take: impl FnMut(&Entry) -> Result<(), JournalError>,
) -> Result<(Anchor, u32), JournalError> {
    let mut lines = BufReader::new(File::open(path).map_err(io_at(path))?);
    let mut walker = Walker::behind(Anchor::BEGINNING);
    let mut format = 1;
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
            return Ok((walker.last(), format));
        }
        if line.last() != Some(&b'\n') {
            let cut = "is cut off: its line has no end".to_owned();
            return Err(broken(next, cut));
        }
        let entry: Entry = serde_json::from_slice(&line)
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
