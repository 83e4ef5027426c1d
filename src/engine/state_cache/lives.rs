//! What a journal folds to, pinned for every kind of record: simulated lives as they were recorded once, in
//! `tests/vectors/journals/lives`. Each line is a record with its time, and its number is the line's.
//!
//! Lives are added and never changed; the core writes them (`oracle/record/lives.rs`).

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{FOLD_VERSION, digest};
use crate::engine::commit::{Committer, Pending};
use crate::journal::{Anchor, Journal, JournalError, JournalOptions, backup};
use crate::oracle::{Durable, Record};
use crate::types::UnixMillis;

/// What this version of the fold makes of each.
const FOLDED: [(&str, &str); 5] = [
    (
        "124.jsonl",
        "0x111fee277d0e984e09a5ccf6880f56d2394dd7cfc68509825aad77f03b0e33ff",
    ),
    (
        "161.jsonl",
        "0x1949eda906c3a776a0dfa78d2f3651864156427663295683c347ba0120174299",
    ),
    (
        "278.jsonl",
        "0x10860638410fd50a224dc38008493fafed7de4ffaa47977837a420c3bf2af653",
    ),
    (
        "299.jsonl",
        "0x5d7d4eb467540382ace6a6b4c010cbf9ff3f626526da5e282148f6c26d4881c8",
    ),
    (
        "52.jsonl",
        "0x41c551a6b195649143887ac166d42ea8d17731b8186e96b7ca359d4c58c445ee",
    ),
];

type Life = Vec<(UnixMillis, Record)>;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/journals")
}

fn names() -> Vec<String> {
    let files = fs::read_dir(folder().join("lives")).unwrap();
    let name = |file: fs::DirEntry| file.file_name().into_string().unwrap();
    let mut names: Vec<String> = files.map(|file| name(file.unwrap())).collect();
    names.sort();
    names
}

fn read(name: &str) -> Life {
    let text = fs::read_to_string(folder().join("lives").join(name)).unwrap();
    let record = |(n, line): (usize, &str)| {
        let line: Value = serde_json::from_str(line).unwrap();
        let body = &line["body"];
        let kind = body["record"].as_str().unwrap();
        let record =
            Record::read(kind, &body.to_string()).unwrap_or_else(|e| panic!("{name}:{}: {e}", n + 1));
        assert_eq!(
            serde_json::to_value(&record).unwrap(),
            *body,
            "{name}:{} is written otherwise",
            n + 1
        );
        (UnixMillis(line["at"].as_u64().unwrap()), record)
    };
    text.lines().enumerate().map(record).collect()
}

fn fold(life: &[(UnixMillis, Record)]) -> Durable {
    let mut folded = Durable::default();
    for (seq, (at, record)) in (1..).zip(life) {
        folded.apply(seq, *at, record);
    }
    folded
}

#[test]
fn lives_fold_to_what_they_did() {
    let folded: Vec<_> = names()
        .into_iter()
        .map(|name| {
            let state = digest(&fold(&read(&name))).unwrap().to_string();
            (name, state)
        })
        .collect();
    let folded: Vec<_> = folded.iter().map(|(name, state)| (&**name, &**state)).collect();
    assert_eq!(
        folded, FOLDED,
        "the fold ({FOLD_VERSION}) makes another state of the same records: raise FOLD_VERSION by 1, and put the digests down here"
    );
}

#[test]
#[ignore = "writes tests/vectors/journals/format-2/life.sqlite, where it is missing"]
fn the_longest_is_written_as_a_journal() {
    let journal = folder().join("format-2/life.sqlite");
    if !journal.exists() {
        let longest = names().into_iter().map(|name| read(&name)).max_by_key(Vec::len);
        keep(&longest.unwrap(), &journal);
    }
}

/// A life as this program's own journal.
fn keep(life: &[(UnixMillis, Record)], place: &Path) {
    let directory = tempfile::tempdir().unwrap();
    let options = JournalOptions::at(directory.path().join("journal.sqlite"));
    let (journal, _) = Journal::open(&options, Anchor::BEGINNING, |_| Ok::<_, JournalError>(())).unwrap();
    let mut committer = Committer::new(journal);
    let mut state = Durable::default();
    for (seq, (at, record)) in (1..).zip(life) {
        state.apply(seq, *at, record);
        let pending = Pending {
            records: vec![(*at, record.clone())],
            ..Pending::default()
        };
        committer.commit(&pending, &state).unwrap();
    }
    drop(committer);
    backup(&options.path, place).unwrap();
}
