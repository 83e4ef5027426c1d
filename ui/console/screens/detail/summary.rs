//! The first screen of an action's page: what a person has to know before deciding, in so few lines that 80x24 shows all.

use casimir_dkg::view::{ActionState, ActionView, Risk};

use super::before_after;
use crate::console::app::App;
use crate::console::theme::Token;
use crate::console::widgets::page::Page;
use crate::console::widgets::text::{clean, fit, wrap};
use crate::console::widgets::{format, status};
use crate::summary::{self, Row, Tone};

/// What of an action its summary says shortened: it counts as seen once it was on the screen in full, below.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Cut {
    /// Rows of what it does.
    pub(super) facts: bool,
    /// Checks that do not pass.
    pub(super) checks: bool,
}

/// Lines of a page at 80x24.
const LINES: usize = 16;
const LABEL: usize = 10;
/// Checks that do not pass are named at least so many.
const LEAST: usize = 2;

/// Writes it. Where nothing is cut, it is all that must be seen before a decision.
pub(super) fn build(page: &mut Page<'_>, app: &App, action: &ActionView) -> Cut {
    let (before, mut cut) = (page.len(), Cut::default());
    let known = app.known();
    let sent = known.transactions().everything().find(|t| t.action == action.id);
    let effects = summary::effects(action, sent);
    let mut checks = summary::checks(action);
    let mut passing = checks.pop_if(|row| !is_named(row));
    if let (Some(row), Some(words)) = (&mut passing, action.checked_in_words(app.clock())) {
        row.text = format!("{}, looked at {words}", row.text);
    }
    let ends: Vec<_> = passing.into_iter().chain(summary::ends(action)).collect();
    let places = place(app, action);
    let ahead = before_after::ahead(app, action);
    let room = page.width().saturating_sub(LABEL + 2);
    let lines = |text: &str| wrap(&clean(text), room).len();
    let texts = [&effects, &checks, &ends]
        .into_iter()
        .flatten()
        .map(|row| &row.text);
    let texts = texts.chain(places.iter().chain(&ahead).map(|(.., text)| text));
    let needed = texts.map(|text| lines(text)).sum::<usize>();
    let fits = needed <= LINES.max(page.rows());
    // what must be seen in full is said in full here, once, and not shortened and then again below
    let is_whole = action.risk > Risk::Routine && action.is_proposed();
    let longest = match fits || is_whole {
        true => usize::MAX,
        // no row is longer where the page has no more than its usual lines
        false => LONGEST.max(page.rows().saturating_sub(LINES)),
    };
    let mut effects = effects.into_iter();
    if let Some(what) = effects.next() {
        cut.facts |= write(page, app, longest, &what);
    }
    write_places(page, places);
    effects.for_each(|row| cut.facts |= write(page, app, longest, &row));
    write_places(page, ahead);
    if is_whole && !fits {
        // what two people compare stays on the first screen: what does not pass goes on below it
        for row in &ends {
            cut.facts |= write(page, app, usize::MAX, row);
        }
        for row in &checks {
            cut.checks |= write(page, app, usize::MAX, row);
        }
        page.end_front();
        return cut;
    }
    let used = page.len() - before
        + ends
            .iter()
            .map(|row| lines(&row.text).min(longest))
            .sum::<usize>();
    let left = LINES.max(page.rows()).saturating_sub(used).max(LEAST);
    cut.checks |= write_checks(page, app, &checks, left, longest);
    for row in &ends {
        cut.facts |= write(page, app, longest, row);
    }
    page.end_front();
    cut
}

fn write_places(page: &mut Page<'_>, places: Vec<(&'static str, Token, String)>) {
    for (label, token, text) in places {
        page.name(label);
        page.labelled(LABEL, label, token, &text);
    }
}

