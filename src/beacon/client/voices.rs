//! What several nodes say of one validator, held against each other.
//!
//! | those who answer say | that counts |
//! |---|---|
//! | more than half, that it is at work | that; the others are named, but for one that lags and tells the same epoch |
//! | that it leaves or has left, and one does not | nothing: no majority ends a case for good |
//! | the same stage of its life, or one that lags says an earlier one and the epoch at which it ended lately | the least far |
//! | more than half, that it waits | that; the others are named |
//! | as many that it is at work as that it is not | nothing: all are named |
//! | as many that it waits as that there is none | nothing, and nobody is named: one may be a slot ahead |
//! | more that there is none than that it waits | nothing: whoever tells of it is named |
//! | only one answers | its word, and that it is one voice; nothing where it says that the validator leaves |

use std::collections::BTreeMap;
use std::sync::{MutexGuard, PoisonError};

use super::Beacon;
use super::node::Node;
use super::validators::Id;
use crate::ports::Answer;
use crate::ports::consensus::{Validator, ValidatorStatus};
use crate::types::{BlsPublicKey, SafeText};

/// Validators that rest on one voice and are named; whoever has more has one node, and knows it.
const NAMED: usize = 256;

/// One that answered, and what.
pub(super) type Told<'a> = (&'a Node, &'a Answer<Validator>);

/// Validators that one node alone tells of, though others are configured, by key: who tells it.
pub(super) type Alone = BTreeMap<BlsPublicKey, SafeText>;

/// Where a life stands, as far as something is decided by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Absent,
    Waits,
    Works,
    Leaves,
}

impl Stage {
    fn of(answer: &Answer<Validator>) -> Self {
        match answer {
            Answer::Yes(v) if v.status.is_exiting() => Self::Leaves,
            Answer::Yes(v) if v.status == ValidatorStatus::ActiveOngoing => Self::Works,
            Answer::Yes(_) => Self::Waits,
            Answer::No(_) | Answer::NotKnown(_) => Self::Absent,
        }
    }
}

