//! Pool events: one row for each request of the contract, with where its case stands.

use casimir_dkg::view::{CaseStatus, CaseView, Cause, ListKind, RowId};
use ratatui::Frame;
use ratatui::layout::Rect;

use super::{Describe, Names, Place, Standing};
use crate::console::app::{App, Known, Stack};
use crate::console::screens::{detail, stages};
use crate::console::theme::Token;
use crate::console::widgets::page::Page;
use crate::console::widgets::table::{Cell, Column, fixed, number, rest};
use crate::console::widgets::{format, status};

#[derive(Debug)]
pub(super) struct Events;

const COLUMNS: &[Column] = &[
    fixed("state", 12, 0),
    fixed("case", 11, 0),
    fixed("stage", 16, 4),
    number("since", 8, 2),
    rest("", 20, 1),
];

const COLUMNS_ALONE: &[Column] = &[
    fixed("state", 12, 0),
    fixed("case", 11, 0),
    fixed("stage", 16, 3),
    number("since", 8, 2),
    rest("", 30, 1),
    fixed("validator", 21, 4),
    fixed("opened (UTC)", 19, 5),
];

impl Describe for Events {
    type Row = CaseView;

    fn names(&self) -> Names {
        Names {
            short: "events",
            shortest: "events",
            ..Names::of("pool events")
        }
    }

    fn empty(&self) -> &'static str {
        "No requests yet. Deposits, reshares and exits that the pool contract asks for appear here."
    }

    fn columns(&self, alone: bool) -> &'static [Column] {
        if alone { COLUMNS_ALONE } else { COLUMNS }
    }

    fn rows<'a>(&self, known: Known<'a>) -> Stack<'a, CaseView> {
        known.cases()
    }

    fn kind(&self) -> Option<ListKind> {
        Some(ListKind::Cases)
    }

    fn id(&self, case: &CaseView) -> RowId {
        RowId::Case(case.id)
    }

    fn standing(&self, case: &CaseView) -> Standing {
        match case.status {
            CaseStatus::AwaitingDecision => Standing::Waits,
            CaseStatus::Preparing | CaseStatus::Ceremony | CaseStatus::Sending => Standing::Runs,
            _ if case.is_over() => Standing::Over,
            _ => Standing::Open,
        }
    }

    fn sorts(&self) -> &'static [&'static str] {
        &["pool", "kind", "state"]
    }

    fn place(&self, case: &CaseView, by: usize) -> Place {
        match by {
            0 => Place::up(case.pool.0),
            1 => Place::word(case.kind),
            _ => Place::word(case.status),
        }
    }

    fn search(&self, case: &CaseView) -> String {
        let key = case.validator.map(|v| v.to_string()).unwrap_or_default();
        format!("{} {} {} {key}", case.id, case.status, case.sentence)
    }

    fn cells(&self, app: &App, case: &CaseView, alone: bool) -> Vec<Cell> {
        let state = status::case(case.shown());
        let over = case.is_over() || case.status == CaseStatus::Orphaned;
        let mut cells = vec![
            Cell::new(
                state.token,
                format!("{} {}", state.sign.glyph(app.settings.ascii), state.word),
            ),
            Cell::new(if over { Token::Muted } else { Token::Emphasis }, case.id),
            Cell::new(Token::Muted, stages::cell(app, case)),
            Cell::new(
                Token::Muted,
                format::age(app.clock().since(app.stands_since(case))),
            ),
            Cell::new(if over { Token::Muted } else { Token::Text }, &case.sentence),
        ];
        if alone {
            cells.push(match case.validator {
                Some(key) => Cell::hex(key),
                None => Cell::new(Token::Muted, "no key yet"),
            });
            let opened = case.opened_at.to_rfc3339();
            cells.push(Cell::new(
                Token::Muted,
                format!("{} {}", &opened[..10], &opened[11..19]),
            ));
        }
        cells
    }

    fn height_beneath(&self, _: &CaseView) -> u16 {
        stages::HEIGHT
    }

    fn draw_beneath(&self, frame: &mut Frame<'_>, area: Rect, app: &App, case: &CaseView) {
        let lines = stages::lines(app, case, usize::from(area.width.saturating_sub(1)));
        for (row, line) in area.rows().zip(lines) {
            let row = Rect {
                x: row.x + 1,
                width: row.width.saturating_sub(1),
                ..row
            };
            frame.render_widget(line, row);
        }
    }

    fn page(&self, page: &mut Page<'_>, app: &App, case: &CaseView) -> Option<String> {
        detail::case::build(page, app, case);
        Some(format!("case {}", case.id))
    }

    fn copyable(&self, case: &CaseView) -> Vec<(String, String)> {
        let mut out = Vec::new();
        let mut add = |label: &str, value: String| out.push((label.to_owned(), value));
        if let Some(key) = case.validator {
            add("validator", key.to_string());
        }
        match &case.cause {
            Cause::Event { log } => {
                add("event's transaction", log.transaction.to_string());
                add("event's block", log.block.hash.to_string());
            }
            Cause::State { block } => add("block", block.hash.to_string()),
            Cause::Manual { .. } => {}
        }
        if let Some(ceremony) = case.ceremony {
            add("ceremony", ceremony.to_string());
        }
        add("case id", case.id.to_string());
        out
    }
}
