//! `audit` and `transcript verify --operators`: what an auditor is handed, by the program itself.

use std::fs;
use std::path::{Path, PathBuf};

use casimir_dkg::journal::{Anchor, Journal, JournalError, JournalOptions, NewRecord};
use casimir_dkg::oracle::{Proposal, Record};
use casimir_dkg::types::{JournalKey, UnixMillis};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::support;

fn vector(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/vectors")
        .join(name)
}

fn run(scratch: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    support::run(support::program(scratch).args(arguments))
}

/// A journal of these records, with the transcript of a real key generation beside it.
pub(crate) fn scene(bodies: &[Value]) -> tempfile::TempDir {
    let scratch = tempfile::tempdir().unwrap();
    let options = JournalOptions::at(scratch.path().join("j.sqlite"));
    let (mut journal, _) = Journal::open(&options, Anchor::BEGINNING, |_| Ok::<_, JournalError>(())).unwrap();
    for (n, body) in bodies.iter().enumerate() {
        let kind: &'static str = body["record"].as_str().unwrap().to_owned().leak();
        let row = NewRecord {
            at: UnixMillis(1_795_834_763_000 + n as u64),
            kind,
            // as this program writes it, where it would
            body: serde_json::from_value::<Record>(body.clone()).map_or_else(
                |_| body.to_string(),
                |record| serde_json::to_string(&record).unwrap(),
            ),
            subjects: Vec::new(),
        };
        journal.append(&[row]).unwrap();
    }
    let folder = scratch.path().join("transcripts");
    fs::create_dir(&folder).unwrap();
    fs::copy(vector("transcripts/keygen.json"), folder.join("keygen.json")).unwrap();
    scratch
}

/// The same, with a key of the journal's own that its last record names.
pub(crate) fn keyed_scene(bodies: &[Value]) -> (tempfile::TempDir, JournalKey) {
    let scratch = scene(bodies);
    let options = JournalOptions::at(scratch.path().join("j.sqlite"));
    let (mut journal, _) = Journal::open(&options, Anchor::BEGINNING, |_| Ok::<_, JournalError>(())).unwrap();
    let key = journal.take_up_key().unwrap().unwrap();
    let body = json!({"record": "journal-keyed", "key": key});
    let row = NewRecord {
        at: UnixMillis(1_795_834_764_000),
        kind: "journal-keyed",
        body: body.to_string(),
        subjects: Vec::new(),
    };
    journal.append(&[row]).unwrap();
    (scratch, key)
}

/// The records around that key generation; its checks and verdict are those of the transcript.
pub(crate) fn deposit() -> Vec<Value> {
    let bytes = fs::read(vector("transcripts/keygen.json")).unwrap();
    let transcript: Value = serde_json::from_slice(&bytes).unwrap();
    let request = &transcript["request_id"];
    let digest = format!("0x{}", hex::encode(Sha256::digest(&bytes)));
    let action = "deposit/1#1";
    let proposal = json!({
        "kind": "keygen", "title": "Create the key of pool 1 <script>alert(1)</script>",
        "facts": [{"label": "pool", "value": "1\u{202e}\" onload=\"x", "kind": "text"}],
        "checks": [{"name": "queue", "status": "pass", "reason": "it is the head & nothing else"}],
        "payload": {"type": "ceremony", "plan": transcript["plan"]}});
    let proposed: Proposal = serde_json::from_value(proposal.clone()).unwrap();
    let shown = json!(proposed.digest(action.parse().unwrap()));
    vec![
        json!({"record": "note", "case": null, "text": "another case's"}),
        json!({"record": "case-opened", "case": "deposit/1",
               "cause": {"cause": "state", "block": {"number": 7, "hash": format!("0x{}", "07".repeat(32))}}}),
        json!({"record": "action-proposed", "action": action, "digest": shown, "proposal": proposal}),
        json!({"record": "decided", "action": action, "decision": {
            "verdict": {"verdict": "approve"}, "decider": {"by": "person", "name": "ada <img src=x>"},
            "at": 1_795_834_763_003_u64, "digest": shown}}),
        json!({"record": "ceremony-started", "request": request, "case": "deposit/1", "action": "deposit/1#1",
               "role": "main", "attempt": 1, "plan": transcript["plan"]}),
        json!({"record": "ceremony-verified", "request": request, "result": transcript["verdict"]["value"],
               "checks": transcript["verdict"]["checks"], "transcript": ["keygen.json", digest]}),
        json!({"record": "case-closed", "case": "deposit/1", "outcome": "the validator is active"}),
    ]
}

