//! What the chain tells: requests, fulfilments, how far it was read, and its state. The state decides; a log is a hint, and
//! none opens, voids or closes anything against it.

use crate::oracle::state::{End, Sending, places_of};
use crate::oracle::turn::Turn;
use crate::oracle::{Case, Cause, ChainFacts, Fulfilment, Record, Served, State, account, advance, cases};
use crate::types::{BlockRef, CaseId, LogRef, OperatorId, PoolId, RequestKind, Root, SafeText};

use super::{denied, reconcile};

/// `leaving`: the operator that the request wants out, where it names one.
pub(super) fn requested(
    turn: &mut Turn<'_>,
    kind: RequestKind,
    pool: PoolId,
    (log, leaving): (LogRef, Option<OperatorId>),
) {
    let cause = Cause::Event { log, leaving };
    if turn
        .state
        .cases_of(kind, pool)
        .any(|c| c.cause.log() == Some(log) && !c.orphaned)
    {
        return;
    }
    // told before its case left memory
    if turn.state.retired.has_been_told(kind, pool, log) {
        return;
    }
    let Some(newest) = turn.state.cases_of(kind, pool).next_back() else {
        let gone = turn.state.newest_gone(kind, pool);
        let begins_anew = cases::kind(kind).repeats() || matches!(gone, Some((.., End::Gone)));
        return match turn.state.newest_of(kind, pool) {
            Some(closed) if !begins_anew => again(turn, closed, log, true),
            _ => {
                let facts = &turn.state.volatile.facts;
                if advance::covers(facts, log.block)
                    && cases::kind(kind).denies_request(turn.state.seen(), pool)
                {
                    // when the contract lists it later, that opens its case
                    return;
                }
                let case = turn.state.next_of(kind, pool);
                turn.record(Record::CaseOpened { case, cause });
            }
        };
    };
    // the request of a case that left the chain, or that nobody had seen, is this one
    let missing =
        |c: &&Case| c.orphaned && (c.id == newest.id || !c.is_closed()) && c.cause.leaving() == leaving;
    let unseen = matches!(newest.cause, Cause::State { .. }).then_some(newest);
    let found = turn.state.cases_of(kind, pool).find(missing).or(unseen);
    let id = newest.id;
    // that another operator leaves is asked for in no case that is open
    let is_new = leaving.is_some() && {
        let mut open = turn.state.cases_of(kind, pool).filter(|c| !c.is_closed());
        !open.any(|c| c.cause.leaving() == leaving)
    };
    if let Some(case) = found.map(|c| c.id) {
        turn.record(Record::CauseFound { case, cause });
    } else if newest.kind().repeats() && (newest.is_closed() || newest.attempts > 0 || is_new) {
        let case = turn.state.next_of(kind, pool);
        turn.record(Record::CaseOpened { case, cause });
    } else {
        let is_closed = newest.is_closed();
        again(turn, id, log, is_closed);
    }
}

/// A request for which a case is or was there, and which makes none of its own.
fn again(turn: &mut Turn<'_>, id: CaseId, log: LogRef, is_closed: bool) {
    let CaseId { kind, pool, .. } = id;
    let text = SafeText::new(&format!(
        "{kind} of pool {pool} was requested again in block {} while {id} {}; nothing new was opened",
        log.block.number,
        if is_closed { "is closed" } else { "is open" }
    ));
    note_once(turn, id, text);
}

pub(super) fn request_removed(turn: &mut Turn<'_>, kind: RequestKind, pool: PoolId, log: LogRef) {
    let lost = turn
        .state
        .cases_of(kind, pool)
        .find(|c| c.cause.log() == Some(log) && !c.orphaned)
        .map(|c| c.id);
    if let Some(case) = lost {
        turn.record(Record::CauseLost { case });
    }
}

