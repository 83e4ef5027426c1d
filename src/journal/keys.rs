//! Journals with a key of their own: what is signed, and what a forger without the key can do.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;
use tempfile::TempDir;

use super::chain::link;
use super::own_key::KEYED;
use super::*;
use crate::types::{FormerKey, JournalKey, JournalSignature, SafeText, UnixMillis};

fn options(folder: &TempDir) -> JournalOptions {
    JournalOptions::at(folder.path().join("journal.sqlite"))
}

fn open(options: &JournalOptions) -> Journal {
    let opened = Journal::open(options, Anchor::BEGINNING, |_| Ok::<_, JournalError>(()));
    opened.unwrap().0
}

pub(super) fn keyed(key: JournalKey) -> NewRecord {
    NewRecord {
        at: UnixMillis(1),
        kind: KEYED,
        body: json!({"record": KEYED, "key": key}).to_string(),
        subjects: Vec::new(),
    }
}

fn note(n: u64) -> NewRecord {
    NewRecord {
        at: UnixMillis(n),
        kind: "note",
        body: json!({"record": "note", "text": n.to_string()}).to_string(),
        subjects: Vec::new(),
    }
}

/// A new journal whose first record names its key, and five notes.
fn six() -> (TempDir, JournalOptions, JournalKey) {
    let folder = tempfile::tempdir().unwrap();
    let options = options(&folder);
    let mut journal = open(&options);
    let key = journal.take_up_key().unwrap().expect("a new one");
    journal.append(&[keyed(key)]).unwrap();
    for n in 2..=6 {
        journal.append(&[note(n)]).unwrap();
    }
    (folder, options, key)
}

fn beside(options: &JournalOptions, extension: &str) -> PathBuf {
    options.path.with_extension(extension)
}

/// An export of these records, made anew from the first to the last.
fn forge(to: &Path, first: Option<&str>, records: &[NewRecord]) -> Vec<Entry> {
    let (mut hash, mut entries) = (Anchor::BEGINNING.hash, Vec::new());
    for (seq, record) in (1..).zip(records) {
        hash = link(hash, FORMAT, seq, record.at, record.kind, &record.body);
        entries.push(Entry {
            seq,
            format: FORMAT,
            at: record.at,
            kind: record.kind.to_owned(),
            body: record.body.clone(),
            hash,
        });
    }
    let lines = entries.iter().map(|entry| serde_json::to_string(entry).unwrap());
    let head = first.map(|text| json!({"export": 2, "checkpoint": text}).to_string());
    let text: Vec<String> = head.into_iter().chain(lines).collect();
    fs::write(to, text.join("\n") + "\n").unwrap();
    entries
}

#[test]
fn what_is_acknowledged_is_signed_from_the_record_on_that_names_the_key() {
    let (_folder, options, key) = six();
    let (report, _) = verify(&options.path).unwrap();
    let signed = report.signed.unwrap();
    assert_eq!((signed.upto, signed.record, signed.key), (6, 1, key));
    assert_eq!(report.key, Some((1, key)));
    let mut again = open(&options);
    assert_eq!(again.take_up_key().unwrap(), None, "it is named already");
    again.append(&[note(7)]).unwrap();
    drop(again);
    assert_eq!(verify(&options.path).unwrap().0.signed.unwrap().upto, 7);
    // without its key, as older programs and restores write it, a checkpoint says as much as before
    let mut plain = open(&options);
    plain.append(&[note(8)]).unwrap();
    drop(plain);
    let (report, _) = verify(&options.path).unwrap();
    assert_eq!((report.acknowledged, report.signed), (Some(8), None));
}

#[test]
fn a_journal_from_before_has_one_from_its_next_record_on() {
    let folder = tempfile::tempdir().unwrap();
    let options = options(&folder);
    let old = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/journals/format-2/closed.sqlite");
    fs::copy(old, &options.path).unwrap();
    let mut journal = open(&options);
    let key = journal.take_up_key().unwrap().unwrap();
    drop(journal);
    // a start that ended here made a file and no record
    let mut journal = open(&options);
    assert_eq!(journal.take_up_key().unwrap(), Some(key));
    journal.append(&[keyed(key)]).unwrap();
    drop(journal);
    let signed = verify(&options.path).unwrap().0.signed.unwrap();
    assert_eq!((signed.upto, signed.record, signed.key), (81, 81, key));
}

