//! A pool that another transaction served: its case has nothing left to do, once that is final.

use crate::oracle::turn::Turn;
use crate::oracle::{Record, Served, Step};
use crate::types::{CaseId, SafeText};

use super::*;

/// The contract has what was asked for, from another transaction. Until that can not be taken back nothing new is done
/// for the case and nothing is given up; then it ends, and the key that it made was not the one that was used.
pub(super) fn served(turn: &mut Turn<'_>, id: CaseId, by: Served) {
    let Some(case) = turn.state.cases.get(&id) else {
        return;
    };
    match case.step {
        Step::DecideCeremony(action) | Step::DecideEffect(action) => {
            let reason = SafeText::new("its pool was served by another transaction");
            return turn.record(Record::ActionVoided { action, reason });
        }
        Step::RunCeremony(request) | Step::Register(Some(request)) => attend(turn, id, request),
        _ => {}
    }
    let told = turn.state.live.told_final;
    let waits_for = by
        .log
        .map(|log| log.block.number)
        .filter(|n| told.is_none_or(|t| t < *n));
    if let Some(block) = waits_for {
        let words =
            format!("its pool was served by another transaction in block {block}; waits for finality");
        return turn.waits(id, &words);
    }
    close(turn, id);
}

fn close(turn: &mut Turn<'_>, id: CaseId) {
    let unused = turn.state.cases.get(&id).and_then(|c| c.keygen.as_ref());
    if let Some(validator) = unused.map(|k| k.validator) {
        let reason = SafeText::new(&format!(
            "made for {id}, whose pool was served by another transaction"
        ));
        turn.record(Record::KeyCondemned { validator, reason });
    }
    let outcome = SafeText::new("its pool was served by another transaction");
    turn.record(Record::CaseClosed { case: id, outcome });
}
