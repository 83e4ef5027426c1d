//! An exit: its life in times, and what each beacon node said.

use casimir_dkg::view::ExitView;

use super::times;
use crate::console::app::App;
use crate::console::theme::Token;
use crate::console::widgets::format;
use crate::console::widgets::page::Page;
use crate::console::widgets::sign::Sign;

pub(in crate::console::screens) fn build(page: &mut Page<'_>, app: &App, exit: &ExitView) {
    let ascii = app.settings.ascii;
    let unknown = |n: Option<u64>| n.map_or_else(|| "unknown".to_owned(), |n| n.to_string());
    page.field("state", Token::Emphasis, &exit.state);
    page.field("validator index", Token::Text, unknown(exit.validator_index));
    page.field("validator", Token::Value, exit.validator);
    page.field("epoch", Token::Text, unknown(exit.epoch));
    if !exit.outcome.as_str().is_empty() {
        page.field("outcome", Token::Emphasis, &exit.outcome);
    }
    page.heading("Times");
    if times::any(&exit.times) {
        times::build(page, app, &exit.times);
    } else {
        let words = match exit.over {
            true => "It is over: nothing is predicted of it.",
            false => "Predicted as soon as the exit is published.",
        };
        page.text(Token::Muted, words);
    }
    page.heading("Beacon nodes");
    if exit.verdicts.is_empty() {
        let words = match exit.over {
            true => "It is over: no node said anything of it.",
            false => "Not broadcast yet.",
        };
        page.text(Token::Muted, words);
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
