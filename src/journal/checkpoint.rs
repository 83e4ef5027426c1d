//! The checkpoint: number and hash of the newest acknowledged record, outside the journal.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::JournalError;
use crate::types::Root;

/// `<seq> <hash>\n`, replaced atomically.
#[derive(Debug)]
pub(super) struct Checkpoint {
    path: PathBuf,
}

impl Checkpoint {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn write(&self, seq: u64, hash: Root) -> io::Result<()> {
        let temporary = self.path.with_extension("checkpoint.new");
        let mut file = fs::File::create(&temporary)?;
        writeln!(file, "{seq} {hash}")?;
        // no fsync: a checkpoint that lags behind is harmless, and it cannot get ahead of the journal
        drop(file);
        fs::rename(&temporary, &self.path)
    }

    pub(super) fn read(&self) -> Result<Option<(u64, Root)>, JournalError> {
        let io = |source| JournalError::Io {
            path: self.path.clone(),
            source,
        };
        let text = match fs::read_to_string(&self.path) {
            Ok(text) => text,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(io(e)),
        };
        if text.trim().is_empty() {
            // the last write was torn by a power cut before it reached the disk
            return Ok(None);
        }
        let parsed = text
            .trim()
            .split_once(' ')
            .and_then(|(seq, hash)| Some((seq.parse().ok()?, hash.parse().ok()?)));
        parsed.map(Some).ok_or_else(|| {
            io(io::Error::new(
                io::ErrorKind::InvalidData,
                "is not «<number> <hash>»",
            ))
        })
    }
}
