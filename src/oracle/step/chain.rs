//! What the chain tells: requests, fulfilments, and its state. The state decides; a log is a hint, and none opens, voids or
//! closes anything against it.

use crate::oracle::state::Sending;
use crate::oracle::turn::Turn;
use crate::oracle::{Case, Cause, ChainFacts, Fulfilment, Record, Served, Step, account, advance, cases};
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
        let facts = &turn.state.live.facts;
        if advance::covers(facts, log.block) && cases::kind(kind).denies_request(facts, pool) {
            // when the contract lists it later, that opens its case
            return;
        }
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
    // who asked first is served first, and nobody before he asked
    let answers = |c: &&Case| !c.is_closed() && !stands_before(log, &c.cause);
    let Some(case) = turn.state.cases_of(kind, pool).find(answers) else {
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
    if !own && case.served_by != Some(served) {
        turn.record(Record::PoolServed {
            case: id,
            transaction: log.transaction,
            by,
            log: Some(log),
        });
    }
}

/// Whether a log stands before what opened a case.
fn stands_before(log: LogRef, cause: &Cause) -> bool {
    match cause {
        Cause::Event { log: asked } => (log.block.number, log.index) < (asked.block.number, asked.index),
        // it may have been found long after it was asked for
        Cause::State { .. } | Cause::Manual { .. } => false,
    }
}

/// Says something in the file of the newest case of a pool, once.
pub(super) fn remarked(turn: &mut Turn<'_>, kind: RequestKind, pool: PoolId, text: SafeText) {
    let case = turn.state.cases_of(kind, pool).next_back();
    if let Some(case) = case.filter(|c| !c.is_closed()).map(|c| c.id) {
        note_once(turn, case, text);
    }
}

fn note_once(turn: &mut Turn<'_>, id: CaseId, text: SafeText) {
    let said = |c: &Case| c.history.iter().any(|entry| entry.text == text);
    if !turn.state.cases.get(&id).is_some_and(said) {
        turn.record(Record::Note { case: Some(id), text });
    }
}

/// What our own transactions did is followed by their receipts; what others did counts until it leaves the chain.
pub(super) fn fulfilment_removed(turn: &mut Turn<'_>, what: Fulfilment, pool: PoolId, log: LogRef) {
    let is_it = |s: Served| s.transaction == log.transaction && s.log.is_none_or(|l| l == log);
    let served = turn
        .state
        .cases_of(what.answers(), pool)
        .find(|c| !c.is_closed() && c.served_by.is_some_and(is_it))
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
    contradicted_by_state(turn, head);
}

/// What cases rest on is held against the contract's state at each head: a log that says that a pool was served which the
/// contract still lists is not believed, and a case that was closed on such a word is taken up again.
fn contradicted_by_state(turn: &mut Turn<'_>, head: BlockRef) {
    let facts = turn.state.live.facts.clone();
    let contradicts = |c: &&Case| {
        let kind = c.kind();
        let rests_on_a_log = c.served_by.is_some_and(|by| {
            let past = by.log.is_none_or(|log| advance::covers(&facts, log.block));
            past && kind.denies_end(&facts, c.id.pool)
        });
        rests_on_a_log || c.is_closed() && kind.wanted_by_state(&facts).contains(&c.id.pool)
    };
    let found: Vec<CaseId> = turn
        .state
        .cases
        .values()
        .filter(contradicts)
        .map(|c| c.id)
        .collect();
    let contradicted = &mut turn.state.live.contradicted;
    contradicted.retain(|case, _| found.contains(case));
    for id in found {
        let first = *turn.state.live.contradicted.entry(id).or_insert(head.number);
        if head.number >= first + advance::UNSEEN_BLOCKS {
            contradicted_case(turn, id);
        }
    }
}

fn contradicted_case(turn: &mut Turn<'_>, id: CaseId) {
    let Some(case) = turn.state.cases.get(&id) else {
        return;
    };
    let (pool, kind) = (id.pool, case.kind());
    let closed = match &case.step {
        Step::Closed { outcome } => Some(outcome.clone()),
        _ => None,
    };
    match (case.served_by, closed) {
        (Some(by), None) => {
            let text = SafeText::new(&format!(
                "a log of transaction {} says that {}; the contract's state says otherwise, and the log is not believed",
                by.transaction,
                kind.served()
            ));
            note_once(turn, id, text);
            let transaction = by.transaction;
            turn.record(Record::PoolNotServed {
                case: id,
                transaction,
            });
            turn.state.live.waiting.remove(&id);
        }
        (Some(by), Some(outcome)) if outcome.as_str() == kind.served() => {
            let text = SafeText::new(&format!(
                "{id} was closed because {outcome}, and the contract lists pool {pool} again: it is taken up again"
            ));
            turn.record(Record::Note { case: Some(id), text });
            let transaction = by.transaction;
            turn.record(Record::PoolNotServed {
                case: id,
                transaction,
            });
        }
        (_, Some(outcome)) => {
            let text = SafeText::new(&format!(
                "the contract lists pool {pool} although {id} is closed ({outcome}): it is held, and not taken up again \
                 by itself"
            ));
            note_once(turn, id, text);
        }
        (None, None) => {}
    }
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
