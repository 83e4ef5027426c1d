//! Where the store's files stand while the node runs. A share that goes into a file that was removed or replaced is gone with
//! the process, and the key that it belongs to counts on it.

use std::path::Path;

use rusqlite::Connection;

use super::{StoreError, backup, shown};
use crate::sqlite::{Rescue, Stand};
use crate::types::{SafeText, UnixMillis, counted};

/// Why nothing can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Refuses {
    /// The disk is full, or fails.
    Disk,
    /// Its files are not where they were opened.
    Moved,
}

/// The files as they were opened, and the copy that was made when they were no longer there.
#[derive(Debug)]
pub(super) struct Standing {
    files: Stand,
    rescued: Rescue<usize>,
}

impl Standing {
    pub(super) fn of(path: &Path) -> Result<Self, StoreError> {
        Ok(Self {
            files: Stand::of(path)?,
            rescued: Rescue::default(),
        })
    }

    /// # Errors
    /// What is in the way, and how a person mends it.
    pub(super) fn look(&mut self, path: &Path, db: &Connection) -> Result<(), StoreError> {
        let Some(moved) = self.files.moved() else {
            if let Some(copy) = self.rescued.take() {
                tracing::info!(
                    target: "casimir_dkg::node", copy = %copy.display(),
                    "the share store is in its place again; the copy is not needed"
                );
            }
            return Ok(());
        };
        Err(StoreError::Moved {
            path: shown(&moved.path),
            problem: SafeText::new(&moved.problem),
            way: self.rescue(path, db),
        })
    }

    /// Copies every share to a file beside the path, once. Says the way from there.
    fn rescue(&mut self, path: &Path, db: &Connection) -> SafeText {
        let copy = |to: &Path| backup::copy(db, to).map(|held| held.len());
        let now = UnixMillis::now().0;
        let words = self.rescued.copied(path, now, "shares", copy).map_or_else(
            |words| words,
            |(copy, shares)| {
                let file = copy.display();
                format!(
                    "{} copied to {file}: put the files back, or stop this node, `casimir-dkg operator restore {file}`, and \
                     start it again",
                    counted(*shares, "share")
                )
            },
        );
        SafeText::new(&words)
    }
}
