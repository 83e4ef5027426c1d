//! What a scrape of `/metrics` says, and what the dashboard draws of it.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

pub(crate) const DASHBOARD: &str = include_str!("../../config/monitoring/dashboard.json");

/// Metrics that have no sample before something answers, or a case is open: they are looked at where a network runs.
pub(crate) const RUNNING: [&str; 3] = [
    "casimir_oracle_cases",
    "casimir_oracle_endpoint_latency_seconds",
    "casimir_oracle_operator_latency_seconds",
];

/// The families of a scrape with their help: every sample is of one of them.
pub(crate) fn families(scrape: &str) -> BTreeMap<String, String> {
    let mut families = BTreeMap::new();
    for line in scrape.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').unwrap();
            families.insert(name.to_owned(), help.to_owned());
        } else if !line.starts_with('#') {
            let name = line.split(['{', ' ']).next().unwrap();
            assert!(families.contains_key(name), "{line}");
            line.rsplit(' ').next().unwrap().parse::<f64>().unwrap();
        }
    }
    families
}

/// Labels of each metric, with the values that they have.
pub(crate) type Labels = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

/// The labels of every sample of a scrape.
pub(crate) fn labels(scrape: &str, labels: &mut Labels) {
    for line in scrape.lines().filter(|line| !line.starts_with('#')) {
        let Some((name, rest)) = line.split_once('{') else {
            continue;
        };
        let (all, _) = rest.rsplit_once('}').unwrap();
        for (label, _, value) in pairs(all) {
            let of = labels.entry(name.to_owned()).or_default();
            of.entry(label.to_owned()).or_default().insert(value.to_owned());
        }
    }
}

/// `label="value"`, `label!="value"` and `label=~"one|other"`, separated by commas that are not within quotes.
pub(crate) fn pairs(text: &str) -> Vec<(&str, &str, &str)> {
    let mut pairs = Vec::new();
    let mut rest = text;
    while let Some((name, quoted)) = rest.split_once('"') {
        let name = name.trim_start_matches([',', ' ']);
        let at = name.find(['=', '!']).unwrap();
        let (value, behind) = quoted.split_once('"').unwrap();
        pairs.push((&name[..at], &name[at..], value));
        rest = behind;
    }
    pairs
}

/// Selectors of an expression: the metric, a label, and a value that it is compared with.
pub(crate) fn selectors(expression: &str) -> Vec<(String, String, String)> {
    let mut found = Vec::new();
    for (at, _) in expression.match_indices('{') {
        let before = &expression[..at];
        let from = before.rfind(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        let metric = &before[from.map_or(0, |from| from + 1)..];
        let (all, _) = expression[at + 1..].split_once('}').unwrap();
        for (label, operator, value) in pairs(all) {
            let values = if operator.ends_with('~') {
                value.split('|').collect()
            } else {
                vec![value]
            };
            found.extend(
                values
                    .into_iter()
                    .map(|value| (metric.to_owned(), label.to_owned(), value.to_owned())),
            );
        }
    }
    found
}

/// Names of metrics in a text.
pub(crate) fn named(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words
        .filter(|word| {
            ["casimir_", "process_"]
                .iter()
                .any(|prefix| word.starts_with(prefix))
        })
        .collect()
}

/// Something that the dashboard draws.
pub(crate) struct Target {
    pub(crate) expression: String,
    /// Labels that its legend names.
    pub(crate) legend: Vec<String>,
}

pub(crate) fn targets() -> Vec<Target> {
    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let targets = panels.flat_map(|panel| panel["targets"].as_array().unwrap());
    let text = |target: &Value, key: &str| target[key].as_str().unwrap_or_default().to_owned();
    let one = |target: &Value| Target {
        expression: text(target, "expr"),
        legend: text(target, "legendFormat")
            .split("{{")
            .skip(1)
            .map(|rest| rest.split_once("}}").unwrap().0.to_owned())
            .collect(),
    };
    targets.map(one).collect()
}
