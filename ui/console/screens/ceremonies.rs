//! Ceremonies: running ones first.

use casimir_dkg::snapshot::{CeremonyEnd, CeremonyView};
use casimir_dkg::types::OperatorState;

use super::matrix;
use crate::console::app::App;
use crate::console::theme::Token;
use crate::console::widgets::sign::spinner;
use crate::console::widgets::table::{Cell, Column, fixed, number, rest};
use crate::console::widgets::{format, status};

pub(super) const COLUMNS: &[Column] = &[
    fixed("state", 13, 0),
    fixed("kind", 7, 1),
    fixed("case", 11, 0),
    fixed("committee", 9, 4),
    number("took", 7, 3),
    rest("", 12, 2),
];

pub(super) fn cells(app: &App, ceremony: &CeremonyView) -> Vec<Cell> {
    let state = status::ceremony(ceremony);
    let running = ceremony.ended.is_none() && ceremony.doubt.is_none();
    let sign = if running {
        spinner(app.now.mono, app.settings.animations, app.settings.ascii)
    } else {
        state.sign.glyph(app.settings.ascii)
    };
    let end = ceremony.ended.as_ref().map_or(app.now.wall, |(at, _)| *at);
    vec![
        Cell::new(state.token, format!("{sign} {}", state.word)),
        Cell::new(Token::Text, ceremony.kind),
        Cell::new(
            if running { Token::Emphasis } else { Token::Muted },
            ceremony.case,
        ),
        Cell::new(
            Token::Muted,
            format!("{} of {}", ceremony.threshold, ceremony.committee.len()),
        ),
        Cell::new(Token::Muted, format::short(end.since(ceremony.started_at))),
        Cell::new(if running { Token::Text } else { Token::Muted }, words(ceremony)),
    ]
}

/// Where it stands, or how it ended.
fn words(ceremony: &CeremonyView) -> String {
    let attempt = if ceremony.attempt > 1 {
        format!("attempt {}: ", ceremony.attempt)
    } else {
        String::new()
    };
    match &ceremony.ended {
        None if ceremony.doubt.is_some() => {
            let reason = ceremony.doubt.as_ref().map_or("", |(_, reason)| reason.as_str());
            format!("{attempt}looked for: {reason}")
        }
        None => {
            let done = ceremony
                .operators
                .values()
                .filter(|o| o.state == OperatorState::Done)
                .count();
            let step = matrix::present(ceremony).map_or("ending", |step| step.title.as_str());
            format!("{attempt}{step}, {done} of {} done", ceremony.operators.len())
        }
        Some((_, CeremonyEnd::Verified { validator })) if ceremony.what.as_str().is_empty() => {
            format!("{attempt}{validator}")
        }
        Some((_, CeremonyEnd::Verified { .. })) => format!("{attempt}{}", ceremony.what),
        Some((_, CeremonyEnd::Failed(failure))) => format!("{attempt}{}", failure.reason),
    }
}
