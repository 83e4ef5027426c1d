//! Files of other formats: journals of earlier programs are taken up and go on, those of later programs are refused.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use tempfile::TempDir;

use super::*;
use crate::types::{BlockRef, Root, UnixMillis};

/// A journal of an earlier program, in a directory of its own.
fn earlier(name: &str) -> (TempDir, JournalOptions) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/journals/format-1");
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal.sqlite");
    fs::copy(folder.join(name), &path).unwrap();
    let options = JournalOptions::at(path);
    (directory, options)
}

/// SQLite leaves files beside a journal that it opens: a test opens a copy.
#[test]
fn beside_the_journals_of_earlier_programs_lies_nothing() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/journals");
    for format in ["format-1", "format-2"] {
        for file in fs::read_dir(folder.join(format)).unwrap() {
            let path = file.unwrap().path();
            assert_eq!(path.extension().unwrap(), "sqlite", "{}", path.display());
        }
    }
}

fn open(options: &JournalOptions) -> Result<(Journal, Vec<Entry>, Option<Upgrade>), JournalError> {
    let mut entries = Vec::new();
    let (journal, upgrade) = Journal::open(options, Anchor::BEGINNING, |entry| {
        entries.push(entry.clone());
        Ok::<_, JournalError>(())
    })?;
    Ok((journal, entries, upgrade))
}

fn old_cursor(path: &Path) -> Option<BlockRef> {
    let connection = Connection::open(path).unwrap();
    let read = |row: &rusqlite::Row<'_>| {
        Ok(BlockRef {
            number: row.get::<_, i64>(0)?.try_into().unwrap(),
            hash: Root(row.get(1)?),
        })
    };
    connection
        .query_row("SELECT number, hash FROM cursor", [], read)
        .ok()
}

fn note(n: u64) -> NewRecord {
    NewRecord {
        at: UnixMillis(n),
        kind: "note",
        body: r#"{"record":"note","case":null,"text":"goes on"}"#.to_owned(),
        subjects: Vec::new(),
    }
}

#[test]
fn a_journal_of_an_earlier_program_is_kept_upgraded_continued_and_verified() {
    for (name, records) in [
        ("waiting.sqlite", 6),
        ("approved.sqlite", 8),
        ("signed.sqlite", 17),
        ("closed.sqlite", 83),
    ] {
        let (directory, options) = earlier(name);
        let cursor = old_cursor(&options.path);
        assert!(cursor.is_some(), "{name}");
        let (before, old) = verify(&options.path).unwrap();
        assert_eq!(before.records, records, "{name}");

        let (mut journal, entries, upgrade) = open(&options).unwrap();
        let backup = directory
            .path()
            .join(format!("journal.format-1-at-{records}.sqlite"));
        let backup_of_all = Upgrade {
            from: 1,
            backup: fs::canonicalize(&backup).unwrap(),
        };
        assert_eq!(upgrade, Some(backup_of_all));
        assert_eq!(entries[..old.len()], old, "{name}: an old record changed");
        let told = entries.last().unwrap();
        let body: serde_json::Value = serde_json::from_str(&told.body).unwrap();
        assert_eq!((told.kind.as_str(), told.format), ("journal-upgraded", 2));
        let carried: Option<BlockRef> = serde_json::from_value(body["cursor"].clone()).unwrap();
        assert_eq!((carried, &body["from"]), (cursor, &1.into()), "{name}");
        journal.append(&[note(1)]).unwrap();
        drop(journal);

        let (journal, entries, upgrade) = open(&options).unwrap();
        assert_eq!((entries.len() as u64, upgrade), (records + 2, None));
        drop(journal);
        let (after, _) = verify(&options.path).unwrap();
        assert_eq!(
            (after.records, after.acknowledged),
            (records + 2, Some(records + 2))
        );
        // the backup is the old file, and verifies by itself
        let (kept, same) = verify(&backup).unwrap();
        assert_eq!((kept.head, same), (before.head, old));
        assert_eq!(old_cursor(&backup), cursor);
    }
}

#[test]
fn an_upgrade_that_was_cut_off_after_its_backup_goes_on() {
    let (directory, options) = earlier("waiting.sqlite");
    let backup = directory.path().join("journal.format-1-at-6.sqlite");
    super::backup(&options.path, &backup).unwrap();
    let (_, entries, upgrade) = open(&options).unwrap();
    assert_eq!((entries.len(), upgrade.is_some()), (7, true));
}

#[test]
fn without_its_backup_nothing_is_upgraded() {
    let (directory, options) = earlier("waiting.sqlite");
    let backup = directory.path().join("journal.format-1-at-6.sqlite");
    // something else stands in its place
    let (_other, elsewhere) = earlier("approved.sqlite");
    fs::copy(&elsewhere.path, &backup).unwrap();
    let words = open(&options).unwrap_err().to_string();
    assert!(words.contains("no copy of this journal"), "{words}");
    assert_eq!(verify(&options.path).unwrap().0.records, 6, "it is as it was");
    assert_eq!(verify(&backup).unwrap().0.records, 8, "so is the other file");
    assert!(old_cursor(&options.path).is_some());
}

