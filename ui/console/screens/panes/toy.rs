//! A pane that nobody needs: it shows that one file and one place in the table are all that a pane takes. It draws a day
//! that was made up, and the deposit of a backend, a contract and a signer that this console knows nothing of.

use casimir_dkg::types::RequestKind;
use casimir_dkg::view::{CaseView, ListKind, RowId, Snapshot};

use super::{Describe, Names, Pane, TABLE};
use crate::console::app::{App, Known, Stack, Tab, Target};
use crate::console::tests::draw::picture;
use crate::console::tests::fixture::{self, Driver, Setup};
use crate::console::theme::Token;
use crate::console::widgets::table::{Cell, Column, fixed, rest};

/// Deposits alone; Enter goes straight to the action that matters.
#[derive(Debug)]
struct Deposits;

const COLUMNS: &[Column] = &[fixed("pool", 6, 0), rest("how far", 20, 1)];

impl Describe for Deposits {
    type Row = CaseView;

    fn names(&self) -> Names {
        Names::of("deposits")
    }

    fn empty(&self) -> &'static str {
        "No deposits yet."
    }

    fn columns(&self, _: bool) -> &'static [Column] {
        COLUMNS
    }

    fn rows<'a>(&self, known: Known<'a>) -> Stack<'a, CaseView> {
        known.cases()
    }

    fn shows(&self, case: &CaseView) -> bool {
        case.kind == RequestKind::Deposit
    }

    fn kind(&self) -> Option<ListKind> {
        Some(ListKind::Cases)
    }

    fn id(&self, case: &CaseView) -> RowId {
        RowId::Case(case.id)
    }

    fn search(&self, case: &CaseView) -> String {
        format!("pool {} {}", case.pool, case.sentence)
    }

    fn cells(&self, _: &App, case: &CaseView, _: bool) -> Vec<Cell> {
        vec![
            Cell::new(Token::Emphasis, case.pool),
            Cell::new(Token::Text, &case.sentence),
        ]
    }

    fn opens(&self, case: &CaseView) -> RowId {
        case.action.map_or(RowId::Case(case.id), RowId::Action)
    }
}

const TOY: Pane = Pane(&Deposits);

fn console() -> Driver {
    console_on(fixture::busy())
}

fn console_on(snapshot: Snapshot) -> Driver {
    let panes = [TABLE, &[TOY]].concat();
    let setup = Setup {
        panes,
        ..Setup::default()
    };
    Driver::new(fixture::app_with(snapshot, setup))
}

/// As the engine showed it when that deposit was final; recorded by `tests/engine/toys`.
fn of_the_toys() -> Snapshot {
    let file = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/vectors/views/toy-deposit.json"
    );
    serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
}

#[test]
fn a_pane_of_one_file_is_shown_filtered_and_opened_by_keys() {
    let mut d = console();
    d.slowly("9");
    assert_eq!(d.app.tab, Tab::Only(TOY));
    let screen = picture(&mut d.app, (120, 40));
    assert!(
        screen.contains("9 deposits") && screen.contains("▸ deposits 5"),
        "{screen}"
    );
    assert!(
        screen.contains("Key generation runs with operators 1, 2, 5, 7."),
        "{screen}"
    );
    assert!(!screen.contains("exit/1"), "{screen}");

    d.slowly("/");
    d.types("pool 3");
    d.slowly("enter");
    let screen = picture(&mut d.app, (120, 40));
    assert!(screen.contains("/pool 3: 1 of 5"), "{screen}");

    d.slowly("enter");
    let action = RowId::Action("deposit/3#2".parse().unwrap());
    assert_eq!(d.app.details[0].target, Target::Row(action));
    let screen = picture(&mut d.app, (120, 40));
    assert!(screen.contains("▸ action deposit/3#2"), "{screen}");

    // the row is what commands are about, and copying finds its values by its own pane
    d.slowly("q esc");
    assert_eq!(d.app.subject_action().map(|a| RowId::Action(a.id)), Some(action));
    d.slowly("c");
    assert!(picture(&mut d.app, (120, 40)).contains("case id"));
}

#[test]
fn a_deposit_of_another_backend_contract_and_signer_is_drawn() {
    let mut d = console_on(of_the_toys());
    d.slowly("9");
    let screen = picture(&mut d.app, (120, 40));
    assert!(screen.contains("▸ deposits 1"), "{screen}");
    assert!(screen.contains("▌1       the deposit is final"), "{screen}");
    d.slowly("enter");
    let screen = picture(&mut d.app, (120, 40));
    assert!(screen.contains("Deposit 32 ETH of pool 1"), "{screen}");

    // the matrix has the steps that its backend told, and the committee the threshold
    d.slowly("q 4");
    let screen = picture(&mut d.app, (120, 40));
    assert!(
        screen.contains("keygen for deposit/1, 4 of 4: verified"),
        "{screen}"
    );
    let lines: Vec<_> = screen.lines().collect();
    let head = lines.iter().position(|line| line.contains("last message"));
    let head = head.unwrap_or_else(|| panic!("{screen}"));
    let columns: Vec<_> = lines[head].split_whitespace().collect();
    assert_eq!(columns[1..5], ["operator", "deal", "sign", "state"], "{screen}");
    for (n, row) in (1..=4).zip(&lines[head + 1..]) {
        assert!(row.contains(&format!("{n} Operator {n}")), "{screen}");
        assert!(row.ends_with('│') && row.matches('✓').count() == 2, "{screen}");
    }
}

#[test]
fn the_help_and_the_tab_bar_name_it() {
    let mut d = console();
    let screen = picture(&mut d.app, (160, 40));
    assert!(
        screen.contains("8 logs") && screen.contains("9 deposits"),
        "{screen}"
    );
    d.slowly("?");
    let help = picture(&mut d.app, (120, 150));
    let line = help.lines().find(|l| l.contains("  9  ")).unwrap_or_default();
    assert!(line.contains("deposits"), "{help}");
    // without it the number does nothing, and is not in the help
    let mut d = Driver::new(fixture::app(fixture::busy()));
    d.slowly("9");
    assert_eq!(d.app.tab, Tab::Overview);
    d.slowly("?");
    assert!(!picture(&mut d.app, (120, 150)).contains("  9  "));
}

#[test]
fn titles_are_unique() {
    for (i, pane) in TABLE.iter().enumerate() {
        assert!(!TABLE[i + 1..].contains(pane), "{pane:?}");
    }
}
