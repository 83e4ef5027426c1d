//! What the chain tells: requests, fulfilments, and its state.

use crate::oracle::state::Sending;
use crate::oracle::turn::Turn;
use crate::oracle::{Case, Cause, ChainFacts, Fulfilment, Record, Served, account, advance, cases};
use crate::types::{BlockRef, CaseId, LogRef, PoolId, RequestKind, SafeText};

pub(super) fn requested(turn: &mut Turn<'_>, kind: RequestKind, pool: PoolId, log: LogRef) {
    let cause = Cause::Event { log };
    if turn
        .state
        .cases_of(kind, pool)
        .any(|c| c.cause == cause && !c.orphaned)
    {
        return;
    }
    let Some(newest) = turn.state.cases_of(kind, pool).next_back() else {
        let ordinal = 0;
        let case = CaseId { kind, pool, ordinal };
        return turn.record(Record::CaseOpened { case, cause });
    };
    // the request of a case that left the chain, or that nobody had seen, is this one
    let missing = |c: &&Case| c.orphaned && (c.id == newest.id || !c.is_closed());
    let unseen = matches!(newest.cause, Cause::State { .. }).then_some(newest);
    let found = turn.state.cases_of(kind, pool).find(missing).or(unseen);
    let id = newest.id;
    if let Some(case) = found.map(|c| c.id) {
        turn.record(Record::CauseFound { case, cause });
    } else if newest.kind().repeats() && (newest.is_closed() || newest.attempts > 0) {
        let ordinal = id.ordinal + 1;
        let case = CaseId { ordinal, ..id };
        turn.record(Record::CaseOpened { case, cause });
    } else {
        let text = SafeText::new(&format!(
            "{kind} of pool {pool} was requested again in block {} while {id} {}; nothing new was opened",
            log.block.number,
            if newest.is_closed() {
                "is closed"
            } else {
                "is open"
            }
        ));
        turn.record(Record::Note { case: Some(id), text });
    }
}

pub(super) fn request_removed(turn: &mut Turn<'_>, kind: RequestKind, pool: PoolId, log: LogRef) {
    let cause = Cause::Event { log };
    let lost = turn
        .state
        .cases_of(kind, pool)
        .find(|c| c.cause == cause && !c.orphaned)
        .map(|c| c.id);
    if let Some(case) = lost {
        turn.record(Record::CauseLost { case });
    }
}

pub(super) fn fulfilled(turn: &mut Turn<'_>, what: Fulfilment, pool: PoolId, log: LogRef) {
    let kind = what.answers();
    // who asked first is served first
    let Some(case) = turn.state.cases_of(kind, pool).find(|c| !c.is_closed()) else {
        return;
    };
    let id = case.id;
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
    let own = by.is_some_and(|by| by.kind == kind && by.pool == pool);
    let served = Served {
        transaction: log.transaction,
        log: Some(log),
    };
    if !own && case.reports().all(|known| *known != served) {
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
    let is_it = |s: Served| s.transaction == log.transaction && s.log.is_none_or(|l| l == log);
    let served = turn
        .state
        .cases_of(what.answers(), pool)
        .find(|c| !c.is_closed() && c.reports().copied().any(is_it))
        .map(|c| c.id);
    if let Some(case) = served {
        let transaction = log.transaction;
        turn.record(Record::PoolNotServed { case, transaction });
        turn.state.live.waiting.remove(&case);
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
