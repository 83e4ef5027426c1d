//! The verifier that `audit verifier` prints: run on what the program exports, and on the same with each kind of damage.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use casimir_dkg::dkg::rockx::transcript::{Document, RecordedVerdict, Source};
use casimir_dkg::secrets::person::PersonSecret;
use casimir_dkg::types::{
    BlsPublicKey, CeremonyPlan, CeremonyResult, CheckStatus, HeldFor, KeygenOutput, OperatorId, Stated,
    Statement, Transcript, UnixMillis,
};
use sha2::{Digest as _, Sha256};

use super::python;
use crate::config::audit::{deposit, scene};
use crate::config::{keys, support};

fn vector(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/vectors")
        .join(name)
}

/// The printed program, an export of a whole oracle's journal, and its checkpoint.
pub(super) fn bench() -> tempfile::TempDir {
    let scratch = tempfile::tempdir().unwrap();
    let at = |name: &str| scratch.path().join(name);
    fs::copy(vector("journals/format-2/closed.sqlite"), at("j.sqlite")).unwrap();
    let said = |arguments: &[&str]| {
        let (code, out, stderr) = support::run(support::program(scratch.path()).args(arguments));
        assert_eq!(code, Some(0), "{stderr}");
        out
    };
    fs::write(at("verify.py"), said(&["audit", "verifier"])).unwrap();
    fs::write(
        at("export.jsonl"),
        said(&["journal", "export", "--journal", "j.sqlite"]),
    )
    .unwrap();
    let (report, _) = casimir_dkg::journal::verify(&at("j.sqlite")).unwrap();
    fs::write(at("checkpoint"), format!("{} {}\n", report.records, report.head)).unwrap();
    scratch
}

/// Exit code and words of the verifier on a transcript, which needs nothing else.
pub(crate) fn judge(transcript: &Transcript) -> (Option<i32>, String) {
    let scratch = bench();
    fs::write(scratch.path().join("t.json"), transcript.document()).unwrap();
    verify(python::with_packages(), scratch.path(), &["t.json"])
}

/// Exit code, and what it says.
pub(super) fn verify(interpreter: &Path, scratch: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(interpreter);
    command
        .args(["-I", "-B", "verify.py"])
        .args(arguments)
        .current_dir(scratch);
    let (code, out, stderr) = support::run(&mut command);
    (code, out + &stderr)
}

/// A pipe was waited for without end, and a long file or line was in memory whole.
#[test]
fn what_is_no_regular_file_or_too_long_is_said_and_not_read() {
    let scratch = bench();
    let at = |name: &str| scratch.path().join(name);
    let (code, _) = {
        let mut make = Command::new("mkfifo");
        let (code, out, stderr) = support::run(make.arg(at("pipe")));
        (code, out + &stderr)
    };
    assert_eq!(code, Some(0));
    let long = |name: &str, bytes: u64| fs::File::create(at(name)).unwrap().set_len(bytes).unwrap();
    long("long.jsonl", 3 << 30);
    long("line.jsonl", 600 << 20);
    long("long.json", 3 << 30);
    let python = Path::new("python3");
    for (arguments, words) in [
        (["--journal", "pipe"].as_slice(), "pipe is no regular file"),
        (&["--journal", "long.jsonl"], "at most 1073741824 are read"),
        (&["--journal", "line.jsonl"], "is longer than 67108864 bytes"),
        (&["pipe"], "pipe is no regular file"),
        (&["long.json"], "at most 16777216 are read"),
        (
            &["--journal", "export.jsonl", "--checkpoint", "pipe"],
            "pipe is no regular file",
        ),
        (
            &["--journal", "export.jsonl", "--operators", "pipe"],
            "pipe is no regular file",
        ),
    ] {
        let (code, said) = verify(python, scratch.path(), arguments);
        assert!(matches!(code, Some(1 | 2)), "{arguments:?}: {said}");
        assert!(said.contains(words), "{arguments:?}: {said}");
        assert!(!said.contains("Traceback"), "{said}");
    }
}

