//! What a journal survives, and what it refuses.

use std::fs;
use std::path::Path;

use rusqlite::Connection;
use tempfile::TempDir;

use super::*;
use crate::types::UnixMillis;

fn options(directory: &Path) -> JournalOptions {
    JournalOptions::at(directory.join("journal.sqlite"))
}

fn note(n: u64) -> NewRecord {
    NewRecord {
        at: UnixMillis(n),
        kind: "note",
        body: format!("{{\"record\":\"note\",\"text\":\"{n}\"}}"),
        subjects: vec![format!("deposit/{}", n % 2)],
    }
}

/// Opens the journal in this directory, and reads it from the beginning.
fn open(directory: &Path) -> Result<(Journal, Vec<Entry>), JournalError> {
    let mut entries = Vec::new();
    let (journal, upgrade) = Journal::open(&options(directory), Anchor::BEGINNING, |entry| {
        entries.push(entry.clone());
        Ok::<_, JournalError>(())
    })?;
    assert_eq!(upgrade, None);
    Ok((journal, entries))
}

/// A journal with five records, closed.
fn five() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let (mut journal, entries) = open(directory.path()).unwrap();
    assert!(entries.is_empty());
    for n in 1..=5 {
        assert_eq!(journal.append(&[note(n)]).unwrap(), n);
    }
    directory
}

fn tamper(directory: &Path, sql: &str) {
    let connection = Connection::open(directory.join("journal.sqlite")).unwrap();
    connection
        .execute_batch("DROP TRIGGER records_are_final; DROP TRIGGER records_stay;")
        .unwrap();
    connection.execute_batch(sql).unwrap();
}

#[test]
fn what_was_appended_is_there_after_reopening_and_the_chain_goes_on() {
    let directory = five();
    let (mut journal, entries) = open(directory.path()).unwrap();
    assert_eq!(entries.len(), 5);
    assert_eq!(journal.append(&[note(6), note(7)]).unwrap(), 6);
    assert_eq!(journal.append(&[]).unwrap(), 8, "nothing is written for nothing");
    let head = journal.head();
    drop(journal);
    let (journal, entries) = open(directory.path()).unwrap();
    assert_eq!((journal.head(), entries.len()), (head, 7));
    assert!(entries.iter().all(|entry| entry.format == 2));
    let (report, _) = verify(&directory.path().join("journal.sqlite")).unwrap();
    assert_eq!((report.records, report.head), head);
    assert_eq!(report.acknowledged, Some(7));
}

#[test]
fn a_walk_may_begin_behind_what_was_verified_before_and_nowhere_else() {
    let directory = five();
    let (_, entries) = open(directory.path()).unwrap();
    let anchor = Anchor {
        seq: 3,
        hash: entries[2].hash,
    };
    let mut seen = Vec::new();
    let mut walk = |anchor| {
        seen.clear();
        let opened = Journal::open(&options(directory.path()), anchor, |entry| {
            seen.push(entry.seq);
            Ok::<_, JournalError>(())
        });
        opened.map(|(journal, _)| (journal.head().0, seen.clone()))
    };
    assert_eq!(walk(anchor).unwrap(), (5, vec![4, 5]));
    let other = Anchor {
        hash: entries[1].hash,
        ..anchor
    };
    assert!(matches!(walk(other), Err(JournalError::Broken { seq: 3, .. })));
    let beyond = Anchor { seq: 9, ..anchor };
    assert!(matches!(walk(beyond), Err(JournalError::Broken { seq: 9, .. })));
}

#[test]
fn whoever_reads_ends_the_walk_with_words_of_its_own() {
    #[derive(Debug)]
    struct Mine;
    impl From<JournalError> for Mine {
        fn from(error: JournalError) -> Self {
            panic!("{error}")
        }
    }
    let directory = five();
    let opened = Journal::open(&options(directory.path()), Anchor::BEGINNING, |entry| {
        if entry.seq < 3 { Ok(()) } else { Err(Mine) }
    });
    assert!(matches!(opened, Err(Mine)));
}

