//! Validators of all pools.

use casimir_dkg::view::{RowId, ValidatorView};

use super::{Describe, Names, Place};
use crate::console::app::{App, Known, Stack};
use crate::console::screens::detail;
use crate::console::theme::Token;
use crate::console::widgets::page::Page;
use crate::console::widgets::table::{Cell, Column, fixed, number, rest};

#[derive(Debug)]
pub(super) struct Validators;

const COLUMNS: &[Column] = &[
    number("pool", 5, 0),
    fixed("state", 18, 0),
    number("index", 9, 2),
    fixed("operators", 22, 3),
    fixed("reshares", 8, 4),
    rest("public key", 15, 1),
];

impl Describe for Validators {
    type Row = ValidatorView;

    fn names(&self) -> Names {
        Names {
            shortest: "keys",
            ..Names::of("validators")
        }
    }

    fn empty(&self) -> &'static str {
        "No pool has a validator now. One appears here once the contract has its key, and goes when its stake is withdrawn."
    }

    fn columns(&self, _: bool) -> &'static [Column] {
        COLUMNS
    }

    fn rows<'a>(&self, known: Known<'a>) -> Stack<'a, ValidatorView> {
        Stack::whole(&known.snapshot.validators)
    }

    fn id(&self, validator: &ValidatorView) -> RowId {
        RowId::Validator(validator.public_key)
    }

    fn sorts(&self) -> &'static [&'static str] {
        &["status", "index", "reshares"]
    }

    fn place(&self, validator: &ValidatorView, by: usize) -> Place {
        match by {
            0 => Place::word(&validator.status),
            1 => Place::up(validator.index.unwrap_or(u64::MAX)),
            _ => Place::down(validator.reshares.0),
        }
    }

    fn search(&self, validator: &ValidatorView) -> String {
        let operators: String = validator.operators.iter().map(|o| format!(" {o}")).collect();
        format!(
            "{} {} {} {}{operators}",
            validator.pool,
            validator.status,
            validator.public_key,
            validator.index.unwrap_or_default()
        )
    }

    fn cells(&self, _: &App, validator: &ValidatorView, _: bool) -> Vec<Cell> {
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

    fn page(&self, page: &mut Page<'_>, app: &App, validator: &ValidatorView) -> Option<String> {
        detail::validator::build(page, app, validator);
        Some(format!("validator of pool {}", validator.pool))
    }

    fn copyable(&self, validator: &ValidatorView) -> Vec<(String, String)> {
        let key = ("public key".to_owned(), validator.public_key.to_string());
        let index = validator
            .index
            .map(|index| ("validator index".to_owned(), index.to_string()));
        std::iter::once(key).chain(index).collect()
    }
}
