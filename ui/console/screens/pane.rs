//! A pane: its frame, its list, and what it says when the list is empty. Loading, empty, filtered away and not followed
//! are four different pictures.

use casimir_dkg::view::LinkState;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Margin, Rect};
use ratatui::text::{Line, Span};

use super::{approvals, ceremonies, events, exits, logs, matrix, transactions, validators};
use crate::console::app::{App, Hit, Pane, Tab, rows};
use crate::console::keys::{Command, Group};
use crate::console::theme::Token;
use crate::console::widgets::table::{self, Cell, Column, Table};
use crate::console::widgets::text::{clean, wrap};
use crate::console::widgets::{format, frame as frame_widget};

/// Draws a pane; `focus` says whether it has the keyboard.
pub(crate) fn draw(frame: &mut Frame<'_>, area: Rect, app: &mut App, pane: Pane, focus: bool) {
    app.hits.push((area, Hit::Pane(pane)));
    let count = (pane != Pane::Logs).then(|| rows::count(&app.snapshot, pane));
    let title = frame_widget::title(app, pane.title(), count, focus);
    let inner = area.inner(Margin::new(1, 1));
    match pane {
        Pane::Logs => logs::draw(frame, inner, app),
        Pane::Ceremonies => with_matrix(frame, inner, app, focus),
        _ => list(frame, inner, app, pane, focus),
    }
    // last: only now is it known which rows are seen
    let notes = notes(app, pane);
    frame_widget::draw(frame, area, app, title, notes, focus);
}

/// The lower edge: the filter, and which part of a long list is seen.
fn notes(app: &App, pane: Pane) -> Line<'static> {
    let mut spans = Vec::new();
    let list = app.list(pane);
    if pane == Pane::Logs {
        spans.push(Span::styled(
            format!(" {} and worse ", app.logs.level_name()),
            app.style(Token::Muted),
        ));
    }
    if !list.filter.is_empty() {
        let all = rows::count(&app.snapshot, pane);
        let text = match pane {
            Pane::Logs => format!(" /{} ", clean(&list.filter)),
            _ => format!(" /{}: {} of {all} ", clean(&list.filter), list.rows.len()),
        };
        spans.push(Span::styled(text, app.style(Token::Match)));
    }
    if list.rows.len() > list.height && list.height > 0 && pane != Pane::Logs {
        let first = list.offset + 1;
        let last = (list.offset + list.height).min(list.rows.len());
        let text = format!(
            " {}-{} of {} ",
            format::number(first as u64),
            format::number(last as u64),
            format::number(list.rows.len() as u64)
        );
        spans.push(Span::styled(text, app.style(Token::Muted)));
    }
    Line::from(spans)
}

/// Ceremonies: the list, and under it the matrix of the selected one.
fn with_matrix(frame: &mut Frame<'_>, area: Rect, app: &mut App, focus: bool) {
    let list_state = app.list(Pane::Ceremonies);
    let selected = list_state
        .position(&app.snapshot)
        .and_then(|at| list_state.rows.get(at))
        .and_then(|i| app.snapshot.ceremonies.get(*i))
        .cloned();
    let Some(ceremony) = selected.filter(|_| area.height >= 9) else {
        list(frame, area, app, Pane::Ceremonies, focus);
        return;
    };
    let wanted = matrix::height(&ceremony).min(area.height.saturating_sub(5));
    let listed = (list_state.rows.len() as u16 + 1).min(area.height - wanted - 1);
    let [upper, rule, lower] = Layout::vertical([
        Constraint::Length(listed),
        Constraint::Length(1),
        Constraint::Fill(1),
    ])
    .areas(area);
    list(frame, upper, app, Pane::Ceremonies, focus);
    let line = if app.settings.ascii { "-" } else { "─" };
    let rule_text = line.repeat(usize::from(rule.width));
    frame.render_widget(
        Line::from(Span::styled(rule_text, app.style(Token::Border))),
        rule,
    );
    matrix::draw(frame, lower, app, &ceremony);
}

