//! One line for each kind of record, and for each way in which one is written: as journals hold them, for ever. A line
//! that cannot be read any more, or is written otherwise, is a journal that breaks.
//!
//! Lines come from this program's demo, from simulated lives, and from here. A new kind, a new way to write one, or a new
//! field that may be left out, adds its lines by `cargo test --lib record::lines -- --ignored`; those that are there are
//! never changed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};
use serde_json::{Value, json};

use super::{KINDS, Record};
use crate::oracle::{Durable, sim};
use crate::types::UnixMillis;

mod optional;
mod parts;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/journals")
}

fn lines() -> Vec<String> {
    lines_of("records.jsonl")
}

fn lines_of(name: &str) -> Vec<String> {
    let text = std::fs::read_to_string(folder().join(name)).unwrap();
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

/// Lines as earlier versions wrote them, which today's may write otherwise.
#[test]
fn what_earlier_versions_wrote_is_read() {
    for (n, line) in (1..).zip(lines_of("earlier.jsonl")) {
        let record = Record::read(&kind_of(&line), &line).unwrap_or_else(|error| panic!("line {n}: {error}"));
        assert!(!record.sentence().as_str().is_empty(), "line {n} says nothing");
        Durable::default().apply(1, UnixMillis(1), &record);
        let written = serde_json::to_string(&record).unwrap();
        let again = Record::read(record.kind(), &written).unwrap();
        assert_eq!(again, record, "line {n} is another one when it is read again");
    }
}

#[test]
fn a_line_has_every_field_that_may_be_left_out() {
    let mut fields = optional::Fields::new();
    for line in lines() {
        let record = Record::read(&kind_of(&line), &line).unwrap();
        optional::add(record.kind(), &record, &mut fields);
    }
    let without = fields.into_iter().filter(|(_, is_there)| !is_there);
    let missing: Vec<_> = without
        .map(|((kind, part, name), _)| format!("{kind}: {name} of {part}"))
        .collect();
    assert!(
        missing.is_empty(),
        "tests/vectors/journals/records.jsonl has no line with these fields; add to `seldom` what has them:\n{}",
        missing.join("\n")
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

/// Records that neither the demo nor a life has: of other backends, of another contract, of people that the system names.
fn seldom() -> Vec<Record> {
    let (key, root, id) = (hex(5, 48), hex(3, 32), "0a".repeat(24));
    let brought = json!({
        "handed_back": {"1": "0x0102", "2": "0x0304"}, "withdrawal_credentials": root, "fork_version": "0x10000038",
    });
    let mut proven = brought.clone();
    proven["owner_signature"] = json!(hex(7, 65));
    let owner = json!({"owner": "0x1d2f14d2DDfee594b4093d42E4bC1b0eA55E8aa7", "nonce": 7});
    let log = json!({"cause": "event", "block": {"number": 7, "hash": root}, "transaction": root, "index": 1, "leaving": 4});
    let started = |plan: Value| {
        json!({
            "record": "ceremony-started", "request": id, "case": "reshare/3", "action": null, "role": "main", "attempt": 1,
            "plan": plan, "backend": "ssv-dkg",
        })
    };
    let sign = |brought: &Value| {
        json!({
            "kind": "sign", "validator": key, "committee": [1, 2, 3, 4], "threshold": 3, "signing_root": root,
            "what": {"purpose": "owner-nonce", "owner": owner["owner"], "nonce": 7}, "share_public_keys": {"1": key},
            "brought": brought,
        })
    };
    let reshare = json!({
        "kind": "reshare", "validator": key, "old": [1, 2, 3], "new": [1, 2, 3, 5], "threshold": 3, "registration": owner,
        "brought": proven,
    });
    let output = |result: &str| {
        json!({
            "result": result, "validator": key, "deposit_signature": hex(6, 96), "share_public_keys": {"1": key},
            "encrypted_shares": {"1": "0x0102"}, "registration": hex(9, 96), "handed_back": {"1": "0x0102"},
        })
    };
    let verified = |result| {
        json!({
            "record": "ceremony-verified", "request": id, "result": output(result),
            "checks": [{"name": "shares", "status": "pass", "reason": "each fits"}], "transcript": ["t.json", root],
        })
    };
    let blame =
        json!({"blamer": 1, "culprit": 2, "proven": true, "reason": "a share that fits no commitment"});
    let records = [
        json!({"record": "case-opened", "case": "reshare/3", "cause": log}),
        json!({"record": "key-redone", "case": "deposit/3", "by": "ann", "is_blameless": true}),
        json!({"record": "key-redone", "case": "deposit/3", "by": "rule keys", "is_by_rule": true}),
        started(reshare),
        started(sign(&brought)),
        started(sign(&proven)),
        started(exit()),
        verified("keygen"),
        verified("reshare"),
        json!({
            "record": "ceremony-failed", "request": id,
            "failure": {
                "kind": "blamed", "round": "round2", "culprits": [2], "reason": "operator 2 is to blame", "blames": [blame],
            },
        }),
        json!({
            "record": "decided", "action": "deposit/3#1",
            "decision": {
                "verdict": {"verdict": "approve"}, "decider": {"by": "person", "name": "ann", "uid": 1000}, "at": 7,
                "digest": root,
            },
        }),
    ];
    let read =
        |record: Value| serde_json::from_value(record.clone()).unwrap_or_else(|e| panic!("{record}: {e}"));
    let others = of_the_journal().into_iter().chain(parts::records());
    records.into_iter().chain(others).map(read).collect()
}

/// Of the journal itself: whom it serves, and its own key.
fn of_the_journal() -> [Value; 5] {
    [
        json!({
            "record": "engine-started", "version": "1", "network": "hoodi", "mode": "observe",
            "serves": {"chain_id": 560048, "manager": hex(8, 20)},
        }),
        json!({
            "record": "engine-started", "version": "1", "network": "hoodi", "mode": "auto",
            "serves": {"chain_id": 560048, "manager": hex(8, 20), "account": hex(9, 20)},
        }),
        json!({"record": "journal-keyed", "key": hex(4, 32)}),
        json!({"record": "journal-keyed", "key": hex(4, 32), "by": "ann", "reason": "the disk broke"}),
        json!({
            "record": "journal-keyed", "key": hex(4, 32), "by": "ann", "reason": "once a year",
            "former": {"key": hex(5, 32), "signature": hex(6, 64)},
        }),
    ]
}

/// To sign an exit that counts on one chain.
fn exit() -> Value {
    let root = hex(3, 32);
    json!({
        "kind": "sign", "validator": hex(5, 48), "committee": [1, 2, 3, 4], "threshold": 3, "signing_root": root,
        "what": {
            "purpose": "voluntary-exit", "validator_index": 7, "epoch": 9,
            "domain": {"fork_version": "0x03000000", "genesis_validators_root": root},
        },
        "share_public_keys": {"1": hex(5, 48)},
    })
}

fn hex(byte: u8, times: usize) -> String {
    format!("0x{}", format!("{byte:02x}").repeat(times))
}

/// Adds the lines that are missing.
#[test]
#[ignore = "writes tests/vectors/journals/records.jsonl"]
fn what_is_not_there_yet_is_added() {
    let (mut known, mut fields) = (BTreeSet::new(), optional::Fields::new());
    let mut kept = lines();
    for line in &kept {
        let record = Record::read(&kind_of(line), line).unwrap();
        optional::add(record.kind(), &record, &mut fields);
        ways(
            &kind_of(line),
            "",
            &serde_json::from_str(line).unwrap(),
            &mut known,
        );
    }
    let demos = ["format-2/closed.sqlite", "format-2/waiting.sqlite"].into_iter();
    let demos = demos.flat_map(|name| {
        // nothing is made beside the file
        let address = format!("file:{}?immutable=1", folder().join(name).display());
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
        let file = Connection::open_with_flags(address, flags).unwrap();
        let mut rows = file
            .prepare("SELECT kind, body FROM records ORDER BY seq")
            .unwrap();
        let read = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        let read = read.map(|row| row.unwrap());
        let read = read.map(|(kind, body): (String, String)| Record::read(&kind, &body).unwrap());
        read.collect::<Vec<_>>()
    });
    let lives = (0..400).flat_map(sim::records_of_a_life);
    for record in demos.chain(lives).chain(seldom()) {
        let line = serde_json::to_string(&record).unwrap();
        let mut found = BTreeSet::new();
        ways(
            record.kind(),
            "",
            &serde_json::from_str(&line).unwrap(),
            &mut found,
        );
        let mut has = optional::Fields::new();
        optional::add(record.kind(), &record, &mut has);
        let lacked = |(field, is_there): (_, &bool)| *is_there && fields.get(field) == Some(&false);
        if !found.is_subset(&known) || has.iter().any(lacked) {
            known.extend(found);
            optional::add(record.kind(), &record, &mut fields);
            kept.push(line);
        }
    }
    let place = |line: &String| KINDS.iter().position(|kind| *kind == kind_of(line));
    kept.sort_by_key(place);
    std::fs::write(folder().join("records.jsonl"), kept.join("\n") + "\n").unwrap();
}
