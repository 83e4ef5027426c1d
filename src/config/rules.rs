//! The files that the rules stand in, as they were read: who decides by them wants to know that they still say so.

use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::file::{self, Contents};
use crate::secrets::{Holds, open};

/// A file with rules, as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RulesFile {
    /// Where it was.
    pub path: PathBuf,
    digest: [u8; 32],
}

impl RulesFile {
    pub(super) fn of(path: &Path, contents: &Contents) -> Self {
        Self {
            path: path.to_owned(),
            digest: contents.digest,
        }
    }

    /// In words, why the file is not any more what was read; `None` while it is.
    #[must_use]
    pub fn differs(&self) -> Option<String> {
        match open(&self.path, Holds::Trusted).and_then(|found| found.bytes(file::MAX_BYTES)) {
            Ok(bytes) if <[u8; 32]>::from(Sha256::digest(&bytes)) == self.digest => None,
            Ok(_) => Some("was changed".to_owned()),
            Err(error) => Some(format!("cannot be read any more: {error}")),
        }
    }
}
