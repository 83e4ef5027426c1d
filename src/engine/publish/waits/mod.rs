//! Everything that waits, and why. The reasons are those of [`WaitReason`]; the sentences are those of the cases and
//! alarms, so that every reader is told the same.

mod case;
mod surroundings;
#[cfg(test)]
mod table;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::engine::live::Live;
use crate::oracle::State;
use crate::types::{SafeText, UnixMillis};
use crate::view::{Snapshot, Wait, WaitReason};

/// What waits in a state of which everything else is in `snapshot`.
pub(super) fn of(state: &State, live: &Live, snapshot: &Snapshot) -> Vec<Wait> {
    let mut waits = surroundings::waits(state, live, snapshot);
    let cases = snapshot.cases.iter().filter_map(|view| state.cases.get(&view.id));
    waits.extend(cases.filter_map(|case| case::wait(state, live, case)));
    waits.extend(case::out_of_memory(state));
    one_each(waits)
}

/// One wait for each matter: whoever tells of them knows no others apart. What several say of one is said together.
fn one_each(waits: Vec<Wait>) -> Vec<Wait> {
    let mut each: Vec<Wait> = Vec::with_capacity(waits.len());
    let mut known = BTreeMap::new();
    for wait in waits {
        let at = *known.entry(wait.matter()).or_insert(each.len());
        let Some(first) = each.get_mut(at) else {
            each.push(wait);
            continue;
        };
        if !first.sentence.as_str().contains(wait.sentence.as_str()) {
            let words = format!("{}; {}", first.sentence, wait.sentence);
            first.sentence = SafeText::new(&words);
        }
        // the time that is known, and of two the earlier one
        let known = |since: UnixMillis| (since != UnixMillis::default()).then_some(since);
        let since = [known(first.since), known(wait.since)];
        first.since = since.into_iter().flatten().min().unwrap_or_default();
        first.due = [first.due, wait.due].into_iter().flatten().min();
    }
    each
}

/// What is there at the start has begun before it, and some of it shows only after the first questions: for so long the
/// times of the journal are believed.
const STARTING: Duration = WaitReason::Gathering.usual_for();

/// Since when everything waits. What the journal tells is the time of a step or of a person's word, and a reason may begin
/// long after that, when another one ends: then it begins with the first snapshot that says so.
#[derive(Debug, Default)]
pub(in crate::engine) struct Begun {
    started: Option<UnixMillis>,
    /// When it was last looked.
    looked: UnixMillis,
    matters: BTreeMap<String, UnixMillis>,
}

impl Begun {
    /// Sets the times, and forgets what is over.
    pub(in crate::engine) fn stamp(&mut self, waits: &mut [Wait], now: UnixMillis) {
        let started = *self.started.get_or_insert(now);
        let starting = now.since(started) < STARTING;
        let mut matters = BTreeMap::new();
        for wait in waits.iter_mut() {
            let told = Some(wait.since).filter(|since| *since != UnixMillis::default());
            let matter = wait.matter();
            wait.since = match self.matters.get(&matter) {
                Some(begun) => told.map_or(*begun, |told| told.max(*begun)),
                None => told
                    .filter(|told| starting || *told >= self.looked)
                    .unwrap_or(now),
            };
            matters.insert(matter, wait.since);
        }
        (self.looked, self.matters) = (now, matters);
    }
}
