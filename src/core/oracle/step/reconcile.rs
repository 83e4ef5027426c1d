//! Cases are held against the contract's state at each block that its lists are known of: what it lists has a case that goes
//! on, and nothing rests on a log that it denies. What left memory counts as what is in it.

use crate::oracle::state::End;
use crate::oracle::turn::Turn;
use crate::oracle::{Case, Cause, Record, State, Step, advance, cases};
use crate::types::{BlockRef, CaseId, PoolId, RequestKind, SafeText};

use super::chain::note_once;
use super::denied;

/// What cases rest on is held against the contract's state at `listed`: a log that says that a pool was served which the
/// contract still lists is not believed, and a case that was closed on such a word is taken up again.
pub(super) fn contradicted_by_state(turn: &mut Turn<'_>, listed: BlockRef) {
    let (facts, seen) = (turn.state.facts(), turn.state.seen());
    let contradicts = |c: &&Case| {
        let kind = c.kind();
        let rests_on_a_log = c.served_by.is_some_and(|by| {
            let past = by.log.is_none_or(|log| advance::covers(facts, log.block));
            past && kind.denies_end(seen, c.id.pool)
        });
        let is_over = c.is_closed() && !c.is_gone();
        rests_on_a_log || is_over && kind.wanted_by_state(facts).contains(&c.id.pool)
    };
    let here = turn.state.cases.values().filter(contradicts).map(|c| c.id);
    let found: Vec<CaseId> = here.chain(held_gone(turn.state).map(|(id, _)| id)).collect();
    let contradicted = &mut turn.state.volatile.contradicted;
    contradicted.retain(|case, _| found.contains(case));
    for id in found {
        let first = *turn
            .state
            .volatile
            .contradicted
            .entry(id)
            .or_insert(listed.number);
        if listed.number >= first.saturating_add(advance::UNSEEN_BLOCKS) {
            contradicted_case(turn, id);
        }
    }
}

/// Cases that ended for good, left memory, and have their pool listed again by the contract's state.
fn held_gone(state: &State) -> impl Iterator<Item = (CaseId, &End)> {
    let facts = &state.volatile.facts;
    let wanted = move |kind| {
        cases::kind(kind)
            .wanted_by_state(facts)
            .iter()
            .map(move |pool| (kind, *pool))
    };
    let gone = cases::ALL.into_iter().flat_map(wanted);
    let gone = gone.filter_map(|(kind, pool)| state.newest_gone(kind, pool));
    gone.filter(|(.., end)| matches!(end, End::Done | End::GivenUp { .. }))
        .map(|(id, _, end)| (id, end))
}

fn contradicted_case(turn: &mut Turn<'_>, id: CaseId) {
    let Some(case) = turn.state.cases.get(&id) else {
        return contradicted_gone(turn, id);
    };
    let (pool, kind) = (id.pool, case.kind());
    let closed = match &case.step {
        Step::Closed { outcome } => Some(outcome.clone()),
        _ => None,
    };
    match (case.served_by, closed) {
        (Some(by), None) => {
            // without the transaction, which whoever invents logs has a new one of in each block
            let text = SafeText::new(&format!(
                "a log says that {}; the contract's state says otherwise, and the log is not believed. Further ones count once \
                 the state says so, too",
                kind.served()
            ));
            note_once(turn, id, text);
            denied::denies(turn, id, by);
            let transaction = by.transaction;
            turn.record(Record::PoolNotServed {
                case: id,
                transaction,
            });
            turn.state.volatile.waiting.remove(&id);
        }
        (Some(by), Some(outcome)) if outcome.as_str() == kind.served() && !planted!(StaysClosed) => {
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
            let text = listed_though_closed(id, outcome.as_str());
            note_once(turn, id, text);
        }
        (None, None) => {}
    }
}

fn listed_though_closed(id: CaseId, outcome: &str) -> SafeText {
    SafeText::new(&format!(
        "the contract lists pool {} although {id} is closed ({outcome}): it is held, and not taken up again by itself",
        id.pool
    ))
}

/// The same of a case that left memory. Its file is not at hand, so it is said once in a run and a contradiction.
fn contradicted_gone(turn: &mut Turn<'_>, id: CaseId) {
    let ended = held_gone(turn.state).find(|(gone, _)| *gone == id);
    let Some((_, end)) = ended else { return };
    let text = match end {
        End::GivenUp { outcome, .. } => listed_though_closed(id, outcome.as_str()),
        _ => listed_though_closed(id, "it came to its end"),
    };
    turn.state.volatile.contradicted.insert(id, u64::MAX);
    turn.record(Record::Note { case: Some(id), text });
}

/// The case of a pool that lost its request, and waits for it or was closed without it.
fn lost_of(state: &State, kind: RequestKind, pool: PoolId) -> Option<CaseId> {
    let newest = state.newest_of(kind, pool);
    let lost = |c: &&Case| c.orphaned && !c.is_closed() || c.is_gone() && newest == Some(c.id);
    state.cases_of(kind, pool).find(lost).map(|c| c.id)
}

/// The newest case of a pool, where it left memory and another one goes on by itself when the contract lists the pool
/// again: it was closed on a log's word, or its request had left the chain.
fn goes_on(state: &State, kind: RequestKind, pool: PoolId) -> Option<CaseId> {
    let (id, _, end) = state.newest_gone(kind, pool)?;
    matches!(end, End::Served | End::Gone).then_some(id)
}

/// State decides: a pool that stays in the contract's list although its event was not seen, or was taken back, is taken up
/// all the same.
pub(super) fn wanted_by_state(turn: &mut Turn<'_>, listed: BlockRef) {
    let facts = turn.state.volatile.facts.clone();
    let pools = |kind| cases::kind(kind).wanted_by_state(&facts);
    let unseen = &mut turn.state.volatile.unseen;
    unseen.retain(|case, _| pools(case.kind).contains(&case.pool));
    for kind in cases::ALL {
        for pool in pools(kind) {
            let pool = *pool;
            let lost = lost_of(turn.state, kind, pool);
            let next = turn.state.next_of(kind, pool);
            let case = lost.unwrap_or(next);
            let again = goes_on(turn.state, kind, pool);
            if lost.is_none() && again.is_none() && next.ordinal > 0 {
                let unseen = &mut turn.state.volatile.unseen;
                unseen.retain(|known, _| (known.kind, known.pool) != (kind, pool));
                continue;
            }
            let first = *turn.state.volatile.unseen.entry(case).or_insert(listed.number);
            if listed.number >= first + advance::UNSEEN_BLOCKS {
                turn.state.volatile.unseen.remove(&case);
                let cause = Cause::State { block: listed };
                if let Some(before) = again.filter(|_| lost.is_none()) {
                    let text = format!(
                        "{before} was closed, and the contract lists pool {pool} again: {case} takes it up again"
                    );
                    let (case, text) = (Some(before), SafeText::new(&text));
                    turn.record(Record::Note { case, text });
                }
                turn.record(match lost {
                    Some(case) => Record::CauseFound { case, cause },
                    None => Record::CaseOpened { case, cause },
                });
                if let Some(why) = &facts.one_voice {
                    let text = format!("that the contract lists pool {pool} is told by one voice: {why}");
                    note_once(turn, case, SafeText::new(&text));
                }
            }
        }
    }
}
