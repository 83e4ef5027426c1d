//! Journals with a key of their own, by the program: `journal verify --key`, `journal new-key`, and what nobody holds.

use std::fs;
use std::path::Path;

use casimir_dkg::journal::{Anchor, Journal, JournalError, JournalOptions, NewRecord};
use casimir_dkg::types::{JournalKey, UnixMillis};
use serde_json::{Value, json};

use super::support;

fn run(scratch: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    support::run(support::program(scratch).arg("journal").args(arguments))
}

fn record(body: &Value) -> NewRecord {
    NewRecord {
        at: UnixMillis(1_795_834_763_000),
        kind: body["record"].as_str().unwrap().to_owned().leak(),
        body: body.to_string(),
        subjects: Vec::new(),
    }
}

/// A journal `j.sqlite` of four records with a key of its own, and the hash of its second record.
pub(crate) fn scene() -> (tempfile::TempDir, JournalKey, String) {
    let scratch = tempfile::tempdir().unwrap();
    let options = JournalOptions::at(scratch.path().join("j.sqlite"));
    let (mut journal, _) = Journal::open(&options, Anchor::BEGINNING, |_| Ok::<_, JournalError>(())).unwrap();
    let key = journal.take_up_key().unwrap().unwrap();
    let started = json!({
        "record": "engine-started", "version": "1", "network": "hoodi", "mode": "observe",
        "serves": {"chain_id": 560_048, "manager": format!("0x{}", "08".repeat(20))},
    });
    journal
        .append(&[
            record(&json!({"record": "journal-keyed", "key": key})),
            record(&started),
        ])
        .unwrap();
    let second = journal.head().1.to_string();
    for text in ["a", "b"] {
        journal
            .append(&[record(&json!({"record": "note", "case": null, "text": text}))])
            .unwrap();
    }
    (scratch, key, second)
}

#[test]
fn whoever_holds_the_key_is_told_up_to_where_it_holds() {
    let (scratch, key, second) = scene();
    let verify = |more: &[&str]| {
        run(
            scratch.path(),
            &[&["verify", "--journal", "j.sqlite"], more].concat(),
        )
    };
    let (code, out, stderr) = verify(&[]);
    assert_eq!(code, Some(0), "{stderr}");
    let first = out.lines().next().unwrap();
    assert!(
        first.starts_with("network hoodi, chain 560048, manager 0x0808")
            && first.contains("account not said"),
        "{out}"
    );
    assert!(
        out.contains(&format!("signed with the journal's own key {key} of record 1")),
        "{out}"
    );
    assert!(
        out.contains("whether it was written anew as a whole cannot be said"),
        "{out}"
    );
    let (code, out, stderr) = verify(&["--key", &key.to_string()]);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(out.contains("held fast up to its last record, 4"), "{out}");
    let (code, out, _) = verify(&["--contains", &second]);
    assert_eq!(code, Some(0));
    assert!(
        out.contains("held fast up to record 2; the 2 behind it are not"),
        "{out}"
    );
    let other = format!("0x{}", "07".repeat(32));
    let (code, _, stderr) = verify(&["--key", &other]);
    assert_eq!(code, Some(1));
    assert!(
        stderr.contains("and not with the key given with --key"),
        "{stderr}"
    );
    fs::remove_file(scratch.path().join("j.checkpoint")).unwrap();
    let (code, _, stderr) = verify(&["--key", &key.to_string()]);
    assert_eq!(code, Some(1));
    assert!(
        stderr.contains("no checkpoint is there that it signed"),
        "{stderr}"
    );
    let (_, out, _) = run(scratch.path(), &["--json", "verify", "--journal", "j.sqlite"]);
    let said: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (&said["held"], &said["identity"]["chains"], &said["key"]["record"]),
        (&json!(0), &json!([560_048]), &json!(1))
    );
}

#[test]
fn an_export_with_its_checkpoint_is_judged_by_the_key_alone() {
    let (scratch, key, _) = scene();
    let (code, export, stderr) = run(scratch.path(), &["export", "--journal", "j.sqlite"]);
    assert_eq!(code, Some(0), "{stderr}");
    fs::write(scratch.path().join("export.jsonl"), export).unwrap();
    let arguments = ["verify", "--journal", "export.jsonl", "--key", &key.to_string()];
    let (code, out, stderr) = run(scratch.path(), &arguments);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(out.contains("held fast up to its last record, 4"), "{out}");
}

#[test]
fn what_is_empty_proves_nothing_and_is_said() {
    let (scratch, _, _) = scene();
    let at = |name: &str| scratch.path().join(name);
    fs::write(at("empty"), "").unwrap();
    let (code, _, stderr) = run(
        scratch.path(),
        &["verify", "--journal", "j.sqlite", "--checkpoint", "empty"],
    );
    assert_eq!(code, Some(1));
    assert!(stderr.contains("empty is empty: it names no record"), "{stderr}");
    let (code, _, stderr) = run(scratch.path(), &["verify", "--journal", "empty"]);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("empty: there is no record in it"), "{stderr}");
}

