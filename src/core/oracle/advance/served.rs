//! A pool that was served without its case: the case has nothing left to do, once that is final.

use crate::oracle::turn::Turn;
use crate::oracle::{ChainFacts, Record, Served, Step, cases, undo};
use crate::types::{BlockRef, CaseId, SafeText};

use super::*;

/// What the contract's state says of a log by which a pool was served.
pub(super) enum StateSays {
    /// The same, or nothing: it keeps none of it.
    So,
    /// The pool is still waiting in it.
    Otherwise,
    /// It was not read at the log's block or after it yet.
    NothingYet,
}

/// Whether a view of the state is of this block or of a later one.
pub(in crate::oracle) fn covers(facts: &ChainFacts, block: BlockRef) -> bool {
    // at the same height it may be of the branch that was left
    facts
        .listed_at()
        .is_some_and(|listed| listed.number > block.number || listed == block)
}

pub(super) fn state_on(state: &State, case: &Case, by: Served) -> StateSays {
    let facts = state.facts();
    match by.log {
        Some(log) if !covers(facts, log.block) => StateSays::NothingYet,
        None if facts.listed_at().is_none() => StateSays::NothingYet,
        _ if case.kind().denies_end(state.seen(), case.id.pool) && !planted!(StateIgnored) => {
            StateSays::Otherwise
        }
        _ => StateSays::So,
    }
}

/// A log alone voids nothing and closes nothing. Nothing new is done for the case before the state was read, and what runs
/// goes on.
pub(super) fn doubted(turn: &mut Turn<'_>, id: CaseId, by: Served, says: &StateSays) {
    let Some(case) = turn.state.cases.get(&id) else {
        return;
    };
    let (kind, step) = (case.kind(), case.step.clone());
    undo::forget(turn, id);
    if let Step::RunCeremony(request) | Step::Register(Some(request)) = step {
        attend(turn, id, request);
    }
    let block = by
        .log
        .map_or_else(String::new, |log| format!(" in block {}", log.block.number));
    let why = match says {
        StateSays::Otherwise => {
            "the contract's state says otherwise, which is looked at again at the next blocks"
        }
        _ => "waits until the contract's state of that block is read",
    };
    turn.waits(id, &format!("a log says that {}{block}; {why}", kind.served()));
}

/// The contract has what was asked for, from another transaction, or reports that the validator has left. Until that
/// cannot be taken back nothing new is done for the case and nothing is given up; then it ends, wherever it stands, and
/// a key that it made was not the one that was used.
pub(super) fn served(turn: &mut Turn<'_>, id: CaseId, by: Served) {
    let Some(case) = turn.state.cases.get(&id) else {
        return;
    };
    let kind = case.kind();
    match case.step {
        Step::DecideCeremony(action) | Step::DecideEffect(action) => {
            let reason = SafeText::new(kind.served());
            return turn.record(Record::ActionVoided { action, reason });
        }
        Step::RunCeremony(request) | Step::Register(Some(request)) => {
            attend(turn, id, request);
            if !kind.leaves_its_ceremony() {
                return;
            }
        }
        _ => {}
    }
    let told = turn.state.volatile.told_final;
    let block = by.log.map(|log| log.block.number);
    let early = block.filter(|n| told.is_none_or(|t| t < *n));
    if let Some(block) = early.filter(|_| !planted!(ClosedByLog)) {
        let words = format!("{} in block {block}; waits for finality", kind.served());
        return turn.waits(id, &words);
    }
    close(turn, id);
}

fn close(turn: &mut Turn<'_>, id: CaseId) {
    // its own transaction may have served another pool with it
    let case = turn
        .state
        .cases
        .get(&id)
        .filter(|c| !turn.state.has_used_its_key(c));
    let unused = case.and_then(|c| c.keygen.as_ref());
    if let Some(validator) = unused.map(|k| k.validator) {
        let reason = SafeText::new(&format!(
            "made for {id}, whose pool was served by another transaction"
        ));
        turn.record(Record::KeyCondemned { validator, reason });
    }
    let outcome = SafeText::new(cases::kind(id.kind).served());
    turn.record(Record::CaseClosed { case: id, outcome });
}

#[cfg(test)]
mod tests;