#[test]
fn a_case_is_one_page_that_tells_everything_and_loads_nothing() {
    let scratch = scene(&deposit());
    let (code, out, stderr) = run(scratch.path(), &["audit", "deposit/1", "--journal", "j.sqlite"]);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(out.contains("deposit-1.html: 6 records"), "{out}");
    let page = fs::read_to_string(scratch.path().join("deposit-1.html")).unwrap();
    let head = casimir_dkg::journal::verify(&scratch.path().join("j.sqlite"))
        .unwrap()
        .0
        .head;
    for words in [
        "the validator is active",
        "as shown in record 3",
        "ada &lt;img src=x&gt;",
        "&lt;script&gt;alert(1)&lt;/script&gt;",
        "&quot; onload=&quot;x",
        "it is the head &amp; nothing else",
        "checked again just now, it holds",
        "operator 4",
        "+0 ms",
        "share-keys-interpolate",
        "audit verifier",
        "@media print",
        &head.to_string(),
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    for never in [
        "<script",
        "<img",
        "<link",
        "<iframe",
        "@import",
        "url(",
        "http://",
        "https://",
        "src=\"",
        "href=",
        "\u{202e}",
        "another case's",
        " onload=\"",
    ] {
        assert!(!page.contains(never), "{never}");
    }
    // a filled circle for each message of four operators, and one for each start
    assert_eq!(page.matches("fill=\"#11683a\"").count(), 4 * 6, "{page}");
    let (code, _, stderr) = run(scratch.path(), &["audit", "deposit/1", "--journal", "j.sqlite"]);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("deposit-1.html"), "{stderr}");
}

#[test]
fn a_page_says_what_does_not_fit() {
    let mut records = deposit();
    records[3]["decision"]["digest"] = format!("0x{}", "d2".repeat(32)).into();
    let scratch = scene(&records);
    let page = |scratch: &Path, name: &str, expected: i32| {
        let arguments = ["audit", "deposit/1", "--journal", "j.sqlite", "--out", name];
        let (code, _, stderr) = run(scratch, &arguments);
        assert_eq!(code, Some(expected), "{stderr}");
        (fs::read_to_string(scratch.join(name)).unwrap(), stderr)
    };
    let (other_digest, _) = page(scratch.path(), "a.html", 1);
    assert!(other_digest.contains("record 3 showed another one"));
    assert!(other_digest.contains("1 transcript checked again"));
    // what stands beside a journal that holds
    let scratch = scene(&deposit());
    let (sound, _) = page(scratch.path(), "sound.html", 0);
    assert!(sound.contains("<td>nothing</td>"), "{sound}");
    let transcript = scratch.path().join("transcripts/keygen.json");
    fs::copy(vector("transcripts/keygen-blamed.json"), &transcript).unwrap();
    let (replaced, stderr) = page(scratch.path(), "b.html", 1);
    let words = "transcript keygen.json: the file by this name is another one";
    assert!(stderr.contains(&format!("record 6: {words}")), "{stderr}");
    for words in [
        words,
        "1 finding: see what is wrong, below",
        "0 transcripts checked again",
        "1 not what the journal names, or not sound",
    ] {
        assert!(replaced.contains(words), "{words}: {replaced}");
    }
    fs::remove_file(&transcript).unwrap();
    let (absent, _) = page(scratch.path(), "c.html", 0);
    assert!(absent.contains("it does not stand beside the journal"));
    assert!(absent.contains("1 not beside the journal"), "{absent}");
}

#[test]
fn a_case_is_shown_with_its_ceremonies_and_one_that_is_not_known_is_an_error() {
    let scratch = scene(&deposit());
    let show = |case: &str| {
        run(
            scratch.path(),
            &["journal", "show", "--case", case, "--journal", "j.sqlite"],
        )
    };
    let (code, out, _) = show("deposit/1");
    assert_eq!((code, out.lines().count()), (Some(0), 6), "{out}");
    assert!(
        out.contains("ceremony-verified") && !out.contains("another case's"),
        "{out}"
    );
    let (code, _, stderr) = show("deposit/9");
    assert_eq!(code, Some(1));
    assert!(
        stderr.contains("knows no case deposit/9; it has deposit/1"),
        "{stderr}"
    );
    let (code, _, stderr) = run(scratch.path(), &["audit", "exit/2", "--journal", "j.sqlite"]);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("knows no case exit/2"), "{stderr}");
    assert!(!scratch.path().join("exit-2.html").exists());
}

