//! What operators did, counted as it happens: nobody has to look at every ceremony to know it.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use crate::types::{OperatorId, UnixMillis};

use super::track::{RECENT_MS, Work};

/// How often a ceremony gave a result with an operator, and how often none because of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Counts {
    pub(super) done: u32,
    pub(super) failed: u32,
}

impl Counts {
    fn of(&mut self, done: bool) -> &mut u32 {
        if done { &mut self.done } else { &mut self.failed }
    }
}

/// Everybody's counts: of all ceremonies, and of those of the last fourteen days.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Tally {
    all: BTreeMap<OperatorId, Counts>,
    recent: BTreeMap<OperatorId, Counts>,
    /// What `recent` counts, oldest first.
    lately: VecDeque<(UnixMillis, Work)>,
}

fn is_recent(at: UnixMillis, now: UnixMillis) -> bool {
    now.since(at).as_millis() <= RECENT_MS
}

fn subtract(recent: &mut BTreeMap<OperatorId, Counts>, work: &Work) {
    for id in &work.operators {
        let Some(counts) = recent.get_mut(id) else {
            continue;
        };
        let count = counts.of(work.done);
        *count = count.saturating_sub(1);
        if *counts == Counts::default() {
            recent.remove(id);
        }
    }
}

impl Tally {
    /// A ceremony ended at `at`, the time of the newest record.
    pub(super) fn take(&mut self, at: UnixMillis, work: Work) {
        for id in &work.operators {
            *self.all.entry(*id).or_default().of(work.done) += 1;
            *self.recent.entry(*id).or_default().of(work.done) += 1;
        }
        let place = self.lately.partition_point(|(known, _)| *known <= at);
        self.lately.insert(place, (at, work));
        while let Some((_, work)) = self.lately.pop_front_if(|(old, _)| !is_recent(*old, at)) {
            subtract(&mut self.recent, &work);
        }
    }

    pub(super) fn all(&self) -> &BTreeMap<OperatorId, Counts> {
        &self.all
    }

    /// Those within fourteen days before `now`.
    pub(super) fn recent(&self, now: UnixMillis) -> BTreeMap<OperatorId, Counts> {
        let mut recent = self.recent.clone();
        let over = self.lately.iter().take_while(|(at, _)| !is_recent(*at, now));
        over.for_each(|(_, work)| subtract(&mut recent, work));
        recent
    }
}
