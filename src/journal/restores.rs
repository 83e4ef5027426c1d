//! From a journal that is refused to one that goes on.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use tempfile::TempDir;

use super::*;
use crate::types::{SafeText, UnixMillis};

fn options(folder: &TempDir) -> JournalOptions {
    JournalOptions::at(folder.path().join("journal.sqlite"))
}

fn note(n: u64) -> NewRecord {
    NewRecord {
        at: UnixMillis(n),
        kind: "note",
        body: format!(r#"{{"record":"note","case":null,"text":"{n}"}}"#),
        subjects: Vec::new(),
    }
}

fn append(options: &JournalOptions, numbers: std::ops::RangeInclusive<u64>) {
    let (mut journal, _) = Journal::open(options, Anchor::BEGINNING, |_| Ok::<_, JournalError>(())).unwrap();
    for n in numbers {
        journal.append(&[note(n)]).unwrap();
    }
}

/// A journal of five records, a backup from when it had three, and one of all.
fn five() -> (TempDir, JournalOptions, PathBuf, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let options = options(&folder);
    let (older, newest) = (
        folder.path().join("older.sqlite"),
        folder.path().join("newest.sqlite"),
    );
    append(&options, 1..=3);
    backup(&options.path, &older).unwrap();
    append(&options, 4..=5);
    backup(&options.path, &newest).unwrap();
    (folder, options, older, newest)
}

fn opens(options: &JournalOptions) -> Result<(u64, crate::types::Root), JournalError> {
    Journal::open(options, Anchor::BEGINNING, |_| Ok::<_, JournalError>(()))
        .map(|(journal, _)| journal.head())
}

fn declared() -> Declaration {
    Declaration {
        by: SafeText::new("ada"),
        reason: SafeText::new("the disk died"),
        open: SafeText::new("Nothing was open."),
        records: Vec::new(),
    }
}

#[test]
fn a_backup_writes_over_nothing_that_has_a_name_like_its_own() {
    let (folder, options, _, _) = five();
    let partial = folder.path().join("j.partial");
    fs::write(&partial, "somebody's").unwrap();
    for name in ["j.mon", "j.tue"] {
        backup(&options.path, &folder.path().join(name)).unwrap();
    }
    let refused = backup(&options.path, &folder.path().join("none/\0/j"));
    assert!(refused.is_err());
    // a disk that is not mounted
    let refused = backup(&options.path, &folder.path().join("disk/j.mon")).unwrap_err();
    assert!(refused.to_string().contains("is its disk mounted?"), "{refused}");
    assert!(!folder.path().join("disk").exists());
    assert_eq!(fs::read_to_string(&partial).unwrap(), "somebody's");
    let left = fs::read_dir(folder.path())
        .unwrap()
        .map(|file| file.unwrap().file_name());
    let left: Vec<_> = left
        .filter(|name| name.to_string_lossy().ends_with(".partial"))
        .collect();
    assert_eq!(left, ["j.partial"], "what was half written is gone");
}

#[test]
fn a_journal_that_was_rolled_back_goes_on_from_a_copy_that_lacks_nothing() {
    let (_folder, options, older, newest) = five();
    let head = opens(&options).unwrap();
    fs::copy(&older, &options.path).unwrap();
    let words = opens(&options).unwrap_err().to_string();
    assert!(
        words.contains("journal restore FILE") && words.contains("declare-lost"),
        "{words}"
    );
    // the older one would lose records, and nothing is touched
    let refused = restore(&options, &older, None).unwrap_err().to_string();
    assert!(refused.contains("records 4 to 5"), "{refused}");
    assert!(opens(&options).is_err());

    let restored = restore(&options, &newest, None).unwrap();
    assert_eq!((restored.records, restored.lost), (5, None));
    assert_eq!(opens(&options).unwrap(), head);
    let replaced = restored.replaced.unwrap();
    assert_eq!(verify(&replaced).unwrap().0.records, 3, "what was there is kept");
}

#[test]
fn what_nobody_has_any_more_is_declared_lost_by_name_and_the_journal_goes_on() {
    let (_folder, options, older, _) = five();
    fs::copy(&older, &options.path).unwrap();
    let restored = restore(&options, &options.path, Some(&declared())).unwrap();
    let lost = Lost {
        first: 4,
        last: Some(5),
    };
    assert_eq!(restored.lost, Some(lost));
    append(&options, 6..=6);
    let (report, entries) = verify(&options.path).unwrap();
    assert_eq!((report.records, report.acknowledged), (5, Some(5)));
    let told = &entries[3].body;
    for words in [
        "records 4 to 5",
        "declared lost by ada",
        "the disk died",
        "Nothing was open",
    ] {
        assert!(told.contains(words), "{told}");
    }
    // once more there is nothing to declare
    let again = restore(&options, &options.path, Some(&declared())).unwrap_err();
    assert!(again.to_string().contains("lacks nothing"), "{again}");
}

/// On a new disk nothing says what is missing, and a person still knows it.
#[test]
fn what_a_person_declares_lost_is_recorded_where_nothing_says_that_it_is_missing() {
    let (_elsewhere, _, older, _) = five();
    let new = tempfile::tempdir().unwrap();
    let options = options(&new);
    let declaration = Declaration {
        records: vec![note(7)],
        ..declared()
    };
    let restored = restore(&options, &older, Some(&declaration)).unwrap();
    let lost = Lost { first: 4, last: None };
    assert_eq!(
        (restored.records, restored.lost, restored.end_is_known),
        (5, Some(lost), false)
    );
    let (report, entries) = verify(&options.path).unwrap();
    assert_eq!(report.acknowledged, Some(5));
    assert_eq!(entries[3].body, note(7).body, "what comes with the declaration");
    let told = &entries[4].body;
    assert!(
        told.contains("any records from 4 on were declared lost by ada") && told.contains("How many"),
        "{told}"
    );

    // so it is where a checkpoint came back together with the file, and says of nothing that it is missing
    let copy = new.path().join("copy.sqlite");
    backup(&options.path, &copy).unwrap();
    let refused = restore(&options, &options.path, Some(&declared())).unwrap_err();
    assert!(
        refused.to_string().contains("declared lost with a copy"),
        "{refused}"
    );
    let restored = restore(&options, &copy, Some(&declared())).unwrap();
    assert_eq!((restored.records, restored.end_is_known), (6, true));
    assert_eq!(restored.lost.map(|lost| lost.first), Some(6));
}

#[test]
fn a_disk_that_knows_nothing_does_not_say_that_the_end_is_known() {
    let (_elsewhere, _, older, newest) = five();
    let new = tempfile::tempdir().unwrap();
    let options = options(&new);
    let restored = restore(&options, &older, None).unwrap();
    assert_eq!(
        (restored.records, restored.lost, restored.end_is_known),
        (3, None, false)
    );
    assert_eq!(verify(&options.path).unwrap().0.acknowledged, None);
    // the file alone says up to where it goes, and a newer copy goes on
    let restored = restore(&options, &newest, None).unwrap();
    assert_eq!((restored.records, restored.end_is_known), (5, false));
    let again = restore(&options, &options.path, None).unwrap_err();
    assert!(again.to_string().contains("in its place already"), "{again}");
    let restored = restore(&options, &options.path, Some(&declared())).unwrap();
    assert_eq!(restored.lost.map(|lost| lost.first), Some(6));
    assert_eq!(verify(&options.path).unwrap().0.acknowledged, Some(6));
}

#[test]
fn a_journal_that_was_removed_or_damaged_comes_back() {
    let (folder, options, _, newest) = five();
    let head = opens(&options).unwrap();
    fs::remove_file(&options.path).unwrap();
    let restored = restore(&options, &newest, None).unwrap();
    assert_eq!((opens(&options).unwrap(), restored.replaced), (head, None));

    let damage = "DROP TRIGGER records_are_final; UPDATE records SET at = 9 WHERE seq = 2";
    Connection::open(&options.path)
        .unwrap()
        .execute_batch(damage)
        .unwrap();
    let words = opens(&options).unwrap_err().to_string();
    assert!(
        words.contains("record 2") && words.contains("journal restore FILE"),
        "{words}"
    );
    restore(&options, &newest, None).unwrap();
    assert_eq!(opens(&options).unwrap(), head);
    let left: Vec<_> = fs::read_dir(folder.path())
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains("restoring"))
        .collect();
    assert_eq!(left, Vec::<String>::new());
}

