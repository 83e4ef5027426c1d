//! Validators of all pools.

use casimir_dkg::view::ValidatorView;

use crate::console::app::App;
use crate::console::theme::Token;
use crate::console::widgets::table::{Cell, Column, fixed, number, rest};

pub(super) const COLUMNS: &[Column] = &[
    number("pool", 5, 0),
    fixed("state", 18, 0),
    number("index", 9, 2),
    fixed("operators", 22, 3),
    fixed("reshares", 8, 4),
    rest("public key", 15, 1),
];

pub(super) fn cells(_app: &App, validator: &ValidatorView) -> Vec<Cell> {
    let operators: Vec<_> = validator.operators.iter().map(ToString::to_string).collect();
    let (used, limit) = validator.reshares;
    vec![
        Cell::new(Token::Emphasis, validator.pool),
        Cell::new(Token::Info, &validator.status),
        Cell::new(
            Token::Text,
            validator.index.map_or_else(String::new, |i| i.to_string()),
        ),
        Cell::new(Token::Text, operators.join(" ")),
        Cell::new(
            if used >= limit { Token::Warn } else { Token::Muted },
            format!("{used} of {limit}"),
        ),
        Cell::hex(validator.public_key),
    ]
}
