//! Draws a pane: its frame, its list, and what stands there instead of rows. Loading, empty, filtered away, failed and
//! stale are different pictures.

use std::time::Duration;

use alloy::primitives::U256;
use casimir_dkg::types::CeremonyKind;
use casimir_dkg::view::{LinkState, ListKind};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Margin, Rect};
use ratatui::text::{Line, Span};

use super::detail::charts;
use super::panes::{APPROVALS, CEREMONIES, EVENTS, LOGS, Pane, TRANSACTIONS};
use crate::console::app::{App, Hit, Reading, Tab};
use crate::console::keys::{Command, Group};
use crate::console::theme::Token;
use crate::console::widgets::table::{self, Table};
use crate::console::widgets::text::{clean, wrap};
use crate::console::widgets::{format, frame as frame_widget, log, spark};

/// Draws a pane; `focus` says whether it has the keyboard.
pub(crate) fn draw(frame: &mut Frame<'_>, area: Rect, app: &mut App, pane: Pane, focus: bool) {
    app.hits.push((area, Hit::Pane(pane)));
    let count = (pane != LOGS).then(|| app.list(pane).count + left(app, pane) as usize);
    let title = frame_widget::title(app, pane.title(), count, focus);
    let inner = area.inner(Margin::new(1, 1));
    if pane == LOGS {
        log::draw(frame, inner, app);
    } else {
        with_more_beneath(frame, inner, app, pane, focus);
    }
    // last: only now is it known which rows are seen
    let notes = notes(app, pane, area.width);
    frame_widget::draw(frame, area, app, title, notes, focus);
}

/// How many rows of the pane the engine has, and the console does not.
fn left(app: &App, pane: Pane) -> u64 {
    pane.kind().map_or(0, |kind| app.older.left(&app.snapshot, kind))
}

/// The lower edge: whether it can be trusted, the filter, which part of a long list is seen, and how many are older.
fn notes(app: &App, pane: Pane, width: u16) -> Line<'static> {
    let mut spans = Vec::new();
    let mut note = |token, text: String| spans.push(Span::styled(text, app.style(token)));
    let list = app.list(pane);
    if pane == LOGS {
        note(Token::Muted, format!(" {} and worse ", app.logs.level_name()));
        if !list.filter.is_empty() {
            let (all, shown) = app.logs.counts(&list.filter);
            let text = format!(" filter {}: {shown} of {all} ", clean(&list.filter));
            note(Token::Match, text);
        }
        if let Some((at, of)) = app.found_at {
            note(Token::Match, format!(" /{} {at}/{of} ", clean(&app.search)));
        }
        if app.logs.is_held() {
            note(Token::Stale, " newer lines below ".to_owned());
        }
        return Line::from(spans);
    }
    if let Some(trend) = trend(app, pane).filter(|_| width >= LEAST_WITH_TREND) {
        note(Token::Info, trend);
    }
    if !list.rows.is_empty() {
        match app.snapshot.chain.link {
            LinkState::Stale => note(Token::Stale, " stale ".to_owned()),
            LinkState::Down => note(Token::Danger, " no connection ".to_owned()),
            LinkState::Connecting | LinkState::CatchingUp | LinkState::Live => {}
        }
    }
    if pane == APPROVALS && !app.marked.is_empty() {
        note(Token::Emphasis, format!(" {} marked ", app.marked.len()));
    }
    if let Some((by, turned)) = list.sort {
        let way = match (turned, app.settings.ascii) {
            (false, true) => "v",
            (true, true) => "^",
            (false, false) => "↓",
            (true, false) => "↑",
        };
        let name = pane.sorts().get(by).copied().unwrap_or_default();
        note(Token::Emphasis, format!(" {name} {way} "));
    }
    if !list.filter.is_empty() {
        note(
            Token::Match,
            format!(
                " /{}: {} of {} ",
                clean(&list.filter),
                list.rows.len(),
                list.count
            ),
        );
    }
    let number = |n: usize| format::number(n as u64);
    if list.rows.len() > list.height && list.height > 0 {
        let last = (list.offset + list.height).min(list.rows.len());
        let (first, last, all) = (number(list.offset + 1), number(last), number(list.rows.len()));
        note(Token::Muted, format!(" {first}-{last} of {all} "));
    }
    if let Some((token, text)) = older(app, pane) {
        note(token, text);
    }
    Line::from(spans)
}

/// Narrower panes need their lower edge for more important things.
const LEAST_WITH_TREND: u16 = 70;
/// Columns of blocks there.
const TREND: usize = 12;

/// What is measured of the things in a pane.
fn trend(app: &App, pane: Pane) -> Option<String> {
    let trends = &app.snapshot.trends;
    let newest = |values: &[Option<u64>]| values.iter().rev().find_map(|value| *value);
    let (what, values, now) = if pane == CEREMONIES {
        let (took, _) = charts::durations(app, CeremonyKind::Keygen);
        let last = Duration::from_millis(newest(&took)?);
        ("keygens", took, format::short(last))
    } else if pane == TRANSACTIONS {
        let fees = trends.base_fee_wei.values();
        let last = format::gwei_short(U256::from(newest(fees)?));
        ("base fee", fees.to_vec(), format!("{last} gwei"))
    } else if pane == EVENTS {
        let queue = trends.queue.values();
        ("queue", queue.to_vec(), newest(queue)?.to_string())
    } else {
        return None;
    };
    // one value alone tells no story
    let blocks = Some(spark::line(&values, TREND, app.settings.ascii)).filter(|_| values.len() > 1)?;
    Some(format!(" {what} {blocks} {now} "))
}