#[test]
fn an_export_verifies_with_no_line_of_our_code_and_each_damage_is_named() {
    let scratch = bench();
    let python = Path::new("python3");
    let whole = fs::read_to_string(scratch.path().join("export.jsonl")).unwrap();
    let judge = |text: &str, more: &[&str]| {
        fs::write(scratch.path().join("export.jsonl"), text).unwrap();
        let arguments = [&["--journal", "export.jsonl"], more].concat();
        verify(python, scratch.path(), &arguments)
    };
    let checkpoint = ["--checkpoint", "checkpoint"];
    let (code, said) = judge(&whole, &checkpoint);
    assert_eq!(code, Some(0), "{said}");
    for words in [
        "ok  hash chain: 80 records",
        "ok  checkpoint: record 80",
        "each of the digest that was shown",
        "nothing is bad",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    let (_, said) = judge(&whole, &[]);
    assert!(
        said.contains("?   whether records are missing at its end"),
        "{said}"
    );

    let lines: Vec<&str> = whole.lines().collect();
    let of = |lines: &[&str]| format!("{}\n", lines.join("\n"));
    let with = |n: usize, line: String| {
        let mut changed = lines.clone();
        changed[n - 1] = &line;
        of(&changed)
    };
    let mut swapped = lines.clone();
    swapped.swap(4, 5);
    let mut twice = lines.clone();
    twice.insert(5, lines[4]);
    let without = [&lines[..4], &lines[5..]].concat();
    let changed = |n: usize, from: &str, to: &str| {
        assert!(lines[n - 1].contains(from), "{}", lines[n - 1]);
        with(n, lines[n - 1].replacen(from, to, 1))
    };
    for (damaged, words) in [
        (
            changed(8, "approve", "approvE"),
            "record 8 does not match its hash",
        ),
        (
            changed(8, "\"at\":1", "\"at\":2"),
            "record 8 does not match its hash",
        ),
        (
            changed(8, "\"kind\":\"decided\"", "\"kind\":\"note\""),
            "record 8 does not match its hash",
        ),
        (
            changed(8, "\"hash\":\"0x", "\"hash\":\"0xff"),
            "record 8 does not match its hash",
        ),
        (of(&without), "record 5 is missing: 6 stands in its place"),
        (of(&swapped), "record 5 is missing: 6 stands in its place"),
        (of(&twice), "record 5 stands twice"),
        (of(&lines[..79]), "its end is missing"),
        (whole[..whole.len() - 9].to_owned(), "record 80 is cut off"),
        (with(3, "nothing".to_owned()), "record 3 is no JSON"),
        (with(3, "[]".to_owned()), "record 3 is no JSON object"),
        (
            changed(3, "\"format\":2", "\"format\":9"),
            "of format 9, which is not known",
        ),
        (
            changed(3, "\"format\":2,", ""),
            "record 3 is of format 1, after one of format 2",
        ),
        (
            changed(8, "\"body\":", "\"body\":\"{}\",\"body\":"),
            "its field body stands twice",
        ),
        (
            changed(3, "\"seq\":3", "\"seq\":3,\"by\":\"me\""),
            "has by, which no hash covers",
        ),
        (changed(3, "\"kind\"", "\"kin\""), "record 3 lacks kind"),
        (
            with(
                3,
                format!("{{\"seq\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000)),
            ),
            "record 3 is no JSON: it is nested too deeply",
        ),
        (
            with(1, lines[0].replacen("\"seq\":1", "\"seq\":true", 1)),
            "the number of record 1 is no number from 0 to 2^64 - 1",
        ),
        (
            changed(8, "\"at\":1", "\"at\":1180591620717411303424"),
            "the time of record 8 is no number from 0 to 2^64 - 1",
        ),
        (String::new(), "there is no record"),
    ] {
        let (code, said) = judge(&damaged, &checkpoint);
        assert_eq!(code, Some(1), "{words}: {said}");
        assert!(said.contains("BAD") && said.contains(words), "{words}: {said}");
    }
    let (code, said) = judge(&whole, &["--head", &format!("0x{}", "11".repeat(32))]);
    assert_eq!(code, Some(1));
    assert!(said.contains("no record has this hash"), "{said}");
}

/// Our own verification refuses such a record by name.
#[test]
fn records_of_a_newer_program_are_refused_by_name_and_not_passed_over() {
    let scratch = bench();
    let whole = fs::read_to_string(scratch.path().join("export.jsonl")).unwrap();
    let mut lines: Vec<String> = whole.lines().map(str::to_owned).collect();
    for kind in ["case-handed-over", "decided-elsewhere", "decided-elsewhere"] {
        let last: serde_json::Value = serde_json::from_str(lines.last().unwrap()).unwrap();
        let head = hex::decode(&last["hash"].as_str().unwrap()[2..]).unwrap();
        let (seq, at) = (last["seq"].as_u64().unwrap() + 1, last["at"].as_u64().unwrap());
        let body = format!("{{\"record\":\"{kind}\"}}");
        let text = |text: &str| [&(text.len() as u64).to_be_bytes(), text.as_bytes()].concat();
        let mut hash = Sha256::new();
        hash.update(b"casimir-dkg journal v2\0");
        for part in [
            head,
            seq.to_be_bytes().into(),
            at.to_be_bytes().into(),
            text(kind),
            text(&body),
        ] {
            hash.update(part);
        }
        let hash = format!("0x{}", hex::encode(hash.finalize()));
        let line = serde_json::json!({ "seq": seq, "format": 2, "at": at, "kind": kind, "body": body, "hash": hash });
        lines.push(line.to_string());
    }
    fs::write(
        scratch.path().join("export.jsonl"),
        format!("{}\n", lines.join("\n")),
    )
    .unwrap();
    let arguments = ["--journal", "export.jsonl"];
    let (code, said) = verify(Path::new("python3"), scratch.path(), &arguments);
    assert_eq!(code, Some(1), "{said}");
    for words in [
        "ok  hash chain: 83 records",
        "BAD kinds of records: record 81 is of kind «case-handed-over»; record 82 is of kind «decided-elsewhere», and 1 more",
        "of a newer casimir-dkg",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    let mut ours = support::program(scratch.path());
    let (code, _, said) = support::run(ours.args(["journal", "verify", "--journal", "export.jsonl"]));
    assert_ne!(code, Some(0));
    assert!(said.contains("case-handed-over"), "{said}");
}

/// A kind that only one of the two knows would be refused by the other.
#[test]
fn both_verifiers_know_the_same_kinds_of_records() {
    let text = include_str!("verify.py");
    let (_, behind) = text.split_once("KINDS = \"\"\"").unwrap();
    let (listed, _) = behind.split_once("\"\"\"").unwrap();
    let listed: Vec<_> = listed.split_whitespace().collect();
    assert_eq!(listed, casimir_dkg::oracle::KINDS);
}

#[test]
fn what_nobody_holds_is_said_and_an_old_head_holds_what_stands_before_it() {
    let scratch = bench();
    let judge = |more: &[&str]| {
        let arguments = [&["--journal", "export.jsonl"], more].concat();
        verify(Path::new("python3"), scratch.path(), &arguments)
    };
    let (code, said) = judge(&[]);
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("ok  journal: network devnet, chain not said"),
        "{said}"
    );
    let anew = "?   whether it was written anew as a whole";
    assert!(said.contains(anew), "{said}");
    // whoever writes a journal anew writes its checkpoint anew
    assert!(judge(&["--checkpoint", "checkpoint"]).1.contains(anew));
    let whole = fs::read_to_string(scratch.path().join("export.jsonl")).unwrap();
    let lines: Vec<&str> = whole.lines().collect();
    let fifth: serde_json::Value = serde_json::from_str(lines[4]).unwrap();
    fs::write(
        scratch.path().join("export.jsonl"),
        format!("{}\n", lines[..20].join("\n")),
    )
    .unwrap();
    let (code, said) = judge(&["--head", fifth["hash"].as_str().unwrap()]);
    assert_eq!(code, Some(0), "{said}");
    for words in [
        "ok  head: held up to record 5",
        "?   held up to record 5; the 15 behind it are not",
        "?   whether records behind 20 are missing",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    let (large, ones) = (u128::from(u64::MAX) + 1, "11".repeat(32));
    for (text, words) in [
        (String::new(), "it is empty"),
        ("5\n".to_owned(), "is not «<number> <hash>»"),
        (format!("{large} 0x{ones}\n"), "is not «<number> <hash>»"),
        (format!("-5 0x{ones}\n"), "is not «<number> <hash>»"),
        ("5 0x11\n".to_owned(), "is not «<number> <hash>»"),
        (
            format!("5 0x{ones} {large} 0x{ones} 0x{ones}{ones}\n"),
            "is not «<number> <hash>»",
        ),
    ] {
        fs::write(scratch.path().join("checkpoint"), text).unwrap();
        let (code, said) = judge(&["--checkpoint", "checkpoint"]);
        assert_eq!(code, Some(1), "{said}");
        assert!(
            said.contains("BAD checkpoint file") && said.contains(words),
            "{said}"
        );
    }
}

#[test]
fn a_signed_checkpoint_holds_an_export_for_whoever_has_the_key() {
    let (case, key, _) = keys::scene();
    let scratch = bench();
    let export = |case: &Path| {
        let mut program = support::program(case);
        support::run(program.args(["journal", "export", "--journal", "j.sqlite"])).1
    };
    let judge = |text: &str, more: &[&str]| {
        fs::write(scratch.path().join("export.jsonl"), text).unwrap();
        let arguments = [&["--journal", "export.jsonl"], more].concat();
        verify(Path::new("python3"), scratch.path(), &arguments)
    };
    let (whole, key) = (export(case.path()), key.to_string());
    let held = ["--key", &key];
    let (code, said) = judge(&whole, &held);
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains(&format!("signed with {key} of record 1")) && said.contains("chain 560048"),
        "{said}"
    );
    assert!(!said.contains("written anew"), "{said}");
    // without the key it may be another one's
    let (code, said) = judge(&whole, &[]);
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("?   whether it was written anew as a whole"),
        "{said}"
    );
    let lines: Vec<&str> = whole.lines().collect();
    let (forger, _, _) = keys::scene();
    let signature = whole.split(['"', ' ']).find(|word| word.len() == 130).unwrap();
    let zeros = whole.replacen(signature, &format!("0x{}", "00".repeat(64)), 1);
    for (text, words) in [
        (export(forger.path()), "and not with the key given"),
        (zeros, "its signature is not right"),
        (
            format!("{}\n", lines[..lines.len() - 1].join("\n")),
            "its end is missing",
        ),
        (
            format!("{}\n", lines[1..].join("\n")),
            "no checkpoint that it could have signed",
        ),
        (
            whole.replacen("\"export\":2", "\"export\":3", 1),
            "export version 3",
        ),
    ] {
        let (code, said) = judge(&text, &held);
        assert_eq!(code, Some(1), "{words}: {said}");
        assert!(said.contains("BAD") && said.contains(words), "{words}: {said}");
    }
}

/// Whoever wrote down a key once goes on with it, for as long as each key signed the next.
#[test]
fn a_key_that_signed_the_next_one_is_followed_and_one_that_was_declared_is_not() {
    let (case, key, _) = keys::scene();
    let scratch = bench();
    let new_key = |reason: &str| {
        let mut program = support::program(case.path());
        let (code, _, stderr) =
            support::run(program.args(["journal", "new-key", reason, "--journal", "j.sqlite"]));
        assert_eq!(code, Some(0), "{stderr}");
    };
    let export = || {
        let mut program = support::program(case.path());
        support::run(program.args(["journal", "export", "--journal", "j.sqlite"])).1
    };
    let key = key.to_string();
    let judge = |text: &str| {
        fs::write(scratch.path().join("export.jsonl"), text).unwrap();
        let arguments = ["--journal", "export.jsonl", "--key", &key];
        verify(Path::new("python3"), scratch.path(), &arguments)
    };
    new_key("once a year");
    new_key("once a year, again");
    let (code, said) = judge(&export());
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("ok  record 5 names a new key") && said.contains("ok  record 6 names a new key"),
        "{said}"
    );
    assert!(!said.contains("written anew"), "{said}");
    // a signature of nobody
    let whole = export();
    let from = whole.find("\\\"signature\\\":\\\"0x").unwrap() + 18;
    let forged = format!("{}{}{}", &whole[..from], "00".repeat(64), &whole[from + 128..]);
    let (code, said) = judge(&forged);
    assert!(code == Some(1) && said.contains("BAD"), "{said}");
    // and one that nobody signed
    fs::remove_file(case.path().join("j.key")).unwrap();
    new_key("the disk died");
    let (code, said) = judge(&export());
    assert_eq!(code, Some(1), "{said}");
    for words in [
        "?   record 7 names a new key",
        "on a person's word alone",
        "and not with the key given",
        "held up to record 5; the 2 behind it are not",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
}

/// Seven files, and one value after another of each is something else.
#[test]
fn nothing_that_stands_in_a_file_keeps_the_verifier_from_its_word() {
    let scratch = bench();
    let (case, _, _) = keys::scene();
    let mut program = support::program(case.path());
    let (_, keyed, _) = support::run(program.args(["journal", "export", "--journal", "j.sqlite"]));
    fs::write(scratch.path().join("keyed.jsonl"), keyed).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/independent/hostile.py");
    let mut command = Command::new("python3");
    command
        .args(["-I", "-B"])
        .arg(script)
        .args(["verify.py", "7", "60", "export.jsonl", "keyed.jsonl"])
        .args(transcripts())
        .current_dir(scratch.path());
    let (code, out, stderr) = support::run(&mut command);
    assert_eq!(code, Some(0), "{stderr}");
    let escaped: Vec<String> = serde_json::from_str(&out).unwrap();
    assert_eq!(escaped, Vec::<String>::new());
}

fn transcripts() -> Vec<PathBuf> {
    let files = fs::read_dir(vector("transcripts")).unwrap();
    let paths = files.map(|file| file.unwrap().path());
    let mut found: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    found.sort();
    found
}

/// The checkpoint of a journal that somebody wrote anew, who has no key to sign it.
#[test]
fn a_checkpoint_whose_signature_was_taken_away_is_not_passed_over() {
    let (case, _, _) = keys::scene();
    let scratch = bench();
    let mut program = support::program(case.path());
    let (_, export, _) = support::run(program.args(["journal", "export", "--journal", "j.sqlite"]));
    let (_, records) = export.split_once('\n').unwrap();
    fs::write(scratch.path().join("export.jsonl"), records).unwrap();
    let stated = fs::read_to_string(case.path().join("j.checkpoint")).unwrap();
    let words: Vec<&str> = stated.split(' ').take(2).collect();
    fs::write(scratch.path().join("checkpoint"), words.join(" ")).unwrap();
    let arguments = ["--journal", "export.jsonl", "--checkpoint", "checkpoint"];
    let (code, said) = verify(Path::new("python3"), scratch.path(), &arguments);
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("?   why it is not signed: record 1 names a key that signs checkpoints"),
        "{said}"
    );
}

