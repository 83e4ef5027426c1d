//! What is not journaled: it is read again after a restart.

use std::collections::{BTreeMap, BTreeSet};

use crate::oracle::Decider;
use crate::oracle::fading::{Approving, Ended, Look, Sight};
use crate::oracle::{ChainFacts, ExitOffers, Mode, Proposal};
use crate::types::{
    ActionId, BlockRef, BlsPublicKey, CaseId, LogRef, OperatorId, PoolId, RequestId, Root, SafeText,
    UnixMillis,
};

use super::{Agenda, Track};

/// Names an effect that was asked for and has not answered yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::oracle) enum EffectKey {
    Prepare(CaseId),
    Ceremony(RequestId),
    Sign(ActionId),
    Send(ActionId),
    Inspect(ActionId),
    Publish(ActionId),
    LookUp(CaseId),
}

impl EffectKey {
    fn is_of(self, id: CaseId) -> bool {
        match self {
            Self::Prepare(case) | Self::LookUp(case) => case == id,
            Self::Sign(action) | Self::Send(action) | Self::Inspect(action) | Self::Publish(action) => {
                action.case == id
            }
            Self::Ceremony(_) => false,
        }
    }
}

impl Volatile {
    /// Refusals in a row of an exit; those before the start are in the journal.
    pub(in crate::oracle) fn refusals_of(&self, exit: ActionId, journaled: &ExitOffers) -> u32 {
        self.refused.get(&exit).copied().unwrap_or(journaled.refusals)
    }

    /// A case was closed: what was kept for its next steps goes. What is under way is waited for.
    pub(super) fn close(&mut self, id: CaseId) {
        self.held.remove(&id);
        self.queued.remove(&id);
        self.waiting.remove(&id);
        self.said.remove(&id);
        self.heard.remove(&id);
        self.looked_at_once.retain(|action| action.case != id);
        self.looked_up.remove(&id);
        self.refusals.remove(&id);
        self.ended_approvals.remove(&id);
        self.accounted.retain(|key| !key.is_of(id));
        self.not_before.retain(|key, _| !key.is_of(id));
        self.died.retain(|(case, _)| *case != id);
        self.unmined_since.retain(|action, _| action.case != id);
        self.moved.retain(|action, _| action.case != id);
        self.flipped.retain(|action, _| action.case != id);
        self.refused.retain(|action, _| action.case != id);
        self.notes.retain(|action, _| action.case != id);
        self.asked_at.remove(&id);
        self.approved_up_ms.retain(|action, _| action.case != id);
        self.decide_no_more(|action| action.case == id);
    }

    /// The wall clock was set by `by_ms` against the monotonic one, and is `now` since. What it says to be in the future
    /// was taken from it before it was set back, and moves with it; nothing waits for it to get there once more. Where it
    /// was set forward everything is older, so more is due and nothing is relied on for longer.
    pub(in crate::oracle) fn clock_moved(&mut self, now: UnixMillis, by_ms: i64) {
        let Some(back) = (by_ms < 0).then_some(by_ms.unsigned_abs()) else {
            return;
        };
        let before = now.0.saturating_add(back);
        let times = self.inspected_at.values_mut().map(|(_, at)| at);
        let times = times.chain(self.looked_up.values_mut().map(|(at, _)| at));
        let times = times.chain(self.looks_at.values_mut().map(|look| &mut look.at));
        let times = times.chain(self.refreshed.values_mut().map(|(_, at)| at));
        let times = times.chain(self.unmined_since.values_mut());
        let times = times.chain(
            self.approving
                .values_mut()
                .flatten()
                .map(|waits| &mut waits.given.at),
        );
        for at in times.chain(self.sight.since_mut()).filter(|at| **at > now) {
            at.0 = at.0.saturating_sub(back);
        }
        // these are ahead by their nature: what is left of the pause stays
        for until in self.not_before.values_mut() {
            *until = (*until).min(UnixMillis(now.0.saturating_add(until.0.saturating_sub(before))));
        }
    }

    /// Something else of a case is proposed: nobody looks again at what is over. A case that is tried again and again for
    /// months has a new action each time.
    pub(super) fn propose(&mut self, id: CaseId, is_over: impl Fn(ActionId) -> bool) {
        self.decide_no_more(|action| action.case == id && is_over(*action));
    }

