//! What several nodes say of one validator, held against each other.
//!
//! | those who answer say | that counts |
//! |---|---|
//! | more than half, that it is at work | that; the others are named, but for one that lags and tells the same epoch |
//! | that it leaves or has left, and one does not | nothing: no majority ends a case for good; two that say so, and more than deny it, have the others named |
//! | the same stage of its life, or one that lags says an earlier one and the epoch at which it ended lately | the least far |
//! | more than half, that it waits | that; the others are named |
//! | as many that it is at work as that it is not | nothing: all are named |
//! | as many that it waits as that there is none | nothing, and nobody is named: one may be a slot ahead |
//! | more that there is none than that it waits | nothing: whoever tells of it is named |
//! | only one answers | its word, and that it is one voice; nothing where it says that the validator leaves |
//!
//! Those whose stage counts may tell other records of it: another key or index, other epochs. For these epochs operators
//! sign, so no node's record counts for being the first:
//!
//! | their records are | that counts |
//! |---|---|
//! | all the same | that |
//! | the same of more than half, and of two at least | that; the others are named |
//! | the same, but for an activation that some do not have yet | the one without: whoever waits for it lags by a slot |
//! | otherwise | nothing: all are named who contradict each other |

use super::node::Node;
use super::validators::Id;
use crate::ports::Answer;
use crate::ports::consensus::{Validator, ValidatorStatus};
use crate::types::{BlsPublicKey, SafeText};

/// One that answered, and what.
pub(super) type Told<'a> = (&'a Node, &'a Answer<Validator>);

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
        return alike(id, told).unwrap_or_else(|| says_nothing_more(id));
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
        return alike(id, told).unwrap_or_else(|| says_nothing_more(id));
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
    let least = alike(id, &of_most);
    if let Some(Answer::NotKnown(_)) = least {
        return least.unwrap_or_else(|| says_nothing_more(id));
    }
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
/// who answers denies it. Fewer who deny it than say it are named: they keep the case open.
fn leaving(id: Id, told: &[Told<'_>], stages: &[Stage]) -> Answer<Validator> {
    let leaves = |told: &&Told<'_>| Stage::of(told.1) == Stage::Leaves;
    let (say_it, deny): (Vec<&Told<'_>>, Vec<_>) = told.iter().partition(leaves);
    if stages.len() > 1 && deny.is_empty() {
        return alike(id, told).unwrap_or_else(|| says_nothing_more(id));
    }
    if let [(by, other), _, ..] = say_it[..]
        && say_it.len() > deny.len()
    {
        for (node, answer) in deny {
            let (says, other) = (said(answer), said(other));
            let words = format!("of validator {id} it says {says}, and {} says {other}", by.name);
            node.contradicted(SafeText::new(&words));
        }
    }
    differ(id, "leaves", told)
}

/// What is decided by of a validator, beside the stage of its life: whose it is, and for which epoch its exit is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Facts {
    key: BlsPublicKey,
    index: u64,
    activation: Option<u64>,
    exit: Option<u64>,
}

impl Facts {
    fn of(validator: &Validator) -> Self {
        Self {
            key: validator.public_key,
            index: validator.index,
            activation: validator.activation_epoch,
            exit: validator.exit_epoch,
        }
    }

    /// What is different in the other.
    fn against(self, other: Self) -> String {
        let epoch = |what: &str, epoch: Option<u64>| match epoch {
            Some(epoch) => format!("{what} {epoch}"),
            None => format!("no {what}"),
        };
        if self.key != other.key {
            format!("key {}", self.key)
        } else if self.index != other.index {
            format!("index {}", self.index)
        } else if self.activation != other.activation {
            epoch("activation epoch", self.activation)
        } else {
            epoch("exit epoch", self.exit)
        }
    }
}

/// They tell the same, or the activation of one that waits is not set yet by one of them.
fn go_together(a: &Validator, b: &Validator) -> bool {
    let (ours, theirs) = (Facts::of(a), Facts::of(b));
    let is_unset = |v: &Validator| v.activation_epoch.is_none() && v.status < ValidatorStatus::ActiveOngoing;
    let but_for_activation = Facts {
        activation: theirs.activation,
        ..ours
    };
    ours == theirs || ((is_unset(a) || is_unset(b)) && but_for_activation == theirs)
}

/// What those who know it tell alike (see the second table); none where nobody knows it.
fn alike(id: Id, told: &[Told<'_>]) -> Option<Answer<Validator>> {
    let known = told
        .iter()
        .filter_map(|(node, answer)| Some((*node, answer.as_ref().yes()?)));
    let known: Vec<(&Node, &Validator)> = known.collect();
    let facts = |nth: usize| Facts::of(known[nth].1);
    let together = |a: usize, b: usize| go_together(known[a].1, known[b].1);
    let same = |nth: usize| {
        (0..known.len())
            .filter(|other| facts(*other) == facts(nth))
            .count()
    };
    // of as many the first
    let most = (0..known.len()).rev().max_by_key(|nth| same(*nth))?;
    let counts = same(most);
    let is_enough = is_enough(counts, known.len());
    let against = |nth: usize| match is_enough {
        true => (!together(nth, most)).then_some(most),
        false => (0..known.len()).find(|other| !together(nth, *other)),
    };
    let mut says = Vec::new();
    for (nth, (node, _)) in known.iter().enumerate() {
        if let Some(other) = against(nth) {
            let by = known[other].0;
            let (is, theirs) = (facts(nth).against(facts(other)), facts(other).against(facts(nth)));
            let words = format!("of validator {id} it tells {is}, and {} {theirs}", by.name);
            node.contradicted(SafeText::new(&words));
            says.push(format!("{} tells {is}", node.name));
        }
    }
    if !is_enough && !says.is_empty() {
        let says = says.join(", ");
        let words = format!("the beacon nodes contradict each other on validator {id}: {says}");
        return Some(Answer::not_known(words));
    }
    let counting = known.iter().map(|(_, validator)| *validator);
    let counting = counting.filter(|v| !is_enough || Facts::of(v) == facts(most));
    let least = counting.min_by_key(|v| (v.activation_epoch.is_some(), v.status))?;
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

/// That a validator is as one node alone tells it, though others are configured.
pub(super) fn told_alone(node: &Node, validator: &Validator) -> SafeText {
    SafeText::new(&format!(
        "that validator {} is {} is told by {} alone, and no other beacon node answers",
        validator.index, validator.status, node.name
    ))
}

/// That there is no such validator is what one node alone tells, though others are configured.
pub(super) fn denied_alone(node: &Node, id: Id) -> SafeText {
    SafeText::new(&format!(
        "that there is no validator {id} is told by {} alone, and no other beacon node answers",
        node.name
    ))
}

/// What so many of those who answer tell alike counts: all of them, or more than half and two at least.
pub(super) fn is_enough(alike: usize, told: usize) -> bool {
    alike == told || (alike > 1 && 2 * alike > told)
}