#[test]
fn the_lock_is_the_same_by_whatever_name_the_journal_is_reached() {
    let directory = five();
    let elsewhere = tempfile::tempdir().unwrap();
    let link = elsewhere.path().join("journal.sqlite");
    std::os::unix::fs::symlink(directory.path().join("journal.sqlite"), &link).unwrap();
    let (_journal, _) = open(directory.path()).unwrap();
    let refused = open(elsewhere.path()).unwrap_err();
    assert!(matches!(refused, JournalError::Locked { .. }), "{refused}");
}

#[test]
fn a_second_writer_is_refused_and_a_reader_is_not() {
    let directory = five();
    let (_journal, _) = open(directory.path()).unwrap();
    let refused = open(directory.path()).unwrap_err();
    assert!(matches!(refused, JournalError::Locked { .. }), "{refused}");
    assert_eq!(
        verify(&directory.path().join("journal.sqlite"))
            .unwrap()
            .0
            .records,
        5
    );
}

#[test]
fn sqlite_itself_refuses_to_change_a_record() {
    let directory = five();
    let connection = Connection::open(directory.path().join("journal.sqlite")).unwrap();
    for sql in [
        "UPDATE records SET body = '{}' WHERE seq = 2",
        "DELETE FROM records WHERE seq = 5",
    ] {
        let error = connection.execute(sql, []).unwrap_err().to_string();
        assert!(error.contains("append-only"), "{error}");
    }
}

#[test]
fn every_kind_of_tampering_is_found_at_its_record() {
    for (sql, broken) in [
        (
            "UPDATE records SET body = replace(body, '3', '4') WHERE seq = 3",
            3,
        ),
        ("UPDATE records SET at = 99 WHERE seq = 2", 2),
        ("UPDATE records SET kind = 'decided' WHERE seq = 1", 1),
        ("UPDATE records SET hash = zeroblob(32) WHERE seq = 4", 4),
        ("DELETE FROM records WHERE seq = 2", 2),
        // a record read as one of another format
        ("UPDATE records SET format = 1 WHERE seq = 2", 2),
        ("UPDATE records SET format = 1", 1),
        (
            "UPDATE records SET seq = 9 WHERE seq = 2; UPDATE records SET seq = 2 WHERE seq = 3;
             UPDATE records SET seq = 3 WHERE seq = 9",
            2,
        ),
    ] {
        let directory = five();
        tamper(directory.path(), sql);
        match open(directory.path()) {
            Err(JournalError::Broken { seq, .. }) => assert_eq!(seq, broken, "{sql}"),
            other => panic!("{sql}: {other:?}"),
        }
        assert!(verify(&directory.path().join("journal.sqlite")).is_err(), "{sql}");
        let mut out = Vec::new();
        export(&options(directory.path()), &mut out).unwrap_err();
        let lines = String::from_utf8(out).unwrap().lines().count() as u64;
        assert_eq!(lines, broken - 1, "exported up to the first bad record: {sql}");
    }
}

#[test]
fn lost_or_rolled_back_records_are_noticed_by_the_checkpoint() {
    let directory = five();
    tamper(directory.path(), "DELETE FROM records WHERE seq > 3");
    let seen = verify(&directory.path().join("journal.sqlite")).map(drop);
    assert!(matches!(seen, Err(JournalError::RolledBack { .. })), "{seen:?}");
    match open(directory.path()) {
        Err(JournalError::RolledBack {
            found: 3,
            expected: 5,
            ..
        }) => {}
        other => panic!("{other:?}"),
    }
    // an empty file, or none, in its place
    let directory = five();
    fs::remove_file(directory.path().join("journal.sqlite")).unwrap();
    for _ in 0..2 {
        let opened = open(directory.path());
        assert!(
            matches!(
                opened,
                Err(JournalError::RolledBack {
                    found: 0,
                    expected: 5,
                    ..
                })
            ),
            "{opened:?}"
        );
    }
    // the same number of records, but others: a file that was rewritten
    let directory = five();
    let checkpoint = directory.path().join("journal.checkpoint");
    let text = fs::read_to_string(&checkpoint).unwrap();
    fs::write(&checkpoint, text.replace("5 0x", "4 0x")).unwrap();
    assert!(matches!(
        open(directory.path()),
        Err(JournalError::Broken { seq: 4, .. })
    ));
}