    /// An approval that counts from now on was given a while ago: it is as old as that.
    pub(in crate::oracle) fn was_approved(&mut self, id: ActionId, up_ms: u64) {
        if let Some(first) = self.approved_up_ms.get_mut(&id) {
            *first = up_ms.min(*first);
        }
    }

    /// A person's approval has ended, or was given again: what was said of an earlier one is old.
    pub(in crate::oracle) fn approves_again(&mut self, id: ActionId, by: &Decider) {
        if let Some(ended) = self.approvals_ended.get_mut(&id) {
            ended.retain(|ended| !ended.by.is_same(by));
        }
    }

    /// What was said of why a case waits is over. What the desk said last stands for as long as it is the last.
    pub(in crate::oracle) fn falls_silent(&mut self, case: CaseId) {
        match self.heard.get(&case) {
            Some(heard) => drop(self.waiting.insert(case, heard.clone())),
            None => drop(self.waiting.remove(&case)),
        }
    }

    /// Forgets what decisions on these actions rested on.
    fn decide_no_more(&mut self, of: impl Fn(&ActionId) -> bool) {
        self.inspected_at.retain(|action, _| !of(action));
        self.refreshed.retain(|action, _| !of(action));
        self.looks_at.retain(|action, _| !of(action));
        self.wavering.retain(|action, _| !of(action));
        self.undo_from.retain(|action, _| !of(action));
        self.approving.retain(|action, _| !of(action));
        self.approvals_ended.retain(|action, _| !of(action));
    }

    /// Ceremonies have ended: nobody looks for them any more.
    pub(super) fn end(&mut self, runs: impl Fn(RequestId) -> bool) {
        let over = |key: &EffectKey| matches!(key, EffectKey::Ceremony(request) if !runs(*request));
        self.accounted.retain(|key| !over(key));
        self.not_before.retain(|key, _| !over(key));
        self.looks.retain(|request, _| runs(*request));
    }
}

/// The contract's state as it was last read. Where a pool stands in the queue is asked for every open case at each head.
#[derive(Debug, Clone, Copy)]
pub(in crate::oracle) struct Seen<'a> {
    pub(in crate::oracle) facts: &'a ChainFacts,
    places: &'a BTreeMap<PoolId, usize>,
}

impl Seen<'_> {
    /// How many stand before a pool in the contract's ready queue; `None` where it is not in there.
    pub(in crate::oracle) fn place(self, pool: PoolId) -> Option<usize> {
        self.places.get(&pool).copied()
    }
}

/// Where each pool of a queue stands.
pub(in crate::oracle) fn places_of(queue: &[PoolId]) -> BTreeMap<PoolId, usize> {
    let places = queue.iter().enumerate().rev();
    places.map(|(place, pool)| (*pool, place)).collect()
}

impl Volatile {
    pub(super) fn seen(&self) -> Seen<'_> {
        Seen {
            facts: &self.facts,
            places: &self.places,
        }
    }
}

/// That SSV refuses what a committee made, as two endpoints said it at one block and again later.
#[derive(Debug, Clone)]
#[cfg_attr(test, derive(PartialEq))]
pub(in crate::oracle) struct Refusal {
    /// The key that it is about.
    pub(in crate::oracle) validator: BlsPublicKey,
    /// What they said last.
    pub(in crate::oracle) words: SafeText,
    /// Heads when it was said first, and last.
    pub(in crate::oracle) since: u64,
    pub(in crate::oracle) last: u64,
    /// When it was said last, milliseconds of the monotonic clock.
    pub(in crate::oracle) up_ms: u64,
}

/// What logs said of a case of which one was not believed.
#[derive(Debug, Clone, Default)]
#[cfg_attr(test, derive(PartialEq))]
pub(in crate::oracle) struct Denied {
    /// Further ones that were not believed.
    pub(in crate::oracle) further: u64,
    /// Those that wait for the contract's state, in the order in which they were told.
    pub(in crate::oracle) held: Vec<Held>,
}

/// A log that says that a case has ended, and waits for the contract's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::oracle) struct Held {
    pub(in crate::oracle) log: LogRef,
    /// How far events had been read before it was told; none where that is not known any more.
    pub(in crate::oracle) before: Option<BlockRef>,
    /// It was recorded before the state denied it.
    pub(in crate::oracle) is_first: bool,
}

