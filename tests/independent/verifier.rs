//! The verifier that `audit verifier` prints: run on what the program exports, and on the same with each kind of damage.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use casimir_dkg::dkg::rockx::transcript::{Document, RecordedVerdict};
use casimir_dkg::types::{BlsPublicKey, CeremonyPlan, CeremonyResult, KeygenOutput, OperatorId, Transcript};

use super::python;
use crate::config::audit::{deposit, scene};
use crate::config::support;

fn vector(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/vectors")
        .join(name)
}

/// The printed program, an export of a whole oracle's journal, and its checkpoint.
fn bench() -> tempfile::TempDir {
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

/// Exit code, and what it says.
fn verify(interpreter: &Path, scratch: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(interpreter);
    command
        .args(["-I", "-B", "verify.py"])
        .args(arguments)
        .current_dir(scratch);
    let (code, out, stderr) = support::run(&mut command);
    (code, out + &stderr)
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
            changed(3, "\"seq\":3", "\"seq\":3,\"by\":\"me\""),
            "has by, which no hash covers",
        ),
        (changed(3, "\"kind\"", "\"kin\""), "record 3 lacks kind"),
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
const DAMAGES: [Damage; 9] = [
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
