//! Making a step durable: before any of its effects, always.

use crate::journal::{Journal, JournalError};
use crate::oracle::{Effect, Record};
use crate::types::{BlockRef, UnixMillis};

/// Names the environment variable that makes the process die at a numbered point, for crash tests.
///
/// Point `2n - 1` is right before commit `n` of the journal, point `2n` right after it and before its effects.
pub const CRASH_AT: &str = "CASIMIR_DKG_CRASH_AT";

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
    commits: u64,
    crash_at: Option<u64>,
}

impl Committer {
    pub(super) fn new(journal: Journal) -> Self {
        let crash_at = std::env::var(CRASH_AT).ok().and_then(|n| n.parse().ok());
        if let Some(point) = crash_at {
            tracing::warn!(target: "engine", point, "{CRASH_AT} is set: this process will die at that point");
        }
        Self {
            journal,
            commits: 0,
            crash_at,
        }
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
        self.crash_point(2 * self.commits + 1);
        let first = self.journal.append(pending.at, &rows, pending.cursor)?;
        self.commits += 1;
        self.crash_point(2 * self.commits);
        Ok(first)
    }

    fn crash_point(&self, point: u64) {
        if self.crash_at == Some(point) {
            // as SIGKILL would: no destructor, no flush
            std::process::abort();
        }
    }
}