#[test]
fn a_person_gives_the_journal_another_key_and_the_record_says_who_and_why() {
    let (scratch, key, _) = scene();
    fs::remove_file(scratch.path().join("j.key")).unwrap();
    let arguments = ["new-key", "the host is another one", "--journal", "j.sqlite"];
    let (code, out, stderr) = run(scratch.path(), &arguments);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(
        out.contains("j.key holds a new key") && out.contains("record 5 names"),
        "{out}"
    );
    let (_, shown, _) = run(scratch.path(), &["show", "--journal", "j.sqlite", "--last", "1"]);
    assert!(
        shown.contains("a new key of its own") && shown.contains("the host is another one"),
        "{shown}"
    );
    let (code, _, stderr) = run(
        scratch.path(),
        &["verify", "--journal", "j.sqlite", "--key", &key.to_string()],
    );
    assert_eq!(code, Some(1));
    assert!(stderr.contains("which record 5 names"), "{stderr}");
    let (code, _, stderr) = run(scratch.path(), &["new-key", " ", "--journal", "j.sqlite"]);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("the reason has 0 characters"), "{stderr}");
}

/// As the handbook tells it: the file of the old key is there, and a command is all it takes.
#[test]
fn a_key_is_changed_once_a_year_and_whoever_holds_an_older_one_goes_on_with_it() {
    let (scratch, key, _) = scene();
    let (code, out, stderr) = run(
        scratch.path(),
        &["new-key", "once a year", "--journal", "j.sqlite"],
    );
    assert_eq!(code, Some(0), "{stderr}");
    assert!(
        out.contains(&format!("the key before it, {key}, signed it")),
        "{out}"
    );
    let (_, shown, _) = run(scratch.path(), &["show", "--journal", "j.sqlite", "--last", "1"]);
    assert!(
        shown.contains(&format!("which {key} signed: once a year")),
        "{shown}"
    );
    let verify = |key: &JournalKey| {
        let key = key.to_string();
        run(
            scratch.path(),
            &["verify", "--journal", "j.sqlite", "--key", &key],
        )
    };
    let (code, out, stderr) = verify(&key);
    assert_eq!(code, Some(0), "{stderr}");
    for words in [
        "held fast up to its last record, 5",
        "record 5 names a new key, 0x",
        "which the key before it signed",
    ] {
        assert!(out.contains(words), "{words}: {out}");
    }
    // the next one is lost: what was signed until then is held, and nothing behind it
    fs::remove_file(scratch.path().join("j.key")).unwrap();
    let (code, out, stderr) = run(
        scratch.path(),
        &["new-key", "the disk died", "--journal", "j.sqlite"],
    );
    assert_eq!(code, Some(0), "{stderr}");
    assert!(out.contains("It counts on your word alone"), "{out}");
    let (code, out, stderr) = verify(&key);
    assert_eq!(code, Some(1));
    for words in [
        "record 6 put 0x",
        "in its place on a person's word alone",
        "held fast up to record 4; the 2 behind it are not",
        "cannot tell it from a forgery",
    ] {
        assert!(format!("{out}{stderr}").contains(words), "{words}: {out}{stderr}");
    }
}

/// `doctor` judges as a start does: whose journal it is, and where its key is.
#[test]
fn a_doctor_misses_the_key_that_a_start_would_miss() {
    let (scratch, _, _) = scene();
    let journal = scratch.path().join("j.sqlite");
    let others = support::MINIMAL
        .replace("127.0.0.1:8545", "127.0.0.1:1")
        .replace("devnet", "hoodi");
    let text = others.replace(
        "0x5FbDB2315678afecb367f032d93F642f64180aa3",
        &format!("0x{}", "08".repeat(20)),
    );
    let place = format!("[journal]\npath = \"{}\"\n", journal.display());
    let file = scratch.path().join("c.toml");
    let configure = |text: &str| fs::write(&file, format!("{text}{place}{}", support::operators())).unwrap();
    let finding = || {
        let mut program = support::program(scratch.path());
        program.arg("--config").arg(&file).args(["doctor", "--json"]);
        let (_, out, stderr) = support::run(&mut program);
        let lines = out
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        let found = lines.into_iter().find(|line| line["what"] == "journal");
        found.unwrap_or_else(|| panic!("{out}{stderr}"))
    };
    configure(&others);
    let found = finding();
    assert_eq!(found["verdict"], "fail");
    assert!(
        found["found"]
            .as_str()
            .unwrap()
            .contains("is the journal of the manager contract 0x0808"),
        "{found}"
    );
    configure(&text);
    assert_eq!(finding()["verdict"], "ok");
    fs::remove_file(scratch.path().join("j.key")).unwrap();
    let found = finding();
    assert_eq!(found["verdict"], "fail");
    assert!(
        found["found"].as_str().unwrap().contains("journal new-key"),
        "{found}"
    );
    // of a copy that an auditor has, neither is there
    fs::remove_file(scratch.path().join("j.checkpoint")).unwrap();
    let found = finding();
    assert_eq!(found["verdict"], "warn", "{found}");
    assert!(
        found["found"].as_str().unwrap().contains("every hash right"),
        "{found}"
    );
    assert!(
        found["hint"]
            .as_str()
            .unwrap()
            .contains("a start would want the key"),
        "{found}"
    );
}

