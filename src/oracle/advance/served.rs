//! A pool that was served without its case: the case has nothing left to do, once that is final.

use crate::oracle::turn::Turn;
use crate::oracle::{Record, Served, Step};
use crate::types::{CaseId, RequestKind, SafeText};

use super::*;

/// The contract has what was asked for, from another transaction, or reports that the validator has left. Until that
/// can not be taken back nothing new is done for the case and nothing is given up; then it ends, wherever it stands, and
/// a key that it made was not the one that was used.
pub(super) fn served(turn: &mut Turn<'_>, id: CaseId, by: Served) {
    let Some(case) = turn.state.cases.get(&id) else {
        return;
    };
    match case.step {
        Step::DecideCeremony(action) | Step::DecideEffect(action) => {
            let reason = SafeText::new(what(id.kind));
            return turn.record(Record::ActionVoided { action, reason });
        }
        Step::RunCeremony(request) | Step::Register(Some(request)) => {
            attend(turn, id, request);
            // whether an exit was signed belongs into its file
            if id.kind == RequestKind::Exit {
                return;
            }
        }
        _ => {}
    }
    let told = turn.state.live.told_final;
    let block = by.log.map(|log| log.block.number);
    if let Some(block) = block.filter(|n| told.is_none_or(|t| t < *n)) {
        let words = format!("{} in block {block}; waits for finality", what(id.kind));
        return turn.waits(id, &words);
    }
    close(turn, id);
}

fn what(kind: RequestKind) -> &'static str {
    match kind {
        RequestKind::Deposit | RequestKind::Reshare => "its pool was served by another transaction",
        RequestKind::Exit => "the contract reported that its validator has left",
    }
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
    let outcome = SafeText::new(what(id.kind));
    turn.record(Record::CaseClosed { case: id, outcome });
}

#[cfg(test)]
mod tests;
