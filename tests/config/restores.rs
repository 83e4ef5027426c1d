//! The way on from a journal that is refused, by the program itself; and an auditor who has only a copy or an export.

use std::fs;
use std::path::{Path, PathBuf};

use casimir_dkg::journal::{Anchor, Journal, JournalError, JournalOptions, NewRecord};
use casimir_dkg::types::UnixMillis;
use serde_json::Value;

use super::support;
use crate::executable;

/// Journals of a whole oracle, as a start left them: the earlier one is the beginning of no other.
fn vector(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/vectors/journals")
        .join(name)
}

fn run(scratch: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    support::run(support::program(scratch).arg("journal").args(arguments))
}

/// A journal with its checkpoint, and what it was some records earlier.
fn scene() -> tempfile::TempDir {
    let scratch = tempfile::tempdir().unwrap();
    let here = |name: &str| scratch.path().join(name);
    fs::copy(vector("format-2/closed.sqlite"), here("j.sqlite")).unwrap();
    fs::copy(here("j.sqlite"), here("whole.sqlite")).unwrap();
    let (report, entries) = casimir_dkg::journal::verify(&here("whole.sqlite")).unwrap();
    let checkpoint = format!("{} {}\n", report.records, report.head);
    fs::write(here("j.checkpoint"), checkpoint).unwrap();
    // in the middle of a case
    let cut = entries
        .iter()
        .find(|entry| entry.kind == "ceremony-started")
        .unwrap()
        .seq
        + 1;
    fs::copy(here("whole.sqlite"), here("older.sqlite")).unwrap();
    rusqlite::Connection::open(here("older.sqlite"))
        .unwrap()
        .execute_batch(&format!(
            "DROP TRIGGER records_stay; DELETE FROM records WHERE seq > {cut}; DELETE FROM subjects WHERE seq > {cut};
             CREATE TRIGGER records_stay BEFORE DELETE ON records
             BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;"
        ))
        .unwrap();
    scratch
}

#[test]
fn a_rolled_back_journal_goes_on_from_another_copy() {
    let scratch = scene();
    let verify = || run(scratch.path(), &["verify", "--journal", "j.sqlite"]);
    let (code, out, stderr) = verify();
    assert_eq!(code, Some(0), "{stderr}");
    assert!(out.contains("nothing that was acknowledged is missing"), "{out}");

    fs::copy(
        scratch.path().join("older.sqlite"),
        scratch.path().join("j.sqlite"),
    )
    .unwrap();
    let (code, _, stderr) = verify();
    assert_eq!(code, Some(1));
    assert!(
        stderr.contains("was rolled back") && stderr.contains("journal restore FILE"),
        "{stderr}"
    );
    let (code, _, stderr) = run(
        scratch.path(),
        &["restore", "older.sqlite", "--journal", "j.sqlite"],
    );
    assert_eq!(code, Some(1));
    assert!(stderr.contains("they would be lost"), "{stderr}");
    let (code, out, stderr) = run(
        scratch.path(),
        &["restore", "whole.sqlite", "--journal", "j.sqlite"],
    );
    assert_eq!(code, Some(0), "{stderr}");
    assert!(out.contains("what was there is kept as"), "{out}");
    assert_eq!(verify().0, Some(0));
}

#[test]
fn records_that_nobody_has_are_declared_lost_and_what_is_unknown_is_listed() {
    let scratch = scene();
    fs::copy(
        scratch.path().join("older.sqlite"),
        scratch.path().join("j.sqlite"),
    )
    .unwrap();
    let (code, out, stderr) = run(
        scratch.path(),
        &[
            "declare-lost",
            "the volume was rolled back",
            "--journal",
            "j.sqlite",
        ],
    );
    assert_eq!(code, Some(0), "{stderr}");
    for words in [
        "are declared lost",
        "Open then: ",
        "Without an end: ",
        "mode supervised",
    ] {
        assert!(out.contains(words), "{words}: {out}");
    }
    let (code, out, _) = run(scratch.path(), &["verify", "--journal", "j.sqlite"]);
    assert_eq!(code, Some(0), "{out}");
    let (_, out, _) = run(scratch.path(), &["show", "--last", "1", "--journal", "j.sqlite"]);
    assert!(
        out.contains("declared lost by") && out.contains("the volume was rolled back"),
        "{out}"
    );
    let (code, _, stderr) = run(
        scratch.path(),
        &["declare-lost", "again", "--journal", "j.sqlite"],
    );
    assert_eq!(code, Some(1));
    assert!(stderr.contains("lacks nothing"), "{stderr}");
}

