//! What became different of an action while it was looked at, what decides first.

use std::collections::BTreeMap;

use casimir_dkg::types::{CeremonyPlan, OperatorId, format_ether};
use casimir_dkg::view::{ActionView, FactKind, Payload, PeopleView};

use crate::console::widgets::status;

/// One line for each difference; never empty for two different digests. What would be sent comes first, then amounts and
/// addresses, then checks, and what is only said of it last. How fast somebody answers and which place that gives is no
/// difference.
pub(crate) fn changes(before: &ActionView, now: &ActionView) -> Vec<String> {
    let mut out = Vec::new();
    if let Some(worse) = now.worse().filter(|worse| Some(*worse) != before.worse()) {
        out.push(worse.to_string());
    }
    if !before.is_approved_as(now) {
        out.push(approved(now));
    }
    compare(&sent(&before.payload), &sent(&now.payload), &mut out);
    if before.payload != now.payload && sent(&before.payload) == sent(&now.payload) {
        out.push("the payload: other bytes would be sent".to_owned());
    }
    let (hard, soft): (Vec<_>, Vec<_>) = labels(before, now).into_iter().partition(|(_, hard)| *hard);
    facts(before, now, &hard, &mut out);
    compare(&checks(before), &checks(now), &mut out);
    if before.title != now.title {
        out.push(format!("now: {}", now.title));
    }
    facts(before, now, &soft, &mut out);
    if out.is_empty() {
        out.push("its digest".to_owned());
    }
    out
}

/// Who has approved it until now, where it takes more than one person.
fn approved(now: &ActionView) -> String {
    let counts = now
        .people
        .as_ref()
        .map_or_else(|| "by 1 person".to_owned(), PeopleView::words);
    let waits = now
        .refreshing
        .as_ref()
        .map_or_else(String::new, |it| format!("; {it}"));
    format!("approved: {counts}{waits}")
}

/// Named values, in the order in which they are read.
type Named = Vec<(String, String)>;

/// What would be sent, as far as words say it.
fn sent(payload: &Payload) -> Named {
    let list = |ids: &[OperatorId]| {
        let ids: Vec<_> = ids.iter().map(ToString::to_string).collect();
        ids.join(", ")
    };
    let named = |name: &str, value: String| (name.to_owned(), value);
    match payload {
        Payload::Ceremony(ceremony) => match &ceremony.plan {
            CeremonyPlan::Keygen {
                committee, threshold, ..
            } => vec![
                named("committee", list(committee)),
                named("threshold", threshold.to_string()),
            ],
            CeremonyPlan::Reshare {
                old, new, threshold, ..
            } => vec![
                named("committee", list(new)),
                named("threshold", threshold.to_string()),
                named("dealing holders", list(old)),
            ],
            CeremonyPlan::Sign { committee, .. } => vec![named("committee", list(committee))],
        },
        Payload::Transaction(tx) => {
            let mut out = vec![
                named("recipient", tx.to.to_string()),
                named("sender", tx.from.to_string()),
                named("value", format_ether(tx.value_wei)),
            ];
            let arguments = tx.call.iter().flat_map(|call| &call.arguments);
            out.extend(arguments.map(|a| (format!("argument {}", a.name), a.value.to_string())));
            out.push(named("fees at most", format_ether(tx.fee_ceiling_wei)));
            out
        }
        Payload::Exit(exit) => vec![
            named("validator", exit.validator.to_string()),
            named("index", exit.validator_index.to_string()),
            named("epoch", exit.epoch.to_string()),
            named("signing root", exit.signing_root.to_string()),
        ],
    }
}

fn checks(action: &ActionView) -> Named {
    let word = |c: &casimir_dkg::types::Check| {
        let verdict = status::check(c.status.into()).word.to_lowercase();
        (format!("check {}", c.name), verdict)
    };
    action.checks.iter().map(word).collect()
}

/// The labels of all facts, once each, and whether it is an amount, an address, a key or a warning.
fn labels(before: &ActionView, now: &ActionView) -> Vec<(String, bool)> {
    let mut out: Vec<(String, bool)> = Vec::new();
    for fact in before.facts.iter().chain(&now.facts) {
        let hard = fact.kind != FactKind::Text && !is_standing(&fact.label);
        match out.iter_mut().find(|(label, _)| *label == fact.label) {
            Some((_, known)) => *known |= hard,
            // the rest of a list has no label of its own
            None if fact.label.is_empty() => {}
            None => out.push((fact.label.clone(), hard)),
        }
    }
    out
}

/// How one operator stands, in the engine's sentence.
fn is_standing(label: &str) -> bool {
    let id = label.strip_prefix("operator ");
    id.is_some_and(|id| id.parse::<u64>().is_ok())
}