/// What the messenger stored has no say where another result was taken than its own, and blames nobody.
#[test]
fn a_lie_that_a_messenger_stored_is_not_laid_at_an_operators_door() {
    let scratch = bench();
    let text = fs::read(vector("transcripts/keygen.json")).unwrap();
    let mut document = Document::read(&Transcript::read(&text).unwrap()).unwrap();
    flip(&mut document.stored.as_mut().unwrap().0, b"\"Signature\":\"");
    if let RecordedVerdict::Verified { source, .. } = &mut document.verdict {
        *source = Source::Observed;
    }
    let judge = |document: &mut Document| {
        document.digest = document.compute_digest();
        let file = Transcript::from(&*document);
        fs::write(scratch.path().join("t.json"), file.document()).unwrap();
        verify(Path::new("python3"), scratch.path(), &["t.json"])
    };
    let (code, said) = judge(&mut document);
    assert_eq!(code, Some(0), "{said}");
    for words in ["ok  results: 4", "?   what the messenger stored"] {
        assert!(said.contains(words), "{words}: {said}");
    }
    document.stored = None;
    let (code, said) = judge(&mut document);
    assert_eq!(code, Some(0), "{said}");
    assert!(!said.contains("what the messenger stored"), "{said}");
    if let RecordedVerdict::Verified { source, .. } = &mut document.verdict {
        *source = Source::Messenger;
    }
    let (code, said) = judge(&mut document);
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("BAD results: it is the messenger's, which stored nothing"),
        "{said}"
    );
}

