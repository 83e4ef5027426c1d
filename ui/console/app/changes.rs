//! What differs between an action as it was shown and as it is now, in words.

use std::collections::BTreeMap;

use casimir_dkg::view::{ActionView, Fact};

use crate::console::widgets::status;

/// One line for each difference; never empty for two different digests.
pub(crate) fn changes(before: &ActionView, now: &ActionView) -> Vec<String> {
    let mut out = Vec::new();
    let facts = |a: &ActionView| -> BTreeMap<String, String> {
        let of = |f: &Fact| (f.label.clone(), f.value.to_string());
        a.facts.iter().map(of).collect()
    };
    compare(&facts(before), &facts(now), &mut out);
    let checks = |a: &ActionView| -> BTreeMap<String, String> {
        let word = |c: &casimir_dkg::types::Check| {
            let verdict = status::check(c.status.into()).word.to_lowercase();
            (format!("check {}", c.name), verdict)
        };
        a.checks.iter().map(word).collect()
    };
    compare(&checks(before), &checks(now), &mut out);
    if before.title != now.title {
        out.push(format!("now: {}", now.title));
    }
    if before.payload != now.payload {
        out.push("the payload: other bytes would be sent".to_owned());
    }
    if out.is_empty() {
        out.push("its digest".to_owned());
    }
    out
}

fn compare(before: &BTreeMap<String, String>, now: &BTreeMap<String, String>, out: &mut Vec<String>) {
    for (label, old) in before {
        match now.get(label) {
            Some(new) if new == old => {}
            Some(new) => out.push(format!("{label}: {old} → {new}")),
            None => out.push(format!("{label}: {old} → gone")),
        }
    }
    for (label, new) in now.iter().filter(|(label, _)| !before.contains_key(*label)) {
        out.push(format!("{label}: new, {new}"));
    }
}
