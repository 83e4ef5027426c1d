//! Whoever lies by turns changes checks of everything that waits, each time: that endpoints agree, and what rests on the
//! one that is asked first. It would write the journal full. The first changes of an action are journaled as they come.
//! After those a check that is worse is, because a decision rests on it, and one that is better when that has lasted: for
//! long where endpoints tell it, and for a few looks where operators do, who come and go and gain nothing by it.

mod payload;

use std::collections::BTreeMap;
use std::time::Duration;

pub(super) use payload::held_payload;

use crate::oracle::checks::rests_on;
use crate::oracle::state::Wavering;
use crate::oracle::turn::Turn;
use crate::oracle::{Proposal, Record, State};
use crate::types::{ActionId, Check, CheckStatus, SafeText, UnixMillis};

/// So many changes of one action are journaled as they come.
const AS_THEY_COME: u32 = 4;
/// For how long each look has to find a check better after that, ms: one that endpoints tell, ...
const LASTING_MS: u64 = 600_000;
/// ... and any other one.
const LASTING_OF_OTHERS_MS: u64 = 60_000;

fn lasting_ms(check: &str) -> u64 {
    match rests_on(check).is_on_endpoints() {
        true => LASTING_MS,
        false => LASTING_OF_OTHERS_MS,
    }
}

/// What a look at an action comes to.
pub(super) struct Counts {
    /// What counts of it, for the journal: checks that were better by turns say what they say there.
    pub(super) proposal: Box<Proposal>,
    /// What is shown, where that is more.
    pub(super) shown: Option<Box<Proposal>>,
}

/// What counts of a look that means the same as the action, and may be checked otherwise.
pub(super) fn counts(turn: &mut Turn<'_>, id: ActionId, mut now: Box<Proposal>) -> Counts {
    let as_it_is = |proposal| Counts {
        proposal,
        shown: None,
    };
    let Some(journaled) = turn.state.actions.get(&id).map(|action| &action.proposal) else {
        return as_it_is(now);
    };
    let is_checked_as_before = now.is_checked_as(journaled);
    let journaled = journaled.checks.clone();
    let up_ms = turn.state.volatile.up_ms;
    let waverings = &mut turn.state.volatile.wavering;
    if waverings
        .get(&id)
        .is_none_or(|known| known.changes < AS_THEY_COME)
    {
        if !is_checked_as_before {
            waverings.entry(id).or_default().changes += 1;
        }
        return as_it_is(now);
    }
    let wavering = waverings.entry(id).or_default();
    let left_out = wavering.weigh(&better(&journaled, &now.checks), up_ms);
    let held = wavering.better_since.clone();
    if let Some(times) = left_out {
        note_left_out(turn, id, times);
    }
    let checks = with_held(&journaled, &now.checks, &held);
    if held.is_empty() {
        now.checks = checks;
        return as_it_is(now);
    }
    let mut shown = now.clone();
    shown.checks = { checks.iter() }
        .map(|check| match held.get(&check.name) {
            Some(since) => doubted(turn, check, *since),
            None => check.clone(),
        })
        .collect();
    now.checks = checks;
    Counts {
        proposal: now,
        shown: Some(shown),
    }
}

impl Wavering {
    /// Holds what a look finds better until that has lasted. Where something has, says how often anything was better for a
    /// while before.
    fn weigh(&mut self, better: &[String], up_ms: u64) -> Option<u64> {
        let before = std::mem::take(&mut self.better_since);
        if before.is_empty() && !better.is_empty() {
            self.left_out += 1;
        }
        let since = |name: &String| before.get(name).copied().unwrap_or(up_ms);
        let all = better.iter().map(|name| (name.clone(), since(name)));
        let waits = |(name, since): &(String, u64)| up_ms.saturating_sub(*since) < lasting_ms(name);
        self.better_since = all.filter(waits).collect();
        let has_lasted = self.better_since.len() < better.len();
        has_lasted.then(|| std::mem::take(&mut self.left_out).saturating_sub(1))
    }
}

