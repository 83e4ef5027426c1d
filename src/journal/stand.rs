//! Whether the journal's path still leads to the files that are open: what is written into a file that was removed or
//! replaced is gone with the process, whatever SQLite reports.

use std::fs::{self, File, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use super::source::beside;

/// Device and inode. While a file is open no other one gets its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Number(u64, u64);

impl Number {
    #[cfg(unix)]
    fn of(found: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt as _;
        Self(found.dev(), found.ino())
    }

    #[cfg(not(unix))]
    fn of(_: &Metadata) -> Self {
        Self(0, 0)
    }
}

/// The file and its log, as they were when they were opened.
#[derive(Debug)]
pub(super) struct Stand(Vec<(PathBuf, Number)>);

impl Stand {
    /// To be called when SQLite has both open. They are not opened here: to close one would release SQLite's locks of it.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        let files = [path.to_owned(), beside(path, "-wal")];
        let numbered = files.map(|file| Ok((Number::of(&fs::metadata(&file)?), file)));
        let numbered: io::Result<Vec<_>> = numbered.into_iter().collect();
        Ok(Self(
            numbered?
                .into_iter()
                .map(|(number, file)| (file, number))
                .collect(),
        ))
    }

    /// What is wrong with the first file that is not the one that is open.
    pub(super) fn moved(&self) -> Option<(&Path, String)> {
        self.0.iter().find_map(|(file, number)| {
            let problem = match fs::metadata(file) {
                Ok(found) if Number::of(&found) == *number => return None,
                Ok(_) => "is another file than the one that this process writes".to_owned(),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    "was removed or moved away while this process writes it".to_owned()
                }
                Err(error) => format!("cannot be looked at any more: {error}"),
            };
            Some((file.as_path(), problem))
        })
    }
}

/// Whether this path leads to this open file.
pub(super) fn is_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), fs::metadata(path)) {
        (Ok(open), Ok(found)) => Number::of(&open) == Number::of(&found),
        _ => false,
    }
}
