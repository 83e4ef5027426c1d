//! Transactions: one row for each nonce, followed until final.

use casimir_dkg::view::{ListKind, RowId, TransactionState, TransactionView};

use super::{Describe, Names, Place, Standing};
use crate::console::app::{App, Known, Stack};
use crate::console::screens::detail;
use crate::console::theme::Token;
use crate::console::widgets::page::Page;
use crate::console::widgets::table::{Cell, Column, fixed, number, rest};
use crate::console::widgets::{format, status};

#[derive(Debug)]
pub(super) struct Transactions;

const COLUMNS: &[Column] = &[
    fixed("state", 10, 0),
    number("nonce", 6, 3),
    fixed("action", 13, 1),
    rest("hash", 13, 2),
    number("fee ETH", 12, 4),
    number("age", 8, 5),
    number("blocks", 6, 6),
];

impl Describe for Transactions {
    type Row = TransactionView;

    fn names(&self) -> Names {
        Names {
            short: "tx",
            shortest: "tx",
            ..Names::of("transactions")
        }
    }

    fn empty(&self) -> &'static str {
        "No transactions yet. Each one is followed here until its block is final."
    }

    fn columns(&self, _: bool) -> &'static [Column] {
        COLUMNS
    }

    fn rows<'a>(&self, known: Known<'a>) -> Stack<'a, TransactionView> {
        known.transactions()
    }

    fn kind(&self) -> Option<ListKind> {
        Some(ListKind::Transactions)
    }

    fn id(&self, tx: &TransactionView) -> RowId {
        RowId::Transaction(tx.action)
    }

    fn standing(&self, tx: &TransactionView) -> Standing {
        if tx.is_over() {
            Standing::Over
        } else {
            Standing::Runs
        }
    }

    fn sorts(&self) -> &'static [&'static str] {
        &["nonce", "pool", "function"]
    }

    fn place(&self, tx: &TransactionView, by: usize) -> Place {
        match by {
            0 => Place::down(tx.nonce),
            1 => Place::up(tx.action.case.pool.0),
            _ => Place::word(&tx.function),
        }
    }

    fn search(&self, tx: &TransactionView) -> String {
        let hashes: String = tx.hashes.iter().map(|h| format!(" {h}")).collect();
        format!("{} {} {} {}{hashes}", tx.action, tx.function, tx.nonce, tx.state)
    }

    fn cells(&self, app: &App, tx: &TransactionView, _: bool) -> Vec<Cell> {
        let state = status::transaction(&tx.state);
        let hash = match tx.hashes.last() {
            Some(hash) => Cell::hex(hash),
            None => Cell::new(Token::Muted, "not sent"),
        };
        let fee = match tx.fee_paid_wei {
            Some(paid) => format::eth_short(paid),
            None => format!("max {}", format::eth_short(tx.fee_ceiling_wei)),
        };
        let blocks = match &tx.state {
            // counted from a head that the journal does not hold
            TransactionState::Included { .. } if app.past.is_some() => "?".to_owned(),
            TransactionState::Included { confirmations, .. } => format::number(*confirmations),
            TransactionState::Final { .. } => "final".to_owned(),
            _ => String::new(),
        };
        vec![
            Cell::new(
                state.token,
                format!("{} {}", state.sign.glyph(app.settings.ascii), state.word),
            ),
            Cell::new(Token::Text, tx.nonce),
            Cell::new(
                if tx.is_over() {
                    Token::Muted
                } else {
                    Token::Emphasis
                },
                tx.action,
            ),
            hash,
            Cell::new(Token::Muted, fee),
            Cell::new(Token::Muted, format::age(app.clock().since(tx.signed_at))),
            Cell::new(Token::Muted, blocks),
        ]
    }

    fn page(&self, page: &mut Page<'_>, app: &App, tx: &TransactionView) -> Option<String> {
        detail::transaction::build(page, app, tx);
        Some(format!("transaction of {}", tx.action))
    }

    fn copyable(&self, tx: &TransactionView) -> Vec<(String, String)> {
        let hashes = tx.hashes.iter().rev().enumerate().map(|(i, hash)| {
            let label = if i == 0 { "hash" } else { "earlier hash" };
            (label.to_owned(), hash.to_string())
        });
        let bytes = ("signed bytes".to_owned(), tx.raw.to_string());
        hashes.chain([bytes]).collect()
    }
}