/// How the checks of an action waver while it waits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::oracle) struct Wavering {
    /// Changes that were journaled as they came.
    pub(in crate::oracle) changes: u32,
    /// Since when each look has found a check better than what is journaled, by its name; milliseconds of the monotonic
    /// clock.
    pub(in crate::oracle) better_since: BTreeMap<String, u64>,
    /// How often any was better for a while, and that was not journaled.
    pub(in crate::oracle) left_out: u64,
    /// How what would leave wavers.
    pub(in crate::oracle) payload: WaveringPayload,
}

/// How what an action would send wavers while it waits: its digests, as looks found them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::oracle) struct WaveringPayload {
    /// The newest that were found, the newest last.
    pub(in crate::oracle) found: Vec<Root>,
    /// How often it turned back to one of them, or to one that endpoints contradict each other on.
    pub(in crate::oracle) turns: u32,
    /// When it last did; milliseconds of the monotonic clock.
    pub(in crate::oracle) turned_ms: u64,
    /// The one that each look has found that is not journaled, and since when.
    pub(in crate::oracle) since: Option<(Root, u64)>,
    /// Who contradicts whom on it; empty where nobody did.
    pub(in crate::oracle) named: SafeText,
}

/// A question to the desk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::oracle) struct Asked {
    /// Milliseconds of the monotonic clock.
    pub(in crate::oracle) up_ms: u64,
    /// The newest block that was known then.
    pub(in crate::oracle) block: Option<u64>,
}

