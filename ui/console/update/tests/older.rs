//! What is over and not in the snapshot: read when the end of a list is reached, or its details are opened.

use casimir_dkg::types::{CaseId, PoolId, RequestKind};
use casimir_dkg::view::{CaseStatus, CaseView, ListKind, Listing, Page, Query, Rows};

use super::*;
use crate::console::app::Reading;
use crate::console::tests::draw::picture;

fn old_case(pool: u32) -> CaseView {
    fixture::case(
        &format!("deposit/{pool}"),
        CaseStatus::Done,
        &format!("Validator {pool} is active."),
        100_000 - u64::from(pool),
    )
}

/// Cases of these pools are in the snapshot, and `older` before them are not.
fn snapshot(pools: impl DoubleEndedIterator<Item = u32>, older: u64) -> Snapshot {
    let mut snapshot = fixture::quiet();
    snapshot.cases = pools.rev().map(old_case).collect();
    snapshot.older.cases = [(RequestKind::Deposit, older)].into();
    snapshot
}

fn console(pools: std::ops::Range<u32>, older: u64) -> Driver {
    let mut d = Driver::new(fixture::app(snapshot(pools, older)));
    d.slowly("3");
    d
}

fn reads(effects: &[Effect]) -> Vec<(u64, Query)> {
    let read = |e: &Effect| match e {
        Effect::Read { ticket, query } => Some((*ticket, *query)),
        _ => None,
    };
    effects.iter().filter_map(read).collect()
}

/// Answers a page that was asked for with the cases of these pools.
fn answer(d: &mut Driver, effects: &[Effect], pools: std::ops::Range<u32>) {
    let [(ticket, Query::Page(_))] = reads(effects)[..] else {
        panic!("{effects:?}");
    };
    let older = pools.start.into();
    let rows = Rows::Cases(pools.rev().map(old_case).collect());
    let answer = Ok(Listing { rows, older });
    d.send(Event::Rows { ticket, answer });
}

fn pools(d: &Driver) -> Vec<u32> {
    let known = d.app.known();
    let rows = d.app.list(EVENTS).rows.iter();
    rows.map(|row| known.cases().get(*row).unwrap().pool.0).collect()
}

fn case_id(pool: u32) -> CaseId {
    old_case(pool).id
}

#[test]
fn the_end_of_a_list_reads_on() {
    let mut d = console(250..260, 250);
    let screen = picture(&mut d.app, (120, 40));
    assert!(
        screen.contains("pool events 260") && screen.contains(" 250 older "),
        "{screen}"
    );
    assert!(d.slowly("down").is_empty(), "not at the end");
    let asked = d.slowly("G");
    let query = Query::Page(Page {
        kind: ListKind::Cases,
        before: Some(RowId::Case(case_id(250))),
        limit: 100,
    });
    assert_eq!(reads(&asked).iter().map(|r| r.1).collect::<Vec<_>>(), [query]);
    assert!(d.slowly("down").is_empty(), "asked for already");
    let screen = picture(&mut d.app, (120, 40));
    assert!(screen.contains("reading 250 older"), "{screen}");
    answer(&mut d, &asked, 150..250);
    assert_eq!(pools(&d), (150..260).rev().collect::<Vec<_>>());
    assert_eq!(
        d.app.list(EVENTS).selected,
        Some(RowId::Case(case_id(250))),
        "stays"
    );
    let screen = picture(&mut d.app, (120, 40));
    assert!(
        screen.contains(" of 110 ") && screen.contains(" 150 older "),
        "{screen}"
    );
    // on to the very end
    let asked = d.slowly("G");
    answer(&mut d, &asked, 50..150);
    let asked = d.slowly("G");
    answer(&mut d, &asked, 0..50);
    assert!(d.slowly("G").is_empty(), "nothing is left");
    assert_eq!(pools(&d), (0..260).rev().collect::<Vec<_>>());
    assert!(!picture(&mut d.app, (120, 40)).contains("older"));
    // rows that were read are rows like others
    d.slowly("enter");
    assert!(picture(&mut d.app, (120, 40)).contains("Validator 0 is active."));
}