#[test]
fn a_tail_torn_at_any_byte_loses_nothing_silently() {
    let directory = tempfile::tempdir().unwrap();
    let (mut journal, _) = open(directory.path()).unwrap();
    journal.append(&[note(1)]).unwrap();
    let wal = directory.path().join("journal.sqlite-wal");
    let before = fs::metadata(&wal).unwrap().len();
    journal.append(&[note(2)]).unwrap();
    // as a power cut leaves it: the files of this moment, the log cut at some byte
    let copy = tempfile::tempdir().unwrap();
    let whole = fs::read(&wal).unwrap();
    for length in (before..=whole.len() as u64)
        .step_by(97)
        .chain([whole.len() as u64])
    {
        for name in ["journal.sqlite", "journal.checkpoint"] {
            fs::copy(directory.path().join(name), copy.path().join(name)).unwrap();
        }
        let _ = fs::remove_file(copy.path().join("journal.sqlite-shm"));
        let cut = usize::try_from(length).unwrap();
        fs::write(copy.path().join("journal.sqlite-wal"), &whole[..cut]).unwrap();
        match open(copy.path()) {
            Ok((journal, entries)) => {
                assert_eq!((journal.head().0, entries.len()), (2, 2), "cut at {length}")
            }
            Err(JournalError::RolledBack { expected: 2, .. }) => assert!(length < whole.len() as u64),
            Err(other) => panic!("cut at {length}: {other}"),
        }
    }
}

