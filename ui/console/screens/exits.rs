//! Exits: from the operators' signature to the withdrawn stake.

use casimir_dkg::view::ExitView;

use super::detail::times;
use crate::console::app::App;
use crate::console::theme::Token;
use crate::console::widgets::table::{Cell, Column, fixed, number, rest};

pub(super) const COLUMNS: &[Column] = &[
    fixed("state", 11, 0),
    fixed("case", 9, 0),
    number("validator", 9, 1),
    number("epoch", 8, 4),
    fixed("delivered", 9, 2),
    rest("next", 14, 3),
];

pub(super) fn cells(app: &App, exit: &ExitView) -> Vec<Cell> {
    let optional = |n: Option<u64>| n.map_or_else(|| "unknown".to_owned(), |n| n.to_string());
    let delivered = exit.verdicts.iter().filter(|v| v.delivered).count();
    let nodes = match (delivered, exit.verdicts.len()) {
        (_, 0) => Cell::new(Token::Muted, "not yet"),
        (0, n) => Cell::new(Token::Danger, format!("0 of {n}")),
        (d, n) => Cell::new(
            if d == n { Token::Ok } else { Token::Warn },
            format!("{d} of {n}"),
        ),
    };
    // what keeps it from a block matters more than when it could be further
    let in_a_block = exit.times.first().is_some_and(|m| m.actual.is_some());
    let stalled = !in_a_block && delivered == 0 && !exit.outcome.as_str().is_empty();
    let (word, next) = if stalled {
        (Token::Warn, exit.outcome.to_string())
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
