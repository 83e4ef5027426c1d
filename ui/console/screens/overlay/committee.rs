//! The committee editor: every operator with what speaks for and against it.
//!
//! ```text
//! ╭ committee of reshare/3#1 ─────────────────────────────────────────────╮
//! │ [x]   1 alpha     ✓ up        0.2.13    12 ms  14 done, 0 failed         │
//! │ [ ]   4 delta     ✗ down      -                 9 done, 3 failed  leaves │
//! ╰─ 4 chosen: any 3 of them can sign ─────────────────────────────────────╯
//! ```

use casimir_dkg::view::{CommitteeView, OperatorView};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::Clear;

use super::{items, middle};
use crate::console::app::{App, Editor};
use crate::console::theme::Token;
use crate::console::widgets::frame as frame_widget;
use crate::console::widgets::status;
use crate::console::widgets::table::{self, Cell, Column, Table, fixed, number, rest};
use crate::console::widgets::text::{clean, wrap};

const COLUMNS: &[Column] = &[
    fixed("", 3, 0),
    number("id", 4, 0),
    fixed("name", 14, 1),
    fixed("health", 11, 0),
    fixed("version", 9, 3),
    number("latency", 8, 5),
    fixed("ceremonies", 18, 2),
    fixed("change", 7, 0),
    rest("note", 10, 4),
];

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, app: &mut App, editor: &mut Editor) {
    let snapshot = app.snapshot.clone();
    let operators = &snapshot.operators;
    let summary = summary(app, editor, usize::from(area.width.saturating_sub(6)));
    let height = operators.len() as u16 + 4 + summary.len() as u16;
    let area = middle(area, 112, height);
    frame.render_widget(Clear, area);
    let title = frame_widget::title(app, &format!("committee of {}", editor.action), None, true);
    let inner = frame_widget::draw(frame, area, app, title, Line::default(), true);
    let [list, gap] =
        Layout::vertical([Constraint::Fill(1), Constraint::Length(summary.len() as u16 + 1)]).areas(inner);
    let rows = table::rows_in(list);
    let at = editor.selected.min(operators.len().saturating_sub(1));
    editor.offset = editor.offset.clamp((at + 1).saturating_sub(rows).min(at), at);
    let table = Table {
        columns: COLUMNS,
        offset: editor.offset,
        len: operators.len(),
        selected: (!operators.is_empty()).then_some(at),
        focus: true,
        theme: &app.settings.theme,
        ascii: app.settings.ascii,
    };
    table.draw(frame, list, |i| cells(app, editor, &operators[i]));
    let shown = editor.offset..operators.len().min(editor.offset + rows);
    items(app, list, list.y + 1, shown);
    for (row, line) in gap.rows().skip(1).zip(summary) {
        let row = Rect {
            x: row.x + 1,
            width: row.width.saturating_sub(1),
            ..row
        };
        frame.render_widget(line, row);
    }
}

fn cells(app: &App, editor: &Editor, operator: &OperatorView) -> Vec<Cell> {
    let chosen = editor.chosen.contains(&operator.id);
    // a reshare changes who holds the key; a key generation only differs from the proposal
    let CommitteeView {
        proposed, holders, ..
    } = &editor.committee;
    let base = if holders.is_empty() { proposed } else { holders };
    let change = match (base.contains(&operator.id), chosen) {
        (true, false) => Cell::new(Token::Warn, "leaves"),
        (false, true) => Cell::new(Token::Info, "joins"),
        (true, true) => Cell::new(Token::Muted, "stays"),
        (false, false) => Cell::new(Token::Muted, ""),
    };
    let health = status::health(operator.health);
    let failed = operator.ceremonies_failed;
    let record = format!("{} done, {failed} failed", operator.ceremonies_done);
    vec![
        Cell::new(
            if chosen { Token::Emphasis } else { Token::Muted },
            if chosen { "[x]" } else { "[ ]" },
        ),
        Cell::new(Token::Text, operator.id),
        Cell::new(Token::Text, &operator.name),
        Cell::new(
            health.token,
            format!("{} {}", health.sign.glyph(app.settings.ascii), health.word),
        ),
        Cell::new(Token::Muted, &operator.version),
        Cell::new(
            Token::Muted,
            operator
                .latency_ms
                .map_or_else(String::new, |ms| format!("{ms} ms")),
        ),
        Cell::new(if failed > 0 { Token::Warn } else { Token::Muted }, record),
        change,
        Cell::new(Token::Muted, &operator.note),
    ]
}

/// What the choice means.
fn summary(app: &App, editor: &Editor, columns: usize) -> Vec<Line<'static>> {
    let n = editor.chosen.len();
    let (token, text) = match editor.committee.threshold(n) {
        Some(t) => (Token::Ok, format!("{n} chosen: any {t} of them can sign.")),
        None => (Token::Warn, {
            let sizes = editor.committee.sizes_in_words();
            format!("{n} chosen: a committee has {sizes} operators.")
        }),
    };
    let mut parts = vec![(token, text)];
    let holders = &editor.committee.holders;
    if holders.iter().any(|o| !editor.chosen.contains(o)) {
        parts.push((
            Token::Warn,
            "Operators that leave keep their old shares: enough of them together could still sign."
                .to_owned(),
        ));
    }
    let mut out = Vec::new();
    for (token, text) in parts {
        for line in wrap(&clean(&text), columns.min(106)) {
            out.push(Line::from(Span::styled(line, app.style(token))));
        }
    }
    out
}
