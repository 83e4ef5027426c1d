//! Which records are read.

use super::{KINDS, Record};
use crate::types::BlockRef;

#[test]
fn the_kinds_that_are_read_are_those_that_there_are() {
    let error = serde_json::from_str::<Record>(r#"{"record":"unheard-of"}"#).unwrap_err();
    let error = error.to_string();
    let listed: Vec<_> = error.split('`').skip(3).step_by(2).collect();
    assert_eq!(listed, KINDS, "{error}");
}

#[test]
fn a_kind_from_a_newer_program_is_refused_by_name() {
    let text = r#"{"record":"case-handed-over","case":"deposit/1"}"#;
    let error = Record::read("case-handed-over", text).unwrap_err();
    assert!(
        error.contains("«case-handed-over»") && error.contains("newer"),
        "{error}"
    );
    let error = Record::read("note", text).unwrap_err();
    assert!(error.contains("case-handed-over"), "{error}");
    let other = r#"{"record":"note","case":null,"text":"hello"}"#;
    let error = Record::read("decided", other).unwrap_err();
    assert_eq!(error, "it is called decided, and its text is note");
}

#[test]
fn the_record_of_a_migration_is_read_as_the_journal_writes_it() {
    let hash = "11".repeat(32);
    let text =
        format!(r#"{{"cursor":{{"hash":"0x{hash}","number":7}},"from":1,"record":"journal-upgraded"}}"#);
    let cursor: BlockRef = serde_json::from_str(&format!(r#"{{"number":7,"hash":"0x{hash}"}}"#)).unwrap();
    let wanted = Record::JournalUpgraded {
        from: 1,
        cursor: Some(cursor),
    };
    assert_eq!(Record::read("journal-upgraded", &text), Ok(wanted));
    let none = r#"{"cursor":null,"from":1,"record":"journal-upgraded"}"#;
    let wanted = Record::JournalUpgraded {
        from: 1,
        cursor: None,
    };
    assert_eq!(Record::read("journal-upgraded", none), Ok(wanted));
}

#[test]
fn a_part_from_a_newer_program_is_refused_by_name_however_deep_it_stands() {
    let text = |inner: &str| format!(r#"{{"record":"paused","case":null,"by":"ada"{inner}}}"#);
    assert!(Record::read("paused", &text("")).is_ok());
    assert!(Record::read("paused", &text(r#","until":null,"of":{},"soft":false"#)).is_ok());
    let error = Record::read("paused", &text(r#","until":7"#)).unwrap_err();
    assert!(error.contains("«until»") && error.contains("newer"), "{error}");

    let hash = "11".repeat(32);
    let block = format!(r#"{{"number":7,"hash":"0x{hash}","slot":9}}"#);
    let read = format!(r#"{{"record":"events-read","upto":{block}}}"#);
    let error = Record::read("events-read", &read).unwrap_err();
    assert!(error.contains("«upto.slot»"), "{error}");

    let verdict = r#"{"node":"a","answer":"accepted","words":"","late":true}"#;
    let published =
        format!(r#"{{"record":"exit-published","action":"exit/1#1","verdicts":[["b",true,""],{verdict}]}}"#);
    let error = Record::read("exit-published", &published).unwrap_err();
    assert!(error.contains("«verdicts.late»"), "{error}");
}
