//! What several nodes say of one validator, held against each other.
//!
//! | those who answer say | that counts |
//! |---|---|
//! | the same stage of its life, or one that lags says an earlier one and the epoch at which it ends | the least far |
//! | that it leaves or has left, and one does not | nothing: no majority ends a case for good |
//! | that it is at work, and fewer that it is not, or the other way round | what most say; the others are named |
//! | as many the one as the other | nothing: all are named |
//! | only one answers | its word, and that it is one voice; nothing where it says that the validator leaves |

use std::collections::BTreeMap;
use std::sync::PoisonError;

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

/// What those who answered say of a validator of which one of them tells. None: what that one tells stands.
pub(super) fn judged(id: Id, told: &[Told<'_>]) -> Option<Answer<Validator>> {
    let stages: Vec<Stage> = told.iter().map(|(_, answer)| Stage::of(answer)).collect();
    if stages.contains(&Stage::Leaves) {
        return Some(leaving(id, told, &stages));
    }
    let works = stages.iter().filter(|stage| **stage == Stage::Works).count();
    let rest = stages.len() - works;
    if works == 0 {
        return None;
    }
    if rest == 0 || others_lag(told) {
        return least_far(told);
    }
    let wins = |stage: Stage| match stage {
        Stage::Works => works > rest,
        _ => rest > works,
    };
    for (place, (node, answer)) in told.iter().enumerate().filter(|(place, _)| !wins(stages[*place])) {
        let is_other = |(other, _): &(usize, &Told<'_>)| {
            (stages[*other] == Stage::Works) != (stages[place] == Stage::Works)
        };
        if let Some((_, by)) = told.iter().enumerate().find(is_other) {
            let words = format!(
                "of validator {id} it says {}, and {} says {}",
                said(answer),
                by.0.name,
                said(by.1)
            );
            node.contradicted(SafeText::new(&words));
        }
    }
    let of_most = { told.iter().zip(&stages) }.filter(|(_, stage)| wins(**stage));
    let of_most: Vec<Told<'_>> = of_most.map(|(told, _)| *told).collect();
    let is_known = |(_, answer): &Told<'_>| matches!(answer, Answer::Yes(_));
    Some(match of_most.iter().all(is_known) {
        true => least_far(&of_most).unwrap_or_else(|| differ(id, "is at work", told)),
        // that nobody knows it decides about a deposit, and no majority does
        false => differ(id, "is at work", told),
    })
}

/// Nothing takes the end of a validator's life back, and a case is closed for good by it: at least two say it, and nobody
/// who answers denies it.
fn leaving(id: Id, told: &[Told<'_>], stages: &[Stage]) -> Answer<Validator> {
    match stages.len() > 1 && stages.iter().all(|stage| *stage == Stage::Leaves) {
        true => least_far(told).unwrap_or_else(|| differ(id, "leaves", told)),
        false => differ(id, "leaves", told),
    }
}

/// Who has not got to the epoch yet at which the validator begins to work says the same as who has.
fn others_lag(told: &[Told<'_>]) -> bool {
    let mut begins = told
        .iter()
        .map(|(_, answer)| answer.as_ref().yes().and_then(|v| v.activation_epoch));
    let first = begins.next().flatten();
    first.is_some() && begins.all(|epoch| epoch == first)
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
    pub(super) fn note_alone(&self, node: &Node, validator: &Validator) {
        let mut alone = self.inner.alone.lock().unwrap_or_else(PoisonError::into_inner);
        if alone.len() < NAMED {
            let words = format!(
                "that validator {} is {} is told by {} alone, and no other beacon node answers",
                validator.index, validator.status, node.name
            );
            alone.insert(validator.public_key, SafeText::new(&words));
        }
    }

    pub(super) fn note_borne_out(&self, key: BlsPublicKey) {
        let mut alone = self.inner.alone.lock().unwrap_or_else(PoisonError::into_inner);
        alone.remove(&key);
    }

    pub(super) fn told_alone(&self, key: &BlsPublicKey) -> Option<SafeText> {
        let alone = self.inner.alone.lock().unwrap_or_else(PoisonError::into_inner);
        alone.get(key).cloned()
    }
}