/// What is older than the last row.
fn older(app: &App, pane: Pane) -> Option<(Token, String)> {
    let kind = pane.kind()?;
    let left = app.older.left(&app.snapshot, kind);
    let many = format::number(left);
    Some(match app.older.page(kind) {
        _ if left == 0 => return None,
        _ if app.older.is_full(kind) => (Token::Muted, format!(" {many} older: in the journal ")),
        Reading::Asked => (Token::Pending, format!(" reading {many} older ")),
        Reading::Failed(why) => (Token::Danger, format!(" {many} older: {} ", clean(&why))),
        Reading::Idle | Reading::Absent => (Token::Muted, format!(" {many} older ")),
    })
}

/// The head of a list and three of its rows stay above what is drawn beneath it.
const LEAST_LISTED: u16 = 4;

/// The list, and under it what the pane has to say of the selected row.
fn with_more_beneath(frame: &mut Frame<'_>, area: Rect, app: &mut App, pane: Pane, focus: bool) {
    let list_state = app.list(pane);
    let selected = list_state
        .position(app.known())
        .and_then(|at| list_state.rows.get(at))
        .copied();
    let height = selected.map_or(0, |row| pane.height_beneath(app.known(), row));
    let Some(selected) = selected.filter(|_| height > 0 && area.height >= height.min(5) + LEAST_LISTED)
    else {
        list(frame, area, app, pane, focus);
        return;
    };
    let wanted = height.min(area.height.saturating_sub(LEAST_LISTED + 1));
    let listed = (list_state.rows.len() as u16 + 1).min(area.height - wanted - 1);
    let [upper, rule, lower] = Layout::vertical([
        Constraint::Length(listed),
        Constraint::Length(1),
        Constraint::Fill(1),
    ])
    .areas(area);
    list(frame, upper, app, pane, focus);
    let line = if app.settings.ascii { "-" } else { "─" };
    let rule_text = line.repeat(usize::from(rule.width));
    frame.render_widget(
        Line::from(Span::styled(rule_text, app.style(Token::Border))),
        rule,
    );
    pane.draw_beneath(frame, lower, app, selected);
}

/// A list as a table.
fn list(frame: &mut Frame<'_>, area: Rect, app: &mut App, pane: Pane, focus: bool) {
    app.with_list(pane, |list, known| list.scroll_to(known, table::rows_in(area)));
    if app.list(pane).rows.is_empty() {
        picture(frame, area, app, pane);
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
    let table = Table {
        columns: pane.columns(alone),
        offset: list.offset,
        len: list.rows.len(),
        selected: list.position(app.known()),
        focus: focus && app.details.is_empty(),
        theme: &app.settings.theme,
        ascii: app.settings.ascii,
    };
    table.draw(frame, area, |at| match list.rows.get(at) {
        Some(row) => pane.cells(app, *row, alone),
        None => vec![],
    });
}

/// Why there is nothing to see.
fn picture(frame: &mut Frame<'_>, area: Rect, app: &App, pane: Pane) {
    let (token, text) = why_empty(app, pane);
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

fn why_empty(app: &App, pane: Pane) -> (Token, String) {
    let filter = &app.list(pane).filter;
    if !filter.is_empty() {
        let esc = app.settings.keys.label(Group::List, Command::Clear);
        let text = match left(app, pane) {
            0 => format!("Nothing contains \"{filter}\". {esc} shows all again."),
            older => format!(
                "Nothing here contains \"{filter}\"; {} older ones are not read yet, down reads on. {esc} shows all \
                 again.",
                format::number(older)
            ),
        };
        return (Token::Muted, text);
    }
    if app.past.is_some() {
        // who answered then is not journaled, so an empty list is no sign of it
        let text = match pane.kind() {
            Some(_) => "None at this moment of the journal.",
            None => "Not kept: what the chain said then is not in the journal.",
        };
        return (Token::Muted, text.to_owned());
    }
    let (token, text) = match app.snapshot.chain.link {
        LinkState::Connecting => (
            Token::Info,
            "Connecting: nothing has been read from the chain yet.",
        ),
        LinkState::CatchingUp if reads_past_events(pane) => return (Token::Info, past_events(app)),
        LinkState::Down => (
            Token::Danger,
            "No execution node answers: what is missing here may only be unseen.",
        ),
        LinkState::Stale => (
            Token::Stale,
            "No new block for longer than expected: what is missing here may only be late.",
        ),
        LinkState::CatchingUp | LinkState::Live => (Token::Muted, pane.empty()),
    };
    (token, text.to_owned())
}

/// What waits is known from the contract's state long before its past events are read.
fn past_events(app: &App) -> String {
    let chain = &app.snapshot.chain;
    let queue: Vec<_> = chain.ready_queue.iter().map(ToString::to_string).collect();
    let waits = match queue.as_slice() {
        [] => "Nothing waits in the contract's ready queue.".to_owned(),
        [pool] => format!("Pool {pool} waits in the contract's ready queue."),
        pools => format!("Pools {} wait in the contract's ready queue.", pools.join(", ")),
    };
    let how_far = match chain.histories.first() {
        Some(history) => format!(" {}: {}.", history.what, history.words()),
        None => String::new(),
    };
    format!("{waits} Its past events are being read; requests appear as they are found.{how_far}")
}

/// Cases are what the contract's events become.
fn reads_past_events(pane: Pane) -> bool {
    pane.kind() == Some(ListKind::Cases)
}
