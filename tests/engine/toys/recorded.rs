//! What front ends are tested with: the views of the toys' deposit. To record it anew:
//!
//! ```text
//! cargo test --test whole record_the_toys -- --ignored
//! ```
//!
//! and look at the pane that draws it (`ui/console/screens/panes/toy.rs`).

use std::path::PathBuf;

use casimir_dkg::types::{CeremonyPlan, Check};
use casimir_dkg::view::{Payload, Snapshot};
use serde_json::{Value, json};

fn file() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/views/toy-deposit.json")
}

pub(super) fn read() -> Snapshot {
    serde_json::from_slice(&std::fs::read(file()).unwrap()).unwrap()
}

pub(super) fn plan() -> CeremonyPlan {
    let payloads = read().actions.into_iter().map(|action| action.payload);
    let mut plans = payloads.filter_map(|payload| match payload {
        Payload::Ceremony(ceremony) => Some(ceremony.plan),
        Payload::Transaction(_) | Payload::Exit(_) => None,
    });
    plans.next().unwrap()
}

/// Without the place on this machine.
pub(super) fn write(snapshot: &Snapshot) {
    let mut snapshot = snapshot.clone();
    snapshot.journal.path = "journal.sqlite".into();
    snapshot.journal.checkpoint = Some("journal.checkpoint".into());
    let text = serde_json::to_string_pretty(&snapshot).unwrap() + "\n";
    std::fs::write(file(), text).unwrap();
}

/// What is the same at every run: no key, time, hash or address, and of the actions those that took effect.
pub(super) fn lasting(snapshot: &Snapshot) -> Value {
    let checks = |checks: &[Check]| -> Vec<_> {
        checks
            .iter()
            .map(|check| (check.name.clone(), check.status))
            .collect()
    };
    let cases = snapshot.cases.iter();
    let cases: Vec<_> = cases
        .map(|case| json!([case.id, case.status, case.validator.is_some()]))
        .collect();
    let ceremonies = snapshot.ceremonies.iter();
    let ceremonies: Vec<_> = ceremonies
        .map(|ceremony| {
            let rows = ceremony.operators.iter();
            let rows: Vec<_> = rows
                .map(|(id, row)| json!([id, row.state, row.seen.keys().collect::<Vec<_>>(), row.note]))
                .collect();
            json!({
                "case": ceremony.case,
                "kind": ceremony.kind,
                "threshold": ceremony.threshold,
                "steps": ceremony.steps,
                "rows": rows,
                "word": ceremony.word(),
                "checks": checks(&ceremony.checks),
            })
        })
        .collect();
    let done = snapshot
        .actions
        .iter()
        .filter(|action| action.state.word() == "done");
    let actions: Vec<_> = done
        .map(|action| {
            let labels: Vec<_> = action.facts.iter().map(|fact| &fact.label).collect();
            json!([
                action.kind,
                action.family,
                action.risk,
                labels,
                checks(&action.checks)
            ])
        })
        .collect();
    json!({
        "cases": cases,
        "ceremonies": ceremonies,
        "actions": actions,
        "transactions": snapshot.transactions.len(),
    })
}
