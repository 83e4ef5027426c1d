//! The operators of a ceremony that is proposed, as a table: who they are, by which key, and how they did so far.
//!
//! ```text
//! id  name        key           stands                    version  done  failed
//! 1   alpha       a1a1a1a1…a1a1 takes part, ranks 1 of 7  0.2.13   12    0
//!     http://127.0.0.1:9101, answers in 4 ms
//! ```

use casimir_dkg::types::{CeremonyPlan, OperatorId};
use casimir_dkg::view::{ActionView, FactKind, Payload};

use crate::console::app::App;
use crate::console::theme::Token;
use crate::console::widgets::page::Page;
use crate::console::widgets::status;
use crate::console::widgets::table::grow;
use crate::console::widgets::text::{clean, fit, middle, width};

const COLUMNS: [(&str, usize); 7] = [
    ("id", 4),
    ("name", 12),
    ("key", 12),
    ("stands", 26),
    ("version", 9),
    ("done", 5),
    ("failed", 6),
];

/// Which of them has the key.
const KEY: usize = 2;

/// What the engine says of one operator, in a fact of its own.
pub(super) fn label(id: OperatorId) -> String {
    format!("operator {id}")
}

/// Who is asked, and who is in question beside them.
pub(super) fn ids(app: &App, action: &ActionView) -> Vec<OperatorId> {
    let Payload::Ceremony(ceremony) = &action.payload else {
        return Vec::new();
    };
    let mut ids = match &ceremony.plan {
        CeremonyPlan::Keygen { committee, .. } | CeremonyPlan::Sign { committee, .. } => committee.clone(),
        CeremonyPlan::Reshare { old, new, .. } => {
            let staying = old.iter().filter(|id| !new.contains(id));
            new.iter().chain(staying).copied().collect()
        }
    };
    let known = app.snapshot.operators.iter().map(|o| o.id);
    let others = known.filter(|id| action.facts.iter().any(|f| f.label == label(*id)));
    for other in others {
        if !ids.contains(&other) {
            ids.push(other);
        }
    }
    ids
}

pub(super) fn build(page: &mut Page<'_>, app: &App, action: &ActionView, ids: &[OperatorId]) {
    if ids.is_empty() {
        return;
    }
    page.heading("Operators");
    let rows: Vec<_> = ids.iter().map(|id| (*id, row(app, action, *id))).collect();
    let widths = widths(page.width(), rows.iter().filter_map(|(_, row)| row.as_ref()));
    let head = COLUMNS.iter().zip(&widths);
    let head: Vec<_> = head
        .map(|((name, _), width)| ((Token::Muted, (*name).to_owned()), *width))
        .collect();
    page.cells(&head);
    for (id, row) in rows {
        match row {
            Some(row) => one(page, app, &row, &widths),
            None => page.cells(&[((Token::Text, id.to_string()), widths[0]), (unknown(app), 0)]),
        }
    }
}

/// An operator's cells in the order of the columns, and what is said beneath them.
struct Row {
    cells: [(Token, String); COLUMNS.len()],
    beneath: String,
}

/// Who was configured is not journaled.
fn unknown(app: &App) -> (Token, String) {
    match app.past {
        Some(_) => (Token::Muted, "how it stood then is not kept".to_owned()),
        None => (Token::Warn, "not configured".to_owned()),
    }
}

/// None for one that is not configured.
fn row(app: &App, action: &ActionView, id: OperatorId) -> Option<Row> {
    let operator = app.snapshot.operators.iter().find(|o| o.id == id)?;
    let fact = action.facts.iter().find(|f| f.label == label(id));
    // the engine's sentence begins with what becomes of it and its rank
    let stands = fact.map_or("", |f| f.value.as_str().split(':').next().unwrap_or_default());
    let token = match fact.map(|f| f.kind) {
        Some(FactKind::Warning) => Token::Warn,
        _ => Token::Text,
    };
    let key = match &operator.key {
        Some(key) => (Token::Value, key.clone()),
        None => (Token::Muted, "not known".to_owned()),
    };
    let failed = match operator.ceremonies_failed {
        0 => Token::Text,
        _ => Token::Warn,
    };
    let plain = |text: &str| clean(text).into_owned();
    let latency = operator
        .latency_ms
        .map(|ms| format!(", answers in {ms} ms"))
        .unwrap_or_default();
    let health = status::health(operator.health);
    Some(Row {
        cells: [
            (Token::Text, id.to_string()),
            (Token::Emphasis, plain(operator.name.as_str())),
            key,
            (token, plain(stands)),
            (Token::Text, plain(operator.version.as_str())),
            (Token::Text, operator.ceremonies_done.to_string()),
            (failed, operator.ceremonies_failed.to_string()),
        ],
        beneath: format!("    {}, {}{latency}", operator.endpoint, health.word),
    })
}

/// Each column with its gap: as wide as what is written in it, where the page has room. A key is told by its two ends, so
/// it is the last to grow.
fn widths<'r>(page: usize, rows: impl Iterator<Item = &'r Row> + Clone) -> Vec<usize> {
    let mut widths: Vec<usize> = COLUMNS.iter().map(|(_, width)| *width).collect();
    let wanted = |n: usize| {
        rows.clone()
            .map(|row| width(&row.cells[n].1) + 1)
            .max()
            .unwrap_or(0)
    };
    let mut spare = page.saturating_sub(widths.iter().sum());
    let words: Vec<_> = (0..COLUMNS.len())
        .map(|n| if n == KEY { 0 } else { wanted(n) })
        .collect();
    let keys: Vec<_> = (0..COLUMNS.len())
        .map(|n| if n == KEY { wanted(n) } else { 0 })
        .collect();
    grow(&mut widths, &words, &mut spare);
    grow(&mut widths, &keys, &mut spare);
    widths
}

fn one(page: &mut Page<'_>, app: &App, row: &Row, widths: &[usize]) {
    let ascii = app.settings.ascii;
    let cells = row.cells.iter().zip(widths).enumerate();
    let cells: Vec<_> = cells
        .map(|(n, ((token, text), width))| {
            let room = width.saturating_sub(1);
            let text = match n {
                KEY => middle(text, room, ascii).into_owned(),
                _ => fit(text, room, ascii).into_owned(),
            };
            ((*token, text), *width)
        })
        .collect();
    page.cells(&cells);
    page.cells(&[((Token::Muted, row.beneath.clone()), 0)]);
}
