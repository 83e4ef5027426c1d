//! What lists are sorted by, and what is remembered of how it looks.

use super::*;
use crate::console::app::Remembered;
use crate::console::screens::panes::{TABLE, VALIDATORS};
use crate::console::tests::draw::picture;

fn rows(d: &Driver, pane: crate::console::screens::panes::Pane) -> Vec<RowId> {
    let known = d.app.known();
    let list = d.app.list(pane);
    list.rows.iter().filter_map(|row| pane.id(known, *row)).collect()
}

#[test]
fn a_list_is_sorted_by_one_thing_after_the_other_and_then_by_what_matters() {
    let mut d = busy();
    d.slowly("2");
    let matters = rows(&d, APPROVALS);
    d.slowly("o");
    assert_eq!(toast(&d), "approvals by age");
    // what was decided is as old as its decision, in the column as in the order
    d.send(with(|s| {
        let last = s.actions.last_mut().unwrap();
        last.proposed_at = fixture::ago(90_000);
        last.since = fixture::ago(20);
        last.decision = Some(crate::fixture::approval(fixture::ago(20).0));
    }));
    let ages = |d: &Driver| -> Vec<u64> {
        let action = |row: RowId| match row {
            RowId::Action(id) => d.app.snapshot.action(id).unwrap().since.0,
            other => panic!("{other:?}"),
        };
        rows(d, APPROVALS).into_iter().map(action).collect()
    };
    assert!(ages(&d).is_sorted());
    let screen = picture(&mut d.app, (120, 40));
    assert!(screen.contains(" age ↓ "), "{screen}");
    d.slowly("O");
    assert!(ages(&d).iter().rev().is_sorted());
    assert!(picture(&mut d.app, (120, 40)).contains(" age ↑ "));
    d.slowly("o o o");
    assert_eq!(toast(&d), "approvals by at stake");
    d.slowly("o");
    assert_eq!(rows(&d, APPROVALS), matters);
    d.slowly("O");
    assert!(toast(&d).contains("sorted by nothing"), "{}", toast(&d));
    assert_eq!(rows(&d, APPROVALS), matters);
}

#[test]
fn a_sorted_list_stays_sorted_and_keeps_the_row_that_was_picked() {
    let mut d = busy();
    d.slowly("3 o down");
    let picked = d.app.list(EVENTS).selected;
    d.send(with(|s| s.cases.reverse()));
    assert_eq!(d.app.list(EVENTS).selected, picked);
    let pools: Vec<_> = rows(&d, EVENTS)
        .into_iter()
        .map(|row| match row {
            RowId::Case(id) => id.pool,
            other => panic!("{other:?}"),
        })
        .collect();
    assert!(pools.is_sorted(), "{pools:?}");
}

#[test]
fn every_order_of_every_pane_keeps_every_row() {
    for (n, pane) in (2..).zip(TABLE) {
        let mut d = busy();
        d.slowly(&n.to_string());
        let mut all = rows(&d, *pane);
        all.sort();
        for _ in pane.sorts() {
            d.slowly("o O");
            let mut sorted = rows(&d, *pane);
            sorted.sort();
            assert_eq!(sorted, all, "{pane:?}");
        }
    }
}

#[test]
fn what_is_remembered_comes_back_and_what_is_gone_does_not() {
    let mut d = busy();
    d.slowly("t 7 o o O");
    d.slowly("1 tab");
    let left = d.app.remembered();
    let mut again = busy();
    again.app.take_up(&left, true);
    assert_eq!(again.app.remembered(), left);
    assert_eq!(again.app.list(VALIDATORS).sort, Some((1, true)));
    assert_eq!((again.app.theme, again.app.focus), (1, EVENTS));
    // the configuration or the environment names a theme
    let mut again = busy();
    again.app.take_up(&left, false);
    assert_eq!(again.app.theme, 0);
    // names of another version are left alone
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("console.toml");
    let text = "theme = \"none such\"\ntab = \"gone\"\nfocus = \"gone\"\n[sort]\ngone = \"age\"\napprovals = \"none such\"\n";
    std::fs::write(&file, text).unwrap();
    let before = busy().app.remembered();
    let mut again = busy();
    again.app.take_up(&Remembered::read(&file).unwrap(), true);
    assert_eq!(again.app.remembered(), before);
}

#[test]
fn a_theme_that_nobody_chose_is_not_remembered() {
    let mut d = busy();
    assert!(!d.app.remembered().text().contains("theme ="));
    d.slowly("t");
    assert!(d.app.remembered().text().contains("theme ="));
}
