//! Approvals: what waits for a decision, oldest first; under it what was decided.

use casimir_dkg::view::{ActionState, ActionView, CheckMark, FactKind, ListKind, Payload, RowId};

use super::{Describe, Names, Place, Standing};
use crate::console::app::{App, Known, Stack};
use crate::console::screens::detail;
use crate::console::theme::Token;
use crate::console::widgets::page::Page;
use crate::console::widgets::sign::Sign;
use crate::console::widgets::table::{Cell, Column, fixed, number, rest};
use crate::console::widgets::{format, status};

#[derive(Debug)]
pub(super) struct Approvals;

const COLUMNS: &[Column] = &[
    fixed("state", 12, 0),
    fixed("action", 13, 0),
    fixed("kind", 14, 4),
    fixed("at stake", 12, 6),
    fixed("checks", 9, 1),
    number("age", 8, 5),
    rest("what", 16, 2),
];

impl Describe for Approvals {
    type Row = ActionView;

    fn names(&self) -> Names {
        Names {
            shortest: "approve",
            ..Names::of("approvals")
        }
    }

    fn empty(&self) -> &'static str {
        "Nothing waits. What the oracle wants to do next appears here first, and waits for you."
    }

    fn columns(&self, _: bool) -> &'static [Column] {
        COLUMNS
    }

    fn rows<'a>(&self, known: Known<'a>) -> Stack<'a, ActionView> {
        known.actions()
    }

    fn kind(&self) -> Option<ListKind> {
        Some(ListKind::Actions)
    }

    fn id(&self, action: &ActionView) -> RowId {
        RowId::Action(action.id)
    }

    fn badge(&self, app: &App) -> usize {
        app.waiting_for_a_person()
    }

    fn standing(&self, action: &ActionView) -> Standing {
        match &action.state {
            ActionState::Proposed if action.is_refreshing() => Standing::Runs,
            ActionState::Proposed => Standing::Waits,
            ActionState::Approved | ActionState::Executing => Standing::Runs,
            _ if action.is_over() => Standing::Over,
            _ => Standing::Open,
        }
    }

    fn sorts(&self) -> &'static [&'static str] {
        &["age", "pool", "kind", "at stake"]
    }

    fn place(&self, action: &ActionView, by: usize) -> Place {
        match by {
            0 => Place::up(action.since.0),
            1 => Place::up(action.id.case.pool.0),
            2 => Place::word(&action.kind),
            _ => Place::down(action.risk as u8),
        }
    }

    fn search(&self, action: &ActionView) -> String {
        format!("{} {} {} {}", action.id, action.word(), action.kind, action.title)
    }

    fn cells(&self, app: &App, action: &ActionView, _: bool) -> Vec<Cell> {
        let ascii = app.settings.ascii;
        let mut state = status::of_action(action);
        if app.pause_of(action).is_some() {
            state.sign = Sign::Paused;
        }
        let waiting = action.waits();
        let dim = |token| if waiting { token } else { Token::Muted };
        let (risk, risk_token) = status::risk(action.risk);
        vec![
            match app.is_marked(action) {
                true => Cell::new(Token::Emphasis, format!("{} marked", Sign::Marked.glyph(ascii))),
                false => Cell::new(state.token, format!("{} {}", state.sign.glyph(ascii), state.word)),
            },
            Cell::new(dim(Token::Emphasis), action.id),
            Cell::new(dim(Token::Text), &action.kind),
            Cell::new(dim(risk_token), risk),
            checks(app, action, waiting),
            Cell::new(Token::Muted, format::age(app.clock().since(action.since))),
            Cell::new(dim(Token::Text), what(app, action)),
        ]
    }

    fn page(&self, page: &mut Page<'_>, app: &App, action: &ActionView) -> Option<String> {
        detail::action::build(page, app, action);
        Some(format!("action {}", action.id))
    }

    fn copyable(&self, action: &ActionView) -> Vec<(String, String)> {
        let mut out = vec![("digest".to_owned(), action.digest.to_string())];
        let facts = action
            .facts
            .iter()
            .filter(|fact| matches!(fact.kind, FactKind::Address | FactKind::Hex));
        out.extend(facts.map(|fact| (fact.label.clone(), fact.value.to_string())));
        let mut add = |label: &str, value: String| out.push((label.to_owned(), value));
        match &action.payload {
            Payload::Transaction(tx) => {
                add("to", tx.to.to_string());
                add("call data", tx.data.to_string());
            }
            Payload::Exit(exit) => {
                add("validator", exit.validator.to_string());
                add("signing root", exit.signing_root.to_string());
                add("signature", exit.signature.to_string());
            }
            Payload::Ceremony(_) => {}
        }
        add("action id", action.id.to_string());
        out
    }
}

/// With how many of two people have approved it, and whether whoever looks is one of them.
fn what(app: &App, action: &ActionView) -> String {
    let counts_down = action.undo.is_some_and(|undo| undo.until.is_some());
    let says = counts_down || action.held_until_known().is_some();
    if let Some(leaves) = action.leaves(app.clock()).filter(|_| says) {
        return format!("{leaves}: {}", action.title);
    }
    let you = match app.is_approved_by_me(action) {
        true => ", you approved it",
        false => "",
    };
    if let Some(refreshing) = &action.refreshing {
        return format!("{}{you}: {}", refreshing.with_why(), action.title);
    }
    if let Some(worse) = action.worse() {
        return format!("! {}: {}", worse.brief(), action.title);
    }
    let ended = action.approvals_ended.last().filter(|_| action.is_proposed());
    let ended = ended.map_or_else(String::new, |words| format!("! {words}: "));
    match &action.people {
        Some(people) if action.waits() => format!("{people}{you}: {ended}{}", action.title),
        _ => format!("{ended}{}", action.title),
    }
}

/// `12✓ 1? 0✗`, with the worst deciding the colour.
fn checks(app: &App, action: &ActionView, waiting: bool) -> Cell {
    let ascii = app.settings.ascii;
    let counts = CheckMark::ALL.map(|mark| (mark, action.checks_with(mark).count()));
    let there = counts.into_iter().filter(|(_, count)| *count > 0);
    let parts: Vec<_> = there
        .clone()
        .map(|(mark, count)| format!("{count}{}", status::check(mark).sign.glyph(ascii)))
        .collect();
    let worst = there.map(|(mark, _)| mark).next();
    let token = match worst.filter(|_| waiting) {
        Some(mark) => status::check(mark).token,
        None if waiting => Token::Ok,
        None => Token::Muted,
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
