//! What a snapshot carries, and what pages read on: in memory, and in the journal.

use super::*;
use crate::engine::commit::{Committer, Pending};
use crate::journal::{Anchor, JournalError, JournalOptions};
use crate::oracle::{CLOSED_KEPT, ChainFacts, Input};
use crate::types::{BlockRef, CeremonyFailure, FailureKind, NonceStatus, RequestId, SignedTransaction};
use crate::view::{ListKind, Listing, Page, PastMoment, Query, Refused, RowId, Rows, Wait, WaitReason};

/// A state, and the journal that says so.
struct Teller {
    state: State,
    committer: Committer,
    folds: Folds,
    _directory: tempfile::TempDir,
}

impl Teller {
    fn nothing() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let options = JournalOptions::at(directory.path().join("journal.sqlite"));
        let (journal, _) = Journal::open(&options, Anchor::BEGINNING, |_| Ok::<_, JournalError>(())).unwrap();
        Self {
            state: state(Mode::Supervised),
            committer: Committer::new(journal),
            folds: Folds::default(),
            _directory: directory,
        }
    }

    fn take(&mut self, at: u64, records: Vec<Record>) {
        let at = UnixMillis(at);
        for record in &records {
            self.state.apply(self.state.newest + 1, at, record);
        }
        let records = records.into_iter().map(|record| (at, record)).collect();
        let pending = Pending {
            records,
            ..Pending::default()
        };
        self.committer.commit(&pending, self.state.durable()).unwrap();
    }

    fn read(&self, query: Query) -> Result<Listing, Refused> {
        match read(&self.state, &live(), query) {
            Read::Here(answer) => answer,
            Read::There(older) => older.read(self.committer.journal().path(), &self.folds),
        }
    }
}

/// A case per pool, opened and closed in the order of the pools.
fn with_closed_cases(kind: RequestKind, pools: std::ops::Range<u32>) -> Teller {
    let mut told = Teller::nothing();
    let block = BlockRef {
        number: 1,
        hash: Root::default(),
    };
    for pool in pools {
        let case = case_id(kind, pool);
        let cause = Cause::State { block };
        let outcome = SafeText::new("done");
        let records = vec![
            Record::CaseOpened { case, cause },
            Record::CaseClosed { case, outcome },
        ];
        told.take(u64::from(pool), records);
    }
    told
}

