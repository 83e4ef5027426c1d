//! Exits: from the operators' signature to the withdrawn stake.

use casimir_dkg::view::{ExitView, ListKind, RowId};

use super::{Describe, Names, Place, Standing};
use crate::console::app::{App, Known, Stack};
use crate::console::screens::detail::{self, times};
use crate::console::theme::Token;
use crate::console::widgets::page::Page;
use crate::console::widgets::table::{Cell, Column, fixed, number, rest};

#[derive(Debug)]
pub(super) struct Exits;

const COLUMNS: &[Column] = &[
    fixed("state", 11, 0),
    fixed("case", 9, 0),
    number("validator", 9, 1),
    number("epoch", 8, 4),
    fixed("delivered", 9, 2),
    rest("next", 14, 3),
];

impl Describe for Exits {
    type Row = ExitView;

    fn names(&self) -> Names {
        Names::of("exits")
    }

    fn empty(&self) -> &'static str {
        "No exits. When the contract asks for one, the operators sign it, you approve it by a typed phrase, and it is \
         followed here until the stake is withdrawn."
    }

    fn columns(&self, _: bool) -> &'static [Column] {
        COLUMNS
    }

    fn rows<'a>(&self, known: Known<'a>) -> Stack<'a, ExitView> {
        known.exits()
    }

    fn kind(&self) -> Option<ListKind> {
        Some(ListKind::Exits)
    }

    fn id(&self, exit: &ExitView) -> RowId {
        RowId::Exit(exit.case)
    }

    fn standing(&self, exit: &ExitView) -> Standing {
        if exit.over { Standing::Over } else { Standing::Runs }
    }

    fn sorts(&self) -> &'static [&'static str] {
        &["pool", "state", "epoch"]
    }

    fn place(&self, exit: &ExitView, by: usize) -> Place {
        match by {
            0 => Place::up(exit.case.pool.0),
            1 => Place::word(&exit.state),
            _ => Place::up(exit.epoch.unwrap_or(u64::MAX)),
        }
    }

    fn search(&self, exit: &ExitView) -> String {
        format!(
            "{} {} {} {}",
            exit.case,
            exit.state,
            exit.validator,
            exit.validator_index.unwrap_or_default()
        )
    }

    fn cells(&self, app: &App, exit: &ExitView, _: bool) -> Vec<Cell> {
        let optional = |n: Option<u64>| n.map_or_else(|| "unknown".to_owned(), |n| n.to_string());
        let delivered = exit.verdicts.iter().filter(|v| v.delivered).count();
        let nodes = match (delivered, exit.verdicts.len()) {
            (_, 0) => Cell::new(Token::Muted, if exit.over { "none" } else { "not yet" }),
            (0, n) => Cell::new(Token::Danger, format!("0 of {n}")),
            (d, n) => Cell::new(
                if d == n { Token::Ok } else { Token::Warn },
                format!("{d} of {n}"),
            ),
        };
        // what keeps it from a block matters more than when it could be further
        let in_a_block = exit.times.first().is_some_and(|m| m.actual.is_some());
        // nor does anything follow once it is over
        let stalled = exit.over || (!in_a_block && delivered == 0 && !exit.outcome.as_str().is_empty());
        let (word, next) = if stalled {
            let token = if exit.over { Token::Muted } else { Token::Warn };
            (token, exit.outcome.to_string())
        } else {
            (Token::Info, times::next(app, &exit.times))
        };
        vec![
            Cell::new(word, &exit.state),
            Cell::new(Token::Emphasis, exit.case),
            Cell::new(Token::Text, optional(exit.validator_index)),
            Cell::new(Token::Muted, optional(exit.epoch)),
            nodes,
            Cell::new(Token::Muted, next),
        ]
    }

    fn page(&self, page: &mut Page<'_>, app: &App, exit: &ExitView) -> Option<String> {
        detail::exit::build(page, app, exit);
        Some(format!("exit of pool {}", exit.case.pool))
    }

    fn copyable(&self, exit: &ExitView) -> Vec<(String, String)> {
        let key = ("validator".to_owned(), exit.validator.to_string());
        let index = exit
            .validator_index
            .map(|index| ("validator index".to_owned(), index.to_string()));
        std::iter::once(key).chain(index).collect()
    }
}