#[test]
fn lists_that_are_whole_read_nothing() {
    for keys in ["2 G", "3 G", "4 G", "5 G", "6 G", "7 G", "8 G"] {
        assert!(reads(&busy().slowly(keys)).is_empty(), "{keys}");
    }
}

#[test]
fn a_filter_says_what_it_has_not_seen_and_reads_on() {
    let mut d = console(250..260, 250);
    d.slowly("/");
    d.types("validator 17 ");
    d.slowly("enter");
    let screen = picture(&mut d.app, (120, 40));
    assert!(screen.contains("250 older ones are not read yet"), "{screen}");
    let asked = d.slowly("down");
    answer(&mut d, &asked, 150..250);
    let asked = d.slowly("down");
    answer(&mut d, &asked, 0..150);
    assert_eq!(pools(&d), [17]);
}

#[test]
fn a_page_that_cannot_be_read_says_so_and_is_asked_for_again() {
    let mut d = console(250..260, 250);
    let asked = d.slowly("G");
    let (ticket, _) = reads(&asked)[0];
    let answer_of = Err(Refused::Unavailable("the engine takes no requests now".into()));
    d.send(Event::Rows {
        ticket,
        answer: answer_of,
    });
    assert!(matches!(d.app.older.page(ListKind::Cases), Reading::Failed(_)));
    let screen = picture(&mut d.app, (120, 40));
    assert!(
        screen.contains("250 older: the engine takes no requests now"),
        "{screen}"
    );
    let asked = d.slowly("down");
    answer(&mut d, &asked, 150..250);
    assert_eq!(pools(&d).len(), 110);
}

#[test]
fn what_falls_off_the_snapshot_stays_where_pages_follow() {
    let mut d = console(250..260, 250);
    // nothing was read: what falls off is only counted
    d.send(Event::Snapshot(Arc::new(snapshot(253..263, 253))));
    assert_eq!(pools(&d), (253..263).rev().collect::<Vec<_>>());
    let asked = d.slowly("G");
    // it moves on while the page is on its way
    d.send(Event::Snapshot(Arc::new(snapshot(255..265, 255))));
    answer(&mut d, &asked, 153..253);
    assert_eq!(pools(&d), (153..265).rev().collect::<Vec<_>>());
    d.send(Event::Snapshot(Arc::new(snapshot(260..270, 260))));
    assert_eq!(pools(&d), (153..270).rev().collect::<Vec<_>>());
    // what moves again is in the snapshot, and in its list once
    let mut again = snapshot(261..270, 261);
    let mut reopened = old_case(200);
    reopened.status = CaseStatus::Following;
    again.cases.insert(0, reopened);
    d.send(Event::Snapshot(Arc::new(again)));
    assert_eq!(pools(&d)[0], 200);
    assert_eq!(pools(&d).iter().filter(|pool| **pool == 200).count(), 1);
    assert_eq!(pools(&d).len(), 117);
    // so many were missed that a gap cannot be told: then it is read anew
    d.send(Event::Snapshot(Arc::new(snapshot(400..410, 400))));
    assert_eq!(pools(&d), (400..410).rev().collect::<Vec<_>>());
}

#[test]
fn a_late_page_that_does_not_fit_any_more_is_dropped() {
    let mut d = console(250..260, 250);
    let asked = d.slowly("G");
    d.send(Event::Snapshot(Arc::new(snapshot(400..410, 400))));
    answer(&mut d, &asked, 150..250);
    assert_eq!(pools(&d), (400..410).rev().collect::<Vec<_>>());
    assert_eq!(reads(&d.slowly("G")).len(), 1, "asked for anew");
}

