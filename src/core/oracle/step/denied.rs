//! Logs that say that a case has ended, after one that the contract's state denied. Whoever invents one invents one a block:
//! so each further one waits for the state, and is recorded only if the state says so, too.

use crate::oracle::turn::Turn;
use crate::oracle::{Case, Record, advance, cases};
use crate::types::{BlockRef, CaseId, LogRef, SafeText};

/// Logs of one case that wait for the state; the oldest makes room.
const HELD: usize = 64;

/// Holds the log back, where its case has one that was not believed.
pub(super) fn holds_back(turn: &mut Turn<'_>, id: CaseId, log: LogRef, by: Option<CaseId>) -> bool {
    let Some(denied) = turn.state.volatile.denied.get_mut(&id) else {
        return false;
    };
    if !denied.held.iter().any(|(known, _)| *known == log) {
        if denied.held.len() == HELD {
            denied.held.remove(0);
        }
        denied.held.push((log, by));
    }
    true
}

/// The log has left the chain.
pub(super) fn removed(turn: &mut Turn<'_>, log: LogRef) {
    for denied in turn.state.volatile.denied.values_mut() {
        denied.held.retain(|(known, _)| *known != log);
    }
}

/// Whether a log waits that would have to be read again after a restart.
pub(super) fn waits(turn: &Turn<'_>) -> bool {
    turn.state
        .volatile
        .denied
        .values()
        .any(|denied| !denied.held.is_empty())
}

/// Holds what waits against the state at this head.
pub(super) fn judge(turn: &mut Turn<'_>, head: BlockRef) {
    let ids: Vec<CaseId> = turn.state.volatile.denied.keys().copied().collect();
    for id in ids {
        if !turn.state.cases.get(&id).is_some_and(Case::listens) {
            turn.state.volatile.denied.remove(&id);
            continue;
        }
        let is_denied = cases::kind(id.kind).denies_end(turn.state.seen(), id.pool);
        let facts = turn.state.facts().clone();
        let Some(denied) = turn.state.volatile.denied.get_mut(&id) else {
            continue;
        };
        if !is_denied {
            let (told, wait) = denied
                .held
                .drain(..)
                .partition(|(log, _)| advance::covers(&facts, log.block));
            denied.held = wait;
            believed(turn, id, told);
            continue;
        }
        let (before, waiting) = (denied.further, denied.held.len());
        let is_young = |log: LogRef| head.number < log.block.number.saturating_add(advance::UNSEEN_BLOCKS);
        denied.held.retain(|(log, _)| is_young(*log));
        denied.further += (waiting - denied.held.len()) as u64;
        let further = denied.further;
        // at the first ten, hundred, thousand
        if let Some(many) = reached(before, further) {
            let text = format!("{many} further logs say the same, and are not believed");
            let (case, text) = (Some(id), SafeText::new(&text));
            turn.record(Record::Note { case, text });
        }
    }
}

fn believed(turn: &mut Turn<'_>, id: CaseId, told: Vec<(LogRef, Option<CaseId>)>) {
    for (log, by) in told {
        turn.record(Record::PoolServed {
            case: id,
            transaction: log.transaction,
            by,
            log: Some(log),
        });
    }
}

/// The greatest power of ten above one that was reached with this.
fn reached(before: u64, now: u64) -> Option<u64> {
    let mut powers = (1..=18).map(|power| 10_u64.pow(power));
    powers.rfind(|power| before < *power && *power <= now)
}