#[test]
fn a_damaged_journal_is_not_upgraded() {
    let (directory, options) = earlier("signed.sqlite");
    let damage = "DROP TRIGGER records_are_final; UPDATE records SET at = at + 1 WHERE seq = 9";
    Connection::open(&options.path)
        .unwrap()
        .execute_batch(damage)
        .unwrap();
    let refused = open(&options).map(drop);
    assert!(
        matches!(refused, Err(JournalError::Broken { seq: 9, .. })),
        "{refused:?}"
    );
    assert!(old_cursor(&options.path).is_some(), "it is as it was");
    let beside: Vec<PathBuf> = fs::read_dir(directory.path())
        .unwrap()
        .map(|file| file.unwrap().path())
        .filter(|path| path.to_string_lossy().contains("format-1"))
        .collect();
    assert_eq!(beside, Vec::<PathBuf>::new(), "nothing to be taken for a backup");
}

#[test]
fn records_of_a_case_are_found_whatever_format_they_are_of() {
    let (_directory, options) = earlier("closed.sqlite");
    let (_journal, entries, _) = open(&options).unwrap();
    let connection = Connection::open(&options.path).unwrap();
    let of = |case: &str| -> Vec<u64> {
        let mut statement = connection
            .prepare("SELECT seq FROM subjects WHERE subject = ?1 ORDER BY seq")
            .unwrap();
        let rows = statement.query_map([case], |row| row.get::<_, i64>(0)).unwrap();
        rows.map(|seq| u64::try_from(seq.unwrap()).unwrap()).collect()
    };
    // what names the case, an action of it, or one of its ceremonies
    let named = |case: &str| -> Vec<u64> {
        let mut requests = Vec::new();
        let mut found = Vec::new();
        for entry in &entries {
            let body: serde_json::Value = serde_json::from_str(&entry.body).unwrap();
            let text = |field: &str| body[field].as_str().unwrap_or_default().to_owned();
            let request = text("request");
            let mine = text("case") == case || text("action").starts_with(&format!("{case}#"));
            if mine && !request.is_empty() {
                requests.push(request.clone());
            }
            if mine || requests.contains(&request) {
                found.push(entry.seq);
            }
        }
        found
    };
    for case in ["deposit/1", "deposit/2", "reshare/1", "exit/1"] {
        assert_eq!(of(case), named(case), "{case}");
    }
    assert!(of("deposit/1").len() > 15);
}

#[test]
fn a_journal_of_a_newer_program_is_refused_by_name() {
    let directory = tempfile::tempdir().unwrap();
    let options = JournalOptions::at(directory.path().join("journal.sqlite"));
    drop(open(&options).unwrap());
    let connection = Connection::open(&options.path).unwrap();
    connection.pragma_update(None, "user_version", 3).unwrap();
    for refused in [
        open(&options).map(drop).unwrap_err(),
        verify(&options.path).map(drop).unwrap_err(),
        super::backup(&options.path, &directory.path().join("copy"))
            .map(drop)
            .unwrap_err(),
    ] {
        let words = refused.to_string();
        assert!(
            words.contains("journal format 3") && words.contains("up to 2") && words.contains("newer"),
            "{words}"
        );
    }
}

#[test]
fn a_record_of_a_newer_format_is_refused_in_a_file_of_this_one() {
    let directory = tempfile::tempdir().unwrap();
    let options = JournalOptions::at(directory.path().join("journal.sqlite"));
    let (mut journal, ..) = open(&options).unwrap();
    journal.append(&[note(1)]).unwrap();
    let (_, head) = journal.head();
    drop(journal);
    let newer = note(2);
    let hash = chain::link(head, FORMAT + 1, 2, newer.at, newer.kind, &newer.body);
    let connection = Connection::open(&options.path).unwrap();
    let row = "INSERT INTO records (seq, at, kind, body, hash, format) VALUES (2, 2, ?1, ?2, ?3, ?4)";
    let values = rusqlite::params![newer.kind, newer.body, hash.0.as_slice(), FORMAT + 1];
    connection.execute(row, values).unwrap();
    drop(connection);
    for refused in [
        open(&options).map(drop).unwrap_err(),
        verify(&options.path).map(drop).unwrap_err(),
    ] {
        let words = refused.to_string();
        assert!(
            words.contains("record 2 is of format 3") && words.contains("up to 2"),
            "{words}"
        );
    }
}

#[test]
fn a_backup_is_a_whole_journal_and_replaces_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let options = JournalOptions::at(directory.path().join("journal.sqlite"));
    let (mut journal, ..) = open(&options).unwrap();
    for n in 1..=3 {
        journal.append(&[note(n)]).unwrap();
    }
    // while it is written
    let copy = directory.path().join("copy.sqlite");
    let last = super::backup(&options.path, &copy).unwrap();
    assert_eq!((last.seq, last.hash), journal.head());
    let (report, _) = verify(&copy).unwrap();
    assert_eq!((report.records, report.acknowledged), (3, None));
    journal.append(&[note(4)]).unwrap();
    let words = super::backup(&options.path, &copy).unwrap_err().to_string();
    assert!(words.contains("never replaces"), "{words}");
    assert_eq!(verify(&copy).unwrap().0.records, 3);
}