#[test]
fn a_checkpoint_whose_signature_does_not_hold_is_refused_by_a_start_too() {
    let (_folder, options, key) = six();
    let place = beside(&options, "checkpoint");
    let right = fs::read_to_string(&place).unwrap();
    let words: Vec<&str> = right.split_whitespace().collect();
    let with = |n: usize, word: &str| {
        let mut changed = words.clone();
        changed[n] = word;
        changed.join(" ") + "\n"
    };
    let (other, zeros) = (format!("0x{}", "07".repeat(32)), format!("0x{}", "00".repeat(64)));
    for (text, problem) in [
        (with(2, "7"), "signature that is not right"),
        (with(4, &zeros), "signature that is not right"),
        (with(3, &other), "and record 1 names key"),
        (words[..4].join(" "), "is not «<number> <hash>»"),
    ] {
        fs::write(&place, &text).unwrap();
        let error = verify(&options.path).unwrap_err().to_string();
        assert!(error.contains(problem), "{text}: {error}");
        let opened = Journal::open(&options, Anchor::BEGINNING, |_| Ok::<_, JournalError>(()));
        assert!(opened.unwrap_err().to_string().contains(problem), "{text}");
    }
    fs::write(&place, &right).unwrap();
    assert_eq!(verify(&options.path).unwrap().0.signed.unwrap().key, key);
}

/// The mark of a restore: who went on with less than was acknowledged is not doubted for it, and others are.
#[test]
fn what_a_person_goes_on_with_is_signed_where_the_key_is() {
    for is_there in [true, false] {
        let (folder, options, key) = six();
        let older = folder.path().join("older.sqlite");
        backup(&options.path, &older).unwrap();
        let mut journal = open(&options);
        assert_eq!(journal.take_up_key().unwrap(), None);
        journal.append(&[note(7)]).unwrap();
        drop(journal);
        if !is_there {
            fs::remove_file(beside(&options, "key")).unwrap();
        }
        let declared = Declaration {
            by: SafeText::new("ada"),
            reason: SafeText::new("the disk died"),
            open: SafeText::new("Nothing was open."),
            records: Vec::new(),
        };
        restore(&options, &older, Some(&declared)).unwrap();
        let report = verify(&options.path).unwrap().0;
        assert_eq!(report.records, 7);
        assert_eq!(report.signed.map(|signed| signed.key), is_there.then_some(key));
        assert_eq!(report.doubt.is_none(), is_there, "{:?}", report.doubt);
        assert_eq!(open(&options).doubt().is_none(), is_there);
    }
}

/// A run that is killed behind the commit that names the key has signed nothing yet.
#[test]
fn a_journal_that_has_just_begun_is_not_doubted() {
    let folder = tempfile::tempdir().unwrap();
    let options = options(&folder);
    let mut journal = open(&options);
    let key = journal.take_up_key().unwrap().unwrap();
    journal.append(&[keyed(key), note(2)]).unwrap();
    fs::remove_file(beside(&options, "checkpoint")).unwrap();
    drop(journal);
    assert_eq!(open(&options).doubt(), None);
    let mut journal = open(&options);
    journal.take_up_key().unwrap();
    journal.append(&[note(3)]).unwrap();
    drop(journal);
    fs::remove_file(beside(&options, "checkpoint")).unwrap();
    assert_eq!(open(&options).doubt().map(|doubt| doubt.record), Some(1));
}