fn pools(listing: &Listing) -> Vec<u32> {
    match &listing.rows {
        Rows::Cases(cases) => cases.iter().map(|c| c.id.pool.0).collect(),
        Rows::Exits(exits) => exits.iter().map(|e| e.case.pool.0).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_snapshot_has_the_newest_and_pages_have_the_rest_each_once() {
    const ALL: u32 = NEWEST_CLOSED as u32 + 250;
    let told = with_closed_cases(RequestKind::Exit, 0..ALL);
    let state = &told.state;
    assert_eq!(state.cases.len(), CLOSED_KEPT, "the rest left memory");
    for kind in [ListKind::Cases, ListKind::Exits] {
        let order = match kind {
            ListKind::Cases => lists::cases(state, |_| true),
            _ => lists::exits(state),
        };
        let carried: Vec<_> = order.carried().collect();
        assert_eq!(carried.len(), NEWEST_CLOSED);
        assert_eq!(carried[0].pool.0, ALL - 1, "newest first");
        assert_eq!(order.rest().len() as u64 + lists::retired(state, kind), 250);
        let row = |id| match kind {
            ListKind::Cases => RowId::Case(id),
            _ => RowId::Exit(id),
        };
        let mut last = *carried.last().unwrap();
        let mut seen: Vec<u32> = carried.iter().map(|id| id.pool.0).collect();
        loop {
            let before = Some(row(last));
            let page = Page {
                kind,
                before,
                limit: 100,
            };
            let listing = told.read(Query::Page(page)).unwrap();
            let page = pools(&listing);
            assert_eq!(
                listing.older,
                u64::from(ALL) - seen.len() as u64 - page.len() as u64
            );
            seen.extend(&page);
            let Some(oldest) = page.last().filter(|_| listing.older > 0) else {
                break;
            };
            last = case_id(RequestKind::Exit, *oldest);
        }
        assert_eq!(seen, (0..ALL).rev().collect::<Vec<_>>());
    }
}

#[test]
fn pages_are_bounded_and_wrong_ones_refused() {
    let told = with_closed_cases(RequestKind::Deposit, 0..Page::MOST as u32 + 7);
    let ask = |kind, before| {
        let page = Page {
            kind,
            before,
            limit: usize::MAX,
        };
        told.read(Query::Page(page))
    };
    let first = ask(ListKind::Cases, None).unwrap();
    assert_eq!((pools(&first).len(), first.older), (Page::MOST, 7));
    let absent = RowId::Case(case_id(RequestKind::Exit, 1));
    let action: RowId = RowId::Action("deposit/1#1".parse().unwrap());
    for (kind, before) in [
        (ListKind::Cases, absent),
        (ListKind::Cases, action),
        (ListKind::Actions, action),
    ] {
        let refused = ask(kind, Some(before));
        assert!(matches!(refused, Err(Refused::NotNow(_))), "{refused:?}");
    }
}

#[test]
fn one_thing_and_the_cases_of_a_pool_are_found_however_old() {
    let mut told = with_closed_cases(RequestKind::Deposit, 0..300);
    let cause = Cause::Manual {
        by: "ada".into(),
        at: UnixMillis(900),
    };
    let case = case_id(RequestKind::Reshare, 7);
    told.take(900, vec![Record::CaseOpened { case, cause }]);
    let row = RowId::Case(case_id(RequestKind::Deposit, 7));
    let one = told.read(Query::One { row }).unwrap();
    assert_eq!(pools(&one), [7]);
    let of_pool = told.read(Query::Pool { pool: PoolId(7) }).unwrap();
    let Rows::Cases(cases) = of_pool.rows else {
        panic!()
    };
    assert_eq!(
        cases.iter().map(|c| c.id).collect::<Vec<_>>(),
        [case, case_id(RequestKind::Deposit, 7)]
    );
    let row = RowId::Case(case_id(RequestKind::Exit, 7));
    let none = told.read(Query::One { row }).unwrap();
    assert!(pools(&none).is_empty());
}

/// A deposit from its request to its end, with two actions, a ceremony and a transaction.
fn life(pool: u32) -> Vec<Record> {
    let case = case_id(RequestKind::Deposit, pool);
    let block = BlockRef {
        number: 1,
        hash: Root::default(),
    };
    let (first, make) = proposed(ActionId { case, number: 1 }, oracle::ActionKind::Keygen, keygen());
    let (second, send) = proposed(
        ActionId { case, number: 2 },
        oracle::ActionKind::SendDeposit,
        transaction(),
    );
    let mut request = [0; 24];
    request[..4].copy_from_slice(&pool.to_be_bytes());
    let request = RequestId(request);
    let Payload::Ceremony(CeremonyPayload { plan, backend, .. }) = keygen() else {
        panic!()
    };
    let signed = SignedTransaction {
        hash: Root([1; 32]),
        raw: vec![1, 2, 3].into(),
        nonce: u64::from(pool),
        max_fee_wei: Default::default(),
        priority_fee_wei: Default::default(),
        gas_limit: 1,
    };
    let cause = Cause::State { block };
    let started = Record::CeremonyStarted {
        request,
        case,
        action: Some(first),
        role: oracle::CeremonyRole::Main,
        attempt: 1,
        plan,
        backend,
    };
    let failed = Record::CeremonyFailed {
        request,
        failure: oracle_failure(),
        transcript: None,
    };
    let signed = Record::TransactionSigned {
        action: second,
        transaction: signed,
    };
    let done = Record::TransactionStatus {
        action: second,
        status: NonceStatus::Included {
            hash: Root([1; 32]),
            block,
            success: true,
            is_final: true,
            served: None,
            reason: None,
            fee_paid_wei: Default::default(),
            overtaken: false,
        },
    };
    let outcome = SafeText::new("done");
    vec![
        Record::CaseOpened { case, cause },
        make,
        started,
        failed,
        send,
        signed,
        done,
        Record::CaseClosed { case, outcome },
    ]
}

fn proposed(action: ActionId, kind: oracle::ActionKind, payload: Payload) -> (ActionId, Record) {
    let proposal = Proposal {
        kind,
        title: "do it".into(),
        facts: vec![],
        checks: vec![],
        payload,
    };
    let digest = proposal.digest(action);
    let proposal = Box::new(proposal);
    (
        action,
        Record::ActionProposed {
            action,
            proposal,
            digest,
        },
    )
}

fn oracle_failure() -> CeremonyFailure {
    CeremonyFailure {
        kind: FailureKind::Timeout,
        round: None,
        culprits: vec![OperatorId(2)],
        reason: "silence".into(),
        blames: vec![],
    }
}

/// The ids of a page, whatever list it is of.
fn rows(listing: &Listing) -> Vec<RowId> {
    match &listing.rows {
        Rows::Actions(rows) => rows.iter().map(|a| RowId::Action(a.id)).collect(),
        Rows::Cases(rows) => rows.iter().map(|c| RowId::Case(c.id)).collect(),
        Rows::Ceremonies(rows) => rows.iter().map(|c| RowId::Ceremony(c.id)).collect(),
        Rows::Transactions(rows) => rows.iter().map(|t| RowId::Transaction(t.action)).collect(),
        Rows::Exits(rows) => rows.iter().map(|e| RowId::Exit(e.case)).collect(),
        Rows::Past(_) => panic!("a page is no state"),
    }
}

#[test]
fn every_list_goes_on_in_the_journal_and_counts_what_is_there() {
    const ALL: u32 = CLOSED_KEPT as u32 + 60;
    let mut told = Teller::nothing();
    for pool in 0..ALL {
        told.take(u64::from(pool), life(pool));
    }
    let state = &told.state;
    assert_eq!(
        (state.cases.len(), state.sendings.len()),
        (CLOSED_KEPT, CLOSED_KEPT)
    );
    assert_eq!(
        (state.actions.len(), state.ceremonies.len()),
        (2 * CLOSED_KEPT, CLOSED_KEPT)
    );
    let snapshot = snapshot(
        state,
        &live(),
        told.committer.journal(),
        None,
        1,
        &mut Shown::default(),
    );
    for (kind, each) in [
        (ListKind::Actions, 2),
        (ListKind::Cases, 1),
        (ListKind::Ceremonies, 1),
        (ListKind::Transactions, 1),
    ] {
        let all = u64::from(ALL) * each;
        assert_eq!(snapshot.older.of(kind), all - NEWEST_CLOSED as u64, "{kind:?}");
        let (mut seen, mut before) = (Vec::new(), None);
        loop {
            let page = Page {
                kind,
                before,
                limit: 47,
            };
            let listing = told.read(Query::Page(page)).unwrap();
            seen.extend(rows(&listing));
            assert_eq!(
                listing.older,
                all - seen.len() as u64,
                "{kind:?} after {before:?}"
            );
            before = seen.last().copied();
            if listing.older == 0 {
                break;
            }
        }
        let each_once: std::collections::BTreeSet<_> = seen.iter().collect();
        assert_eq!((seen.len() as u64, each_once.len()), (all, seen.len()));
        // each by itself, too
        for row in [seen[0], seen[seen.len() - 1]] {
            let one = told.read(Query::One { row }).unwrap();
            assert_eq!(rows(&one), [row]);
        }
    }
}

#[test]
fn a_row_of_the_journal_is_what_it_was_in_memory() {
    let mut told = Teller::nothing();
    told.take(0, life(0));
    let of = |told: &Teller, row| told.read(Query::One { row }).unwrap().rows;
    let case = case_id(RequestKind::Deposit, 0);
    let (first, second) = (ActionId { case, number: 1 }, ActionId { case, number: 2 });
    let named = [
        RowId::Case(case),
        RowId::Action(first),
        RowId::Action(second),
        RowId::Transaction(second),
        RowId::Ceremony(RequestId([0; 24])),
    ];
    let before = named.map(|row| of(&told, row));
    assert!(before.iter().all(|rows| !rows.is_empty()));
    for pool in 1..=CLOSED_KEPT as u32 {
        told.take(u64::from(pool), life(pool));
    }
    assert!(!told.state.cases.contains_key(&case));
    assert_eq!(named.map(|row| of(&told, row)), before);
}

#[test]
fn a_long_file_keeps_its_beginning_and_its_newest_and_says_so() {
    let mut told = Teller::nothing();
    let case = case_id(RequestKind::Deposit, 1);
    told.take(0, vec![life(1).remove(0)]);
    for n in 1..500 {
        let text = SafeText::new(&format!("line {n}"));
        told.take(
            n,
            vec![Record::Note {
                case: Some(case),
                text,
            }],
        );
    }
    let shown = cases::view(&told.state, case).unwrap().history;
    assert_eq!(shown.len(), 201);
    let text = |at: usize| shown[at].text.as_str();
    assert_eq!(
        (text(19), text(20)),
        ("line 19", "300 lines left out here, in the journal")
    );
    assert_eq!((text(21), text(200)), ("line 320", "line 499"));
}

#[test]
fn what_was_given_up_and_left_memory_is_said_while_the_contract_lists_it_and_is_in_the_pages() {
    let mut told = Teller::nothing();
    let case = case_id(RequestKind::Deposit, 0);
    let block = BlockRef {
        number: 1,
        hash: Root::default(),
    };
    let given_up = vec![
        Record::CaseOpened {
            case,
            cause: Cause::State { block },
        },
        Record::CaseGivenUp {
            case,
            by: SafeText::new("ann"),
            reason: SafeText::new("filled by mistake"),
        },
    ];
    told.take(0, given_up);
    let all = CLOSED_KEPT as u32 + 1;
    for pool in 1..=all {
        told.take(u64::from(pool), life(pool));
    }
    assert!(!told.state.cases.contains_key(&case));
    let snapshot = |told: &Teller| {
        let journal = told.committer.journal();
        snapshot(&told.state, &live(), journal, None, 1, &mut Shown::default())
    };
    let of_case = |waits: &[Wait]| waits.iter().find(|wait| wait.case == Some(case)).cloned();
    assert_eq!(
        of_case(&snapshot(&told).waits),
        None,
        "the contract does not list it"
    );
    let facts = ChainFacts {
        head: Some(block),
        ready: vec![case.pool],
        ..ChainFacts::default()
    };
    super::take(&mut told.state, Input::Facts(Box::new(facts)));
    let wait = of_case(&snapshot(&told).waits).expect("it is held");
    assert_eq!(wait.reason, WaitReason::GivenUp);
    let words = wait.sentence.as_str();
    assert!(
        words.contains("given up by ann: filled by mistake") && words.contains("until it is retried"),
        "{words}"
    );
    let row = RowId::Case(case);
    let one = told.read(Query::One { row }).unwrap();
    assert_eq!(pools(&one), [0]);
    // and the pages have it, once
    let seen = all_cases(&told);
    assert_eq!(seen.len(), all as usize + 1);
    assert_eq!(seen.iter().filter(|seen| **seen == row).count(), 1);
}

/// Page by page, to the oldest.
fn all_cases(told: &Teller) -> Vec<RowId> {
    let (mut seen, mut before) = (Vec::new(), None);
    loop {
        let page = Page {
            kind: ListKind::Cases,
            before,
            limit: 150,
        };
        let listing = told.read(Query::Page(page)).unwrap();
        seen.extend(rows(&listing));
        before = seen.last().copied();
        if listing.older == 0 {
            return seen;
        }
    }
}

/// An open case that failed so often, each time with a ceremony of its own.
fn that_fails(pool: u32, times: u32) -> Vec<Record> {
    let mut records = life(pool);
    let case = case_id(RequestKind::Deposit, pool);
    records.truncate(1);
    for number in 1..=times {
        let (action, make) = proposed(ActionId { case, number }, oracle::ActionKind::Keygen, keygen());
        let mut request = [1; 24];
        request[..4].copy_from_slice(&pool.to_be_bytes());
        request[4..8].copy_from_slice(&number.reverse_bits().to_be_bytes());
        let request = RequestId(request);
        let Payload::Ceremony(CeremonyPayload { plan, backend, .. }) = keygen() else {
            panic!()
        };
        let started = Record::CeremonyStarted {
            request,
            case,
            action: Some(action),
            role: oracle::CeremonyRole::Main,
            attempt: number,
            plan,
            backend,
        };
        let failed = Record::CeremonyFailed {
            request,
            failure: oracle_failure(),
            transcript: None,
        };
        records.extend([make, started, failed]);
    }
    records
}

#[test]
fn what_an_open_case_did_long_ago_is_in_the_pages_each_once() {
    const TIMES: u32 = 120;
    const OVER: usize = oracle::OVER_KEPT;
    let mut told = Teller::nothing();
    for pool in 1..=2 {
        for (n, record) in that_fails(pool, TIMES).into_iter().enumerate() {
            told.take(u64::from(pool) * 1_000 + n as u64, vec![record]);
        }
    }
    let here = (told.state.actions.len(), told.state.ceremonies.len());
    assert!(here.0 <= 2 * (OVER + 1) && here.1 <= 2 * (OVER + 1), "{here:?}");
    // beside it one that is closed and in memory, and more that left it
    for pool in 10..10 + CLOSED_KEPT as u32 + 5 {
        told.take(10_000 + u64::from(pool), life(pool));
    }
    let closed = CLOSED_KEPT as u64 + 5;
    let snapshot = snapshot(
        &told.state,
        &live(),
        told.committer.journal(),
        None,
        1,
        &mut Shown::default(),
    );
    for (kind, each_closed) in [(ListKind::Actions, 2), (ListKind::Ceremonies, 1)] {
        let all = 2 * u64::from(TIMES) + each_closed * closed;
        assert_eq!(snapshot.older.of(kind), all - NEWEST_CLOSED as u64, "{kind:?}");
        let (mut seen, mut before) = (Vec::new(), None);
        loop {
            let page = Page {
                kind,
                before,
                limit: 47,
            };
            let listing = told.read(Query::Page(page)).unwrap();
            seen.extend(rows(&listing));
            assert_eq!(
                listing.older,
                all - seen.len() as u64,
                "{kind:?} after {before:?}"
            );
            before = seen.last().copied();
            if listing.older == 0 {
                break;
            }
        }
        let each_once: std::collections::BTreeSet<_> = seen.iter().collect();
        assert_eq!(
            (seen.len() as u64, each_once.len()),
            (all, seen.len()),
            "{kind:?}"
        );
    }
    // the first attempt, by itself
    let case = case_id(RequestKind::Deposit, 1);
    let row = RowId::Action(ActionId { case, number: 1 });
    let one = told.read(Query::One { row }).unwrap();
    assert_eq!(rows(&one), [row]);
    // closed, it is in the pages as any other
    let outcome = SafeText::new("done");
    told.take(90_000, vec![Record::CaseClosed { case, outcome }]);
    let one = told.read(Query::One { row }).unwrap();
    assert_eq!(rows(&one), [row]);
}

#[test]
fn the_state_at_a_past_moment_is_what_was_published_then() {
    let mut told = Teller::nothing();
    let mut published = Vec::new();
    for pool in 0..4 {
        told.take(u64::from(pool), life(pool));
        let journal = told.committer.journal();
        let rows = &mut Shown::default();
        let snapshot = snapshot(&told.state, &live(), journal, None, 1, rows);
        published.push((journal.head(), snapshot));
    }
    let past = |at| match told.read(Query::Past { at }) {
        Ok(Listing {
            rows: Rows::Past(snapshot),
            ..
        }) => Ok(*snapshot),
        Ok(_) => panic!("no state"),
        Err(refused) => Err(refused.to_string()),
    };
    for ((records, head), then) in &published {
        let seen = past(PastMoment::Record(*records)).unwrap();
        assert_eq!((seen.journal.records, seen.journal.head), (*records, *head));
        assert_eq!(seen.cases, then.cases);
        assert_eq!(seen.actions, then.actions);
        assert_eq!(seen.ceremonies, then.ceremonies);
        assert_eq!(seen.transactions, then.transactions);
        let by_time = past(PastMoment::Time(seen.at)).unwrap();
        assert_eq!(by_time.journal.records, *records);
    }
    // backwards as well, from what was kept and with nothing kept
    for ((records, head), _) in published.iter().rev() {
        let seen = past(PastMoment::Record(*records)).unwrap();
        assert_eq!((seen.journal.records, seen.journal.head), (*records, *head));
    }
    let newest = published[3].0.0;
    let beyond = past(PastMoment::Record(newest + 1)).unwrap_err();
    let newest_is = format!("the newest record is {newest} of 1970-01-01 00:00:00");
    assert!(beyond.starts_with(&newest_is), "{beyond}");
    let before = past(PastMoment::Record(0)).unwrap_err();
    assert!(
        before.starts_with("the first record is 1 of 1970-01-01"),
        "{before}"
    );
}

/// How fresh they were then is not known, and the program that looks back was not there.
#[test]
fn checks_of_a_past_moment_stand_as_they_were_journaled() {
    let mut told = Teller::nothing();
    let case = case_id(RequestKind::Deposit, 1);
    let action = ActionId { case, number: 1 };
    let mut waits = life(1);
    waits.truncate(2);
    let Record::ActionProposed { proposal, digest, .. } = &mut waits[1] else {
        panic!("the ceremony is proposed")
    };
    proposal.checks = vec![Check::pass("pool-ready", "yes"), Check::fail("balance", "0 ETH")];
    *digest = proposal.digest(action);
    told.take(5, waits);
    let at = PastMoment::Record(2);
    let Rows::Past(seen) = told.read(Query::Past { at }).unwrap().rows else {
        panic!("no state")
    };
    let action = seen.action(action).unwrap();
    assert_eq!(action.checks_in_words(", "), "1 pass, 1 fail");
}

#[test]
fn a_time_to_come_is_no_past_and_one_after_the_newest_record_is_as_that_left_it() {
    let mut told = Teller::nothing();
    told.take(5_000, life(1));
    let newest = told.committer.journal().head().0;
    let past = |at: u64| match told.read(Query::Past {
        at: PastMoment::Time(UnixMillis(at)),
    }) {
        Ok(Listing {
            rows: Rows::Past(snapshot),
            ..
        }) => Ok(snapshot.journal.records),
        Ok(_) => panic!("no state"),
        Err(refused) => Err(refused.to_string()),
    };
    let now = UnixMillis::now().0;
    assert_eq!(past(now - 1_000), Ok(newest), "nothing was recorded since");
    let ahead = past(now + 365 * 86_400_000).unwrap_err();
    assert!(
        ahead.contains(&format!("the newest record is {newest} of 1970-01-01")),
        "{ahead}"
    );
    let before = past(4_999).unwrap_err();
    assert!(
        before.contains("the first record is 1 of 1970-01-01 00:00:05"),
        "{before}"
    );
    let before = Teller::nothing().read(Query::Past {
        at: PastMoment::Time(UnixMillis(5)),
    });
    assert!(before.unwrap_err().to_string().contains("no record yet"));
}

#[test]
fn a_look_at_a_past_moment_reads_only_what_lies_behind_the_one_before() {
    let mut told = Teller::nothing();
    for pool in 0..4 {
        told.take(u64::from(pool), life(pool));
    }
    let newest = told.committer.journal().head().0;
    let past = |told: &Teller, record| {
        let at = PastMoment::Record(record);
        told.read(Query::Past { at }).map(|_| ())
    };
    past(&told, newest / 2).unwrap();
    let file = rusqlite::Connection::open(told.committer.journal().path()).unwrap();
    let damage = "DROP TRIGGER records_are_final; UPDATE records SET body = '{}' WHERE seq = 1";
    file.execute_batch(damage).unwrap();
    past(&told, newest).expect("the first record is not read again");
    past(&told, newest - 1).expect("nor is it now");
    past(&told, 1).expect_err("nothing so old is kept");
    told.folds = Folds::default();
    past(&told, newest).expect_err("with nothing kept everything is read");
}

#[test]
fn few_past_states_are_kept_and_one_in_the_middle_of_a_long_way() {
    let mut told = Teller::nothing();
    for pool in 0..4 {
        told.take(u64::from(pool), life(pool));
    }
    let newest = told.committer.journal().head().0;
    for record in 1..=newest {
        let at = PastMoment::Record(record);
        told.read(Query::Past { at }).unwrap();
        assert!(told.folds.kept().len() <= 2);
    }
    let far = with_closed_cases(RequestKind::Deposit, 0..600);
    let at = PastMoment::Record(1_200);
    far.read(Query::Past { at }).unwrap();
    assert_eq!(far.folds.kept(), [600, 1_200]);
}

#[test]
fn past_states_leave_when_nobody_looks_any_more_and_the_large_ones_are_not_kept() {
    let mut told = Teller::nothing();
    told.take(1, life(1));
    let path = told.committer.journal().path();
    let now = tokio::time::Instant::now();
    told.folds.look(path, 1, u64::MAX).unwrap();
    told.folds.forget_unused(now + Duration::from_secs(60));
    assert_eq!(told.folds.kept(), [1], "a minute later somebody may go on");
    told.folds.forget_unused(now + Duration::from_secs(60 * 60));
    assert!(told.folds.kept().is_empty());
    told.folds.look(path, 1, 10).unwrap();
    assert!(told.folds.kept().is_empty(), "it has more than ten bytes");
}

#[test]
fn a_question_beyond_the_end_costs_nothing() {
    let mut told = Teller::nothing();
    told.take(1, life(1));
    let ahead = UnixMillis(UnixMillis::now().0 + 86_400_000);
    for at in [
        PastMoment::Record(u64::MAX),
        PastMoment::Record(1_000),
        PastMoment::Time(ahead),
    ] {
        told.read(Query::Past { at }).unwrap_err();
        assert!(told.folds.kept().is_empty(), "{at:?}");
    }
}
