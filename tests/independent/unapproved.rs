//! What left without an approval, or is not what was approved: journals that somebody wrote anew as a whole, so that every
//! hash in them is right. This program and the verifier without a line of it must both say so, in the same words.

use std::fs;
use std::path::Path;

use casimir_dkg::journal::{Anchor, Journal, JournalError, JournalOptions, NewRecord};
use casimir_dkg::types::UnixMillis;
use serde_json::{Value, json};

use super::verifier::{bench, verify};
use crate::config::support;

/// Time and body of each record.
type Records = Vec<(UnixMillis, Value)>;

type Change = fn(&mut Records);

/// The records of the bench's export, and both verdicts on others in their place.
struct Both {
    scratch: tempfile::TempDir,
    whole: Vec<(UnixMillis, String)>,
}

impl Both {
    fn new() -> Self {
        let scratch = bench();
        let (_, entries) = casimir_dkg::journal::verify(&scratch.path().join("j.sqlite")).unwrap();
        let whole = entries.into_iter().map(|entry| (entry.at, entry.body)).collect();
        Self { scratch, whole }
    }

    fn judge(&self, change: Change) -> [(Option<i32>, String); 2] {
        let before: Records = self
            .whole
            .iter()
            .map(|(at, body)| (*at, serde_json::from_str(body).unwrap()))
            .collect();
        let mut records = before.clone();
        change(&mut records);
        let place = tempfile::tempdir().unwrap();
        let options = JournalOptions::at(place.path().join("anew.sqlite"));
        let (mut journal, _) =
            Journal::open(&options, Anchor::BEGINNING, |_| Ok::<_, JournalError>(())).unwrap();
        for (at, body) in &records {
            // what was not changed is written as it was, field by field
            let same = before.iter().position(|(_, known)| known == body);
            let text = same.map_or_else(|| typed(body), |n| self.whole[n].1.clone());
            let row = NewRecord {
                at: *at,
                kind: body["record"].as_str().unwrap().to_owned().leak(),
                body: text,
                subjects: Vec::new(),
            };
            journal.append(&[row]).unwrap();
        }
        drop(journal);
        let mut program = support::program(place.path());
        let (code, export, stderr) =
            support::run(program.args(["journal", "export", "--journal", "anew.sqlite"]));
        assert_eq!(code, Some(0), "{stderr}");
        let file = self.scratch.path().join("anew.jsonl");
        fs::write(&file, export).unwrap();
        let mut program = support::program(self.scratch.path());
        let (code, out, stderr) =
            support::run(program.args(["journal", "verify", "--journal", "anew.jsonl"]));
        let theirs = verify(
            Path::new("python3"),
            self.scratch.path(),
            &["--journal", "anew.jsonl"],
        );
        [(code, out + &stderr), theirs]
    }
}

/// As this program writes it: a digest is over fields in their order.
fn typed(body: &Value) -> String {
    let record: casimir_dkg::oracle::Record = serde_json::from_value(body.clone()).unwrap();
    serde_json::to_string(&record).unwrap()
}

fn of<'a>(records: &'a mut Records, kind: &str, action: &str) -> &'a mut Value {
    let is = |body: &Value| body["record"] == kind && (action.is_empty() || body["action"] == action);
    let found = records.iter_mut().find(|(_, body)| is(body));
    &mut found.unwrap_or_else(|| panic!("no {kind} of {action}")).1
}

fn without(records: &mut Records, kind: &str, action: &str) {
    let before = records.len();
    records.retain(|(_, body)| body["record"] != kind || body["action"] != action);
    assert!(records.len() < before, "no {kind} of {action}");
}

/// One hex digit becomes another one.
fn flip(value: &mut Value) {
    let text = value.as_str().unwrap();
    let (head, last) = text.split_at(text.len() - 1);
    *value = format!("{head}{}", if last == "0" { "1" } else { "0" }).into();
}

const WITHOUT_A_DECISION: [(Change, &str); 6] = [
    (
        |records| without(records, "decided", "deposit/1#1"),
        "deposit/1#1: its ceremony is started, and it waits for a decision",
    ),
    (
        |records| without(records, "decided", "deposit/1#2"),
        "deposit/1#2: its transaction is signed, and it waits for a decision",
    ),
    (
        |records| without(records, "decided", "exit/2#2"),
        "exit/2#2: its exit is published, and it waits for a decision",
    ),
    (
        |records| {
            of(records, "decided", "deposit/1#2")["decision"]["verdict"] =
                json!({"verdict": "reject", "reason": "no"});
        },
        "deposit/1#2: its transaction is signed, and nobody approved it",
    ),
    (
        |records| {
            let at = |(_, body): &(UnixMillis, Value)| {
                body["record"] == "decided" && body["action"] == "deposit/1#2"
            };
            let decided = records.iter().position(at).unwrap();
            let void = json!({"record": "action-voided", "action": "deposit/1#2", "reason": "taken back"});
            records.insert(decided + 1, (records[decided].0, void));
        },
        "deposit/1#2: its transaction is signed, and its approval was void since record",
    ),
    (
        |records| {
            let rules = json!({"record": "people-demanded", "persons": [], "two_persons": [
                {"kinds": ["send-deposit"], "at_least_wei": null, "personal_keys": true}]});
            records.insert(0, (records[0].0, rules));
        },
        "deposit/1#2 is approved: ",
    ),
];