#[test]
fn a_transcripts_keys_are_compared_with_a_file_and_what_is_not_proved_is_said() {
    let scratch = tempfile::tempdir().unwrap();
    let file = vector("transcripts/keygen.json");
    let file = file.to_str().unwrap();
    let transcript: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    let table = |id: u64, key: &str| {
        format!("[[operator]]\nid = {id}\nendpoint = \"http://127.0.0.1:1\"\npublic_key = \"{key}\"\n")
    };
    let ours = |ids: std::ops::RangeInclusive<u64>| -> String {
        ids.map(|id| table(id, transcript["operators"][id.to_string()].as_str().unwrap()))
            .collect()
    };
    let verify = |operators: &str| {
        fs::write(scratch.path().join("operators.toml"), operators).unwrap();
        run(
            scratch.path(),
            &["transcript", "verify", file, "--operators", "operators.toml"],
        )
    };
    let (code, out, stderr) = verify(&ours(1..=4));
    assert_eq!(code, Some(0), "{stderr}{out}");
    for words in [
        "pass  operators",
        "operator 1 SHA-256:12ae29b118fdbdb95ba44f37a0dd643fde1ae221c8e673a54b6b7273ceca5629",
        "proved: ",
        "not proved by this file: ",
    ] {
        assert!(out.contains(words), "{words}: {out}");
    }
    // whoever looks for one ceremony by its name finds another one
    assert!(!out.contains("file-name"), "{out}");
    let named = format!("{}.json", "0a".repeat(24));
    fs::copy(file, scratch.path().join(&named)).unwrap();
    let (code, out, _) = run(scratch.path(), &["transcript", "verify", &named]);
    assert_eq!(code, Some(0), "{out}");
    assert!(
        out.contains("?     file-name") && out.contains("the file has the name of ceremony 0a0a"),
        "{out}"
    );
    let (code, out, _) = verify(&format!("{}{}", ours(1..=3), table(4, support::operator_key())));
    assert_eq!(code, Some(1));
    assert!(out.contains("operator 4 has another key there"), "{out}");
    let (code, out, _) = verify(&ours(1..=3));
    assert_eq!(code, Some(1));
    assert!(out.contains("operator 4 is not there"), "{out}");
    let (code, out, _) = run(scratch.path(), &["--json", "transcript", "verify", file]);
    let said: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, said["operators"].as_object().unwrap().len()), (Some(0), 4));
    let check = said["checks"].as_array().unwrap().last().unwrap();
    assert_eq!(
        (check["name"].as_str(), check["status"].as_str()),
        (Some("operators"), Some("unknown"))
    );
}

/// What the oracle tells an operator whose directory is gone.
#[test]
fn a_journal_tells_which_shares_an_operator_must_hold_and_a_doctor_misses_them() {
    let scratch = scene(&deposit());
    let shares = |operator: &str| {
        let arguments = ["journal", "shares", operator, "--journal", "j.sqlite"];
        let (code, out, stderr) = run(scratch.path(), &arguments);
        assert_eq!(code, Some(0), "{stderr}");
        out
    };
    let manifest = shares("2");
    let transcript: Value =
        serde_json::from_slice(&fs::read(vector("transcripts/keygen.json")).unwrap()).unwrap();
    let line = format!(
        "{} {}",
        transcript["request_id"].as_str().unwrap(),
        transcript["verdict"]["value"]["validator"].as_str().unwrap()
    );
    let lines: Vec<&str> = manifest.lines().collect();
    assert_eq!(lines[1..], ["# operator 2: 1 share", &*line]);
    let stranger = ["journal", "shares", "9", "--journal", "j.sqlite"];
    let (code, out, stderr) = run(scratch.path(), &stranger);
    assert_eq!((code, out.as_str()), (Some(1), ""));
    assert!(stderr.contains("operator 9 has no share"), "{stderr}");
    let expected = scratch.path().join("expected");
    fs::write(&expected, &manifest).unwrap();
    let config = "[node]\nid = 2\nmessenger_url = \"http://127.0.0.1:1\"\nkey_file = \"key.pem\"\ndata_dir = \"node\"\n";
    fs::write(scratch.path().join("operator.toml"), config).unwrap();
    let arguments = [
        "--config",
        "operator.toml",
        "doctor",
        "operator",
        "--expect",
        "expected",
    ];
    let (code, out, stderr) = run(scratch.path(), &arguments);
    assert_eq!(code, Some(1), "{stderr}");
    assert!(out.contains("0 shares, 1 missing: 0x"), "{out}{stderr}");
    for (bad, words) in [
        (String::new(), "no whole share manifest"),
        (shares("3"), "is of operator 3, and node.id is 2"),
    ] {
        fs::write(&expected, bad).unwrap();
        let (code, out, stderr) = run(scratch.path(), &arguments);
        assert_eq!(code, Some(1), "{stderr}");
        assert!(out.contains(words), "{out}{stderr}");
    }
}