pub(super) fn fulfilled(turn: &mut Turn<'_>, what: Fulfilment, pool: PoolId, log: LogRef) {
    let kind = what.answers();
    let Some(id) = answered_by(turn.state, kind, pool, log) else {
        return;
    };
    if what == Fulfilment::Deposited {
        let text = SafeText::new(&format!(
            "the contract reports the end of {id} in block {}",
            log.block.number
        ));
        note_once(turn, id, text);
        return;
    }
    let by = sender(turn.state, log.transaction);
    let own = by.is_some_and(|by| by.kind == kind && by.pool == pool);
    let served = Served {
        transaction: log.transaction,
        log: Some(log),
    };
    // told once more: it may be what ended an earlier case
    let told = |c: &Case| c.reports().any(|known| *known == served);
    if !own && !turn.state.cases_of(kind, pool).any(told) && !denied::holds_back(turn, id, log) {
        turn.record(Record::PoolServed {
            case: id,
            transaction: log.transaction,
            by,
            log: Some(log),
        });
    }
}

/// The case whose transaction this is, where it is in the journal.
pub(super) fn sender(state: &State, transaction: Root) -> Option<CaseId> {
    let holds = |s: &Sending| s.versions.iter().any(|v| v.hash == transaction);
    let mut sendings = state.sendings.iter();
    sendings.find(|(_, s)| holds(s)).map(|(action, _)| action.case)
}

/// The case that a log answers: who asked first is served first, and nobody before he asked. Where it was given up, who
/// takes it up again must know.
fn answered_by(state: &State, kind: RequestKind, pool: PoolId, log: LogRef) -> Option<CaseId> {
    let asked = || {
        let cases = state.cases_of(kind, pool);
        cases.filter(|c| !stands_before(log, &c.cause))
    };
    let given_up = |c: &Case| c.given_up && !c.kind().repeats();
    let open = asked().find(|c| !c.is_closed());
    open.or_else(|| asked().rfind(|c| given_up(c))).map(|c| c.id)
}