const SOMETHING_ELSE: [(Change, &str); 8] = [
    (
        |records| {
            let other = of(records, "transaction-signed", "deposit/2#2")["transaction"].clone();
            of(records, "transaction-signed", "deposit/1#2")["transaction"] = other;
        },
        "deposit/1#2: what was signed is not what was approved: another calldata",
    ),
    (
        |records| {
            let nonce = &mut of(records, "transaction-signed", "deposit/1#2")["transaction"]["nonce"];
            *nonce = (nonce.as_u64().unwrap() + 1).into();
        },
        "deposit/1#2: what was signed is not what was approved: another nonce",
    ),
    (
        |records| flip(&mut of(records, "ceremony-started", "deposit/1#1")["plan"]["withdrawal_credentials"]),
        "deposit/1#1: the ceremony that is started is not the one that was approved",
    ),
    (
        |records| of(records, "ceremony-started", "deposit/1#1")["action"] = Value::Null,
        "a ceremony of deposit/1 is started under no approval",
    ),
    (
        |records| {
            let payload = &mut of(records, "action-proposed", "exit/2#2")["proposal"]["payload"];
            flip(&mut payload["signature"]);
        },
        "exit/2#2: its exit is published, and no ceremony of exit/2 signed that exit",
    ),
    (
        |records| flip(&mut of(records, "action-proposed", "deposit/1#2")["digest"]),
        "under a digest that is not of what would leave",
    ),
    (
        |records| {
            let payload = &mut of(records, "action-proposed", "deposit/1#2")["proposal"]["payload"];
            flip(&mut payload["data"]);
        },
        "under a digest that is not of what would leave",
    ),
    (
        |records| without(records, "transaction-signed", "deposit/1#2"),
        "is out, and no record says that it was signed",
    ),
];

#[test]
fn what_left_without_an_approval_or_is_something_else_is_said_by_both_verifiers() {
    let both = Both::new();
    let [ours, theirs] = both.judge(|_| ());
    assert_eq!((ours.0, theirs.0), (Some(0), Some(0)), "{}{}", ours.1, theirs.1);
    assert!(theirs.1.contains("ok  what left: "), "{}", theirs.1);
    for (change, words) in WITHOUT_A_DECISION.into_iter().chain(SOMETHING_ELSE) {
        for (code, said) in both.judge(change) {
            assert_eq!(code, Some(1), "{words}: {said}");
            assert!(said.contains(words), "{words}: {said}");
        }
    }
}

/// Whoever has only an export can put nothing in a journal's place.
#[test]
fn what_is_wrong_with_an_export_sends_nobody_to_a_restore() {
    let scratch = bench();
    let whole = fs::read_to_string(scratch.path().join("export.jsonl")).unwrap();
    let lines: Vec<&str> = whole.lines().collect();
    let last = serde_json::from_str::<Value>(lines[lines.len() - 1]).unwrap();
    let checkpoint = format!("{} {}\n", lines.len(), last["hash"].as_str().unwrap());
    fs::write(scratch.path().join("checkpoint"), checkpoint).unwrap();
    let cut = format!("{}\n", lines[..lines.len() - 1].join("\n"));
    for (text, words) in [
        (whole.replacen("approve", "approvE", 1), "does not match its hash"),
        (cut, "its end is missing"),
    ] {
        fs::write(scratch.path().join("anew.jsonl"), text).unwrap();
        let mut program = support::program(scratch.path());
        let arguments = [
            "journal",
            "verify",
            "--journal",
            "anew.jsonl",
            "--checkpoint",
            "checkpoint",
        ];
        let (code, out, stderr) = support::run(program.args(arguments));
        assert_eq!(code, Some(1), "{out}{stderr}");
        let way = "Have another export made of the journal itself";
        assert!(stderr.contains(words) && stderr.contains(way), "{stderr}");
        assert!(!stderr.contains("journal restore"), "{stderr}");
    }
}