/// What is not journaled: it is read again after a restart.
#[derive(Debug, Clone, Default)]
#[cfg_attr(test, derive(PartialEq))]
pub(in crate::oracle) struct Volatile {
    /// Which cases are looked at next.
    pub(in crate::oracle) agenda: Agenda,
    pub(in crate::oracle) facts: ChainFacts,
    /// Where each pool stands in the queue of `facts`.
    pub(in crate::oracle) places: BTreeMap<PoolId, usize>,
    /// Everybody's history, as of the newest record and the time that it was made for.
    pub(super) tracks: Option<(u64, UnixMillis, BTreeMap<OperatorId, Track>)>,
    /// What a person switched to in this run.
    pub(in crate::oracle) mode: Option<Mode>,
    pub(in crate::oracle) in_flight: BTreeSet<EffectKey>,
    /// Ceremonies and transactions under way of which this process knows that they are: it began them, or was told.
    /// What is under way by the journal alone, or was lost sight of, has an unknown outcome.
    pub(in crate::oracle) accounted: BTreeSet<EffectKey>,
    pub(in crate::oracle) not_before: BTreeMap<EffectKey, UnixMillis>,
    /// What was told of each case that another one holds up.
    pub(in crate::oracle) held: BTreeMap<CaseId, SafeText>,
    /// What was told of each case that waits for another one's ceremony to end, so that its own may begin.
    pub(in crate::oracle) queued: BTreeMap<CaseId, SafeText>,
    /// Why a case waits, where that is not in its step.
    pub(in crate::oracle) waiting: BTreeMap<CaseId, SafeText>,
    /// What the last look at each case said of that. A look that does not say it again takes it back.
    pub(in crate::oracle) said: BTreeMap<CaseId, SafeText>,
    /// What the last answer about each case said of that. The next answer takes it back.
    pub(in crate::oracle) heard: BTreeMap<CaseId, SafeText>,
    /// Actions that were looked at once so far, when they were proposed.
    pub(in crate::oracle) looked_at_once: BTreeSet<ActionId>,
    /// Blocks at which a pool was in a list without a case.
    pub(in crate::oracle) unseen: BTreeMap<CaseId, u64>,
    /// Blocks at which the contract's state first said something else than what a case rests on.
    pub(in crate::oracle) contradicted: BTreeMap<CaseId, u64>,
    /// Cases of which a log said that they had ended, against the contract's state.
    pub(in crate::oracle) denied: BTreeMap<CaseId, Denied>,
    /// Since when SSV refuses the committee of a case, by two voices.
    pub(in crate::oracle) refusals: BTreeMap<CaseId, Refusal>,
    /// How often the last checks ended an approval of a case, and when last; milliseconds of the monotonic clock.
    pub(in crate::oracle) ended_approvals: BTreeMap<CaseId, (u32, u64)>,
    /// Head at the last inspection of a transaction.
    pub(in crate::oracle) inspected_at: BTreeMap<ActionId, (u64, UnixMillis)>,
    /// When a validator was last asked about, and how many hints there had been by then.
    pub(in crate::oracle) looked_up: BTreeMap<CaseId, (UnixMillis, u64)>,
    /// Hints of the beacon nodes so far.
    pub(in crate::oracle) hints: u64,
    /// How often the outcome of a ceremony was looked for in vain.
    pub(in crate::oracle) looks: BTreeMap<RequestId, u32>,
    pub(in crate::oracle) now: UnixMillis,
    /// Milliseconds of the monotonic clock at the last input.
    pub(in crate::oracle) up_ms: u64,
    /// The time that limits per day counted when this process began, and its monotonic clock then.
    pub(in crate::oracle) reckoned_from: Option<(UnixMillis, u64)>,
    /// Both clocks, when they were last compared.
    pub(in crate::oracle) clocks: Option<(UnixMillis, u64)>,
    /// How the execution chain is seen.
    pub(in crate::oracle) sight: Sight,
    /// When the desk was last asked about a case.
    pub(in crate::oracle) asked_at: BTreeMap<CaseId, Asked>,
    /// When the checks of waiting actions were made.
    pub(in crate::oracle) looks_at: BTreeMap<ActionId, Look>,
    /// Since when an approved action could leave, milliseconds of the monotonic clock.
    pub(in crate::oracle) undo_from: BTreeMap<ActionId, u64>,
    /// When the first approval of an action came in this process, milliseconds of the monotonic clock.
    pub(in crate::oracle) approved_up_ms: BTreeMap<ActionId, u64>,
    /// Approvals of what had faded.
    pub(in crate::oracle) approving: BTreeMap<ActionId, Vec<Approving>>,
    /// Approvals of actions that are not decided which ended without counting: of each person the last one.
    pub(in crate::oracle) approvals_ended: BTreeMap<ActionId, Vec<Ended>>,
    /// Events up to this block were told and stay.
    pub(in crate::oracle) told_final: Option<u64>,
    /// Effects whose tasks died in this process, by case and name.
    pub(in crate::oracle) died: BTreeSet<(CaseId, &'static str)>,
    /// The block up to which every event was told in this run; what is journaled of it may be older.
    pub(in crate::oracle) read: Option<BlockRef>,
    /// Every event up to the head was read; before that nothing new is begun.
    pub(in crate::oracle) caught_up: bool,
    /// What waiting actions would show by the last look at them, and when that was: newer facts, reasons and title under
    /// the digest that is journaled. They mean the same.
    pub(in crate::oracle) refreshed: BTreeMap<ActionId, (Proposal, UnixMillis)>,
    /// How the checks of waiting actions waver.
    pub(in crate::oracle) wavering: BTreeMap<ActionId, Wavering>,
    /// Since when a transaction waits for a block, in a pool or forgotten by the nodes; for replacement.
    pub(in crate::oracle) unmined_since: BTreeMap<ActionId, UnixMillis>,
    /// How often a transaction that is not final was journaled in another block.
    pub(in crate::oracle) moved: BTreeMap<ActionId, Seldom>,
    /// How often it was journaled that a transaction stands otherwise, not finally, or that an exit was answered otherwise.
    pub(in crate::oracle) flipped: BTreeMap<ActionId, Seldom>,
    /// Refusals in a row of an exit that was offered, also those of which the journal is told more seldom.
    pub(in crate::oracle) refused: BTreeMap<ActionId, u32>,
    /// What a node, or whoever signs, last said against a transaction.
    pub(in crate::oracle) notes: BTreeMap<ActionId, SafeText>,
}

/// Changes of one action that are journaled as they come; a reorganisation makes one or two.
const AT_ONCE: u32 = 8;
/// The first pause after those, each twice the one before, and the longest, ms.
const PAUSE_MS: (u64, u64) = (60_000, 3_600_000);

/// What whoever lies by turns can change at every look: journaled as it comes at first, and then ever more seldom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::oracle) struct Seldom {
    times: u32,
    /// When last, milliseconds of the monotonic clock.
    last_ms: u64,
}

impl Seldom {
    /// Whether another change may be journaled now; then it is counted.
    pub(in crate::oracle) fn may_tell(&mut self, up_ms: u64) -> bool {
        let (first, longest) = PAUSE_MS;
        let rested = up_ms.saturating_sub(self.last_ms);
        // it was steady for longer than any pause
        if rested > 2 * longest {
            self.times = 0;
        }
        if let Some(more) = self.times.checked_sub(AT_ONCE)
            && rested < (first << more.min(16)).min(longest)
        {
            return false;
        }
        *self = Self {
            times: self.times.saturating_add(1),
            last_ms: up_ms,
        };
        true
    }
}
