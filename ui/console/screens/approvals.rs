//! Approvals: what waits for a decision, oldest first; under it what was decided.

use casimir_dkg::types::CheckStatus;
use casimir_dkg::view::ActionView;

use crate::console::app::App;
use crate::console::theme::Token;
use crate::console::widgets::sign::Sign;
use crate::console::widgets::table::{Cell, Column, fixed, number, rest};
use crate::console::widgets::{format, status};

pub(super) const COLUMNS: &[Column] = &[
    fixed("state", 11, 0),
    fixed("action", 13, 0),
    fixed("kind", 14, 4),
    fixed("at stake", 12, 6),
    fixed("checks", 9, 3),
    number("age", 8, 5),
    rest("what", 20, 2),
];

pub(super) fn cells(app: &App, action: &ActionView) -> Vec<Cell> {
    let ascii = app.settings.ascii;
    let state = status::action(&action.state);
    let waiting = action.waits();
    let dim = |token| if waiting { token } else { Token::Muted };
    let (risk, risk_token) = status::risk(action.risk);
    let since = action.decision.as_ref().map_or(action.proposed_at, |d| d.at);
    vec![
        Cell::new(state.token, format!("{} {}", state.sign.glyph(ascii), state.word)),
        Cell::new(dim(Token::Emphasis), action.id),
        Cell::new(dim(Token::Text), &action.kind),
        Cell::new(dim(risk_token), risk),
        checks(app, action, waiting),
        Cell::new(Token::Muted, format::age(app.now.wall.since(since))),
        Cell::new(dim(Token::Text), &action.title),
    ]
}

/// `12✓ 1? 0✗`, with the worst deciding the colour.
fn checks(app: &App, action: &ActionView, waiting: bool) -> Cell {
    let ascii = app.settings.ascii;
    let count = |s| action.checks.iter().filter(|c| c.status == s).count();
    let (fail, unknown, pass) = (
        count(CheckStatus::Fail),
        count(CheckStatus::Unknown),
        count(CheckStatus::Pass),
    );
    let mut parts = Vec::new();
    for (n, sign) in [(fail, Sign::Fail), (unknown, Sign::Unknown), (pass, Sign::Ok)] {
        if n > 0 {
            parts.push(format!("{n}{}", sign.glyph(ascii)));
        }
    }
    let token = match (waiting, fail, unknown) {
        (false, ..) => Token::Muted,
        (_, 1.., _) => Token::Danger,
        (_, _, 1..) => Token::Warn,
        _ => Token::Ok,
    };
    Cell::new(
        token,
        if parts.is_empty() {
            "none".to_owned()
        } else {
            parts.join(" ")
        },
    )
}