/// A start names `journal declare-lost` as the way on where no backup is left, and that answered that there was no journal.
#[test]
fn a_journal_of_which_nothing_is_left_is_declared_lost_and_another_one_says_so() {
    for left in ["no file", "an empty one", "what a refused start makes"] {
        let (_folder, options, _, _) = five();
        fs::remove_file(&options.path).unwrap();
        let words = opens(&options).unwrap_err().to_string();
        assert!(words.contains("journal declare-lost REASON"), "{words}");
        match left {
            "no file" => fs::remove_file(&options.path).unwrap(),
            "an empty one" => fs::write(&options.path, "").unwrap(),
            _ => {}
        }
        let undeclared = restore(&options, &options.path, None);
        assert!(undeclared.is_err(), "{left}: nobody says that it is lost");
        assert_eq!(options.path.exists(), left != "no file");
        let restored = restore(&options, &options.path, Some(&declared())).unwrap();
        let lost = Lost {
            first: 1,
            last: Some(5),
        };
        assert_eq!((restored.records, restored.lost), (1, Some(lost)));
        let (report, entries) = verify(&options.path).unwrap();
        assert_eq!(report.acknowledged, Some(1));
        assert!(
            entries[0]
                .body
                .contains("records 1 to 5 were declared lost by ada")
        );
        append(&options, 2..=2);
        assert_eq!(opens(&options).unwrap().0, 2);
    }
}

