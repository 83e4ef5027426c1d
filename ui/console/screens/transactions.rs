//! Transactions: one row for each nonce, followed until final.

use casimir_dkg::view::{TransactionState, TransactionView};

use crate::console::app::App;
use crate::console::theme::Token;
use crate::console::widgets::table::{Cell, Column, fixed, number, rest};
use crate::console::widgets::{format, status};

pub(super) const COLUMNS: &[Column] = &[
    fixed("state", 10, 0),
    number("nonce", 6, 3),
    fixed("action", 13, 1),
    rest("hash", 13, 2),
    number("fee ETH", 12, 4),
    number("age", 8, 5),
    number("blocks", 6, 6),
];

pub(super) fn cells(app: &App, tx: &TransactionView) -> Vec<Cell> {
    let state = status::transaction(&tx.state);
    let over = tx.state.is_over();
    let hash = match tx.hashes.last() {
        Some(hash) => Cell::hex(hash),
        None => Cell::new(Token::Muted, "not sent"),
    };
    let fee = match tx.fee_paid_wei {
        Some(paid) => format::eth_short(paid),
        None => format!("max {}", format::eth_short(tx.fee_ceiling_wei)),
    };
    let blocks = match &tx.state {
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
        Cell::new(if over { Token::Muted } else { Token::Emphasis }, tx.action),
        hash,
        Cell::new(Token::Muted, fee),
        Cell::new(Token::Muted, format::age(app.now.wall.since(tx.signed_at))),
        Cell::new(Token::Muted, blocks),
    ]
}
