//! What a node has taken and done since its start.

use std::sync::atomic::{AtomicU64, Ordering};

/// How a ceremony ended here.
#[derive(Debug, Clone, Copy)]
pub(super) enum SessionEnd {
    Complete,
    Failed,
    /// The node stops.
    Aborted,
}

/// Numbers that only grow.
#[derive(Debug, Default)]
pub(in crate::dkg::rockx::node) struct Counts {
    taken: AtomicU64,
    refused: AtomicU64,
    complete: AtomicU64,
    failed: AtomicU64,
    aborted: AtomicU64,
}

impl Counts {
    pub(super) fn message(&self, taken: bool) {
        let counter = if taken { &self.taken } else { &self.refused };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn ended(&self, outcome: SessionEnd) {
        let counter = match outcome {
            SessionEnd::Complete => &self.complete,
            SessionEnd::Failed => &self.failed,
            SessionEnd::Aborted => &self.aborted,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Messages, by what came of them.
    pub(in crate::dkg::rockx::node) fn messages(&self) -> [(&'static str, u64); 2] {
        [("taken", &self.taken), ("refused", &self.refused)].map(read)
    }

    /// Ceremonies that have ended, by how.
    pub(in crate::dkg::rockx::node) fn ceremonies(&self) -> [(&'static str, u64); 3] {
        [
            ("complete", &self.complete),
            ("failed", &self.failed),
            ("aborted", &self.aborted),
        ]
        .map(read)
    }
}

fn read((name, counter): (&'static str, &AtomicU64)) -> (&'static str, u64) {
    (name, counter.load(Ordering::Relaxed))
}
