//! `handbook`: the pages that are compiled in, and a page for every alarm.

use std::fmt::Write as _;

use anyhow::bail;
use serde_json::json;

use crate::exit::Outcome;
use crate::output;

/// Every page, in the order of a reader who begins: its name, and its text.
pub(crate) const PAGES: &[(&str, &str)] = &[
    ("first-hour", include_str!("../handbook/first-hour.md")),
    ("hoodi", include_str!("../handbook/hoodi.md")),
    ("console", include_str!("../handbook/console.md")),
    ("service", include_str!("../handbook/service.md")),
    ("automatic", include_str!("../handbook/automatic.md")),
    ("policy", include_str!("../handbook/policy.md")),
    ("two-persons", include_str!("../handbook/two-persons.md")),
    ("remote-signer", include_str!("../handbook/remote-signer.md")),
    ("operator", include_str!("../handbook/operator.md")),
    ("messenger", include_str!("../handbook/messenger.md")),
    ("backup", include_str!("../handbook/backup.md")),
    ("upgrade", include_str!("../handbook/upgrade.md")),
    ("monitoring", include_str!("../handbook/monitoring.md")),
    ("options", include_str!("../handbook/options.md")),
    ("programs", include_str!("../handbook/programs.md")),
    ("audit", include_str!("../handbook/audit.md")),
    ("ways", include_str!("../handbook/ways.md")),
    (ALARMS, include_str!("../handbook/alarms.md")),
    (ALERTS, include_str!("../handbook/alerts.md")),
];

/// The page that has a section for every alarm.
const ALARMS: &str = "alarms";
/// The page that has a section for every alert of Prometheus, and for kinds of notices that are no alarm.
const ALERTS: &str = "alerts";

pub(crate) fn run(page: Option<&str>, json: bool) -> anyhow::Result<Outcome> {
    match page {
        None if json => PAGES
            .iter()
            .for_each(|(name, text)| output::json(&json!({ "page": name, "title": title(text) }))),
        None => output::raw(&contents()),
        Some(name) => {
            let text = find(name)?;
            match json {
                true => output::json(&json!({ "page": name, "title": title(&text), "text": text })),
                false => output::raw(&text),
            }
        }
    }
    Ok(Outcome::Success)
}

fn contents() -> String {
    let mut out = String::new();
    for (name, text) in PAGES {
        let _ = writeln!(out, "{name:<16}{}", title(text));
    }
    out.push_str(
        "\n`casimir-dkg handbook PAGE` prints one; PAGE may be the name of an alarm, as signer-away, of an alert, as \
         CasimirMessengerStorage, or of a kind of notice.\n",
    );
    out
}

/// The section of an alarm or alert, a page, or both where they share a name: an alarm leads to its own page, and its section
/// is what somebody who was woken looks for.
fn find(name: &str) -> anyhow::Result<String> {
    let page = PAGES.iter().find(|(known, _)| *known == name);
    let sections = alarm(name).into_iter().chain(page.map(|(_, text)| *text));
    let found: Vec<&str> = sections.collect();
    if !found.is_empty() {
        return Ok(found.join("\n\n"));
    }
    let known = PAGES.iter().map(|(name, _)| *name).chain(explained().map(title));
    let near = known
        .map(|known| (strsim::damerau_levenshtein(known, name), known))
        .min()
        .filter(|(distance, _)| *distance <= 3);
    match near {
        Some((_, near)) => bail!("the handbook has no page of this name; did you mean {near}?"),
        None => bail!("the handbook has no page of this name; `casimir-dkg handbook` lists them"),
    }
}

/// The first line, without the marks that make it a heading.
fn title(text: &str) -> &str {
    text.lines()
        .next()
        .unwrap_or_default()
        .trim_start_matches(['#', ' '])
}

/// The section of every alarm, alert and kind of notice.
fn explained() -> impl Iterator<Item = &'static str> {
    [ALARMS, ALERTS].into_iter().flat_map(sections)
}

/// The sections of a page.
fn sections(of: &str) -> impl Iterator<Item = &'static str> {
    let page = PAGES.iter().find(|(name, _)| *name == of);
    let text = page.map_or("", |(_, text)| *text);
    let heads = text.match_indices("\n## ").map(|(at, _)| at + 1);
    let ends = heads.clone().skip(1).chain([text.len()]);
    heads
        .zip(ends)
        .map(|(from, to)| text[from..to].trim_end_matches('\n'))
}

fn alarm(name: &str) -> Option<&'static str> {
    explained().find(|section| title(section).eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests;
