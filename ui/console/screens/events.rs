//! Pool events: one row for each request of the contract, with where its case stands.

use casimir_dkg::view::{CaseStatus, CaseView};

use crate::console::app::App;
use crate::console::theme::Token;
use crate::console::widgets::table::{Cell, Column, fixed, number, rest};
use crate::console::widgets::{format, status};

pub(super) const COLUMNS: &[Column] = &[
    fixed("state", 12, 0),
    fixed("case", 11, 0),
    number("since", 8, 2),
    rest("", 20, 1),
];

pub(super) const COLUMNS_ALONE: &[Column] = &[
    fixed("state", 12, 0),
    fixed("case", 11, 0),
    number("since", 8, 2),
    rest("", 30, 1),
    fixed("validator", 21, 4),
    fixed("opened (UTC)", 19, 5),
];

pub(super) fn cells(app: &App, case: &CaseView, alone: bool) -> Vec<Cell> {
    let shown = if case.paused {
        CaseStatus::Paused
    } else {
        case.status
    };
    let state = status::case(shown);
    let over = matches!(case.status, CaseStatus::Done | CaseStatus::Orphaned);
    let mut cells = vec![
        Cell::new(
            state.token,
            format!("{} {}", state.sign.glyph(app.settings.ascii), state.word),
        ),
        Cell::new(if over { Token::Muted } else { Token::Emphasis }, case.id),
        Cell::new(Token::Muted, format::age(app.now.wall.since(case.since))),
        Cell::new(if over { Token::Muted } else { Token::Text }, &case.sentence),
    ];
    if alone {
        cells.push(match case.validator {
            Some(key) => Cell::hex(key),
            None => Cell::new(Token::Muted, "no key yet"),
        });
        let opened = case.opened_at.to_rfc3339();
        cells.push(Cell::new(
            Token::Muted,
            format!("{} {}", &opened[..10], &opened[11..19]),
        ));
    }
    cells
}
