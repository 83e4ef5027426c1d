//! What a journal has of one case: its own records, those of its ceremonies, and what became of their keys.

use std::collections::BTreeSet;

use anyhow::bail;
use casimir_dkg::journal::Entry;
use casimir_dkg::types::CaseId;
use serde_json::Value;

/// Cases that an error names.
const NAMED: usize = 12;

/// A record and its text as JSON; `null` where another program wrote what is none.
pub(crate) struct Told<'a> {
    pub entry: &'a Entry,
    pub body: Value,
}

/// The records of a case, oldest first.
///
/// # Errors
/// The journal knows no such case.
pub(crate) fn records_of(entries: &[Entry], case: CaseId) -> anyhow::Result<Vec<Told<'_>>> {
    let told: Vec<Told<'_>> = entries
        .iter()
        .map(|entry| Told {
            entry,
            body: serde_json::from_str(&entry.body).unwrap_or(Value::Null),
        })
        .collect();
    let name = case.to_string();
    let opened = |told: &&Told<'_>| told.entry.kind == "case-opened";
    let cases: Vec<&str> = told
        .iter()
        .filter(opened)
        .filter_map(|told| told.body["case"].as_str())
        .collect();
    if !cases.contains(&name.as_str()) {
        let some: Vec<&str> = cases.iter().rev().take(NAMED).copied().collect();
        match (some.len(), cases.len()) {
            (0, _) => bail!("the journal knows no case {name}; it has none at all"),
            (some_of, all) if some_of < all => {
                bail!(
                    "the journal knows no case {name}; its newest are {}",
                    some.join(", ")
                )
            }
            _ => bail!("the journal knows no case {name}; it has {}", some.join(", ")),
        }
    }
    let (mut requests, mut keys) = (BTreeSet::new(), BTreeSet::new());
    let mut mine = Vec::new();
    for told in told {
        let request = told.body["request"].as_str().unwrap_or_default().to_owned();
        let key = told.body["validator"].as_str().unwrap_or_default();
        let named = concerns(&told.body, &name);
        if named && told.entry.kind == "ceremony-started" {
            requests.insert(request.clone());
        }
        let is_of_ceremony = requests.contains(&request);
        if is_of_ceremony && let Some(key) = told.body["result"]["validator"].as_str() {
            keys.insert(key.to_owned());
        }
        if named || is_of_ceremony || (told.entry.kind == "key-condemned" && keys.contains(key)) {
            mine.push(told);
        }
    }
    Ok(mine)
}

/// Whether a record names the case, or an action of it, anywhere.
fn concerns(body: &Value, name: &str) -> bool {
    match body {
        Value::String(text) => {
            text == name || text.strip_prefix(name).is_some_and(|rest| rest.starts_with('#'))
        }
        Value::Array(items) => items.iter().any(|item| concerns(item, name)),
        Value::Object(fields) => fields.values().any(|field| concerns(field, name)),
        _ => false,
    }
}
