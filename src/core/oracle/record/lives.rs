//! Simulated lives as they were recorded once, in `tests/vectors/journals/lives`, which have every kind of record. Each line
//! is a record with its time, and its number is the line's. What each folds to is pinned where the shell keeps the fold.
//!
//! Lives are added and never changed. A new kind of record brings one that has it:
//! `cargo test --lib record::lives -- --ignored` writes those that are missing.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{KINDS, Record};
use crate::oracle::sim;
use crate::types::UnixMillis;

type Life = Vec<(UnixMillis, Record)>;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/journals/lives")
}

fn names() -> Vec<String> {
    let files = fs::read_dir(folder()).unwrap();
    let name = |file: fs::DirEntry| file.file_name().into_string().unwrap();
    let mut names: Vec<String> = files.map(|file| name(file.unwrap())).collect();
    names.sort();
    names
}

fn read(name: &str) -> Life {
    let text = fs::read_to_string(folder().join(name)).unwrap();
    let record = |(n, line): (usize, &str)| {
        let line: Value = serde_json::from_str(line).unwrap();
        let body = &line["body"];
        let kind = body["record"].as_str().unwrap();
        let record =
            Record::read(kind, &body.to_string()).unwrap_or_else(|e| panic!("{name}:{}: {e}", n + 1));
        assert_eq!(
            serde_json::to_value(&record).unwrap(),
            *body,
            "{name}:{} is written otherwise",
            n + 1
        );
        (UnixMillis(line["at"].as_u64().unwrap()), record)
    };
    text.lines().enumerate().map(record).collect()
}

#[test]
fn every_kind_of_record_is_in_a_life() {
    let kinds: BTreeSet<_> = names()
        .iter()
        .flat_map(|name| read(name))
        .map(|(_, record)| record.kind())
        .collect();
    let missing: Vec<_> = KINDS.into_iter().filter(|kind| !kinds.contains(kind)).collect();
    assert!(missing.is_empty(), "no life has {}", missing.join(", "));
}

/// How many of these kinds a life has, and the length of its beginning that has them all.
fn brings(life: &[(UnixMillis, Record)], missing: &BTreeSet<&str>) -> (usize, usize) {
    let mut seen = BTreeSet::new();
    let mut length = 0;
    for (n, (_, record)) in life.iter().enumerate() {
        if missing.contains(record.kind()) && seen.insert(record.kind()) {
            length = n + 1;
        }
    }
    (seen.len(), length)
}

#[test]
#[ignore = "writes tests/vectors/journals/lives"]
fn those_that_are_missing_are_written() {
    let known = names();
    let mut missing: BTreeSet<&str> = KINDS.into_iter().collect();
    for (_, record) in known.iter().flat_map(|name| read(name)) {
        missing.remove(record.kind());
    }
    let lives: Vec<(u64, Life)> = (0..300)
        .map(|seed| (seed, sim::journal_of_a_life(seed)))
        .collect();
    while !missing.is_empty() {
        let best = lives.iter().max_by_key(|(_, life)| {
            let (kinds, length) = brings(life, &missing);
            (kinds, usize::MAX - length)
        });
        let (seed, life) = best.unwrap();
        let (kinds, length) = brings(life, &missing);
        assert!(kinds > 0, "no life has one of those that are missing");
        let line = |(at, record): &(UnixMillis, Record)| json!({ "at": at.0, "body": record }).to_string();
        let text: Vec<String> = life[..length].iter().map(line).collect();
        let place = folder().join(format!("{seed}.jsonl"));
        assert!(!place.exists(), "{} is there already", place.display());
        fs::write(place, text.join("\n") + "\n").unwrap();
        for (_, record) in &life[..length] {
            missing.remove(record.kind());
        }
    }
}