/// What does not pass, in `left` lines; whether something of it was cut.
fn write_checks(page: &mut Page<'_>, app: &App, checks: &[Row], left: usize, longest: usize) -> bool {
    let room = page.width().saturating_sub(LABEL + 2);
    let whole = checks.iter().map(|row| wrap(&clean(&row.text), room).len());
    let whole = whole.sum::<usize>() <= left;
    let shown = if whole || checks.len() <= left {
        checks.len()
    } else {
        left - 1
    };
    let mut cut = false;
    for row in &checks[..shown] {
        let text = match whole {
            true => clean(&row.text).into_owned(),
            false => fit(&clean(&row.text), room, app.settings.ascii).into_owned(),
        };
        cut |= text != clean(&row.text);
        cut |= write(page, app, longest, &Row { text, ..row.clone() });
    }
    if let Some(next) = checks.get(shown) {
        let text = format!("and {} more that do not pass, below", checks.len() - shown);
        write(page, app, longest, &Row { text, ..next.clone() });
        cut = true;
    }
    cut
}

/// Every check that does not pass has a row.
fn is_named(row: &Row) -> bool {
    use casimir_dkg::view::CheckMark;
    matches!(row.tone, Tone::Check(mark) if mark != CheckMark::Pass)
}

/// Network, mode, state and what is at stake, so that nobody takes one network for another.
fn place(app: &App, action: &ActionView) -> Vec<(&'static str, Token, String)> {
    let network = &app.snapshot.network;
    let (risk, risk_token) = status::risk(action.risk);
    let money = if network.mainnet { ", real money" } else { "" };
    let token = match network.mainnet {
        true => Token::NetworkMain,
        false => risk_token,
    };
    let state = status::of_action(action);
    let sign = state.sign.glyph(app.settings.ascii);
    let waited = match action.state {
        ActionState::Proposed if action.waits() => {
            format!(" for {}", format::age(app.clock().since(action.proposed_at)))
        }
        _ => String::new(),
    };
    let text = format!(
        "{} (chain {}){money}, {}: {sign} {}{waited}, {risk}",
        network.name, network.chain_id, app.snapshot.mode, state.word
    );
    let mut rows = vec![("on", token, text)];
    if let Some(refreshing) = &action.refreshing {
        rows.push(("approved", Token::Warn, refreshing.words()));
    }
    if let Some(words) = app.pause_of(action) {
        rows.push(("paused", Token::Warn, words));
    }
    if let Some(decision) = &action.decision {
        let text = format!("{}, {}", decision.decider, format::date(decision.at));
        rows.push(("decided by", Token::Text, text));
    }
    rows
}

/// No row is longer where the page has no more than [`LINES`]: the page says all of it below.
const LONGEST: usize = 3;

fn cut(width: usize, text: &str, longest: usize, ascii: bool) -> String {
    let lines = wrap(&clean(text), width.saturating_sub(LABEL + 2));
    match lines.get(longest - 1) {
        Some(last) if lines.len() > longest => {
            let more = if ascii { " ~" } else { " …" };
            let whole = lines[..longest - 1].join(" ");
            let last = fit(last, (width.saturating_sub(LABEL + 2)).saturating_sub(2), ascii);
            format!("{whole} {last}{more}")
        }
        _ => text.to_owned(),
    }
}

/// Writes a row; whether it had to be cut.
fn write(page: &mut Page<'_>, app: &App, longest: usize, row: &Row) -> bool {
    let token = match row.tone {
        Tone::Text => Token::Text,
        Tone::Strong => Token::Emphasis,
        Tone::Warn => Token::Warn,
        Tone::Code => Token::Value,
        Tone::Check(mark) => status::check(mark).token,
    };
    let label = match row.tone {
        Tone::Check(mark) => {
            let sign = status::check(mark).sign.glyph(app.settings.ascii);
            format!("{sign} {}", row.label)
        }
        _ => row.label.to_owned(),
    };
    let text = cut(page.width(), &row.text, longest, app.settings.ascii);
    page.name(row.label);
    page.labelled(LABEL, &label, token, &text);
    // no text is drawn beyond the length of a safe one
    let clipped = |text: &str| text.ends_with('…');
    text != row.text || clipped(&clean(&row.text)) && !clipped(&row.text)
}