/// The epoch at which the validator begins to work by all that answer, where that is all they agree on: as many or more say
/// that it has not come yet as that it has.
pub(super) fn disputed_start(told: &[Told<'_>]) -> Option<u64> {
    let works = { told.iter() }.filter(|(_, answer)| Stage::of(answer) == Stage::Works);
    let works = works.count();
    let mut begins = told.iter().map(|(_, answer)| begins(answer));
    let first = begins.next().flatten()?;
    let is_disputed = works > 0 && 2 * works <= told.len();
    (is_disputed && begins.all(|epoch| epoch == Some(first))).then_some(first)
}

fn begins(answer: &Answer<Validator>) -> Option<u64> {
    answer.as_ref().yes().and_then(|v| v.activation_epoch)
}

/// What those who answered say of a validator of which somebody told: nobody is believed who says nothing more when all are
/// asked. `is_lag`: the epoch of [`disputed_start`] has come so lately that whoever says that it has not lags.
pub(super) fn judged(id: Id, told: &[Told<'_>], is_lag: bool) -> Answer<Validator> {
    let stages: Vec<Stage> = told.iter().map(|(_, answer)| Stage::of(answer)).collect();
    let works = stages.iter().filter(|stage| **stage == Stage::Works).count();
    let rest = stages.len() - works;
    if works > rest {
        return most_say(id, told, |stage| stage == Stage::Works);
    }
    if stages.contains(&Stage::Leaves) {
        return leaving(id, told, &stages);
    }
    if works == 0 && stages.contains(&Stage::Absent) {
        return denied(id, told);
    }
    if works == 0 || is_lag {
        return least_far(told).unwrap_or_else(|| says_nothing_more(id));
    }
    most_say(id, told, |stage| stage != Stage::Works && rest > works)
}

/// Some tell that it waits, some that there is none: with a key that nobody has, one node alone could stop every deposit.
fn denied(id: Id, told: &[Told<'_>]) -> Answer<Validator> {
    let knows = |told: &&Told<'_>| Stage::of(told.1) != Stage::Absent;
    let (tell, deny): (Vec<&Told<'_>>, Vec<_>) = told.iter().partition(knows);
    if tell.is_empty() {
        return says_nothing_more(id);
    }
    if tell.len() > deny.len() {
        if let [(by, Answer::Yes(validator)), ..] = tell[..] {
            deny.iter()
                .for_each(|(node, _)| node.is_contradicted(validator, by));
        }
        return least_far(told).unwrap_or_else(|| says_nothing_more(id));
    }
    if tell.len() < deny.len()
        && let [(by, _), ..] = deny[..]
    {
        for (node, answer) in tell {
            let words = format!(
                "of validator {id} it says {}, and {} knows none",
                said(answer),
                by.name
            );
            node.contradicted(SafeText::new(&words));
        }
    }
    differ(id, "is known", told)
}

fn says_nothing_more(id: Id) -> Answer<Validator> {
    Answer::not_known(format!(
        "the beacon node that told of validator {id} says nothing more of it, and nobody else knows it"
    ))
}

/// What those say whose stage wins; the others are named.
fn most_say(id: Id, told: &[Told<'_>], wins: impl Fn(Stage) -> bool) -> Answer<Validator> {
    let stage = |(_, answer): &Told<'_>| Stage::of(answer);
    let of_most: Vec<Told<'_>> = told.iter().filter(|told| wins(stage(told))).copied().collect();
    let least = least_far(&of_most);
    let begun = least.as_ref().and_then(begins);
    let lags = |told: &Told<'_>| stage(told) == Stage::Waits && begun.is_some() && begins(told.1) == begun;
    for one in told.iter().filter(|told| !wins(stage(told)) && !lags(told)) {
        let is_other = |other: &&Told<'_>| (stage(other) == Stage::Works) != (stage(one) == Stage::Works);
        if let Some((by, other)) = told.iter().find(is_other) {
            let words = format!(
                "of validator {id} it says {}, and {} says {}",
                said(one.1),
                by.name,
                said(other)
            );
            one.0.contradicted(SafeText::new(&words));
        }
    }
    let is_known = |(_, answer): &Told<'_>| matches!(answer, Answer::Yes(_));
    // that nobody knows it decides about a deposit, and no majority does
    let least = least.filter(|_| of_most.iter().all(is_known));
    least.unwrap_or_else(|| differ(id, "is at work", told))
}

/// Nothing takes the end of a validator's life back, and a case is closed for good by it: at least two say it, and nobody
/// who answers denies it.
fn leaving(id: Id, told: &[Told<'_>], stages: &[Stage]) -> Answer<Validator> {
    let all_say_it = stages.len() > 1 && stages.iter().all(|stage| *stage == Stage::Leaves);
    let least = least_far(told).filter(|_| all_say_it);
    least.unwrap_or_else(|| differ(id, "leaves", told))
}

fn least_far(told: &[Told<'_>]) -> Option<Answer<Validator>> {
    let known = told.iter().filter_map(|(_, answer)| answer.as_ref().yes());
    let least = known.min_by_key(|validator| validator.status)?;
    Some(Answer::Yes(least.clone()))
}

fn differ(id: Id, what: &str, told: &[Told<'_>]) -> Answer<Validator> {
    let say = told
        .iter()
        .map(|(node, answer)| format!("{} says {}", node.name, said(answer)));
    let say: Vec<String> = say.collect();
    Answer::not_known(format!(
        "whether validator {id} {what} is one beacon node's word: {}",
        say.join(", ")
    ))
}

fn said(answer: &Answer<Validator>) -> String {
    let status = answer
        .as_ref()
        .yes()
        .map(|validator| validator.status.to_string());
    status.unwrap_or_else(|| "that it knows none".to_owned())
}

impl Beacon {
    fn alone(&self) -> MutexGuard<'_, Alone> {
        // each change of it is whole
        self.inner.alone.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn note_alone(&self, node: &Node, validator: &Validator) {
        let mut alone = self.alone();
        if alone.len() < NAMED {
            let words = format!(
                "that validator {} is {} is told by {} alone, and no other beacon node answers",
                validator.index, validator.status, node.name
            );
            alone.insert(validator.public_key, SafeText::new(&words));
        }
    }

    /// They are asked about anew.
    pub(super) fn forget_alone(&self, ids: &[Id]) {
        let mut alone = self.alone();
        for id in ids {
            if let Id::Key(key) = id {
                alone.remove(key);
            }
        }
    }

    pub(super) fn told_alone(&self, key: &BlsPublicKey) -> Option<SafeText> {
        self.alone().get(key).cloned()
    }
}
