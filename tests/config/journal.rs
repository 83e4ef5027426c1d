//! `journal show|verify|export` on a journal that holds, and on one that was changed.

use casimir_dkg::journal::{Anchor, Journal, JournalError, JournalOptions, NewRecord};
use casimir_dkg::oracle::{Mode, Record};
use casimir_dkg::types::{SafeText, UnixMillis};
use serde_json::Value;

use super::support;

/// As a power cut leaves it: the files of one moment, the newest bytes of the log missing.
#[test]
fn f06_a_write_that_was_torn_is_told_by_the_program() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("j.sqlite");
    let options = JournalOptions::at(&path);
    let (mut journal, _) = Journal::open(&options, Anchor::BEGINNING, |_| Ok::<_, JournalError>(())).unwrap();
    let mut append = |n: u64| {
        let row = NewRecord {
            at: UnixMillis(n),
            kind: "note",
            body: format!(r#"{{"record":"note","case":null,"text":"{n}"}}"#),
            subjects: Vec::new(),
        };
        journal.append(&[row]).unwrap();
        std::fs::read(scratch.path().join("j.sqlite-wal")).unwrap()
    };
    let (before, whole) = (append(1).len(), append(2));
    let middle = usize::midpoint(before, whole.len());
    for (length, is_whole) in [(before, false), (middle, false), (whole.len(), true)] {
        let copy = tempfile::tempdir().unwrap();
        for name in ["j.sqlite", "j.checkpoint"] {
            std::fs::copy(scratch.path().join(name), copy.path().join(name)).unwrap();
        }
        std::fs::write(copy.path().join("j.sqlite-wal"), &whole[..length]).unwrap();
        let mut program = support::program(copy.path());
        let (code, out, stderr) = support::run(program.args(["journal", "verify", "--journal", "j.sqlite"]));
        match is_whole {
            true => assert!(code == Some(0) && out.contains("2 records"), "{out}{stderr}"),
            false => assert!(
                code == Some(1) && stderr.contains("record 2 was acknowledged"),
                "cut at {length}: {out}{stderr}"
            ),
        }
    }
}

#[test]
fn a_journal_is_shown_exported_and_verified_and_a_change_is_found() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("j.sqlite");
    let options = JournalOptions::at(path.clone());
    let (mut journal, _) = Journal::open(&options, Anchor::BEGINNING, |_| Ok::<_, JournalError>(())).unwrap();
    for n in 0..3 {
        let record = Record::EngineStarted {
            version: format!("1.{n}"),
            network: SafeText::new("devnet"),
            mode: Mode::Observe,
            speaks: None,
            serves: None,
            configured: None,
        };
        let row = NewRecord {
            at: UnixMillis(1_700_000_000_000 + n),
            kind: record.kind(),
            body: serde_json::to_string(&record).unwrap(),
            subjects: Vec::new(),
        };
        journal.append(&[row]).unwrap();
    }
    let head = journal.head().1.to_string();
    let run = |arguments: &[&str]| {
        let mut program = support::program(scratch.path());
        support::run(
            program
                .arg("journal")
                .args(arguments)
                .args(["--journal", "j.sqlite"]),
        )
    };

    // while the oracle has it open
    let (code, shown, stderr) = run(&["show", "--last", "2"]);
    assert_eq!(code, Some(0), "{stderr}");
    let lines: Vec<&str> = shown.lines().collect();
    assert_eq!(lines.len(), 2, "{shown}");
    assert!(
        lines[1].contains("2023-11-14 22:13:20 UTC") && lines[1].contains("1.2"),
        "{shown}"
    );
    assert!(!lines[1].contains('{'), "a sentence, not JSON: {shown}");
    let (code, out, _) = run(&["verify", "--contains", &head]);
    assert_eq!(code, Some(0));
    assert!(out.contains("3 records") && out.contains(&head), "{out}");
    let other = format!("0x{}", "11".repeat(32));
    let (code, _, stderr) = run(&["verify", "--contains", &other]);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("rolled back"), "{stderr}");
    let (code, exported, _) = run(&["export"]);
    assert_eq!(code, Some(0));
    let last: Value = serde_json::from_str(exported.lines().last().unwrap()).unwrap();
    assert_eq!(
        (&last["seq"], last["hash"].as_str()),
        (&Value::from(3), Some(head.as_str()))
    );

    let (code, out, _) = run(&["backup", "copy.sqlite"]);
    assert_eq!(code, Some(0));
    assert!(out.contains("3 records") && out.contains(&head), "{out}");
    let (code, _, stderr) = run(&["backup", "copy.sqlite"]);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("never replaces"), "{stderr}");

    drop(journal);
    let database = rusqlite::Connection::open(&path).unwrap();
    let table: String = database
        .query_row(
            "SELECT name FROM sqlite_master WHERE sql LIKE '%hash%' AND type = 'table'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    // whoever changes a record takes the triggers away first
    let triggers: Vec<String> = database
        .prepare("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        .and_then(|mut query| query.query_map([], |row| row.get(0))?.collect())
        .unwrap();
    for trigger in triggers {
        database
            .execute_batch(&format!("DROP TRIGGER {trigger}"))
            .unwrap();
    }
    let changed = database
        .execute(
            &format!("UPDATE {table} SET body = replace(body, '1.1', '9.9') WHERE seq = 2"),
            [],
        )
        .unwrap();
    assert_eq!(changed, 1);
    drop(database);
    let (code, _, stderr) = run(&["verify"]);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("record 2"), "{stderr}");
}

#[test]
fn journals_of_every_format_verify_and_every_record_is_understood() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/journals");
    let records = |name: &str| {
        // readers may leave files beside what they read
        let scratch = tempfile::tempdir().unwrap();
        let copy = scratch.path().join("journal.sqlite");
        std::fs::copy(folder.join(name), &copy).unwrap();
        let (report, entries) = casimir_dkg::journal::verify(&copy).unwrap();
        for entry in &entries {
            let record = Record::read(&entry.kind, &entry.body).unwrap();
            assert_eq!(record.kind(), entry.kind, "record {} of {name}", entry.seq);
        }
        (report.format, report.records)
    };
    let found = [
        "format-1/waiting.sqlite",
        "format-1/approved.sqlite",
        "format-1/signed.sqlite",
        "format-1/closed.sqlite",
        "format-2/waiting.sqlite",
        "format-2/closed.sqlite",
        "format-2/life.sqlite",
    ]
    .map(records);
    assert_eq!(
        found,
        [(1, 6), (1, 8), (1, 17), (1, 83), (2, 8), (2, 80), (2, 134)]
    );
}