type Change = fn(&mut serde_json::Value);

#[test]
fn what_people_signed_with_their_own_keys_is_verified_without_our_code() {
    let ada = PersonSecret::generate();
    let judge = |change: Change| {
        let mut bodies = deposit();
        let digest = bodies[2]["digest"].as_str().unwrap().parse().unwrap();
        let signed = ada.sign(Statement {
            chain_id: 1,
            manager: Default::default(),
            account: None,
            action: "deposit/1#1".parse().unwrap(),
            proposed_at: Some(UnixMillis(1_795_834_763_002)),
            digest,
            verdict: Stated::Approve,
            unknown: vec!["endpoints-agree ä\u{7f}\"".to_owned()],
            phrase: None,
            expires: UnixMillis(1_795_834_769_000),
        });
        bodies[3]["decision"]["decider"] =
            serde_json::json!({"by": "person", "name": "ada", "signed": signed});
        change(&mut bodies[3]);
        let case = scene(&bodies);
        let mut program = support::program(case.path());
        let (_, export, _) = support::run(program.args(["journal", "export", "--journal", "j.sqlite"]));
        let scratch = bench();
        fs::write(scratch.path().join("export.jsonl"), export).unwrap();
        verify(
            Path::new("python3"),
            scratch.path(),
            &["--journal", "export.jsonl"],
        )
    };
    let (code, said) = judge(|_| ());
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("1 signed with people's own keys"), "{said}");
    let endorsed = |body: &mut serde_json::Value| {
        body["record"] = "endorsed".into();
        body["decision"]["decider"]["signed"]["signature"] = format!("0x{}", "00".repeat(64)).into();
    };
    let changes: [(Change, &str); 5] = [
        (endorsed, "the signature of ada on deposit/1#1 is not right"),
        (
            |body| body["decision"]["decider"]["signed"]["statement"]["chain_id"] = 2.into(),
            "the signature of ada on deposit/1#1 is not right",
        ),
        (
            |body| body["decision"]["at"] = 1_795_834_769_000_u64.into(),
            "the signature of ada had expired",
        ),
        (
            |body| body["action"] = "deposit/1#2".into(),
            "by a digest that was not shown",
        ),
        (
            |body| body["decision"]["verdict"] = serde_json::json!({"verdict": "reject", "reason": "no"}),
            "ada signed something else than is decided",
        ),
    ];
    for (change, words) in changes {
        let (code, said) = judge(change);
        assert_eq!(code, Some(1), "{words}: {said}");
        assert!(said.contains(words), "{words}: {said}");
    }
    let (_, said) =
        judge(|body| body["decision"]["decider"] = serde_json::json!({"by": "person", "name": "ada"}));
    assert!(
        said.contains("?   1 decisions of people are the word of the oracle's machine alone"),
        "{said}"
    );
}