#[test]
fn an_export_brings_its_signed_checkpoint() {
    let (folder, options, key) = six();
    let mut text = Vec::new();
    export(&options, &mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    let place = folder.path().join("export.jsonl");
    let judged = |text: &str| {
        fs::write(&place, text).unwrap();
        verify_with(&place, None).map(|(report, _)| report)
    };
    let report = judged(&text).unwrap();
    assert_eq!((report.records, report.acknowledged), (6, Some(6)));
    assert_eq!(report.signed.map(|signed| signed.key), Some(key));
    let lines: Vec<&str> = text.lines().collect();
    let first = "{\"export\":2,\"checkpoint\":\"6 0x";
    assert!(lines[0].starts_with(first), "{}", lines[0]);
    let cut = lines[..lines.len() - 1].join("\n") + "\n";
    let Err(JournalError::Export(why)) = judged(&cut) else {
        panic!("its end is missing")
    };
    assert!(
        matches!(
            *why,
            JournalError::RolledBack {
                found: 5,
                expected: 6,
                ..
            }
        ),
        "{why:?}"
    );
    let newer = text.replacen("\"export\":2", "\"export\":3", 1);
    let error = judged(&newer).unwrap_err().to_string();
    assert!(error.contains("export of version 3"), "{error}");
    let bare = lines[1..].join("\n") + "\n";
    let report = judged(&bare).unwrap();
    assert_eq!((report.acknowledged, report.signed), (None, None), "version 1");
}

/// As a program writes it: with the signature of the key before.
fn handed(new: New<'_>) -> Vec<NewRecord> {
    let mut record = keyed(new.key);
    record.body = json!({"record": KEYED, "key": new.key, "former": new.former}).to_string();
    vec![record]
}

#[test]
fn a_key_that_is_there_signs_the_one_that_takes_its_place() {
    let (folder, options, key) = six();
    let renewed = new_key(&options, handed).unwrap();
    assert_eq!((renewed.former, renewed.unsigned), (Some(key), None));
    let again = new_key(&options, handed).unwrap();
    let report = verify(&options.path).unwrap().0;
    let words: Vec<_> = report
        .keys
        .iter()
        .map(|named| (named.record, named.word))
        .collect();
    assert_eq!(words, [(1, Word::First), (7, Word::Former), (8, Word::Former)]);
    // whoever holds the first one follows it to the newest
    let reached = reach(&report.keys, &key).unwrap();
    assert_eq!(
        (reached.heir.key, reached.handed, reached.replaced),
        (again.key, 7, None)
    );
    assert_eq!(report.signed.unwrap().key, again.key);
    assert_eq!(open(&options).take_up_key().unwrap(), None);
    // an export is judged alike
    let mut text = Vec::new();
    export(&options, &mut text).unwrap();
    let place = folder.path().join("export.jsonl");
    fs::write(&place, text).unwrap();
    assert_eq!(verify_with(&place, None).unwrap().0.keys, report.keys);
    assert_eq!(reach(&report.keys, &JournalKey([9; 32])), None);
}

#[test]
fn without_the_key_before_it_a_new_one_counts_on_a_persons_word() {
    let (_folder, options, key) = six();
    let first = new_key(&options, handed).unwrap();
    fs::remove_file(beside(&options, "key")).unwrap();
    let declared = new_key(&options, handed).unwrap();
    let why = declared.unsigned.unwrap();
    assert!(declared.former.is_none() && why.contains("is missing"), "{why}");
    let keys = verify(&options.path).unwrap().0.keys;
    assert_eq!(keys[2].word, Word::Person);
    let reached = reach(&keys, &key).unwrap();
    assert_eq!((reached.heir.key, reached.handed), (first.key, 6));
    assert_eq!(reached.replaced.map(|by| by.key), Some(declared.key));
    // the file of another journal's key is none that could sign
    let (_other, others, _) = six();
    fs::copy(beside(&others, "key"), beside(&options, "key")).unwrap();
    let why = new_key(&options, handed).unwrap().unsigned.unwrap();
    assert!(why.contains("holds the key"), "{why}");
}

/// On a full disk the key's file was new and its record was not: the next try knew nothing of the key put aside.
#[test]
fn a_renewal_that_ended_before_its_record_is_repeated_with_the_former_keys_signature() {
    let (_folder, options, key) = six();
    // killed behind the new file, and before there was one
    for has_new in [true, false] {
        new_key(&options, |_| Vec::new()).unwrap();
        if !has_new {
            fs::remove_file(beside(&options, "key")).unwrap();
        }
        let before = verify(&options.path).unwrap().0.key.unwrap().1;
        let renewed = new_key(&options, handed).unwrap();
        assert_eq!((renewed.former, renewed.unsigned), (Some(before), None));
    }
    let keys = verify(&options.path).unwrap().0.keys;
    assert!(
        keys[1..].iter().all(|named| named.word == Word::Former),
        "{keys:?}"
    );
    assert_eq!(reach(&keys, &key).unwrap().replaced, None);
}

/// Whoever has the file but no key can write a record that says that the key before it signed.
#[test]
fn a_signature_that_is_not_the_key_befores_is_refused_by_verification_and_start() {
    type Change = fn(&mut FormerKey);
    let forms: [(Change, &str); 2] = [
        (
            |former| former.signature = JournalSignature([7; 64]),
            "is not right",
        ),
        (|former| former.key = JournalKey([7; 32]), "the journal's own was"),
    ];
    for (change, problem) in forms {
        let (_folder, options, _) = six();
        let forged = |new: New<'_>| {
            let mut former = new.former.unwrap();
            change(&mut former);
            handed(New {
                former: Some(former),
                ..new
            })
        };
        new_key(&options, forged).unwrap();
        let error = verify(&options.path).unwrap_err().to_string();
        assert!(error.contains(problem), "{error}");
        let opened = Journal::open(&options, Anchor::BEGINNING, |_| Ok::<_, JournalError>(()));
        let error = opened.unwrap_err().to_string();
        assert!(error.contains(problem) && error.contains("record 7"), "{error}");
    }
}