/// An auditor reads the page alone: what the journal's own rules find wrong stands on its top.
#[test]
fn a_page_begins_with_what_is_wrong_with_the_journal() {
    let scratch = tempfile::tempdir().unwrap();
    let old = vector("journals/format-2/closed.sqlite");
    fs::copy(old, scratch.path().join("whole.sqlite")).unwrap();
    let (_, entries) = casimir_dkg::journal::verify(&scratch.path().join("whole.sqlite")).unwrap();
    let options = JournalOptions::at(scratch.path().join("j.sqlite"));
    let (mut journal, _) = Journal::open(&options, Anchor::BEGINNING, |_| Ok::<_, JournalError>(())).unwrap();
    let decided = entries.iter().find(|entry| entry.kind == "decided").unwrap().seq;
    for entry in &entries {
        let mut body: Value = serde_json::from_str(&entry.body).unwrap();
        if entry.seq == decided {
            body["decision"]["digest"] = format!("0x{}", "d2".repeat(32)).into();
        }
        let row = NewRecord {
            at: entry.at,
            kind: entry.kind.clone().leak(),
            body: if entry.seq == decided {
                body.to_string()
            } else {
                entry.body.clone()
            },
            subjects: Vec::new(),
        };
        journal.append(&[row]).unwrap();
    }
    drop(journal);
    let (code, _, stderr) = run(scratch.path(), &["audit", "deposit/1", "--journal", "j.sqlite"]);
    assert_eq!(code, Some(1), "{stderr}");
    let problem = "names another digest than what was proposed";
    assert!(
        stderr.contains(&format!("record {decided}: ")) && stderr.contains(problem),
        "{stderr}"
    );
    let page = fs::read_to_string(scratch.path().join("deposit-1.html")).unwrap();
    let wrong = page.find("What is wrong").unwrap();
    assert!(wrong < page.find("What happened").unwrap());
    assert!(page.contains(problem), "{page}");
}

#[test]
fn the_first_of_two_persons_and_the_verdict_on_every_signature_are_on_the_page() {
    let mut records = deposit();
    let digest = records[3]["decision"]["digest"].clone();
    let signed = |signature: &str| {
        json!({
            "statement": {
                "chain_id": 1, "manager": format!("0x{}", "08".repeat(20)), "account": null, "action": "deposit/1#1",
                "proposed_at": 1_795_834_763_002_u64, "digest": digest, "verdict": "approve", "unknown": [],
                "phrase": null, "expires": 1_795_834_769_000_u64,
            },
            "key": format!("0x{}", "0b".repeat(32)), "signature": signature,
        })
    };
    let zeros = format!("0x{}", "00".repeat(64));
    records.insert(
        3,
        json!({"record": "endorsed", "action": "deposit/1#1", "decision": {
            "verdict": {"verdict": "approve"}, "nth": {"number": 1, "of": 2}, "at": 1_795_834_763_003_u64, "digest": digest,
            "decider": {"by": "person", "name": "bob", "signed": signed(&zeros)}}}),
    );
    let scratch = scene(&records);
    let (code, _, stderr) = run(scratch.path(), &["audit", "deposit/1", "--journal", "j.sqlite"]);
    assert_eq!(code, Some(1), "{stderr}");
    assert!(
        stderr.contains("record 4: the signature of bob on deposit/1#1 is not right"),
        "{stderr}"
    );
    let page = fs::read_to_string(scratch.path().join("deposit-1.html")).unwrap();
    for words in [
        "person bob",
        "approve, 1 of 2",
        "the signature is not right",
        "on the word of the oracle's machine",
        "it is of",
        "whoever writes a journal anew writes its page anew",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    let head = casimir_dkg::journal::verify(&scratch.path().join("j.sqlite"))
        .unwrap()
        .0
        .head;
    assert!(
        !page.contains(&format!("--contains {head}")),
        "its own head proves nothing"
    );
}