#[test]
fn keys_in_files_of_their_own_are_compared_and_names_of_files_move_no_cursor() {
    let scratch = bench();
    let text = fs::read_to_string(vector("transcripts/keygen-timed-out.json")).unwrap();
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    let name = "x\nok  hash chain\u{1b}[31m.json";
    fs::write(scratch.path().join(name), &text).unwrap();
    fs::create_dir(scratch.path().join("keys")).unwrap();
    let mut tables = String::new();
    for (id, key) in document["operators"].as_object().unwrap() {
        fs::write(
            scratch.path().join(format!("keys/{id}.pem")),
            key.as_str().unwrap(),
        )
        .unwrap();
        tables += &format!("[[operator]]\nid = {id}\npublic_key_file = \"{id}.pem\"\n");
    }
    fs::write(scratch.path().join("keys/operators.toml"), tables).unwrap();
    let judge = || {
        verify(
            Path::new("python3"),
            scratch.path(),
            &["--operators", "keys/operators.toml", name],
        )
    };
    let (code, said) = judge();
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("ok  operators: 4 keys, each as in the file"),
        "{said}"
    );
    assert!(
        !said.contains('\u{1b}') && !said.contains("\nok  hash chain"),
        "{said:?}"
    );
    fs::write(
        scratch.path().join("keys/operators.toml"),
        "[[operator]]\nid = 1\n",
    )
    .unwrap();
    assert!(
        judge()
            .1
            .contains("BAD operators: operator 1 has no key in the file")
    );
}

