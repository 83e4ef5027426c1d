//! Everything that waits, and why. The reasons are those of [`WaitReason`]; the sentences are those of the cases and
//! alarms, so that every reader is told the same.

mod case;
mod surroundings;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crate::engine::live::Live;
use crate::oracle::State;
use crate::types::UnixMillis;
use crate::view::{Snapshot, Wait};

/// What waits in a state of which everything else is in `snapshot`.
pub(super) fn of(state: &State, live: &Live, snapshot: &Snapshot) -> Vec<Wait> {
    let mut waits = surroundings::waits(state, live, snapshot);
    let cases = snapshot.cases.iter().filter_map(|view| state.cases.get(&view.id));
    waits.extend(cases.filter_map(|case| case::wait(state, live, case)));
    waits.extend(case::out_of_memory(state));
    waits
}

/// Since when what is not journaled waits: from the first snapshot that says so.
#[derive(Debug, Default)]
pub(in crate::engine) struct Begun(BTreeMap<String, UnixMillis>);

impl Begun {
    /// Fills in the times that nobody else knows, and forgets what is over.
    pub(in crate::engine) fn stamp(&mut self, waits: &mut [Wait], now: UnixMillis) {
        let mut known = BTreeMap::new();
        for wait in waits
            .iter_mut()
            .filter(|wait| wait.since == UnixMillis::default())
        {
            let matter = wait.matter();
            wait.since = self.0.get(&matter).copied().unwrap_or(now);
            known.insert(matter, wait.since);
        }
        self.0 = known;
    }
}
