//! An exit: its life in times, and what each beacon node said.

use casimir_dkg::snapshot::ExitView;

use crate::console::app::App;
use crate::console::theme::Token;
use crate::console::widgets::format;
use crate::console::widgets::page::Page;
use crate::console::widgets::sign::Sign;

pub(super) fn build(page: &mut Page<'_>, app: &App, exit: &ExitView) {
    let ascii = app.settings.ascii;
    let unknown = |n: Option<u64>| n.map_or_else(|| "unknown".to_owned(), |n| n.to_string());
    page.field("state", Token::Emphasis, &exit.state);
    page.field("validator index", Token::Text, unknown(exit.validator_index));
    page.field("validator", Token::Value, exit.validator);
    page.field("epoch", Token::Text, unknown(exit.epoch));
    page.heading("Times");
    if exit.timeline.is_empty() {
        page.text(Token::Muted, "Predicted as soon as the exit is published.");
    }
    for (what, at) in &exit.timeline {
        let (token, when) = match at {
            None => (Token::Muted, "not known yet".to_owned()),
            Some(at) if *at > app.now.wall => {
                let wait = format::age(at.since(app.now.wall));
                (
                    Token::Pending,
                    format!("{}, predicted, in {wait}", format::date(*at)),
                )
            }
            Some(at) => (
                Token::Text,
                format!("{} {}", Sign::Ok.glyph(ascii), format::date(*at)),
            ),
        };
        page.field(what.as_str(), token, when);
    }
    page.heading("Beacon nodes");
    if exit.verdicts.is_empty() {
        page.text(Token::Muted, "Not broadcast yet.");
    }
    for verdict in &exit.verdicts {
        let (sign, token) = if verdict.delivered {
            (Sign::Ok, Token::Ok)
        } else {
            (Sign::Fail, Token::Danger)
        };
        let word = if verdict.delivered {
            "delivered"
        } else {
            "not delivered"
        };
        let text = format!(
            "{} {word}, {}: {}",
            sign.glyph(ascii),
            format::date(verdict.at),
            verdict.detail
        );
        page.field(verdict.node.as_str(), token, text);
    }
}
