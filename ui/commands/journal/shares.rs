//! `journal shares`: which shares an operator must hold, by the ceremonies that this journal has verified. A node that was
//! lost with its directory has nobody else to ask.

use std::collections::BTreeSet;

use anyhow::bail;
use casimir_dkg::dkg::rockx::node::store::{Named, expectation};
use casimir_dkg::journal::{self, JournalOptions};
use casimir_dkg::types::{CeremonyResult, OperatorId, RequestId};
use serde::Deserialize;

use crate::exit::Outcome;
use crate::output;

const KIND: &str = "ceremony-verified";

#[derive(Deserialize)]
struct Verified {
    request: RequestId,
    result: CeremonyResult,
}

/// Prints a manifest, as one stands beside a store: `doctor operator --expect` and people read it.
pub(super) fn run(journal: &JournalOptions, operator: OperatorId, json: bool) -> anyhow::Result<Outcome> {
    let (_, entries) = journal::verify_at(journal)?;
    let (mut named, mut others) = (Vec::new(), BTreeSet::new());
    for entry in entries.iter().filter(|entry| entry.kind == KIND) {
        let Verified { request, result } = serde_json::from_str(&entry.body)?;
        let (validator, shares) = match result {
            CeremonyResult::Keygen(output) => (output.validator, output.encrypted_shares),
            CeremonyResult::Reshare(output) => (output.validator, output.encrypted_shares),
            CeremonyResult::Sign { .. } => continue,
        };
        others.extend(shares.keys().map(ToString::to_string));
        if shares.contains_key(&operator) {
            named.push(Named {
                ceremony: request,
                validator,
            });
        }
    }
    if named.is_empty() {
        let others: Vec<String> = others.into_iter().collect();
        bail!(
            "operator {operator} has no share by {}: operators with shares are {}",
            journal.path.display(),
            if others.is_empty() {
                "none".to_owned()
            } else {
                others.join(", ")
            }
        );
    }
    if json {
        named.iter().for_each(|named| {
            output::json(&serde_json::json!({ "validator": named.validator, "ceremony": named.ceremony }));
        });
    } else {
        output::line(expectation(operator, &named).trim_end());
    }
    Ok(Outcome::Success)
}