#[test]
fn details_of_what_is_not_in_the_snapshot_are_read() {
    let mut s = fixture::busy();
    // the case's action is older than what the snapshot has
    let action = "deposit/2#2".parse().unwrap();
    s.cases[4].action = Some(action);
    let row = RowId::Action(action);
    let mut d = Driver::new(fixture::app(s));
    let asked = d.slowly("3 g down down down down enter enter");
    assert_eq!(d.app.details[1].target, Target::Row(row));
    let [(ticket, query)] = reads(&asked)[..] else {
        panic!("{asked:?}");
    };
    assert_eq!(query, Query::One { row });
    let screen = picture(&mut d.app, (120, 40));
    assert!(
        screen.contains("▸ reading") && screen.contains("read from the engine"),
        "{screen}"
    );
    let mut found = fixture::send_deposit("deposit/2#2", 2);
    fixture::stands(&mut found, ActionState::Done);
    let rows = Rows::Actions(vec![found]);
    let answer = Ok(Listing { rows, older: 0 });
    d.send(Event::Rows { ticket, answer });
    let screen = picture(&mut d.app, (120, 40));
    assert!(screen.contains("▸ action deposit/2#2"), "{screen}");
    assert!(reads(&d.send(with(|_| {}))).is_empty(), "it is here now");
}

#[test]
fn details_that_cannot_be_read_say_why() {
    let open = || {
        let mut s = fixture::busy();
        s.cases[4].action = Some("deposit/2#2".parse().unwrap());
        let mut d = Driver::new(fixture::app(s));
        let asked = d.slowly("3 g down down down down enter enter");
        (d, reads(&asked)[0].0)
    };
    let (mut d, ticket) = open();
    let answer = Err(Refused::Unavailable("the engine takes no requests now".into()));
    d.send(Event::Rows { ticket, answer });
    let screen = picture(&mut d.app, (120, 40));
    assert!(
        screen.contains("could not be read from the engine: the engine takes"),
        "{screen}"
    );
    let (mut d, ticket) = open();
    let rows = Rows::Actions(vec![]);
    let answer = Ok(Listing { rows, older: 0 });
    d.send(Event::Rows { ticket, answer });
    let screen = picture(&mut d.app, (120, 40));
    assert!(
        screen.contains("▸ gone") && screen.contains("The journal still has it"),
        "{screen}"
    );
}

#[test]
fn an_open_page_stays_when_its_row_falls_off_the_snapshot() {
    let mut d = console(250..260, 250);
    d.slowly("down down enter");
    let row = RowId::Case(case_id(257));
    assert_eq!(d.app.details[0].target, Target::Row(row));
    let asked = d.send(Event::Snapshot(Arc::new(snapshot(258..268, 258))));
    assert_eq!(
        reads(&asked).iter().map(|r| r.1).collect::<Vec<_>>(),
        [Query::One { row }]
    );
}

#[test]
fn a_validator_shows_cases_of_its_pool_however_old() {
    let mut s = fixture::busy();
    s.older.cases = [(RequestKind::Deposit, 40)].into();
    s.cases.retain(|case| case.pool.0 != 2);
    let mut d = Driver::new(fixture::app(s));
    let asked = d.slowly("7 down enter");
    let [(ticket, query)] = reads(&asked)[..] else {
        panic!("{asked:?}");
    };
    assert_eq!(query, Query::Pool { pool: PoolId(2) });
    let mut old = old_case(2);
    old.validator = Some(fixture::key(2));
    let rows = Rows::Cases(vec![old]);
    let answer = Ok(Listing { rows, older: 0 });
    d.send(Event::Rows { ticket, answer });
    let screen = picture(&mut d.app, (120, 40));
    assert!(screen.contains("Validator 2 is active."), "{screen}");
    d.slowly("enter");
    assert_eq!(d.app.details[1].target, Target::Row(RowId::Case(case_id(2))));
}