/// What a person signed for it may stand in what is lost, and would count once more.
#[test]
fn what_waited_for_a_decision_is_void_where_records_are_declared_lost() {
    let scratch = tempfile::tempdir().unwrap();
    let journal = scratch.path().join("j.sqlite");
    fs::copy(vector("format-2/waiting.sqlite"), &journal).unwrap();
    let (before, _) = casimir_dkg::journal::verify(&journal).unwrap();
    let newest = format!("{} {}\n", before.records + 1, before.head);
    fs::write(scratch.path().join("j.checkpoint"), newest).unwrap();
    let (code, out, stderr) = run(
        scratch.path(),
        &["declare-lost", "the disk died", "--journal", "j.sqlite"],
    );
    assert_eq!(code, Some(0), "{stderr}");
    assert!(
        out.contains("Void, and proposed anew: 2 actions that waited"),
        "{out}"
    );
    let (after, entries) = casimir_dkg::journal::verify(&journal).unwrap();
    // both of them, a pause, and the word
    assert_eq!(after.records, before.records + 4);
    assert_eq!(entries[entries.len() - 2].kind, "paused");
    let actions = |kind: &str| -> std::collections::BTreeSet<String> {
        let of_kind = entries.iter().filter(|entry| entry.kind == kind);
        of_kind
            .map(|entry| serde_json::from_str::<serde_json::Value>(&entry.body).unwrap())
            .map(|body| body["action"].to_string())
            .collect()
    };
    assert_eq!(actions("action-proposed").len(), 2);
    assert_eq!(actions("action-voided"), actions("action-proposed"));
    assert_eq!(entries.last().unwrap().kind, "note");
}

/// The start names that command, which answered that there is no journal.
#[test]
fn a_journal_of_which_nothing_but_its_checkpoint_is_left_is_declared_lost() {
    let scratch = scene();
    let declare = || {
        run(
            scratch.path(),
            &["declare-lost", "the disk died", "--journal", "j.sqlite"],
        )
    };
    let path = scratch.path().join("j.sqlite");
    let had = casimir_dkg::journal::verify(&path).unwrap().0.records;
    fs::remove_file(&path).unwrap();
    let (code, out, stderr) = declare();
    assert_eq!(code, Some(0), "{stderr}");
    assert!(
        out.contains(&format!("records 1 to {had} are declared lost")) && out.contains("No record is left."),
        "{out}"
    );
    let (report, entries) = casimir_dkg::journal::verify(&path).unwrap();
    assert_eq!((report.records, report.acknowledged), (2, Some(2)));
    let kinds: Vec<_> = entries.iter().map(|entry| entry.kind.as_str()).collect();
    assert_eq!(
        kinds,
        ["paused", "note"],
        "nothing leaves until a person has looked"
    );
    // where nothing is left at all, the path may be mistyped
    for file in ["j.sqlite", "j.checkpoint"] {
        fs::remove_file(scratch.path().join(file)).unwrap();
    }
    let (code, _, stderr) = declare();
    assert_ne!(code, Some(0));
    assert!(stderr.contains("there is no journal at j.sqlite"), "{stderr}");
    assert!(!path.exists());
}

/// The example of the handbook: a backup, and a disk that knows nothing of what followed.
#[test]
fn on_a_new_disk_a_declaration_voids_what_waited_and_without_one_the_end_is_called_unknown() {
    let restored = |declaration: &[&str]| {
        let scratch = tempfile::tempdir().unwrap();
        fs::copy(
            vector("format-2/waiting.sqlite"),
            scratch.path().join("backup.sqlite"),
        )
        .unwrap();
        let arguments = [
            &["--json", "restore", "backup.sqlite", "--journal", "j.sqlite"],
            declaration,
        ]
        .concat();
        let (code, out, stderr) = run(scratch.path(), &arguments);
        assert_eq!(code, Some(0), "{stderr}");
        let said: Value = serde_json::from_str(&out).unwrap();
        let (report, entries) = casimir_dkg::journal::verify(&scratch.path().join("j.sqlite")).unwrap();
        let void = entries.iter().filter(|entry| entry.kind == "action-voided");
        let void: Vec<Value> = void
            .map(|entry| serde_json::from_str::<Value>(&entry.body).unwrap()["action"].clone())
            .collect();
        assert_eq!(said["end_is_known"], false);
        (said, void, report, stderr)
    };
    let (said, void, report, _) = restored(&["--declare-lost", "the disk died"]);
    assert_eq!((void.len(), said["voided"].as_array()), (2, Some(&void)));
    assert_eq!(said["lost"]["first"], report.records - 3);
    assert_eq!(said["lost"]["last"], Value::Null);
    assert_eq!(report.acknowledged, Some(report.records));

    let (said, void, report, stderr) = restored(&[]);
    assert_eq!((void.len(), &said["voided"]), (0, &Value::Array(Vec::new())));
    assert_eq!((&said["lost"], report.acknowledged), (&Value::Null, None));
    for words in [
        "no checkpoint here says whether records followed",
        "casimir-dkg journal declare-lost REASON --journal j.sqlite",
    ] {
        assert!(stderr.contains(words), "{stderr}");
    }
}

