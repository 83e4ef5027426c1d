//! A validator: who holds its key, and what happened to it.

use casimir_dkg::view::ValidatorView;

use super::ceremony::names;
use crate::console::app::App;
use crate::console::theme::Token;
use crate::console::widgets::page::Page;
use crate::console::widgets::{format, status};

pub(in crate::console::screens) fn build(page: &mut Page<'_>, app: &App, validator: &ValidatorView) {
    let (used, limit) = validator.reshares;
    page.field("state", Token::Emphasis, &validator.status);
    page.field("pool", Token::Text, validator.pool);
    page.field("public key", Token::Value, validator.public_key);
    let index = validator
        .index
        .map_or_else(|| "not in the beacon state".to_owned(), |i| i.to_string());
    page.field("index", Token::Text, index);
    page.field("operators", Token::Text, names(app, &validator.operators));
    page.field(
        "reshares",
        if used >= limit { Token::Warn } else { Token::Text },
        format!("{used} of {limit} used"),
    );
    page.heading("Cases");
    let cases = app.known().cases_of(validator.pool);
    for case in &cases {
        let state = status::case(case.status);
        let text = format!(
            "{} {}, {}",
            state.word,
            format::age(app.clock().since(case.since)),
            case.sentence
        );
        page.field(&case.id.to_string(), state.token, text);
    }
    if cases.is_empty() {
        page.text(Token::Muted, "None in the engine's state.");
    }
}
