//! Why a way makes sense now, and what it costs, in words.

use super::committee::{are, still_proposed};
use super::{is_listed_again, queue_behind, refused_by_ssv};
use crate::oracle::advance::not_renewable;
use crate::oracle::state::Shares;
use crate::oracle::{Case, State, Step};
use crate::types::counted;

pub(super) const NOTHING: &str = "nothing";

const ANOTHER_KEY: &str = "another key generation with all its approvals; the present key is never used. Nothing is deposited with it, so no ETH is lost";

/// What whoever decides should know: the ceremony has failed for somebody who is in it again, and who else can be.
pub(super) fn proposed_again(state: &State, case: &Case) -> String {
    let Some(failed) = still_proposed(state, case) else {
        return String::new();
    };
    let others = match case.kind().shares() {
        Shares::Makes => "another committee is the way on, where it fails again",
        Shares::Replaces => "other operators can be chosen for it",
        Shares::Uses => "a reshare hands the key to others, where too few are left",
    };
    format!(
        "; {} proven guilty or absent in the last attempt, and in it again: {others}",
        are(&failed.operators)
    )
}

/// What another committee costs.
pub(super) fn another_key(case: &Case) -> &'static str {
    match case.keygen {
        Some(_) => ANOTHER_KEY,
        None => "nothing: there is no key yet, and what is proposed is void",
    }
}

/// Why it would be taken up, or looked at, again; `None` where that changes nothing.
pub(super) fn retry(state: &State, case: &Case) -> Option<String> {
    let again = match &case.step {
        Step::Halted { resume, .. } => resume.words().to_owned(),
        Step::Closed { .. } if case.given_up => "it is taken up again".to_owned(),
        Step::Closed { .. } if is_listed_again(state, case.id) => {
            "its pool is taken up again, by another case".to_owned()
        }
        Step::PlanCeremony | Step::PlanEffect | Step::AwaitTurn | Step::Register(None) => {
            "looks again at once".to_owned()
        }
        Step::DecideEffect(_) if case.offers.deferred.is_some() => "looks again at once".to_owned(),
        Step::DecideEffect(_) => "the checks are made again".to_owned(),
        _ => return None,
    };
    Some(match refused_by_ssv(state, case) {
        Some(refusal) => format!("{again}; SSV refuses it ({refusal}) until that changes there"),
        None => again,
    })
}

/// Why another committee would make another key, and how often a rule had one do so.
pub(super) fn redo_key(state: &State, case: &Case) -> String {
    let why = against(state, case);
    match case.chosen_by_rule {
        0 => why,
        times => {
            let times = counted(times as usize, "other committee");
            format!("{why}; a rule chose {times} for it already")
        }
    }
}

fn against(state: &State, case: &Case) -> String {
    if let Some(refusal) = refused_by_ssv(state, case) {
        return format!(
            "SSV refuses what these operators made: {refusal}. Only another committee, with another key, passes"
        );
    }
    if let (Some(failed), Some(why)) = (still_proposed(state, case), &case.last_failure) {
        return format!(
            "{} proven guilty or absent, and proposed again: {why}",
            are(&failed.operators)
        );
    }
    if let Some(why) = not_renewable(state, case) {
        return why;
    }
    let made = case.keygen.as_ref().map(|key| key.validator);
    if let Some(why) = made.and_then(|key| state.condemned.get(&key)) {
        return format!("the present key must never be used: {why}");
    }
    match (&case.step, &case.last_failure) {
        (Step::Halted { .. } | Step::Register(_), Some(why)) => match &case.failed_for {
            Some(failed) => format!(
                "{} proven guilty or absent, and this key cannot go on without: {why}",
                are(&failed.operators)
            ),
            None => format!("the operators of this key fail: {why}"),
        },
        _ => "only where the operators of this key cannot go on: nothing says so now".to_owned(),
    }
}

/// What is lost when a case is given up.
pub(super) fn give_up(state: &State, case: &Case) -> String {
    let mut costs = vec![match case.kind().shares() {
        Shares::Makes if case.keygen.is_some() && !state.has_used_its_key(case) => {
            "its key is never used".to_owned()
        }
        Shares::Makes => "the pool stays without a validator".to_owned(),
        Shares::Replaces if case.reshare.is_some() => {
            "the operators hold new shares of which the contract is never told".to_owned()
        }
        Shares::Replaces => "the pool keeps its operators".to_owned(),
        Shares::Uses if case.exit.is_some() => {
            "the validator stays, and whoever holds the signed exit can publish it at any time".to_owned()
        }
        Shares::Uses => "the validator stays".to_owned(),
    }];
    costs.extend(queue_behind(state, case.id));
    costs.push("a retry takes it up again".to_owned());
    costs.join("; ")
}
