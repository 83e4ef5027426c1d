//! Making a step durable: before any of its effects, always.

use super::inject;
use crate::journal::{Journal, JournalError};
use crate::oracle::{Effect, Record};
use crate::types::{BlockRef, UnixMillis};

/// What one or several steps gave and is not durable yet.
#[derive(Debug, Default)]
pub(super) struct Pending {
    pub(super) at: UnixMillis,
    pub(super) records: Vec<Record>,
    pub(super) effects: Vec<Effect>,
    pub(super) cursor: Option<BlockRef>,
}

impl Pending {
    pub(super) fn is_empty(&self) -> bool {
        self.records.is_empty() && self.effects.is_empty() && self.cursor.is_none()
    }
}

#[derive(Debug)]
pub(super) struct Committer {
    journal: Journal,
    /// Those with records, for tests that die at one of them.
    commits: u64,
}

impl Committer {
    pub(super) fn new(journal: Journal) -> Self {
        Self { journal, commits: 0 }
    }

    pub(super) fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Makes the records durable; returns the number of the first. On an error nothing was written and the same call
    /// may be made again.
    pub(super) fn commit(&mut self, pending: &Pending) -> Result<u64, JournalError> {
        let rows: Vec<(&str, String)> = pending
            .records
            .iter()
            .map(|record| {
                let body = serde_json::to_string(record).expect("records are plain data");
                (record.kind(), body)
            })
            .collect();
        // moving the cursor alone is no decision: such commits are not counted
        if rows.is_empty() {
            return self.journal.append(pending.at, &rows, pending.cursor);
        }
        inject::die_at(2 * self.commits + 1);
        let first = self.journal.append(pending.at, &rows, pending.cursor)?;
        self.commits += 1;
        inject::die_at(2 * self.commits);
        Ok(first)
    }
}