/// SQLite takes the log that lies beside a file for that file's, and writes its pages into it; beside an empty file it deletes
/// it.
#[test]
fn the_log_of_a_journal_that_is_gone_is_not_taken_for_that_of_the_copy() {
    for (left, is_lost) in [
        ("no file", false),
        ("an empty one", false),
        ("no file", true),
        ("an empty one", true),
    ] {
        let (folder, options, _, newest) = five();
        // a killed process left it
        let other = folder.path().join("other.sqlite");
        let db = Connection::open(&other).unwrap();
        db.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (x); INSERT INTO t VALUES (1);")
            .unwrap();
        let log = options.path.with_extension("sqlite-wal");
        fs::copy(other.with_extension("sqlite-wal"), &log).unwrap();
        drop(db);
        match left {
            "no file" => fs::remove_file(&options.path).unwrap(),
            _ => fs::write(&options.path, "").unwrap(),
        }
        let lost = fs::read(&log).unwrap();
        let undeclared = restore(&options, &options.path, None);
        assert!(undeclared.is_err(), "{left}");
        assert_eq!(
            fs::read(&log).unwrap(),
            lost,
            "{left}: what is refused moves nothing"
        );
        let restored = match is_lost {
            true => restore(&options, &options.path, Some(&declared())),
            false => restore(&options, &newest, None),
        };
        assert_eq!(opens(&options).unwrap().0, restored.unwrap().records, "{left}");
        let aside = fs::read_dir(folder.path())
            .unwrap()
            .map(|file| file.unwrap().path());
        let kept: Vec<_> = aside
            .filter(|path| {
                path.to_string_lossy().contains("replaced-") && path.to_string_lossy().ends_with("-wal")
            })
            .collect();
        assert_eq!(kept.len(), 1, "{left}: set aside, not lost");
        assert_eq!(fs::read(&kept[0]).unwrap(), lost, "{left}");
    }
}

/// A mistyped path is no journal that was lost.
#[test]
fn where_nothing_tells_of_a_journal_none_is_declared_lost() {
    let folder = tempfile::tempdir().unwrap();
    let options = options(&folder);
    assert!(restore(&options, &options.path, Some(&declared())).is_err());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    // how many there were, the key does not say
    fs::write(folder.path().join("journal.key"), "key").unwrap();
    let restored = restore(&options, &options.path, Some(&declared())).unwrap();
    assert_eq!(restored.lost, Some(Lost { first: 1, last: None }));
}

#[test]
fn what_is_not_this_journal_is_not_put_in_its_place() {
    let (folder, options, _, newest) = five();
    let head = opens(&options).unwrap();
    let refused = |from: &Path| {
        restore(&options, from, Some(&declared()))
            .unwrap_err()
            .to_string()
    };

    let elsewhere = tempfile::tempdir().unwrap();
    let other = self::options(&elsewhere);
    append(&other, 7..=20);
    assert!(refused(&other.path).contains("another journal"));

    let export_of = folder.path().join("export.jsonl");
    let mut lines = Vec::new();
    export(&options, &mut lines).unwrap();
    fs::write(&export_of, lines).unwrap();
    assert!(refused(&export_of).contains("is an export"));

    let damage = "DROP TRIGGER records_are_final; UPDATE records SET at = 9 WHERE seq = 2";
    Connection::open(&newest).unwrap().execute_batch(damage).unwrap();
    let words = refused(&newest);
    assert!(words.contains("newest.sqlite: record 2"), "{words}");

    let (held, _) = Journal::open(&options, Anchor::BEGINNING, |_| Ok::<_, JournalError>(())).unwrap();
    assert!(refused(&options.path).contains("in use by another process"));
    drop(held);
    assert_eq!(opens(&options).unwrap(), head, "it is as it was");
}

