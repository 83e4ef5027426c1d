//! A transaction: one nonce, every hash it ever had.

use casimir_dkg::types::{Round, rounded_ether, rounded_gwei};
use casimir_dkg::view::{TransactionState, TransactionView};

use super::status::NOT_TOLD;
use crate::console::app::App;
use crate::console::theme::Token;
use crate::console::widgets::page::Page;
use crate::console::widgets::{format, status};

pub(in crate::console::screens) fn build(page: &mut Page<'_>, app: &App, tx: &TransactionView) {
    let age = format::age(app.clock().since(tx.signed_at));
    page.text(Token::Emphasis, &format!("{} of {}", tx.function, tx.action));
    if !tx.note.as_str().is_empty() {
        page.text(Token::Text, tx.note.as_str());
    }
    page.gap();
    page.status("state", status::transaction(&tx.state), "");
    match &tx.state {
        TransactionState::Included { block, confirmations } => {
            page.field("block", Token::Text, format::number(block.number));
            page.field("block hash", Token::Value, block.hash);
            let (token, count) = match app.past {
                Some(_) => (Token::Stale, NOT_TOLD.to_owned()),
                None => (Token::Text, format::number(*confirmations)),
            };
            page.field("confirmations", token, count);
        }
        TransactionState::Final { block } => {
            page.field("block", Token::Text, format::number(block.number));
            page.field("block hash", Token::Value, block.hash);
        }
        TransactionState::Reverted { block, reason } => {
            page.field("reverted because", Token::Danger, reason);
            page.field("block", Token::Text, format::number(block.number));
            page.field("block hash", Token::Value, block.hash);
        }
        TransactionState::Replaced { by } => {
            let by = by.map_or_else(|| "an unknown transaction".to_owned(), |h| h.to_string());
            page.field("nonce taken by", Token::Danger, by);
        }
        TransactionState::Signed | TransactionState::Pending | TransactionState::Unknown => {}
    }
    page.field(
        "signed",
        Token::Text,
        format!("{}, {age} ago", format::date(tx.signed_at)),
    );
    page.field("nonce", Token::Text, tx.nonce);
    page.heading("Fees");
    page.field(
        "max fee",
        Token::Text,
        format!("{} per gas", rounded_gwei(tx.max_fee_wei, Round::Up)),
    );
    page.field(
        "priority fee",
        Token::Text,
        format!("{} per gas", rounded_gwei(tx.priority_fee_wei, Round::Up)),
    );
    page.field("gas limit", Token::Text, format::number(tx.gas_limit));
    page.field(
        "approved ceiling",
        Token::Text,
        format!("{} ETH", format::eth(tx.fee_ceiling_wei)),
    );
    match tx.fee_paid_wei {
        Some(paid) => page.field("paid", Token::Emphasis, rounded_ether(paid, Round::Up)),
        None => page.field("paid", Token::Muted, "nothing yet"),
    }
    page.heading("Hashes, newest last");
    for hash in &tx.hashes {
        page.text(Token::Value, &hash.to_string());
    }
    page.heading(&format!("Signed bytes: {}", tx.raw.len()));
    page.bytes(&tx.raw);
}