#[test]
fn an_auditor_judges_a_copy_elsewhere_and_an_export_by_the_checkpoint_of_the_original() {
    let scratch = scene();
    let elsewhere = tempfile::tempdir().unwrap();
    let to = |name: &str| elsewhere.path().join(name);
    fs::copy(scratch.path().join("older.sqlite"), to("copy.sqlite")).unwrap();
    fs::copy(scratch.path().join("j.checkpoint"), to("given.checkpoint")).unwrap();
    let (code, exported, _) = run(scratch.path(), &["export", "--journal", "whole.sqlite"]);
    assert_eq!(code, Some(0));
    fs::write(to("export.jsonl"), &exported).unwrap();
    let verify = |file: &str, more: &[&str]| {
        let arguments = [&["--json", "verify", "--journal", file], more].concat();
        let (code, out, stderr) = run(elsewhere.path(), &arguments);
        let said: Value = out
            .lines()
            .next()
            .map_or(Value::Null, |line| serde_json::from_str(line).unwrap());
        (code, said, stderr)
    };
    let checkpoint = ["--checkpoint", "given.checkpoint"];
    let (code, said, _) = verify("copy.sqlite", &[]);
    assert_eq!((code, &said["acknowledged"]), (Some(0), &Value::Null));
    let (code, said, _) = verify("copy.sqlite", &checkpoint);
    assert_eq!((code, &said["ok"]), (Some(1), &false.into()), "{said}");
    let (code, said, stderr) = verify("export.jsonl", &checkpoint);
    assert_eq!((code, &said["ok"]), (Some(0), &true.into()), "{stderr}");
    assert_eq!(said["records"], said["acknowledged"]);
    let (code, _, stderr) = verify("copy.sqlite", &["--checkpoint", "nowhere"]);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("no checkpoint at nowhere"), "{stderr}");

    fs::write(to("export.jsonl"), exported.replacen("devnet", "mainnet", 1)).unwrap();
    let (code, said, _) = verify("export.jsonl", &[]);
    assert_eq!((code, &said["record"]), (Some(1), &1.into()), "{said}");
}

/// A disc that is only read: nothing can be made beside the file.
#[test]
fn a_copy_that_can_only_be_read_is_verified() {
    use std::os::unix::fs::PermissionsExt as _;
    use std::os::unix::process::CommandExt as _;

    let scratch = scene();
    let mode = |path: &Path, mode: u32| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    let file = scratch.path().join("j.sqlite");
    // as the oracle leaves it: in WAL mode
    rusqlite::Connection::open(&file)
        .unwrap()
        .pragma_update(None, "journal_mode", "WAL")
        .unwrap();
    mode(&file, 0o444);
    mode(&scratch.path().join("j.checkpoint"), 0o444);
    let mut program = support::program(scratch.path());
    program.args(["journal", "verify", "--journal", "j.sqlite"]);
    if rustix::process::geteuid().is_root() {
        // root may write everywhere; somebody else runs a copy of the program
        program = std::process::Command::new(executable::for_other_users(scratch.path()));
        program
            .args(["journal", "verify", "--journal", "j.sqlite"])
            .current_dir(scratch.path())
            .uid(65534)
            .gid(65534);
    }
    mode(scratch.path(), 0o555);
    let (code, out, stderr) = support::run(&mut program);
    mode(scratch.path(), 0o755);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(out.contains("nothing that was acknowledged is missing"), "{out}");
    assert!(
        !scratch.path().join("j.sqlite-shm").exists(),
        "nothing was made beside it"
    );
}

/// A start refuses what it does not understand, so a verification does too.
#[test]
fn a_record_of_a_newer_program_is_linked_and_not_understood() {
    let scratch = scene();
    let options = JournalOptions::at(scratch.path().join("j.sqlite"));
    let (mut journal, _) = Journal::open(&options, Anchor::BEGINNING, |_| Ok::<_, JournalError>(())).unwrap();
    let record = NewRecord {
        at: UnixMillis(1),
        kind: "of-tomorrow",
        body: r#"{"record":"of-tomorrow"}"#.to_owned(),
        subjects: Vec::new(),
    };
    journal.append(&[record]).unwrap();
    drop(journal);
    let (code, out, stderr) = run(scratch.path(), &["--json", "verify", "--journal", "j.sqlite"]);
    let said: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (code, &said["ok"], &said["record"]),
        (Some(1), &false.into(), &81.into())
    );
    assert!(
        stderr.contains("record 81 is linked, but not understood"),
        "{stderr}"
    );
}
