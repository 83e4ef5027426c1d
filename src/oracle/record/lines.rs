//! One line for each kind of record, and for each way in which one is written: as journals hold them, for ever. A line
//! that cannot be read any more, or is written otherwise, is a journal that breaks.
//!
//! Lines come from this program's demo and from simulated lives. A new kind, or a new way to write one, adds its lines by
//! `cargo test --lib record::lines -- --ignored`; those that are there are never changed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};
use serde_json::Value;

use super::{KINDS, Record};
use crate::oracle::sim;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/journals")
}

fn lines() -> Vec<String> {
    let text = std::fs::read_to_string(folder().join("records.jsonl")).unwrap();
    text.lines().map(str::to_owned).collect()
}

fn kind_of(line: &str) -> String {
    let value: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"));
    value["record"].as_str().expect("a record has a kind").to_owned()
}

#[test]
fn every_kind_is_read_and_written_as_it_stands() {
    let mut seen = BTreeSet::new();
    for (n, line) in (1..).zip(lines()) {
        let kind = kind_of(&line);
        let record = Record::read(&kind, &line).unwrap_or_else(|error| panic!("line {n}: {error}"));
        let written = serde_json::to_string(&record).unwrap();
        assert_eq!(written, line, "line {n} is written otherwise");
        assert!(!record.sentence().as_str().is_empty(), "line {n} says nothing");
        seen.insert(kind);
    }
    let missing: Vec<_> = KINDS.into_iter().filter(|kind| !seen.contains(*kind)).collect();
    assert!(
        missing.is_empty(),
        "tests/vectors/journals/records.jsonl has no line of {}: add what a run writes, by \
         `cargo test --lib record::lines -- --ignored`",
        missing.join(", ")
    );
}

/// What people and programs word as they like.
const FREE: [&str; 8] = [
    "by", "name", "reason", "text", "title", "version", "network", "words",
];

/// The ways in which the parts of a record are written: which are there, of which type, and which word out of few.
fn ways(kind: &str, path: &str, value: &Value, found: &mut BTreeSet<String>) {
    let word = |text: &str| {
        let field = path.rsplit('.').next().unwrap_or_default();
        let plain = text.len() < 30 && text.chars().all(|c| c.is_ascii_lowercase() || c == '-');
        (plain && !text.is_empty() && !FREE.contains(&field)).then(|| text.to_owned())
    };
    let of = match value {
        Value::Null => "null".to_owned(),
        Value::Bool(_) => "bool".to_owned(),
        Value::Number(_) => "number".to_owned(),
        Value::String(text) => word(text).unwrap_or_else(|| "text".to_owned()),
        Value::Array(items) if items.is_empty() => "empty".to_owned(),
        Value::Array(_) => "list".to_owned(),
        Value::Object(_) => "object".to_owned(),
    };
    found.insert(format!("{kind}{path}: {of}"));
    match value {
        Value::Array(items) => items
            .iter()
            .for_each(|item| ways(kind, &format!("{path}[]"), item, found)),
        Value::Object(fields) => fields.iter().for_each(|(name, field)| {
            let name = if name.parse::<u64>().is_ok() { "id" } else { name };
            ways(kind, &format!("{path}.{name}"), field, found);
        }),
        _ => {}
    }
}

/// Adds the lines that are missing.
#[test]
#[ignore = "writes tests/vectors/journals/records.jsonl"]
fn what_is_not_there_yet_is_added() {
    let mut known = BTreeSet::new();
    let mut kept = lines();
    for line in &kept {
        ways(
            &kind_of(line),
            "",
            &serde_json::from_str(line).unwrap(),
            &mut known,
        );
    }
    let demos = ["format-2/closed.sqlite", "format-2/waiting.sqlite"].into_iter();
    let demos = demos.flat_map(|name| {
        let file =
            Connection::open_with_flags(folder().join(name), OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
        let mut rows = file
            .prepare("SELECT kind, body FROM records ORDER BY seq")
            .unwrap();
        let read = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        let read = read.map(|row| row.unwrap());
        let read = read.map(|(kind, body): (String, String)| Record::read(&kind, &body).unwrap());
        read.collect::<Vec<_>>()
    });
    for record in demos.chain((0..400).flat_map(sim::records_of_a_life)) {
        let line = serde_json::to_string(&record).unwrap();
        let mut found = BTreeSet::new();
        ways(
            record.kind(),
            "",
            &serde_json::from_str(&line).unwrap(),
            &mut found,
        );
        if !found.is_subset(&known) {
            known.extend(found);
            kept.push(line);
        }
    }
    let place = |line: &String| KINDS.iter().position(|kind| *kind == kind_of(line));
    kept.sort_by_key(place);
    std::fs::write(folder().join("records.jsonl"), kept.join("\n") + "\n").unwrap();
}
