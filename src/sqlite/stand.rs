//! Whether the path of an open database still leads to the files that are open: what is written into a file that was removed
//! or replaced is gone with the process, whatever SQLite reports.

use std::fmt::Display;
use std::fs::{self, File, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use super::beside;

/// Device and inode. While a file is open no other one gets its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Number(u64, u64);

impl Number {
    fn of(found: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt as _;
        Self(found.dev(), found.ino())
    }
}

/// A file that is not the one that is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Moved {
    pub(crate) path: PathBuf,
    /// What is wrong with it, as what is said of the path.
    pub(crate) problem: String,
}

/// What stood at a database's path when it was opened: the file and its log.
#[derive(Debug)]
pub(crate) struct Stand([(PathBuf, Number); 2]);

impl Stand {
    /// To be called when SQLite has file and log open. They are not opened here: to close one would release SQLite's locks
    /// of it.
    ///
    /// # Errors
    /// One of them cannot be looked at.
    pub(crate) fn of(path: &Path) -> io::Result<Self> {
        let numbered = |file: PathBuf| fs::metadata(&file).map(|found| (file, Number::of(&found)));
        // SQLite keeps the log beside the file itself, not beside a link to it
        let log = beside(&fs::canonicalize(path)?, "-wal");
        Ok(Self([numbered(path.to_owned())?, numbered(log)?]))
    }

    /// The first of them that is not what was opened.
    pub(crate) fn moved(&self) -> Option<Moved> {
        self.0.iter().find_map(|(path, number)| {
            let problem = match fs::metadata(path) {
                Ok(found) if Number::of(&found) == *number => return None,
                Ok(_) => "is another file than the one that this process writes".to_owned(),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    "was removed or moved away while this process writes it".to_owned()
                }
                Err(error) => format!("cannot be looked at any more: {error}"),
            };
            let path = path.clone();
            Some(Moved { path, problem })
        })
    }
}

/// The copy that is made of a database that is no longer where it was opened, and what the copying told.
#[derive(Debug, Default)]
pub(crate) struct Rescue<T>(Option<(PathBuf, T)>);

impl<T> Rescue<T> {
    /// Has everything copied to a file beside `path` that is named after `at_ms` (since the Unix epoch), once.
    ///
    /// # Errors
    /// It could not be copied: in words, with the way on. `what` it is, in the plural.
    pub(crate) fn copied<E: Display>(
        &mut self,
        path: &Path,
        at_ms: u64,
        what: &str,
        copy: impl FnOnce(&Path) -> Result<T, E>,
    ) -> Result<&(PathBuf, T), String> {
        if self.0.is_none() {
            let to = path.with_extension(format!("rescued-{at_ms}.sqlite"));
            let process = std::process::id();
            let told = copy(&to).map_err(|why| {
                format!(
                    "Its {what} could not be copied ({why}): they are only in the files that process {process} holds open. \
                     Make the directory again, with room, and they are copied; or copy them from /proc/{process}/fd before it \
                     ends"
                )
            })?;
            self.0 = Some((to, told));
        }
        Ok(self.0.as_ref().expect("it was copied just now, or before"))
    }

    /// The copy that is not needed any more, where there is one.
    pub(crate) fn take(&mut self) -> Option<PathBuf> {
        self.0.take().map(|(copy, _)| copy)
    }
}

/// Whether this path leads to this open file.
pub(crate) fn is_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), fs::metadata(path)) {
        (Ok(open), Ok(found)) => Number::of(&open) == Number::of(&found),
        _ => false,
    }
}
