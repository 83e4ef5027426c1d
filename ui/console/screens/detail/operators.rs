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
use crate::console::widgets::text::{clean, fit, middle};

const COLUMNS: [(&str, usize); 7] = [
    ("id", 4),
    ("name", 12),
    ("key", 12),
    ("stands", 26),
    ("version", 9),
    ("done", 5),
    ("failed", 6),
];

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
    let muted = |text: &str| (Token::Muted, text.to_owned());
    let head: Vec<_> = COLUMNS
        .iter()
        .map(|(name, width)| (muted(name), *width))
        .collect();
    page.cells(&head);
    for id in ids {
        one(page, app, action, *id);
    }
}

fn one(page: &mut Page<'_>, app: &App, action: &ActionView, id: OperatorId) {
    let ascii = app.settings.ascii;
    let fact = action.facts.iter().find(|f| f.label == label(id));
    // the engine's sentence begins with what becomes of it and its rank
    let stands = fact.map_or("", |f| f.value.as_str().split(':').next().unwrap_or_default());
    let token = match fact.map(|f| f.kind) {
        Some(FactKind::Warning) => Token::Warn,
        _ => Token::Text,
    };
    let Some(operator) = app.snapshot.operators.iter().find(|o| o.id == id) else {
        page.cells(&[
            ((Token::Text, id.to_string()), 4),
            ((Token::Warn, "not configured".to_owned()), 0),
        ]);
        return;
    };
    let cut = |text: &str, n: usize| fit(&clean(text), COLUMNS[n].1 - 1, ascii).into_owned();
    let key = match &operator.key {
        Some(key) => (Token::Value, middle(key, COLUMNS[2].1 - 1, ascii).into_owned()),
        None => (Token::Muted, "not known".to_owned()),
    };
    let failed = match operator.ceremonies_failed {
        0 => Token::Text,
        _ => Token::Warn,
    };
    let cells = [
        (Token::Text, id.to_string()),
        (Token::Emphasis, cut(operator.name.as_str(), 1)),
        key,
        (token, cut(stands, 3)),
        (Token::Text, cut(operator.version.as_str(), 4)),
        (Token::Text, operator.ceremonies_done.to_string()),
        (failed, operator.ceremonies_failed.to_string()),
    ];
    let widths = COLUMNS.iter().map(|(_, width)| *width);
    page.cells(&cells.into_iter().zip(widths).collect::<Vec<_>>());
    let health = status::health(operator.health);
    let latency = operator
        .latency_ms
        .map(|ms| format!(", answers in {ms} ms"))
        .unwrap_or_default();
    let text = format!("    {}, {}{latency}", operator.endpoint, health.word);
    page.cells(&[((Token::Muted, text), 0)]);
}
