//! A pool that was served without its case: the case has nothing left to do, once that is final.

use crate::oracle::turn::Turn;
use crate::oracle::{Record, Served, Step, cases};
use crate::types::{CaseId, SafeText};

use super::*;

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
    let told = turn.state.live.told_final;
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
