//! A case: where it stands, what opened it, and its file.

use casimir_dkg::view::{CaseView, Cause};

use super::{times, ways};
use crate::console::app::App;
use crate::console::screens::stages;
use crate::console::theme::Token;
use crate::console::widgets::page::Page;
use crate::console::widgets::{format, status};

pub(in crate::console::screens) fn build(page: &mut Page<'_>, app: &App, case: &CaseView) {
    page.text(Token::Emphasis, case.sentence.as_str());
    for line in stages::lines(app, case, page.width()) {
        page.push(line);
    }
    page.gap();
    page.status(
        "state",
        status::case(case.shown()),
        &format!(" for {}", format::age(app.clock().since(app.stands_since(case)))),
    );
    page.field(
        "request",
        Token::Text,
        format!("{} of pool {}", case.kind, case.pool),
    );
    page.field("opened", Token::Text, format::date(case.opened_at));
    match case.validator {
        Some(key) => page.field("validator", Token::Value, key),
        None => page.field("validator", Token::Muted, "no key yet"),
    }
    if let Some(action) = case.action {
        page.field("action", Token::Text, action);
    }
    if let Some(ceremony) = case.ceremony {
        page.field("ceremony", Token::Text, ceremony);
    }
    ways::build(page, app, case);
    if times::any(&case.times) {
        page.heading("Times");
        times::build(page, app, &case.times);
    }
    page.heading("Cause");
    cause(page, &case.cause);
    page.heading("File");
    let mut day = String::new();
    for entry in &case.history {
        let date = entry.at.to_rfc3339()[..10].to_owned();
        if date != day {
            page.text(Token::Muted, &date);
            day = date;
        }
        let at = format::clock(entry.at);
        page.field(&format!("{at}  #{}", entry.record), Token::Text, &entry.text);
    }
    if case.history.is_empty() {
        page.text(Token::Muted, "Nothing has happened yet.");
    }
}

/// What opened a case.
pub(super) fn cause(page: &mut Page<'_>, cause: &Cause) {
    match cause {
        Cause::Event { log } => {
            page.field("event in block", Token::Text, format::number(log.block.number));
            page.field("block hash", Token::Value, log.block.hash);
            page.field("transaction", Token::Value, log.transaction);
            page.field("log index", Token::Text, log.index);
        }
        Cause::State { block } => {
            page.field(
                "found in the state at",
                Token::Text,
                format!("block {}; its event was not seen", format::number(block.number)),
            );
            page.field("block hash", Token::Value, block.hash);
        }
        Cause::Manual { by, at } => {
            page.field(
                "requested by hand",
                Token::Text,
                format!("{by}, {}", format::date(*at)),
            );
        }
    }
}