#[test]
fn an_export_is_judged_as_the_journal_is() {
    let (folder, options, ..) = five();
    let file = folder.path().join("export.jsonl");
    let mut lines = Vec::new();
    export(&options, &mut lines).unwrap();
    let text = String::from_utf8(lines).unwrap();
    let checkpoint = folder.path().join("journal.checkpoint");
    let judged = |text: &str| {
        fs::write(&file, text).unwrap();
        verify_with(&file, Some(&checkpoint)).map(|(report, entries)| (report, entries.len()))
    };
    let (report, entries) = judged(&text).unwrap();
    assert_eq!((report.records, report.acknowledged, entries), (5, Some(5), 5));
    let lines: Vec<&str> = text.lines().collect();
    let without_last = format!("{}\n", lines[..4].join("\n"));
    let with_more = text.replacen("{\"seq\":2", "{\"seen\":1,\"seq\":2", 1);
    for (damaged, words) in [
        (
            without_last.clone(),
            "ends at record 4, but record 5 was acknowledged",
        ),
        (
            text.replacen("\\\"2\\\"", "\\\"9\\\"", 1),
            "record 2 does not match its hash",
        ),
        (format!("{}\n{}\n", lines[0], lines[2]), "record 2 is missing"),
        (text[..text.len() - 20].to_owned(), "record 5 is cut off"),
        (with_more, "unknown field `seen`"),
        (
            text.replacen("\"format\":2", "\"format\":3", 1),
            "journal format 3",
        ),
    ] {
        let found = judged(&damaged).unwrap_err().to_string();
        assert!(found.contains(words), "{found}");
    }
    // without the checkpoint nobody can tell
    fs::write(&file, without_last).unwrap();
    assert_eq!(verify(&file).unwrap().0.acknowledged, None);
}

#[test]
fn a_log_that_cannot_be_opened_in_place_is_read_from_a_copy() {
    let (_folder, options, ..) = five();
    let (mut journal, _) = Journal::open(&options, Anchor::BEGINNING, |_| Ok::<_, JournalError>(())).unwrap();
    journal.append(&[note(6)]).unwrap();
    // what a person takes who copies file and log of a journal in use
    let taken = tempfile::tempdir().unwrap();
    let copy = taken.path().join("taken.sqlite");
    fs::copy(&options.path, &copy).unwrap();
    fs::copy(
        crate::sqlite::beside(&options.path, "-wal"),
        crate::sqlite::beside(&copy, "-wal"),
    )
    .unwrap();
    let count = |source: &source::Source| -> i64 {
        source
            .query_row("SELECT COUNT(*) FROM records", [], |row| row.get(0))
            .unwrap()
    };
    assert_eq!(count(&source::aside(&copy).unwrap()), 6);
    fs::remove_file(crate::sqlite::beside(&copy, "-wal")).unwrap();
    assert_eq!(count(&source::aside(&copy).unwrap()), 5, "what was written back");
    let beside = fs::read_dir(taken.path()).unwrap().count();
    assert_eq!(beside, 1, "nothing was left beside it");
}

#[test]
fn what_root_restores_and_declares_lost_belongs_to_whoever_runs_the_oracle() {
    use crate::owner::tests::{SERVICE, owners, theirs};

    let Some(folder) = theirs() else { return };
    let (_elsewhere, _, older, newest) = five();
    let options = JournalOptions::at(folder.path().join("state/journal.sqlite"));
    let all_theirs = |when: &str| {
        let files = owners(folder.path());
        let named = |name: &str| files.iter().any(|(path, _)| path.ends_with(name));
        assert!(
            named("journal.sqlite") && named("journal.lock"),
            "{when}: {files:?}"
        );
        assert!(files.iter().all(|(_, uid)| *uid == SERVICE), "{when}: {files:?}");
    };
    restore(&options, &newest, None).unwrap();
    all_theirs("restored");
    restore(&options, &older, Some(&declared())).unwrap();
    all_theirs("declared lost");
    opens(&options).unwrap();
    all_theirs("opened");
    backup(&options.path, &folder.path().join("copy.sqlite")).unwrap();
    all_theirs("backed up");
    let key = folder.path().join("state/journal.key");
    if !key.exists() {
        crate::journal::own_key::OwnKey::make(&key).unwrap();
    }
    all_theirs("keyed");
}