/// A list as a table.
fn list(frame: &mut Frame<'_>, area: Rect, app: &mut App, pane: Pane, focus: bool) {
    let snapshot = app.snapshot.clone();
    let height = table::rows_in(area);
    app.list_mut(pane).scroll_to(&snapshot, height);
    if app.list(pane).rows.is_empty() {
        empty(frame, area, app, pane);
        return;
    }
    let body = Rect {
        y: area.y + 1,
        height: area.height.saturating_sub(1),
        ..area
    };
    app.hits.push((body, Hit::Rows(pane)));
    let list = app.list(pane);
    let alone = app.tab != Tab::Overview;
    let columns: &[Column] = columns(pane, alone);
    let table = Table {
        columns,
        offset: list.offset,
        len: list.rows.len(),
        selected: list.position(&snapshot),
        focus: focus && app.details.is_empty(),
        theme: &app.settings.theme,
        ascii: app.settings.ascii,
    };
    table.draw(frame, area, |at| match list.rows.get(at) {
        Some(index) => cells(app, pane, *index),
        None => vec![],
    });
}

fn columns(pane: Pane, alone: bool) -> &'static [Column] {
    match pane {
        Pane::Approvals => approvals::COLUMNS,
        Pane::Events if alone => events::COLUMNS_ALONE,
        Pane::Events => events::COLUMNS,
        Pane::Ceremonies => ceremonies::COLUMNS,
        Pane::Transactions => transactions::COLUMNS,
        Pane::Exits => exits::COLUMNS,
        Pane::Validators => validators::COLUMNS,
        Pane::Logs => &[],
    }
}

fn cells(app: &App, pane: Pane, index: usize) -> Vec<Cell> {
    let snapshot = &app.snapshot;
    match pane {
        Pane::Approvals => approvals::cells(app, &snapshot.actions[index]),
        Pane::Events => events::cells(app, &snapshot.cases[index], app.tab != Tab::Overview),
        Pane::Ceremonies => ceremonies::cells(app, &snapshot.ceremonies[index]),
        Pane::Transactions => transactions::cells(app, &snapshot.transactions[index]),
        Pane::Exits => exits::cells(app, &snapshot.exits[index]),
        Pane::Validators => validators::cells(app, &snapshot.validators[index]),
        Pane::Logs => vec![],
    }
}

/// Why there is nothing to see.
fn empty(frame: &mut Frame<'_>, area: Rect, app: &App, pane: Pane) {
    let list = app.list(pane);
    let link = app.snapshot.chain.link;
    let (token, text) = if !list.filter.is_empty() {
        let esc = app.settings.keys.label(Group::List, Command::Clear);
        (
            Token::Muted,
            format!("Nothing contains \"{}\". {esc} shows all again.", list.filter),
        )
    } else if link == LinkState::Connecting {
        (
            Token::Info,
            "Connecting: nothing has been read from the chain yet.".to_owned(),
        )
    } else if link == LinkState::CatchingUp && pane == Pane::Events {
        (
            Token::Info,
            "Reading the contract's past events. Requests appear as they are found.".to_owned(),
        )
    } else if link == LinkState::Down {
        (
            Token::Danger,
            "No execution node answers: what is missing here may only be unseen.".to_owned(),
        )
    } else {
        (Token::Muted, explanation(pane).to_owned())
    };
    let lines = wrap(&clean(&text), usize::from(area.width.saturating_sub(2)).max(1));
    for (row, line) in area.rows().zip(lines) {
        let row = Rect {
            x: row.x + 1,
            width: row.width.saturating_sub(1),
            ..row
        };
        frame.render_widget(Line::from(Span::styled(line, app.style(token))), row);
    }
}

fn explanation(pane: Pane) -> &'static str {
    match pane {
        Pane::Approvals => {
            "Nothing waits. What the oracle wants to do next appears here first, and waits for you."
        }
        Pane::Events => {
            "No requests yet. Deposits, reshares and exits that the pool contract asks for appear here."
        }
        Pane::Ceremonies => {
            "No ceremonies yet. Key generations, reshares and signings run here, operator by operator."
        }
        Pane::Transactions => "No transactions yet. Each one is followed here until its block is final.",
        Pane::Exits => {
            "No exits. When the contract asks for one, the operators sign it, you approve it by a typed phrase, and it is followed here until the stake is withdrawn."
        }
        Pane::Validators => "No validators yet. Each pool's validator appears here once its key exists.",
        Pane::Logs => "",
    }
}