/// Nobody looked, or at something else: what was better has not lasted.
pub(super) fn is_interrupted(turn: &mut Turn<'_>, id: ActionId) {
    if let Some(wavering) = turn.state.volatile.wavering.get_mut(&id) {
        wavering.better_since.clear();
        wavering.payload.since = None;
    }
}

fn note_left_out(turn: &mut Turn<'_>, id: ActionId, times: u64) {
    if times > 0 {
        let text = format!("checks of {id} were better {times} times more in between, and not for long");
        let (case, text) = (Some(id.case), SafeText::new(&text));
        turn.record(Record::Note { case, text });
    }
}

/// When a check of an action counts as better at the earliest, if each look from now on finds it so: milliseconds of the
/// monotonic clock. None where a better one counts as it comes.
pub(in crate::oracle) fn counts_again_at(state: &State, id: ActionId, check: &str) -> Option<u64> {
    let known = state.volatile.wavering.get(&id)?;
    let since = known.better_since.get(check).copied();
    let since = since.unwrap_or(state.volatile.up_ms);
    (known.changes >= AS_THEY_COME).then(|| since.saturating_add(lasting_ms(check)))
}

/// A check that is held, with since when it is better by both clocks, and when that counts.
fn doubted(turn: &Turn<'_>, check: &Check, since_up_ms: u64) -> Check {
    let lasted = turn.state.volatile.up_ms.saturating_sub(since_up_ms);
    let since = UnixMillis(turn.at.0.saturating_sub(lasted));
    let counts = since.plus(Duration::from_millis(lasting_ms(&check.name)));
    check.held(since, counts)
}

/// The checks that the journal has, with what a look says of them, and what it has beside them; those that are held say
/// what the journal says.
fn with_held(journaled: &[Check], now: &[Check], held: &BTreeMap<String, u64>) -> Vec<Check> {
    let of = |name: &str| {
        let checks = if held.contains_key(name) { journaled } else { now };
        named(checks, name).cloned().collect::<Vec<_>>()
    };
    names(journaled, now).into_iter().flat_map(of).collect()
}

/// Names of the checks that say something else than in the journal, and nothing worse.
fn better(journaled: &[Check], now: &[Check]) -> Vec<String> {
    let is_better = |name: &&str| {
        let says = |checks| named(checks, name).map(|check| check.status).collect::<Vec<_>>();
        let (before, after) = (says(journaled), says(now));
        before != after && badness(&after) <= badness(&before)
    };
    let names = names(journaled, now).into_iter().filter(is_better);
    names.map(str::to_owned).collect()
}

/// The checks that are worse than they were before.
pub(in crate::oracle) fn worse<'a>(before: &'a [Check], now: &'a [Check]) -> Vec<&'a str> {
    let says = |checks: &[Check], name: &str| {
        let all: Vec<_> = named(checks, name).map(|check| check.status).collect();
        badness(&all)
    };
    let mut names = names(before, now);
    names.retain(|name| says(now, name) > says(before, name));
    names
}

fn named<'a>(checks: &'a [Check], name: &str) -> impl Iterator<Item = &'a Check> {
    checks.iter().filter(move |check| check.name == name)
}

/// Each name once, in the order of the journal.
fn names<'a>(journaled: &'a [Check], now: &'a [Check]) -> Vec<&'a str> {
    let mut names: Vec<&str> = Vec::new();
    for check in journaled.iter().chain(now) {
        if !names.contains(&check.name.as_str()) {
            names.push(&check.name);
        }
    }
    names
}

/// How bad the worst of the checks of a name is. That one is not made is worse than that it holds.
fn badness(of: &[CheckStatus]) -> u8 {
    let each = of.iter().map(|status| match status {
        CheckStatus::Pass => 0,
        CheckStatus::Unknown => 2,
        CheckStatus::Fail => 3,
    });
    each.max().unwrap_or(1)
}

#[cfg(test)]
mod tests;