#[test]
fn only_its_owner_can_read_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = five();
    let mode = fs::metadata(directory.path().join("journal.sqlite"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn the_log_is_written_back_and_does_not_grow_for_ever() {
    let directory = tempfile::tempdir().unwrap();
    let (mut journal, _) = open(directory.path()).unwrap();
    let record = NewRecord {
        at: UnixMillis(1),
        kind: "note",
        body: format!("\"{}\"", "x".repeat(200_000)),
        subjects: Vec::new(),
    };
    for _ in 0..80 {
        journal.append(std::slice::from_ref(&record)).unwrap();
    }
    let log = std::fs::metadata(directory.path().join("journal.sqlite-wal")).unwrap();
    assert!(log.len() < 8 << 20, "{} of 16 MB", log.len());
    drop(journal);
    let (report, _) = verify(&directory.path().join("journal.sqlite")).unwrap();
    assert_eq!(report.records, 80);
}

#[test]
fn a_journal_or_checkpoint_that_everybody_may_change_is_refused_by_name() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = five();
    for file in ["journal.sqlite", "journal.checkpoint"] {
        let path = directory.path().join(file);
        let mode = |mode| fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        mode(0o666);
        let refused = open(directory.path()).unwrap_err().to_string();
        assert!(
            refused.contains("chmod o-w ") && refused.contains(file),
            "{refused}"
        );
        mode(0o600);
        assert!(open(directory.path()).is_ok());
    }
    fs::write(directory.path().join("journal.checkpoint"), "1 ".repeat(1 << 20)).unwrap();
    let refused = open(directory.path()).unwrap_err().to_string();
    assert!(refused.contains("is longer than"), "{refused}");
}

const SWALLOW: &str = "CREATE TRIGGER swallow BEFORE INSERT ON records BEGIN SELECT RAISE(IGNORE); END";

fn sql(directory: &Path, text: &str) {
    let connection = Connection::open(directory.join("journal.sqlite")).unwrap();
    connection.execute_batch(text).unwrap();
}

#[test]
fn a_trigger_that_swallows_records_is_named_and_nothing_counts_as_written_until_it_is_gone() {
    let directory = five();
    let (mut journal, _) = open(directory.path()).unwrap();
    sql(directory.path(), SWALLOW);
    for _ in 0..2 {
        let refused = journal.append(&[note(6)]).unwrap_err();
        assert!(!refused.is_final(), "{refused}");
        let words = refused.to_string();
        assert!(words.contains("the trigger swallow"), "{words}");
        assert!(journal.look().is_err(), "it is noticed without a record, too");
        assert_eq!(journal.head().0, 5);
    }
    sql(directory.path(), "DROP TRIGGER swallow");
    assert_eq!(journal.append(&[note(6)]).unwrap(), 6);
    drop(journal);

    sql(directory.path(), SWALLOW);
    let path = directory.path().join("journal.sqlite");
    let refused = [
        open(directory.path()).map(drop),
        verify(&path).map(drop),
        restore(&options(&directory.path().join("other")), &path, None).map(drop),
    ];
    for refused in refused {
        assert!(matches!(refused, Err(JournalError::Schema { .. })), "{refused:?}");
    }
    assert!(!directory.path().join("other/journal.sqlite").exists());
    sql(
        directory.path(),
        "DROP TRIGGER swallow; DROP TRIGGER records_stay",
    );
    let lacks = open(directory.path()).unwrap_err().to_string();
    assert!(lacks.contains("lacks the trigger records_stay"), "{lacks}");
}

/// The copy that the words of this refusal name.
fn rescued(refused: &JournalError) -> std::path::PathBuf {
    let words = refused.to_string();
    let (_, behind) = words
        .split_once("journal restore ")
        .unwrap_or_else(|| panic!("{words}"));
    behind.split('`').next().unwrap().into()
}

#[test]
fn what_would_be_written_into_a_file_that_was_removed_or_replaced_is_not_and_all_before_it_is_copied() {
    let away =
        |directory: &Path, name: &str| fs::rename(directory.join(name), directory.join("away")).unwrap();
    let back =
        |directory: &Path, name: &str| fs::rename(directory.join("away"), directory.join(name)).unwrap();
    for name in ["journal.sqlite", "journal.sqlite-wal"] {
        for is_replaced in [false, true] {
            let directory = five();
            let (mut journal, _) = open(directory.path()).unwrap();
            journal.append(&[note(6)]).unwrap();
            away(directory.path(), name);
            if is_replaced {
                fs::copy(directory.path().join("away"), directory.path().join(name)).unwrap();
            }
            let refused = journal.append(&[note(7)]).unwrap_err();
            assert!(!refused.is_final(), "{refused}");
            let copy = rescued(&refused);
            assert_eq!(verify(&copy).unwrap().0.records, 6, "{refused}");
            let again = journal.look().unwrap_err();
            assert_eq!(rescued(&again), copy, "it is copied once");
            back(directory.path(), name);
            assert_eq!(journal.append(&[note(7)]).unwrap(), 7, "{name}");
            drop(journal);
            assert_eq!(open(directory.path()).unwrap().1.len(), 7, "{name}");
        }
    }
}

#[test]
fn a_journal_whose_whole_directory_was_removed_goes_on_from_its_copy() {
    let directory = five();
    let (mut journal, _) = open(directory.path()).unwrap();
    journal.append(&[note(6)]).unwrap();
    fs::remove_dir_all(directory.path()).unwrap();
    let copy = rescued(&journal.look().unwrap_err());
    drop(journal);
    let restored = restore(&options(directory.path()), &copy, None).unwrap();
    assert_eq!(restored.records, 6);
    let (mut journal, _) = open(directory.path()).unwrap();
    assert_eq!(journal.append(&[note(7)]).unwrap(), 7);
}

#[test]
fn the_file_of_the_lock_is_made_again_and_keeps_others_out_as_before() {
    let directory = five();
    let (mut journal, _) = open(directory.path()).unwrap();
    fs::remove_file(directory.path().join("journal.lock")).unwrap();
    journal.look().unwrap();
    let second = open(directory.path()).unwrap_err();
    assert!(matches!(second, JournalError::Locked { .. }), "{second}");
}

#[test]
fn another_programs_database_is_no_journal_whatever_its_number_is() {
    let directory = tempfile::tempdir().unwrap();
    sql(
        directory.path(),
        "CREATE TABLE sessions (a); PRAGMA user_version = 3",
    );
    let path = directory.path().join("journal.sqlite");
    for refused in [open(directory.path()).map(drop), verify(&path).map(drop)] {
        assert!(
            matches!(refused, Err(JournalError::NoJournal { .. })),
            "{refused:?}"
        );
    }
}
