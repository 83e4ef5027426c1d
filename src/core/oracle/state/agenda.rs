//! Which cases are looked at next: those of which something changed, and those whose time has come.
//!
//! What a case waits for is found by looking at it, so nobody has to know it beforehand: every comparison with the time goes
//! through [`Volatile::has_come`] or [`Volatile::has_run`], and these note the first moment at which the look would go
//! otherwise. What changes elsewhere is told by [`Agenda::mark`] and [`Agenda::mark_all`]: what is not plainly a matter of
//! one pool alone marks every case. That is rare beside what comes all the time: ticks, and answers without news.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use super::Volatile;
use crate::oracle::turn::Begins;
use crate::types::{CaseId, UnixMillis};

/// What is due at a time, each case at most once; milliseconds of one clock.
#[derive(Debug, Clone, Default)]
struct Clock {
    by_case: BTreeMap<CaseId, u64>,
    in_order: BTreeSet<(u64, CaseId)>,
    /// The first time ahead that was asked for while the present case is looked at.
    asked: Cell<Option<u64>>,
}

impl Clock {
    /// Whether a time is there, or over, when it is `now`.
    fn has_come(&self, time: u64, now: u64) -> bool {
        let ahead = now < time;
        if ahead {
            let first = self.asked.get().map_or(time, |asked| asked.min(time));
            self.asked.set(Some(first));
        }
        !ahead
    }

    fn set(&mut self, id: CaseId, time: Option<u64>) {
        if let Some(before) = self.by_case.remove(&id) {
            self.in_order.remove(&(before, id));
        }
        if let Some(time) = time {
            self.by_case.insert(id, time);
            self.in_order.insert((time, id));
        }
    }

    fn due(&self, now: u64) -> impl Iterator<Item = CaseId> {
        let due = self.in_order.iter().take_while(move |(time, _)| *time <= now);
        due.map(|(_, id)| *id)
    }
}

/// Which cases are looked at next. Nothing of it outlives the process.
#[derive(Debug, Clone, Default)]
pub(in crate::oracle) struct Agenda {
    /// Something is known of every open case; before that each is looked at.
    has_begun: bool,
    marked: BTreeSet<CaseId>,
    wall: Clock,
    monotonic: Clock,
    /// Ceremonies that may begin as soon as there is a place, by what was found when their cases were looked at.
    begins: BTreeMap<CaseId, Begins>,
    /// How many ceremonies ran, and how many may, when what may begin was last told what it waits for; nothing where that has
    /// changed since.
    granted: Option<(usize, usize)>,
    /// Stale checks of each case that has some, and of all together.
    stale: BTreeMap<CaseId, usize>,
    stale_in_all: usize,
    /// Cases that were looked at so far.
    #[cfg(test)]
    pub(in crate::oracle) looks: usize,
}

impl Agenda {
    /// Something of this case changed. A look that takes down its own time asks for another one, which finds when the next
    /// is due.
    pub(in crate::oracle) fn mark(&mut self, id: CaseId) {
        self.marked.insert(id);
    }

    /// Something changed that any case may rest on.
    pub(in crate::oracle) fn mark_all(&mut self) {
        self.has_begun = false;
    }

    /// Marks whatever is to be looked at in this step: what is due, and everything that is open where that was asked for.
    pub(super) fn begin(&mut self, open: &BTreeSet<CaseId>, now: UnixMillis, up_ms: u64) {
        self.spread(open);
        if !planted!(DueForgotten) {
            let due = self.wall.due(now.0).chain(self.monotonic.due(up_ms));
            self.marked.extend(due);
        }
        if planted!(PlaceForgotten) {
            self.begins.clear();
        }
    }

    /// What was asked of all is asked of each.
    pub(super) fn spread(&mut self, open: &BTreeSet<CaseId>) {
        if !std::mem::replace(&mut self.has_begun, true) {
            self.marked.extend(open);
        }
    }

    /// The next one to be looked at, behind `last`. What is marked before it waits for the next step.
    pub(in crate::oracle) fn next(&self, last: Option<CaseId>) -> Option<CaseId> {
        let from = last.map_or(Bound::Unbounded, Bound::Excluded);
        self.marked.range((from, Bound::Unbounded)).next().copied()
    }

    /// A look at a case begins: what an earlier one found is void.
    pub(in crate::oracle) fn look(&mut self, id: CaseId) {
        self.marked.remove(&id);
        self.wall.asked.set(None);
        self.monotonic.asked.set(None);
        if self.begins.remove(&id).is_some() {
            self.granted = None;
        }
        #[cfg(test)]
        (self.looks += 1);
    }

    /// A look at a case has ended: it is due when the time comes that was asked for. `stale`: how many of its checks are.
    pub(in crate::oracle) fn looked(&mut self, id: CaseId, stale: usize) {
        let (wall, monotonic) = (self.wall.asked.take(), self.monotonic.asked.take());
        self.wall.set(id, wall);
        self.monotonic.set(id, monotonic);
        let before = match stale {
            0 => self.stale.remove(&id),
            _ => self.stale.insert(id, stale),
        };
        self.stale_in_all = self.stale_in_all - before.unwrap_or_default() + stale;
    }

    /// Stale checks of all cases, as of the last step.
    pub(in crate::oracle) fn stale(&self) -> usize {
        self.stale_in_all
    }

    /// A ceremony may begin as soon as there is a place for it.
    pub(in crate::oracle) fn may_begin(&mut self, begins: Begins) {
        self.begins.insert(begins.case(), begins);
        self.granted = None;
    }

    /// What may begin; nothing where it waits, and waits for the same as before. `taken` of `most` places are.
    pub(in crate::oracle) fn grantable(&mut self, taken: usize, most: usize) -> Option<Vec<Begins>> {
        let same = self.granted.replace((taken, most)) == Some((taken, most));
        let waits = self.begins.is_empty() || most <= taken;
        (!same || !waits).then(|| self.begins.values().copied().collect())
    }

    /// It has begun, so it is looked at again.
    pub(in crate::oracle) fn begun(&mut self, id: CaseId) {
        self.begins.remove(&id);
        self.granted = None;
        self.mark(id);
    }
}

impl Volatile {
    /// Whether the wall clock is at a time, or beyond it. The case that is looked at meanwhile is looked at again when it
    /// is.
    pub(in crate::oracle) fn has_come(&self, time: UnixMillis) -> bool {
        self.agenda.wall.has_come(time.0, self.now.0)
    }

    /// The same of the monotonic clock of this process, milliseconds.
    pub(in crate::oracle) fn has_run(&self, up_ms: u64) -> bool {
        self.agenda.monotonic.has_come(up_ms, self.up_ms)
    }
}

/// Nothing that is known of what happened differs by it: it says only what nobody needs to look at.
#[cfg(test)]
impl PartialEq for Agenda {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}