/// The configured journal has its checkpoint and key where the configuration says, also where a person names its file.
#[test]
fn a_checkpoint_and_a_key_elsewhere_are_found_by_every_command() {
    let scratch = tempfile::tempdir().unwrap();
    let here = |name: &str| scratch.path().join(name);
    fs::create_dir(here("disk")).unwrap();
    fs::write(
        here("c.toml"),
        "[network]\nname = \"hoodi\"\n[journal]\npath = \"j.sqlite\"\ncheckpoint = \"disk/checkpoint\"\nkey = \"disk/key\"\n",
    )
    .unwrap();
    let config = casimir_dkg::config::gather(&support::options(&here("c.toml"), scratch.path())).unwrap();
    let options = casimir_dkg::engine::journal_at(&config.journal().unwrap());
    assert_eq!(
        options.checkpoint,
        Some(here("disk/checkpoint")),
        "from the file's directory on"
    );
    let (mut journal, _) = Journal::open(&options, Anchor::BEGINNING, |_| Ok::<_, JournalError>(())).unwrap();
    let key = journal.take_up_key().unwrap().unwrap();
    journal
        .append(&[record(&json!({"record": "journal-keyed", "key": key}))])
        .unwrap();
    drop(journal);
    let program = |arguments: &[&str]| {
        let mut program = support::program(scratch.path());
        support::run(program.args(["--config", "c.toml", "journal"]).args(arguments))
    };
    for more in [&[][..], &["--journal", "j.sqlite"]] {
        let (code, out, stderr) = program(&[&["verify"], more].concat());
        assert_eq!(code, Some(0), "{stderr}");
        assert!(out.contains("signed with the journal's own key"), "{out}");
        let (code, out, stderr) = program(&[&["export"], more].concat());
        assert_eq!(code, Some(0), "{stderr}");
        assert!(out.starts_with("{\"export\":2,"), "{out}");
    }
    let (code, out, stderr) = program(&["new-key", "the old one is known", "--journal", "j.sqlite"]);
    assert!(
        code == Some(0) && out.contains("disk/key holds a new key"),
        "{out}{stderr}"
    );
    let (code, _, stderr) = program(&["declare-lost", "all of it", "--journal", "j.sqlite"]);
    assert!(code == Some(1) && stderr.contains("lacks nothing"), "{stderr}");
    assert!(!here("j.checkpoint").exists() && !here("j.key").exists());
    // a copy has what stands beside it
    fs::copy(here("j.sqlite"), here("copy.sqlite")).unwrap();
    let (code, out, _) = program(&["verify", "--journal", "copy.sqlite"]);
    assert!(
        code == Some(0) && out.contains("no checkpoint is beside it"),
        "{out}"
    );
}

/// As a forger leaves it who has no key: said by every command that looks.
#[test]
fn a_checkpoint_without_its_signature_is_told() {
    let (scratch, _, _) = scene();
    let place = scratch.path().join("j.checkpoint");
    let signed = fs::read_to_string(&place).unwrap();
    let bare: Vec<&str> = signed.split(' ').take(2).collect();
    fs::write(&place, bare.join(" ")).unwrap();
    let (code, out, stderr) = run(scratch.path(), &["verify", "--journal", "j.sqlite"]);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(
        format!("{out}{stderr}").contains("a start pauses everything: record 1 names the key"),
        "{out}{stderr}"
    );
    let (code, out, stderr) = run(scratch.path(), &["new-key", "mine", "--journal", "j.sqlite"]);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(
        out.contains("everything is paused until a person has looked"),
        "{out}"
    );
    let (_, out, _) = run(
        scratch.path(),
        &["show", "--last", "3", "--json", "--journal", "j.sqlite"],
    );
    let kinds: Vec<Value> = out
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["kind"].clone())
        .collect();
    assert_eq!(kinds, ["journal-keyed", "note", "paused"]);
}
