//! A thousand rows in every list: moving, pages, filters, orders and stepping through what waits lose none of them.

use casimir_dkg::types::{CaseId, RequestId};

use super::*;
use crate::console::screens::panes::{Pane, TABLE, VALIDATORS};
use crate::console::tests::draw::picture;

const ROWS: u16 = 1_000;

fn thousand() -> Driver {
    let mut s = fixture::busy();
    let case = |n: u16| -> CaseId { format!("deposit/{}", n + 1).parse().unwrap() };
    let (first, action) = (s.cases[1].clone(), s.actions[0].clone());
    let (ceremony, transaction) = (s.ceremonies[0].clone(), s.transactions[0].clone());
    let (exit, validator) = (s.exits[0].clone(), s.validators[0].clone());
    s.cases.clear();
    s.actions.clear();
    s.ceremonies.clear();
    s.transactions.clear();
    s.exits.clear();
    let mut validators = Vec::new();
    for n in 0..ROWS {
        let id = case(n);
        let of_case = format!("{id}#2").parse().unwrap();
        let mut a_case = first.clone();
        (a_case.id, a_case.action) = (id, Some(of_case));
        s.cases.push(a_case);
        let mut an_action = action.clone();
        an_action.id = of_case;
        s.actions.push(an_action);
        let mut a_ceremony = ceremony.clone();
        let mut bytes = [0; 24];
        bytes[..2].copy_from_slice(&n.to_be_bytes());
        (a_ceremony.id, a_ceremony.case) = (RequestId(bytes), id);
        s.ceremonies.push(a_ceremony);
        let mut a_transaction = transaction.clone();
        (a_transaction.action, a_transaction.nonce) = (of_case, n.into());
        s.transactions.push(a_transaction);
        let mut an_exit = exit.clone();
        an_exit.case = format!("exit/{}", n + 1).parse().unwrap();
        s.exits.push(an_exit);
        let mut a_validator = validator.clone();
        a_validator.public_key.0[4..6].copy_from_slice(&n.to_be_bytes());
        validators.push(a_validator);
    }
    s.validators = validators.into();
    Driver::new(fixture::app(s))
}

/// The selected row is among those on the screen; how-manieth it is.
fn at(d: &mut Driver, pane: Pane) -> usize {
    picture(&mut d.app, (120, 40));
    let list = d.app.list(pane);
    let at = list.position(d.app.known()).expect("a row is selected");
    assert!(
        (list.offset..list.offset + list.height).contains(&at),
        "{}: row {at}, on the screen {} from {}",
        pane.title(),
        list.height,
        list.offset
    );
    at
}

#[test]
fn every_list_of_a_thousand_rows_is_gone_through_filtered_and_sorted() {
    for pane in [APPROVALS, EVENTS, CEREMONIES, TRANSACTIONS, EXITS, VALIDATORS] {
        let number = 2 + TABLE.iter().position(|p| *p == pane).unwrap();
        let mut d = thousand();
        d.keys(&format!("{number} g"));
        assert_eq!(d.app.list(pane).rows.len(), usize::from(ROWS), "{}", pane.title());
        let mut pages = 0;
        while at(&mut d, pane) + 1 < usize::from(ROWS) {
            d.keys("pagedown");
            pages += 1;
            assert!(pages < 100, "{}", pane.title());
        }
        d.keys("pageup up up G");
        assert_eq!(at(&mut d, pane), usize::from(ROWS) - 1);
        // every order and its reverse keep all of them, and the selected one
        let selected = d.app.list(pane).selected;
        for _ in pane.sorts() {
            d.keys("o O");
            at(&mut d, pane);
            assert_eq!(d.app.list(pane).selected, selected, "{}", pane.title());
            assert_eq!(d.app.list(pane).rows.len(), usize::from(ROWS));
        }
        d.keys("/");
        d.types("no such row");
        assert!(d.app.list(pane).rows.is_empty(), "{}", pane.title());
        picture(&mut d.app, (120, 40));
        d.keys("esc");
        assert_eq!(d.app.list(pane).rows.len(), usize::from(ROWS));
        at(&mut d, pane);
    }
}

#[test]
fn brackets_come_by_each_of_a_thousand_that_wait() {
    let mut d = thousand();
    d.keys("1");
    let first = d.app.list(APPROVALS).selected;
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..ROWS {
        d.keys("]");
        seen.insert(toast(&d));
    }
    assert_eq!(seen.len(), usize::from(ROWS));
    assert_eq!(d.app.list(APPROVALS).selected, first, "around the end");
    d.keys("[");
    assert_eq!(toast(&d), "deposit/1000#2 waits: 1000 of 1000");
    at(&mut d, APPROVALS);
    // the case beneath goes with it
    assert_eq!(
        d.app.list(EVENTS).selected,
        Some(RowId::Case("deposit/1000".parse().unwrap()))
    );
}
