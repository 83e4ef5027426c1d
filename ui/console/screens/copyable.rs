//! Values worth copying, in full.

use casimir_dkg::view::{Cause, FactKind, Payload};

use crate::console::app::{App, RowId, Target, rows};

/// Label and value, the most likely one first.
pub(crate) fn values(app: &App) -> Vec<(String, String)> {
    let mut out = Vec::new();
    let mut add = |label: &str, value: String| {
        if !out.iter().any(|(_, v)| *v == value) {
            out.push((label.to_owned(), value));
        }
    };
    let snapshot = &app.snapshot;
    let subject = match app.details.last().map(|d| d.target) {
        Some(Target::Status) => {
            if let Some(address) = snapshot.signer.address {
                add("oracle address", address.to_string());
            }
            add("manager contract", snapshot.network.manager.to_string());
            add("journal head", snapshot.journal.head.to_string());
            add("journal file", snapshot.journal.path.to_string());
            return out;
        }
        _ => app.subject(),
    };
    match subject {
        None => {}
        Some(RowId::Action(id)) => {
            let Some(action) = rows::action(snapshot, id) else {
                return out;
            };
            add("digest", action.digest.to_string());
            for fact in &action.facts {
                if matches!(fact.kind, FactKind::Address | FactKind::Hex) {
                    add(&fact.label, fact.value.to_string());
                }
            }
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
            add("action id", id.to_string());
        }
        Some(RowId::Case(id)) => {
            let Some(case) = rows::case(snapshot, id) else {
                return out;
            };
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
            add("case id", id.to_string());
        }
        Some(RowId::Ceremony(id)) => add("request id and topic", id.to_string()),
        Some(RowId::Transaction(action, nonce)) => {
            let Some(tx) = rows::transaction(snapshot, action, nonce) else {
                return out;
            };
            for (i, hash) in tx.hashes.iter().rev().enumerate() {
                add(if i == 0 { "hash" } else { "earlier hash" }, hash.to_string());
            }
            add("signed bytes", tx.raw.to_string());
        }
        Some(RowId::Exit(id)) => {
            let Some(exit) = rows::exit(snapshot, id) else {
                return out;
            };
            add("validator", exit.validator.to_string());
            if let Some(index) = exit.validator_index {
                add("validator index", index.to_string());
            }
        }
        Some(RowId::Validator(key)) => {
            add("public key", key.to_string());
            if let Some(index) = rows::validator(snapshot, key).and_then(|v| v.index) {
                add("validator index", index.to_string());
            }
        }
    }
    out
}
