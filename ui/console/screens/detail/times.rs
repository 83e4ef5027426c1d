//! Predicted and actual times of a validator's stages.

use casimir_dkg::view::{Actual, Milestone, Moment, Stage};

use crate::console::app::App;
use crate::console::theme::Token;
use crate::console::widgets::format;
use crate::console::widgets::page::Page;
use crate::console::widgets::sign::Sign;

const STAGE: usize = 13;
const PREDICTED: usize = 34;
/// Narrower pages get the table as a list.
const TABLE: usize = STAGE + PREDICTED + 29;

/// Whether anything is known of them.
pub(super) fn any(times: &[Milestone]) -> bool {
    times
        .iter()
        .any(|m| m.predicted().is_some() || m.actual.is_some())
}

/// A table: stage, predicted, actual.
pub(super) fn build(page: &mut Page<'_>, app: &App, times: &[Milestone]) {
    let wide = page.width() >= TABLE;
    if wide {
        let muted = |text: &str| (Token::Muted, text.to_owned());
        row(
            page,
            muted("stage"),
            muted("predicted (UTC)"),
            muted("actual (UTC)"),
        );
    }
    for milestone in times {
        let stage = milestone.stage.to_string();
        let predicted = predicted(milestone);
        let actual = actual(app, milestone);
        if wide {
            row(page, (Token::Text, stage), predicted, actual);
        } else {
            page.field(&stage, predicted.0, format!("predicted: {}", predicted.1));
            page.field("", actual.0, actual.1);
        }
        // the rules' word stands beside the state's where the two differ: that is what the queue cost
        if let (Some(first), Some(_)) = (milestone.by_rules, milestone.by_state)
            && milestone.by_state != Some(first)
        {
            let words = (Token::Muted, moment(first));
            let from = (Token::Muted, "by the rules, at publishing".to_owned());
            if wide {
                row(page, (Token::Muted, String::new()), words, from);
            } else {
                page.field("", Token::Muted, format!("{}, {}", words.1, from.1));
            }
        }
    }
}

fn row(page: &mut Page<'_>, stage: (Token, String), predicted: (Token, String), actual: (Token, String)) {
    page.cells(&[(stage, STAGE), (predicted, PREDICTED), (actual, 0)]);
}

fn moment(moment: Moment) -> String {
    format!("{}, epoch {}", time(moment.at), moment.epoch)
}

/// `2026-11-22 18:04:05`
fn time(at: casimir_dkg::types::UnixMillis) -> String {
    format::date(at).trim_end_matches(" UTC").to_owned()
}

fn predicted(milestone: &Milestone) -> (Token, String) {
    match milestone.predicted() {
        Some(predicted) => (Token::Text, moment(predicted)),
        None if milestone.stage == Stage::Withdrawn => {
            (Token::Muted, "no fixed time: after the sweep".to_owned())
        }
        None => (Token::Muted, "not known yet".to_owned()),
    }
}

fn actual(app: &App, milestone: &Milestone) -> (Token, String) {
    let ok = Sign::Ok.glyph(app.settings.ascii);
    match (milestone.actual, milestone.predicted()) {
        (Some(Actual::Since(moment)), _) => (Token::Ok, format!("{ok} {}", time(moment.at))),
        (Some(Actual::Seen { at }), _) => (Token::Ok, format!("{ok} seen {}", time(at))),
        (Some(Actual::Before { at }), _) => (Token::Ok, format!("{ok} before {}", time(at))),
        (None, Some(predicted)) if predicted.at > app.now.wall => {
            let wait = format::age(predicted.at.since(app.clock()));
            (Token::Pending, format!("in {wait}"))
        }
        (None, Some(_)) => (Token::Pending, "due, not seen yet".to_owned()),
        (None, None) => (Token::Muted, "not yet".to_owned()),
    }
}

/// The first stage that lies ahead, for a table's cell.
pub(in crate::console::screens) fn next(app: &App, times: &[Milestone]) -> String {
    let Some(ahead) = times.iter().find(|m| m.actual.is_none()).filter(|_| any(times)) else {
        return String::new();
    };
    match ahead.predicted() {
        Some(predicted) if predicted.at > app.now.wall => {
            let wait = format::age(predicted.at.since(app.clock()));
            format!("{} in {wait}", ahead.stage)
        }
        Some(_) => format!("{} due", ahead.stage),
        None if ahead.stage == Stage::Withdrawn => format!("{} after the sweep", ahead.stage),
        None => ahead.stage.to_string(),
    }
}