fn facts(before: &ActionView, now: &ActionView, labels: &[(String, bool)], out: &mut Vec<String>) {
    let (before, now) = (values(before), values(now));
    for (label, _) in labels {
        match (before.get(label), now.get(label)) {
            (Some(old), Some(new)) if is_standing(label) => {
                if let Some(change) = standing(old, new) {
                    out.push(format!("{label}: {change}"));
                }
            }
            (Some(old), Some(new)) if untimed(old) == untimed(new) => {}
            (Some(old), Some(new)) => out.push(format!("{label}: {old} → {new}")),
            (Some(old), None) if !is_standing(label) => out.push(format!("{label}: {old} → gone")),
            (None, Some(new)) if !is_standing(label) => out.push(format!("{label}: new, {new}")),
            // it is one of those who are shown beside the committee, or is no longer
            _ => {}
        }
    }
}

/// Facts by label; a list, whose rest has no label, as one.
fn values(action: &ActionView) -> BTreeMap<String, String> {
    let mut out: BTreeMap<String, String> = BTreeMap::new();
    let mut label = String::new();
    for fact in &action.facts {
        if !fact.label.is_empty() {
            label.clone_from(&fact.label);
        }
        let value = out.entry(label.clone()).or_default();
        if !value.is_empty() {
            value.push_str(", ");
        }
        value.push_str(fact.value.as_str());
    }
    out
}

/// The parts of what is said of an operator that are different: what becomes of it, whether it answers, its version, its
/// past.
fn standing(before: &str, now: &str) -> Option<String> {
    let parts = |said: &str| -> Vec<String> {
        let said = untimed(said).replacen(": ", ", ", 1);
        let parts = said.split(", ").filter(|part| !part.starts_with("ranks "));
        parts.map(str::to_owned).collect()
    };
    let (old, new) = (parts(before), parts(now));
    let only = |these: &[String], others: &[String]| {
        let only = these.iter().filter(|part| !others.contains(part));
        only.cloned().collect::<Vec<_>>().join(", ")
    };
    match (only(&old, &new), only(&new, &old)) {
        (gone, come) if gone.is_empty() && come.is_empty() => None,
        (gone, come) if come.is_empty() => Some(format!("no longer {gone}")),
        (gone, come) if gone.is_empty() => Some(come),
        (gone, come) => Some(format!("{gone} → {come}")),
    }
}

/// The same without how many milliseconds something took.
fn untimed(said: &str) -> String {
    let is_number = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit());
    let mut out: Vec<&str> = Vec::new();
    let mut words = said.split(' ').peekable();
    while let Some(word) = words.next() {
        let unit = words.peek().and_then(|next| next.strip_prefix("ms"));
        let ends = |rest: &str| rest.chars().all(|c| c.is_ascii_punctuation());
        match unit.filter(|rest| is_number(word) && ends(rest)) {
            Some(rest) => {
                words.next();
                out.pop_if(|last| *last == "in");
                // what stood behind it still ends this part of the sentence
                out.push(rest);
            }
            None => out.push(word),
        }
    }
    out.join(" ")
        .replace(" ,", ",")
        .replace(" ;", ";")
        .trim_end()
        .to_owned()
}

fn compare(before: &Named, now: &Named, out: &mut Vec<String>) {
    let of = |all: &Named, label: &str| all.iter().find(|(name, _)| name == label).map(|(_, v)| v.clone());
    for (label, old) in before {
        match of(now, label) {
            Some(new) if new == *old => {}
            Some(new) => out.push(format!("{label}: {old} → {new}")),
            None => out.push(format!("{label}: {old} → gone")),
        }
    }
    for (label, new) in now {
        if of(before, label).is_none() {
            out.push(format!("{label}: new, {new}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use casimir_dkg::types::Check;
    use casimir_dkg::view::{ActionState, Fact};

    use super::*;
    use crate::console::tests::fixture::keygen;

    fn said(action: &mut ActionView, id: u64, words: &str) {
        action.facts.push(Fact {
            label: format!("operator {id}"),
            value: words.into(),
            kind: FactKind::Text,
        });
    }

    #[test]
    fn what_decides_comes_first_and_how_fast_they_answer_does_not_come() {
        let mut before = keygen("deposit/4#1", ActionState::Proposed, false);
        let mut now = before.clone();
        said(
            &mut before,
            1,
            "takes part, ranks 1 of 7: alpha, answers in 4 ms, version 0.2.13",
        );
        said(
            &mut now,
            1,
            "takes part, ranks 2 of 7: alpha, answers in 3 ms, version 0.2.13",
        );
        said(
            &mut before,
            5,
            "takes part, ranks 2 of 7: echo, answers in 4 ms, version 0.2.13",
        );
        said(
            &mut now,
            5,
            "is not chosen, ranks 7 of 7: echo, does not answer, version 0.2.13",
        );
        let Payload::Ceremony(ceremony) = &mut now.payload else {
            panic!()
        };
        let CeremonyPlan::Keygen { committee, .. } = &mut ceremony.plan else {
            panic!()
        };
        *committee = [1, 2, 3, 6].map(OperatorId).to_vec();
        now.checks[0] = Check::fail("operators-reachable", "3 of 4 answer");
        assert_eq!(
            changes(&before, &now),
            [
                "committee: 1, 2, 3, 5 → 1, 2, 3, 6",
                "check operators-reachable: pass → fail",
                "operator 5: takes part, answers → is not chosen, does not answer",
            ]
        );
    }
}
