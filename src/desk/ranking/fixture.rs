//! Operators whom nothing speaks against, for the tests of this room.

use std::time::Duration;

use super::{Candidate, ranked};
use crate::oracle::Track;
use crate::ports::{Release, ReleaseVerdict};
use crate::types::{OperatorId, SafeText};

pub(super) fn ids(list: &[u64]) -> Vec<OperatorId> {
    list.iter().copied().map(OperatorId).collect()
}

pub(super) fn well(id: u64) -> Candidate {
    Candidate {
        id: OperatorId(id),
        name: SafeText::default(),
        reachable: true,
        version: ReleaseVerdict::Fine,
        version_text: SafeText::new("0.2.13"),
        oldest_release: Some(Release(0, 2, 7)),
        instead_of: None,
        latency: Some(Duration::from_millis(20)),
        spoiled: false,
        track: Track::default(),
    }
}

pub(super) fn crew(list: &[u64]) -> Vec<Candidate> {
    ranked(list.iter().copied().map(well).collect())
}