/// Whether a log stands before what opened a case.
fn stands_before(log: LogRef, cause: &Cause) -> bool {
    match cause {
        Cause::Event { log: asked, .. } => (log.block.number, log.index) < (asked.block.number, asked.index),
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

/// What differs by its block alone is the same: whoever invents a log invents one a block.
pub(super) fn note_once(turn: &mut Turn<'_>, id: CaseId, text: SafeText) {
    let said = |c: &Case| {
        c.history
            .iter()
            .any(|entry| without_block(entry.text.as_str()) == without_block(text.as_str()))
    };
    if !turn.state.cases.get(&id).is_some_and(said) {
        turn.record(Record::Note { case: Some(id), text });
    }
}

/// What stands before the number of a block, and behind it.
fn without_block(text: &str) -> (&str, &str) {
    let (before, rest) = text.split_once(" in block ").unwrap_or((text, ""));
    (before, rest.trim_start_matches(|c: char| c.is_ascii_digit()))
}

/// What our own transactions did is followed by their receipts; what others did counts until it leaves the chain.
pub(super) fn fulfilment_removed(turn: &mut Turn<'_>, what: Fulfilment, pool: PoolId, log: LogRef) {
    denied::removed(turn, log);
    let is_it = |s: Served| s.transaction == log.transaction && s.log.is_none_or(|l| l == log);
    let served = turn
        .state
        .cases_of(what.answers(), pool)
        .find(|c| c.listens() && c.reports().copied().any(is_it))
        .map(|c| c.id);
    if let Some(case) = served {
        let transaction = log.transaction;
        turn.record(Record::PoolNotServed { case, transaction });
        turn.state.volatile.waiting.remove(&case);
    }
}

/// Where nothing was told, the position is journaled after so many blocks, ...
const POSITION_BLOCKS: u64 = 64;
/// ... and not sooner than after this time, ms: long ranges are read quickly.
const POSITION_MS: u128 = 60_000;

/// The position is journaled with whatever was told up to it, so that a start is told of nothing twice; when it goes
/// back; and now and then, so that a start has little to read again.
pub(super) fn events_read(turn: &mut Turn<'_>, upto: BlockRef, told: bool) {
    turn.state.volatile.read = Some(upto);
    let known = turn.state.cursor;
    let goes_back = known.is_some_and(|(known, _)| upto.number < known.number);
    let position = denied::position(turn, upto);
    let Some(position) = position.or(goes_back.then_some(upto)) else {
        return;
    };
    let due = known.is_none_or(|(known, at)| {
        let far = position.number >= known.number.saturating_add(POSITION_BLOCKS);
        (told && position == upto)
            || goes_back
            || (far && (turn.at.since(at).as_millis() >= POSITION_MS || turn.at < at))
    });
    if due {
        turn.record(Record::EventsRead { upto: position });
    }
}

pub(super) fn new_facts(turn: &mut Turn<'_>, facts: ChainFacts) {
    let listed = facts.listed_at();
    turn.state.volatile.places = places_of(&facts.ready);
    turn.state.volatile.facts = facts;
    account::watch(turn);
    let Some(listed) = listed.filter(|_| turn.state.volatile.caught_up) else {
        return;
    };
    denied::judge(turn, listed);
    reconcile::wanted_by_state(turn, listed);
    reconcile::contradicted_by_state(turn, listed);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::fixture::{self, block, settings};
    use crate::oracle::{Effect, Input, Output, case_status};
    use crate::types::{Root, UnixMillis};

    fn give(state: &mut State, at: u64, input: Input) -> Output {
        fixture::give(state, at, input).0
    }

    fn read(state: &mut State, at: u64, upto: u64, told: bool) -> bool {
        let upto = block(upto);
        let out = give(state, at, Input::EventsRead { upto, told });
        assert_eq!(state.read_upto(), Some(upto));
        let journaled = out.records == [Record::EventsRead { upto }];
        assert_eq!(journaled, !out.records.is_empty());
        assert_eq!(state.cursor() == Some(upto), journaled);
        journaled
    }

    #[test]
    fn the_position_is_journaled_with_events_when_it_goes_back_and_now_and_then() {
        let mut state = State::new(settings());
        assert!(read(&mut state, 1_000, 100, false), "the first");
        assert!(!read(&mut state, 2_000, 101, false));
        assert!(
            !read(&mut state, 3_000, 4_000, false),
            "long ranges are read quickly"
        );
        assert!(!read(&mut state, 70_000, 163, false));
        assert!(read(&mut state, 70_001, 164, false), "64 blocks and a minute");
        assert!(read(&mut state, 70_002, 165, true), "events are told once");
        assert!(read(&mut state, 70_003, 150, false), "a reorganisation");
        assert!(!read(&mut state, 70_004, 151, false));
    }

    #[test]
    fn each_operator_that_the_contract_wants_out_has_a_case() {
        let mut state = State::new(settings());
        let (kind, pool) = (RequestKind::Reshare, PoolId(7));
        let asked = |number: u64, operator: Option<u64>| {
            let log = LogRef {
                block: block(number),
                transaction: Root([2; 32]),
                index: 0,
            };
            let leaving = operator.map(OperatorId);
            Input::Requested {
                kind,
                pool,
                log,
                leaving,
            }
        };
        let leavers = |state: &State| -> Vec<Option<u64>> {
            let cases = state.cases_of(kind, pool);
            cases.map(|c| c.cause.leaving().map(|id| id.0)).collect()
        };
        give(&mut state, 1_000, asked(90, Some(4)));
        give(&mut state, 1_001, asked(91, Some(4)));
        assert_eq!(leavers(&state), [Some(4)], "asked again before it began");
        give(&mut state, 1_002, asked(92, None));
        assert_eq!(leavers(&state), [Some(4)], "any change will do");
        give(&mut state, 1_003, asked(93, Some(5)));
        give(&mut state, 1_004, asked(94, Some(4)));
        assert_eq!(leavers(&state), [Some(4), Some(5)]);
        // told again, as after a start
        give(&mut state, 1_005, asked(90, Some(4)));
        assert_eq!(leavers(&state), [Some(4), Some(5)]);
        let journaled = Record::CaseOpened {
            case: "reshare/7".parse().unwrap(),
            cause: state.cases_of(kind, pool).next().unwrap().cause.clone(),
        };
        let text = serde_json::to_string(&journaled).unwrap();
        assert_eq!(
            serde_json::from_str::<Record>(&text).unwrap(),
            journaled,
            "{text}"
        );
        assert!(text.contains("\"leaving\":4"), "{text}");
        let before = text.replace(",\"leaving\":4", "");
        let Record::CaseOpened { cause, .. } = serde_json::from_str(&before).unwrap() else {
            panic!("{before}")
        };
        assert_eq!(cause.leaving(), None);
    }

    #[test]
    fn what_is_asked_again_in_every_block_is_noted_once() {
        let mut state = State::new(settings());
        let (kind, pool) = (RequestKind::Deposit, PoolId(1));
        let mut notes = 0;
        for number in 90..=110 {
            let log = LogRef {
                block: block(number),
                transaction: Root([2; 32]),
                index: 0,
            };
            let asked = Input::Requested {
                kind,
                pool,
                log,
                leaving: None,
            };
            let out = give(&mut state, 1_000 * number, asked);
            notes += out
                .records
                .iter()
                .filter(|r| matches!(r, Record::Note { .. }))
                .count();
        }
        assert_eq!(notes, 1);
    }

    #[test]
    fn a_start_reads_on_from_what_is_journaled() {
        let mut state = State::new(settings());
        read(&mut state, 1_000, 100, false);
        read(&mut state, 2_000, 130, false);
        let again = State::restored(settings(), state.durable().clone());
        assert_eq!(again.read_upto(), Some(block(100)));
    }

    #[test]
    fn a_position_in_the_future_is_found_and_nothing_new_is_begun() {
        for (position, begun) in [(100, true), (164, true), (165, false), (1 << 60, false)] {
            let mut durable = crate::oracle::Durable::default();
            let upgraded = Record::JournalUpgraded {
                from: 1,
                cursor: Some(BlockRef {
                    number: position,
                    hash: Root([1; 32]),
                }),
            };
            durable.apply(1, UnixMillis(0), &upgraded);
            let mut state = State::restored(settings(), durable);
            give(&mut state, 1_000, Input::CaughtUp { finalized: None });
            let log = LogRef {
                block: block(90),
                transaction: Root([2; 32]),
                index: 0,
            };
            let (kind, pool) = (RequestKind::Deposit, PoolId(1));
            give(
                &mut state,
                1_000,
                Input::Requested {
                    kind,
                    pool,
                    log,
                    leaving: None,
                },
            );
            let mut facts = ChainFacts {
                head: Some(block(100)),
                ready: vec![pool],
                ..ChainFacts::default()
            };
            let asks = |out: &Output| out.effects.iter().any(|e| matches!(e, Effect::Prepare { .. }));
            let out = give(&mut state, 1_000, Input::Facts(Box::new(facts.clone())));
            assert_eq!(asks(&out), begun, "{position}");
            let found = state.reads_the_future();
            assert_eq!(found.is_none(), begun, "{position}");
            let Some(found) = found else { continue };
            assert!(found.as_str().contains(&position.to_string()), "{found}");
            let case: CaseId = "deposit/1".parse().unwrap();
            assert_eq!(state.waiting_reason(case), Some(&found));
            assert_eq!(case_status(&state, case), crate::oracle::CaseStatus::Preparing);
            // an endpoint that was behind has come up to it
            if position < 1_000 {
                facts.head = Some(block(position));
                let out = give(&mut state, 1_000, Input::Facts(Box::new(facts)));
                assert!(asks(&out));
            }
        }
    }
}