#[test]
fn old_journals_verify_by_the_same_formula() {
    let scratch = bench();
    fs::copy(
        vector("journals/format-1/closed.sqlite"),
        scratch.path().join("old.sqlite"),
    )
    .unwrap();
    let mut program = support::program(scratch.path());
    let (code, export, _) = support::run(program.args(["journal", "export", "--journal", "old.sqlite"]));
    assert_eq!(code, Some(0));
    fs::write(scratch.path().join("old.jsonl"), export).unwrap();
    let (code, said) = verify(Path::new("python3"), scratch.path(), &["--journal", "old.jsonl"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("83 records"), "{said}");
}

#[test]
fn transcripts_verify_with_their_signatures_and_each_damage_is_named() {
    let scratch = bench();
    let interpreter = python::with_packages();
    let transcripts = vector("transcripts");
    let (code, said) = verify(interpreter, scratch.path(), &[transcripts.to_str().unwrap()]);
    assert_eq!(code, Some(0), "{said}");
    for (words, times) in [
        ("ok  messages: ", 5),
        ("ok  results: 4, each signed by its operator", 3),
        ("ok  share keys: every 3 of 4", 3),
        ("ok  BLS signature: valid for 32 ETH", 1),
        ("ok  partial signatures: 4", 1),
        ("ok  start message: says what the plan says", 5),
        ("?   who signed the start message", 5),
        (
            "checks that are recorded in it, as far as they are not made again here",
            3,
        ),
        ("?   it failed: ", 2),
        ("?   whether these are the operators' registered keys", 5),
    ] {
        assert_eq!(said.matches(words).count(), times, "{words}: {said}");
    }
    // without py_ecc it says what it left out
    let (code, bare) = verify(
        Path::new("python3"),
        scratch.path(),
        &[transcripts.to_str().unwrap()],
    );
    assert_eq!(code, Some(0), "{bare}");
    if bare.contains("py_ecc is not installed") {
        assert_eq!(
            bare.matches("BLS keys and signatures: py_ecc is not installed")
                .count(),
            3
        );
    }
}

/// One letter of base64 becomes another one, after the last place of `before`.
fn flip(bytes: &mut [u8], before: &[u8]) {
    let found = bytes
        .windows(before.len())
        .rposition(|window| window == before)
        .unwrap();
    let at = found + before.len() + 20;
    bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
}

fn result(document: &mut Document) -> &mut KeygenOutput {
    match &mut document.verdict {
        RecordedVerdict::Verified { value, .. } => match &mut **value {
            CeremonyResult::Keygen(output) => output,
            _ => panic!("not of a key generation"),
        },
        RecordedVerdict::Failed { .. } => panic!("it failed"),
    }
}

type Damage = (fn(&mut Document), &'static str);

/// Whoever changes a transcript can make its digest anew, but no signature.
const DAMAGES: [Damage; 16] = [
    (
        |d| d.messages.push(d.messages[d.messages.len() - 1].clone()),
        "BAD messages: message 20 is a repetition",
    ),
    (
        |d| d.attached = true,
        "BAD start message: whoever was attached later sends none",
    ),
    (|d| d.start_message = None, "BAD start message: none was sent"),
    (
        |d| {
            if let CeremonyPlan::Keygen { fork_version, .. } = &mut d.plan {
                fork_version.0[0] ^= 1;
            }
        },
        "BAD start message: its Fork is not what the plan says",
    ),
    (
        |d| {
            if let RecordedVerdict::Verified { checks, .. } = &mut d.verdict {
                checks[0].status = CheckStatus::Fail;
            }
        },
        "BAD recorded checks: it counts as verified, and has failed checks: plan",
    ),
    (
        |d| d.messages[0].sender = OperatorId(if d.messages[0].sender.0 == 1 { 2 } else { 1 }),
        "BAD messages: message 0 is by",
    ),
    (
        |d| flip(&mut d.messages[3].raw.0, b"\"Data\":\""),
        "BAD messages: message 3 is not signed by operator",
    ),
    (
        |d| {
            drop(
                d.operators
                    .insert(OperatorId(2), d.operators[&OperatorId(3)].clone()),
            )
        },
        "is not signed by operator 2",
    ),
    (
        |d| drop(d.operators.remove(&OperatorId(2))),
        "BAD participants: keys of [1, 3, 4]",
    ),
    (
        |d| flip(&mut d.stored.as_mut().unwrap().0, b"\"Signature\":\""),
        "BAD results: the result of operator",
    ),
    (
        |d| result(d).validator = BlsPublicKey([0xaa; 48]),
        "BAD verdict: the recorded key is not theirs",
    ),
    (
        |d| {
            let key = result(d).share_public_keys[&OperatorId(1)];
            result(d).share_public_keys.insert(OperatorId(2), key);
        },
        "BAD verdict: share_public_keys of 2 is not its own",
    ),
    (
        |d| {
            if let CeremonyPlan::Keygen {
                withdrawal_credentials,
                ..
            } = &mut d.plan
            {
                withdrawal_credentials.0[31] ^= 1;
            }
        },
        "BAD BLS signature: the signature is not valid for 32 ETH",
    ),
    (
        |d| {
            if let CeremonyPlan::Keygen { threshold, .. } = &mut d.plan {
                *threshold = 2;
            }
        },
        "BAD share keys: share keys of operators [1, 2] do not give the key",
    ),
    (
        |d| {
            if let CeremonyPlan::Keygen { threshold, .. } = &mut d.plan {
                *threshold = 9;
            }
        },
        "BAD committee: 9 of 4 is no committee of the protocol",
    ),
    (
        |d| {
            if let RecordedVerdict::Verified { source, .. } = &mut d.verdict {
                *source = Source::Combined;
            }
        },
        "BAD source: a keygen is never put together from messages",
    ),
];

#[test]
fn a_transcript_that_was_changed_is_caught_also_when_its_digest_was_made_anew() {
    let scratch = bench();
    let interpreter = python::with_packages();
    let text = fs::read(vector("transcripts/keygen.json")).unwrap();
    let whole = Document::read(&Transcript::read(&text).unwrap()).unwrap();
    let judge = |document: &Document| {
        let file = Transcript::from(document);
        fs::write(scratch.path().join("t.json"), file.document()).unwrap();
        verify(interpreter, scratch.path(), &["t.json"])
    };
    let mut damaged = whole.clone();
    damaged.ended_at.0 += 1;
    let (code, said) = judge(&damaged);
    assert_eq!(code, Some(1));
    assert!(said.contains("BAD digest: it states"), "{said}");
    for (damage, words) in DAMAGES {
        let mut damaged = whole.clone();
        damage(&mut damaged);
        damaged.digest = damaged.compute_digest();
        let (code, said) = judge(&damaged);
        assert_eq!(code, Some(1), "{words}: {said}");
        assert!(
            said.contains("ok  digest") && said.contains(words),
            "{words}: {said}"
        );
    }
}

#[test]
fn journal_and_transcript_are_compared_with_each_other() {
    let scratch = bench();
    let case = scene(&deposit());
    let mut program = support::program(case.path());
    let (_, export, _) = support::run(program.args(["journal", "export", "--journal", "j.sqlite"]));
    fs::write(scratch.path().join("export.jsonl"), export).unwrap();
    let keygen = scratch.path().join("keygen.json");
    fs::copy(vector("transcripts/keygen.json"), &keygen).unwrap();
    let judge = || {
        verify(
            Path::new("python3"),
            scratch.path(),
            &["--journal", "export.jsonl", "keygen.json"],
        )
    };
    let (code, said) = judge();
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("ok  journal: record 6 names it"), "{said}");
    fs::copy(vector("transcripts/keygen-blamed.json"), &keygen).unwrap();
    let (code, said) = judge();
    assert_eq!(code, Some(1));
    assert!(
        said.contains("record 6 names another content by this name"),
        "{said}"
    );
}

/// One that was kept a moment before its record, or whose record was lost, is no forgery.
#[test]
fn a_transcript_that_no_record_names_is_said_and_is_not_bad() {
    let scratch = bench();
    let case = scene(&deposit());
    let mut program = support::program(case.path());
    let (_, export, _) = support::run(program.args(["journal", "export", "--journal", "j.sqlite"]));
    fs::write(scratch.path().join("export.jsonl"), export).unwrap();
    fs::copy(
        vector("transcripts/keygen.json"),
        scratch.path().join("keygen-2.json"),
    )
    .unwrap();
    let (code, said) = verify(
        Path::new("python3"),
        scratch.path(),
        &["--journal", "export.jsonl", "keygen-2.json"],
    );
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("?   journal: no record names a file of this name"),
        "{said}"
    );
}

