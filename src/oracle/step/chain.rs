//! What the chain tells: requests, fulfilments, and its state.

use crate::oracle::state::Sending;
use crate::oracle::turn::Turn;
use crate::oracle::{Cause, ChainFacts, Fulfilment, Record, Served, account, advance, cases};
use crate::types::{BlockRef, CaseId, LogRef, PoolId, RequestKind, SafeText};

use super::*;

pub(super) fn requested(turn: &mut Turn<'_>, kind: RequestKind, pool: PoolId, log: LogRef) {
    let cause = Cause::Event { log };
    let known = turn
        .state
        .cases
        .values()
        .any(|c| c.id.kind == kind && c.id.pool == pool && c.cause == cause && !c.orphaned);
    if known {
        return;
    }
    let newest = newest_case(turn.state, kind, pool);
    let Some(case) = newest.and_then(|id| turn.state.cases.get(&id)) else {
        turn.record(Record::CaseOpened {
            case: CaseId {
                kind,
                pool,
                ordinal: 0,
            },
            cause,
        });
        return;
    };
    let id = case.id;
    if case.orphaned || matches!(case.cause, Cause::State { .. }) {
        turn.record(Record::CauseFound { case: id, cause });
    } else if case.kind().repeats() && case.is_closed() {
        turn.record(Record::CaseOpened {
            case: CaseId {
                ordinal: id.ordinal + 1,
                ..id
            },
            cause,
        });
    } else {
        let text = SafeText::new(&format!(
            "{kind} of pool {pool} was requested again in block {} while {id} {}; nothing new was opened",
            log.block.number,
            if case.is_closed() { "is closed" } else { "is open" }
        ));
        turn.record(Record::Note { case: Some(id), text });
    }
}

pub(super) fn request_removed(turn: &mut Turn<'_>, kind: RequestKind, pool: PoolId, log: LogRef) {
    let cause = Cause::Event { log };
    let lost = turn
        .state
        .cases
        .values()
        .find(|c| c.id.kind == kind && c.id.pool == pool && c.cause == cause && !c.orphaned)
        .map(|c| c.id);
    if let Some(case) = lost {
        turn.record(Record::CauseLost { case });
    }
}

pub(super) fn fulfilled(turn: &mut Turn<'_>, what: Fulfilment, pool: PoolId, log: LogRef) {
    let Some(id) = newest_case(turn.state, what.answers(), pool) else {
        return;
    };
    let Some(case) = turn.state.cases.get(&id).filter(|c| !c.is_closed()) else {
        return;
    };
    if what == Fulfilment::Deposited {
        let text = SafeText::new(&format!(
            "the contract reports the end of {id} in block {}",
            log.block.number
        ));
        turn.record(Record::Note { case: Some(id), text });
        return;
    }
    let holds = |s: &Sending| s.versions.iter().any(|v| v.hash == log.transaction);
    let by = turn
        .state
        .sendings
        .iter()
        .find(|(_, s)| holds(s))
        .map(|(action, _)| action.case);
    let served = Served {
        transaction: log.transaction,
        log: Some(log),
    };
    if by != Some(id) && case.served_by != Some(served) {
        turn.record(Record::PoolServed {
            case: id,
            transaction: log.transaction,
            by,
            log: Some(log),
        });
    }
}

/// What our own transactions did is followed by their receipts; what others did counts until it leaves the chain.
pub(super) fn fulfilment_removed(turn: &mut Turn<'_>, what: Fulfilment, pool: PoolId, log: LogRef) {
    let Some(id) = newest_case(turn.state, what.answers(), pool) else {
        return;
    };
    let served = turn.state.cases.get(&id).filter(|c| !c.is_closed());
    let served = served.and_then(|c| c.served_by);
    if served.is_some_and(|s| s.transaction == log.transaction && s.log.is_none_or(|l| l == log)) {
        turn.record(Record::PoolNotServed {
            case: id,
            transaction: log.transaction,
        });
    }
}

pub(super) fn new_facts(turn: &mut Turn<'_>, facts: ChainFacts) {
    let head = facts.head;
    turn.state.live.facts = facts;
    account::watch(turn);
    let Some(head) = head.filter(|_| turn.state.live.caught_up) else {
        return;
    };
    wanted_by_state(turn, head);
}

/// State decides: a pool that stays in the contract's list although its event was not seen is taken up all the same.
fn wanted_by_state(turn: &mut Turn<'_>, head: BlockRef) {
    let facts = turn.state.live.facts.clone();
    let pools = |kind| cases::kind(kind).wanted_by_state(&facts);
    let unseen = &mut turn.state.live.unseen;
    unseen.retain(|case, _| pools(case.kind).contains(&case.pool));
    for kind in cases::ALL {
        for pool in pools(kind) {
            let case = CaseId {
                kind,
                pool: *pool,
                ordinal: 0,
            };
            if turn.state.cases.contains_key(&case) {
                turn.state.live.unseen.remove(&case);
                continue;
            }
            let first = *turn.state.live.unseen.entry(case).or_insert(head.number);
            if head.number >= first + advance::UNSEEN_BLOCKS {
                turn.state.live.unseen.remove(&case);
                turn.record(Record::CaseOpened {
                    case,
                    cause: Cause::State { block: head },
                });
            }
        }
    }
}