/// What stands before is part of what is signed: the record that hands on cannot be put behind another past.
#[test]
fn a_key_that_was_handed_on_holds_what_stands_before() {
    let (folder, options, key) = six();
    new_key(&options, handed).unwrap();
    let (_, entries) = verify(&options.path).unwrap();
    let mut records = vec![keyed(key)];
    records.extend((2..=6).map(note));
    records.push(NewRecord {
        body: entries[6].body.clone(),
        ..keyed(key)
    });
    let place = folder.path().join("forged.jsonl");
    forge(&place, None, &records);
    assert_eq!(
        verify_with(&place, None).unwrap().0.keys.len(),
        2,
        "the same past"
    );
    records[3].body = records[3].body.replace('4', "5");
    forge(&place, None, &records);
    let error = verify_with(&place, None).unwrap_err().to_string();
    assert!(error.contains("what stands before it, is another one"), "{error}");
}

/// What a checkpoint of the last of these records says.
fn stated(entries: &[Entry], seal: &str) -> String {
    let last = entries.last().unwrap();
    format!("{} {} {seal}", last.seq, last.hash)
}

/// Record 4 says something else, and every hash behind it was made anew.
#[test]
fn what_was_written_anew_has_no_signature_of_that_key() {
    let (folder, options, key) = six();
    let place = folder.path().join("forged.jsonl");
    let mut records = vec![keyed(key)];
    records.extend((2..=6).map(note));
    records[3].body = records[3].body.replace('4', "5");
    let entries = forge(&place, None, &records);
    let seal = fs::read_to_string(beside(&options, "checkpoint")).unwrap();
    let seal = seal.trim().splitn(3, ' ').nth(2).unwrap();
    forge(&place, Some(&stated(&entries, seal)), &records);
    let error = verify_with(&place, None).unwrap_err().to_string();
    assert!(error.contains("signature that is not right"), "{error}");
    // with a key of the forger's own it verifies, under another key
    let (other, _, theirs) = six();
    records[0] = keyed(theirs);
    let entries = forge(&place, None, &records);
    let own = own_key::OwnKey::read(&other.path().join("journal.key"));
    let last = entries.last().unwrap();
    let seal = own.unwrap().unwrap().sign(&own_key::Acknowledged {
        journal: entries[0].hash,
        format: FORMAT,
        newest: Anchor {
            seq: last.seq,
            hash: last.hash,
        },
        at: UnixMillis(9),
    });
    let seal = format!("{} {} {}", seal.at.0, seal.key, seal.signature);
    forge(&place, Some(&stated(&entries, &seal)), &records);
    let (report, _) = verify_with(&place, None).unwrap();
    assert_eq!(report.signed.unwrap().key, theirs);
    assert_ne!(theirs, key);
}

#[test]
fn a_key_that_is_missing_or_anothers_is_said_and_a_person_makes_a_new_one() {
    let (_folder, options, key) = six();
    let (_other, others, _) = six();
    let file = beside(&options, "key");
    let words = || open(&options).take_up_key().unwrap_err().to_string();
    fs::copy(beside(&others, "key"), &file).unwrap();
    let said = words();
    assert!(
        said.contains("journal.key holds the key") && said.contains("journal new-key"),
        "{said}"
    );
    fs::remove_file(&file).unwrap();
    let said = words();
    assert!(
        said.contains("is missing") && said.contains("which record 1 names"),
        "{said}"
    );
    let renewed = new_key(&options, |new| vec![keyed(new.key)]).unwrap();
    assert_eq!((renewed.record, renewed.replaced), (7, None));
    assert_ne!(renewed.key, key);
    let signed = verify(&options.path).unwrap().0.signed.unwrap();
    assert_eq!((signed.upto, signed.record, signed.key), (7, 7, renewed.key));
    assert_eq!(open(&options).take_up_key().unwrap(), None);
    // one that may be known to others is kept for what it signed
    let again = new_key(&options, |new| vec![keyed(new.key)]).unwrap();
    assert_eq!(
        again.replaced,
        Some(options.path.with_file_name("journal.until-7.key"))
    );
    // a backup from before names the key that was put aside: its file is named, and not lost
    let aside = again.replaced.unwrap();
    let newest = fs::read(&file).unwrap();
    fs::copy(beside(&others, "key"), &file).unwrap();
    let before = own_key::OwnKey::read(&aside).unwrap().unwrap().public();
    let why = own_key::held(&file, Some((1, before))).unwrap_err().to_string();
    assert!(
        why.contains("journal.until-7.key holds that one, copy it to"),
        "{why}"
    );
    fs::write(&file, newest).unwrap();
    let running = open(&options);
    assert!(matches!(
        new_key(&options, |new| vec![keyed(new.key)]),
        Err(JournalError::Locked { .. })
    ));
    drop(running);
}