#[test]
fn a_transcript_of_another_managers_ceremony_is_not_the_journals() {
    let scratch = bench();
    let text = fs::read(vector("transcripts/keygen.json")).unwrap();
    let mut document = Document::read(&Transcript::read(&text).unwrap()).unwrap();
    let judge = |document: &Document, chain_id: u64| {
        let file = Transcript::from(document).document().to_owned();
        fs::write(scratch.path().join("keygen.json"), &file).unwrap();
        let mut bodies = deposit();
        bodies[0] = serde_json::json!({
            "record": "engine-started", "version": "1", "network": "hoodi", "mode": "observe",
            "serves": {"chain_id": chain_id, "manager": format!("0x{}", "Ab".repeat(20))},
        });
        bodies[5]["transcript"][1] = format!("0x{}", hex::encode(Sha256::digest(&file))).into();
        let case = scene(&bodies);
        let mut program = support::program(case.path());
        let (_, export, _) = support::run(program.args(["journal", "export", "--journal", "j.sqlite"]));
        fs::write(scratch.path().join("export.jsonl"), export).unwrap();
        verify(
            Path::new("python3"),
            scratch.path(),
            &["--journal", "export.jsonl", "keygen.json"],
        )
    };
    // older ones do not say
    let (code, said) = judge(&document, 5);
    assert_eq!(code, Some(0), "{said}");
    document.held_for = Some(HeldFor {
        chain_id: 5,
        manager: "0xabababababababababababababababababababab".parse().unwrap(),
        account: None,
        case: Some("deposit/1".parse().unwrap()),
    });
    document.digest = document.compute_digest();
    let held_for = casimir_dkg::dkg::rockx::transcript::verify(&document);
    let held_for = held_for.check("held-for").unwrap();
    assert!(held_for.reason.as_str().contains("on chain 5"), "{held_for:?}");
    let (code, said) = judge(&document, 5);
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = judge(&document, 6);
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("it is of chain 5, and the journal is of another one"),
        "{said}"
    );
    document.held_for.as_mut().unwrap().case = Some("deposit/2".parse().unwrap());
    document.digest = document.compute_digest();
    let (code, said) = judge(&document, 5);
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("it is of case deposit/2, and record 6 is of deposit/1"),
        "{said}"
    );
}
