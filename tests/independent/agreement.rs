//! This program and the verifier that `audit verifier` prints say the same of the same file, however it was changed: a reader
//! that passes over what another one takes lets two people see two things in one file.

use std::fs;
use std::path::Path;
use std::process::Command;

use casimir_dkg::dkg::transcript::examine;
use casimir_dkg::engine;
use casimir_dkg::journal;
use casimir_dkg::types::Transcript;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::install;
use crate::config::{keys, support};

/// How a file is changed.
type Change = fn(&str) -> Vec<u8>;

fn one(text: &str, from: &str, to: &str) -> Vec<u8> {
    assert!(text.contains(from), "{from} is in it");
    text.replacen(from, to, 1).into_bytes()
}

/// Each line with what `change` makes of it; `None` leaves it out.
fn line(text: &str, number: usize, change: impl Fn(&str) -> String) -> Vec<u8> {
    let lines = text.lines().enumerate();
    let changed = lines.map(|(n, line)| {
        if n == number {
            change(line)
        } else {
            line.to_owned()
        }
    });
    changed.map(|line| line + "\n").collect::<String>().into_bytes()
}

fn utf_16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn deep(levels: usize) -> String {
    format!("{}1{}", "[".repeat(levels), "]".repeat(levels))
}

/// The digits of the first hash behind `field` in capitals.
fn capitals(text: &str, field: &str) -> Vec<u8> {
    let at = text.find(field).unwrap() + field.len();
    let end = at + text[at..].find('"').unwrap();
    let mut changed = text.to_owned();
    changed.replace_range(at..end, &text[at..end].to_ascii_uppercase());
    assert_ne!(changed, text);
    changed.into_bytes()
}

/// Changes of an export of version 2, and whether it verifies then. Line 0 is its checkpoint.
#[rustfmt::skip]
const EXPORTS: &[(&str, bool, Change)] = &[
    ("as it is", true, |t| t.into()),
    ("a mark before it", true, |t| format!("\u{feff}{t}").into()),
    ("two marks before it", false, |t| format!("\u{feff}\u{feff}{t}").into()),
    ("a mark before another line", false, |t| line(t, 1, |l| format!("\u{feff}{l}"))),
    ("lines that end as on Windows", true, |t| t.replace('\n', "\r\n").into()),
    ("lines that end as on old Macs", false, |t| t.replace('\n', "\r").into()),
    ("no end of the last line", false, |t| t.trim_end().into()),
    ("an empty line behind it", false, |t| format!("{t}\n").into()),
    ("an empty line before it", false, |t| format!("\n{t}").into()),
    ("an empty line within", false, |t| line(t, 1, |l| format!("{l}\n"))),
    ("a line of spaces behind it", false, |t| format!("{t}  \n").into()),
    ("nothing", false, |_| Vec::new()),
    ("a mark and nothing", false, |_| "\u{feff}".into()),
    ("an end of line and nothing", false, |_| "\n".into()),
    ("its first line alone", false, |t| t.lines().next().unwrap().to_owned().into_bytes()),
    ("a NUL behind it", false, |t| format!("{t}\0").into()),
    ("NULs within", false, |t| line(t, 1, |l| format!("{l}\0"))),
    ("words behind it", false, |t| format!("{t}x\n").into()),
    ("words behind a record", false, |t| line(t, 1, |l| format!("{l}x"))),
    ("two records in one line", false, |t| line(t, 1, |l| format!("{l}{l}"))),
    ("the whole twice", false, |t| format!("{t}{t}").into()),
    ("a list around it", false, |t| line(t, 1, |l| format!("[{l}]"))),
    ("a field twice", false, |t| line(t, 1, |l| l.replacen('{', r#"{"seq":1,"#, 1))),
    ("a field twice in the checkpoint", false, |t| line(t, 0, |l| l.replacen('{', r#"{"export":2,"#, 1))),
    ("a field that is not known", false, |t| line(t, 1, |l| l.replacen('{', r#"{"x":1,"#, 1))),
    ("a field of the checkpoint that is not known", false, |t| line(t, 0, |l| l.replacen('{', r#"{"x":1,"#, 1))),
    ("a field that is deep", false, |t| line(t, 1, |l| l.replacen('{', &format!(r#"{{"x":{},"#, deep(2_000)), 1))),
    ("fields in another order", true, |t| line(t, 1, |l| l.replacen(r#""seq":1,"#, "", 1).replacen('}', r#","seq":1}"#, 9).replacen(r#","seq":1}"#, "}", l.matches('}').count() - 1))),
    ("white space in a record", true, |t| one(t, r#""seq":1,"#, "\"seq\" :\t1 , ")),
    ("white space before a record", false, |t| line(t, 1, |l| format!(" {l}"))),
    ("white space before all", false, |t| format!(" {t}").into()),
    ("letters written as numbers", true, |t| one(t, r#""kind":"engine"#, r#""kind":"\u0065ngine"#)),
    ("half of a letter", false, |t| one(t, r#""kind":"engine"#, r#""kind":"\ud800engine"#)),
    ("NaN", false, |t| one(t, r#""seq":1,"#, r#""seq":NaN,"#)),
    ("infinity", false, |t| one(t, r#""seq":1,"#, r#""seq":Infinity,"#)),
    ("a fraction", false, |t| one(t, r#""seq":1,"#, r#""seq":1.0,"#)),
    ("an exponent", false, |t| one(t, r#""seq":1,"#, r#""seq":1e0,"#)),
    ("a number with a sign", false, |t| one(t, r#""seq":1,"#, r#""seq":+1,"#)),
    ("a number with a zero before it", false, |t| one(t, r#""seq":1,"#, r#""seq":01,"#)),
    ("true for a number", false, |t| one(t, r#""seq":1,"#, r#""seq":true,"#)),
    ("text for a number", false, |t| one(t, r#""seq":1,"#, r#""seq":"1","#)),
    ("a number beyond 64 bits", false, |t| one(t, r#""seq":1,"#, r#""seq":18446744073709551617,"#)),
    ("a number of 5000 digits", false, |t| one(t, r#""seq":1,"#, &format!(r#""seq":{},"#, "1".repeat(5_000)))),
    ("no value", false, |t| one(t, r#""seq":1,"#, r#""seq":null,"#)),
    ("a format of no value", false, |t| one(t, r#""seq":1,"#, r#""seq":1,"x":null,"#)),
    ("a hash in capitals", true, |t| capitals(t, r#","hash":"0x"#)),
    ("a hash without 0x", true, |t| one(t, r#","hash":"0x"#, r#","hash":""#)),
    ("a hash with 0X", false, |t| one(t, r#","hash":"0x"#, r#","hash":"0X"#)),
    ("a hash with a space", false, |t| one(t, r#","hash":"0x"#, r#","hash":"0x "#)),
    ("a hash that is longer", false, |t| one(t, r#","hash":"0x"#, r#","hash":"0x00"#)),
    ("no UTF-8 in it", false, |t| { let mut all = t.as_bytes().to_vec(); let at = t.find("engine").unwrap(); all[at] = 0xff; all }),
    ("half of a letter in UTF-8", false, |t| { let mut all = t.as_bytes().to_vec(); let at = t.find("engine").unwrap(); all.splice(at..at, [0xed, 0xa0, 0x80]); all }),
    ("UTF-16", false, |t| utf_16(t)),
    ("an export of version 3", false, |t| one(t, r#""export":2"#, r#""export":3"#)),
    ("an export of version 2.0", false, |t| one(t, r#""export":2"#, r#""export":2.0"#)),
    ("an export of version true", false, |t| one(t, r#""export":2"#, r#""export":true"#)),
    ("no checkpoint in it", true, |t| t.split_once('\n').unwrap().1.into()),
    ("a checkpoint without a signature", false, |t| line(t, 0, |l| {
        let words: Vec<&str> = l.split(' ').collect();
        format!(r#"{} {}"}}"#, words[0], words[1])
    })),
    ("a checkpoint with a sign", false, |t| one(t, r#""checkpoint":""#, r#""checkpoint":"+"#)),
    ("a checkpoint with a letter more", false, |t| one(t, r#""checkpoint":""#, r#""checkpoint":"x"#)),
    ("a checkpoint that is none", false, |t| line(t, 0, |_| r#"{"export":2,"checkpoint":7}"#.to_owned())),
    ("two checkpoints", false, |t| line(t, 0, |l| format!("{l}\n{l}"))),
];

/// Changes of a transcript, and whether it is sound then: as its digest stands, or made anew over what is written.
#[rustfmt::skip]
const TRANSCRIPTS: &[(&str, bool, Change)] = &[
    ("as it is", true, |t| t.into()),
    ("a mark before it", true, |t| format!("\u{feff}{t}").into()),
    ("two marks before it", false, |t| format!("\u{feff}\u{feff}{t}").into()),
    ("lines that end as on Windows", true, |t| t.replace('\n', "\r\n").into()),
    ("no white space", true, |t| squeezed(t).into()),
    ("much white space", true, |t| format!(" \t\r\n{t} \n\n").into()),
    ("a space of another kind", false, |t| format!("\u{a0}{t}").into()),
    ("a NUL behind it", false, |t| format!("{t}\0").into()),
    ("words behind it", false, |t| format!("{t}x").into()),
    ("the whole twice", false, |t| format!("{t}{t}").into()),
    ("nothing", false, |_| Vec::new()),
    ("a mark and nothing", false, |_| "\u{feff}".into()),
    ("no object", false, |_| "null".into()),
    ("a list around it", false, |t| format!("[{t}]").into()),
    ("more than is read", false, |t| format!("{t}{}", " ".repeat(Transcript::MAX_BYTES)).into()),
    ("a field twice", false, |t| one(t, r#""format": 1,"#, r#""format": 1, "format": 1,"#)),
    ("a field twice further in", false, |t| one(t, r#""threshold": 3"#, r#""threshold": 3, "threshold": 3"#)),
    ("a field that is not known", false, |t| one(t, r#""format": 1,"#, r#""format": 1, "x": 1,"#)),
    ("a field of the plan that is not known", false, |t| one(t, r#""threshold": 3"#, r#""x": 1, "threshold": 3"#)),
    ("a field of the verdict that is not known", false, |t| one(t, r#""outcome": "verified""#, r#""outcome": "verified", "x": 1"#)),
    ("a field of a check that is not known", false, |t| one(t, r#""status": "pass""#, r#""status": "pass", "x": 1"#)),
    ("a field of a message that is not known", false, |t| one(t, r#""sender": 1"#, r#""sender": 1, "x": 1"#)),
    ("the backend's name", false, |t| one(t, r#""format": 1,"#, r#""format": 1, "backend": "rockx","#)),
    ("another backend", false, |t| one(t, r#""format": 1,"#, r#""format": 1, "backend": "other","#)),
    ("nothing that it was held for", false, |t| one(t, r#""plan":"#, r#""held_for": null, "plan":"#)),
    ("another order", false, |t| one(&t.replacen(r#""format": 1,"#, "", 1), r#""plan": "#, r#""format": 1, "plan": "#)),
    ("another order in the plan", false, |t| one(&t.replacen(r#""threshold": 3,"#, "", 1), r#""kind": "#, r#""threshold": 3, "kind": "#)),
    ("NaN", false, |t| one(t, r#""threshold": 3"#, r#""threshold": NaN"#)),
    ("a fraction", false, |t| one(t, r#""threshold": 3"#, r#""threshold": 3.0"#)),
    ("an exponent", false, |t| one(t, r#""threshold": 3"#, r#""threshold": 3e0"#)),
    ("true for a number", false, |t| one(t, r#""format": 1,"#, r#""format": true,"#)),
    ("a format of 1.0", false, |t| one(t, r#""format": 1,"#, r#""format": 1.0,"#)),
    ("a number beyond 64 bits", false, |t| one(t, r#""ended_at": "#, r#""ended_at": 99999999999"#)),
    ("a threshold beyond a byte", false, |t| one(t, r#""threshold": 3"#, r#""threshold": 259"#)),
    ("text for a number", false, |t| one(t, r#""threshold": 3"#, r#""threshold": "3""#)),
    ("an operator with a zero before it", false, |t| one(t, "\"1\": ", "\"01\": ")),
    ("a key in capitals", false, |t| capitals(t, r#""validator": "0x"#)),
    ("a key without 0x", false, |t| one(t, r#""validator": "0x"#, r#""validator": ""#)),
    ("a key with a space", false, |t| one(t, r#""validator": "0x"#, r#""validator": "0x "#)),
    ("an id in capitals", false, |t| capitals(t, r#""request_id": ""#)),
    ("letters written as numbers", false, |t| one(t, r#""name": "#, r#""\u006eame": "#)),
    ("a value in letters as numbers", false, |t| one(t, r#""status": "pass""#, r#""status": "\u0070ass""#)),
    ("half of a letter", false, |t| one(t, r#""reason": ""#, r#""reason": "\ud800"#)),
    ("a letter that moves a cursor", false, |t| one(t, r#""reason": ""#, r#""reason": "\u001b[2J"#)),
    ("bytes with an end of line", false, |t| one(t, r#""start_message": ""#, r#""start_message": "\n"#)),
    ("bytes with a letter that is none", false, |t| one(t, r#""start_message": ""#, r#""start_message": "!"#)),
    ("a field that is deep", false, |t| one(t, r#""format": 1,"#, &format!(r#""format": 1, "x": {},"#, deep(2_000)))),
    ("no UTF-8 in it", false, |t| { let mut all = t.as_bytes().to_vec(); let at = t.find("pass").unwrap(); all[at] = 0xff; all }),
    ("half of a letter in UTF-8", false, |t| { let mut all = t.as_bytes().to_vec(); let at = t.find("pass").unwrap(); all.splice(at..at, [0xed, 0xa0, 0x80]); all }),
    ("UTF-16", false, |t| utf_16(t)),
    ("an end before the beginning", false, |t| one(t, r#""ended_at": 1"#, r#""ended_at": "#)),
    ("cut off", false, |t| t[..t.len() / 2].into()),
];

/// JSON without the white space between its values.
fn squeezed(text: &str) -> String {
    let (mut within, mut escaped) = (false, false);
    let keeps = |c: &char| {
        let keep = within || !c.is_ascii_whitespace();
        if *c == '"' && !escaped {
            within = !within;
        }
        escaped = within && *c == '\\' && !escaped;
        keep
    };
    text.chars().filter(keeps).collect()
}

/// The same text with the digest of what is written, whatever that is.
fn sealed(bytes: &[u8]) -> Option<Vec<u8>> {
    const FIELD: &str = r#""digest": "0x"#;
    let text = std::str::from_utf8(bytes).ok()?;
    let at = text.rfind(FIELD)? + FIELD.len();
    let mut blank = text.to_owned();
    blank.replace_range(at..at + 64, &"0".repeat(64));
    let digest = hex::encode(Sha256::digest(squeezed(blank.trim_start_matches('\u{feff}'))));
    blank.replace_range(at..at + 64, &digest);
    Some(blank.into_bytes())
}

/// What the printed verifier says of each of these files, by its exit code.
fn theirs(folder: &Path, before: &[&str], files: &[String]) -> Vec<(bool, String)> {
    let runs: Vec<Vec<&str>> = files
        .iter()
        .map(|file| before.iter().copied().chain([file.as_str()]).collect())
        .collect();
    let of_this_room = |name: &str| {
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/independent")
            .join(name)
    };
    let mut command = Command::new("python3");
    command
        .args(["-I", "-B"])
        .arg(of_this_room("verdicts.py"))
        .arg(of_this_room("verify.py"))
        .current_dir(folder);
    let told = install::run(&mut command, &json!(runs).to_string()).unwrap();
    let told: Vec<(i32, String)> = serde_json::from_slice(&told).unwrap();
    told.into_iter().map(|(code, words)| (code == 0, words)).collect()
}

/// What `journal verify` says.
fn ours_of_an_export(file: &Path) -> Result<(), String> {
    let (report, entries) = journal::verify(file).map_err(|error| error.to_string())?;
    let audit = engine::audit(&entries).map_err(|(record, why)| format!("record {record}: {why}"))?;
    match (report.records, audit.problems.first()) {
        (0, _) => Err("no record".to_owned()),
        (_, Some((record, why))) => Err(format!("record {record}: {why}")),
        _ => Ok(()),
    }
}

/// What `transcript verify` says.
fn ours_of_a_transcript(bytes: &[u8]) -> Result<(), String> {
    let read = Transcript::read(bytes).and_then(|transcript| examine(&transcript));
    let verification = read.map_err(|error| error.to_string())?.verification;
    match verification.is_sound() {
        true => Ok(()),
        false => Err(format!("{:?}", verification.checks)),
    }
}

/// Demands that both say of each file what is expected of it.
fn agree(before: &[&str], files: &[(String, bool, Vec<u8>)], ours: impl Fn(&Path) -> Result<(), String>) {
    let folder = tempfile::tempdir().unwrap();
    let names: Vec<String> = (0..files.len()).map(|n| format!("{n}.file")).collect();
    for (name, (_, _, bytes)) in names.iter().zip(files) {
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    let told = theirs(folder.path(), before, &names);
    let mut differ = Vec::new();
    for ((name, (what, holds, _)), (theirs, said)) in names.iter().zip(files).zip(told) {
        let ours = ours(&folder.path().join(name));
        if ours.is_ok() != *holds || theirs != *holds {
            differ.push(format!("{what}: ours {ours:?}, theirs {theirs}: {said}"));
        }
    }
    assert!(differ.is_empty(), "{}", differ.join("\n"));
}

#[test]
fn both_verifiers_say_the_same_of_every_export() {
    let (scene, _, _) = keys::scene();
    let mut program = support::program(scene.path());
    let (_, whole, stderr) = support::run(program.args(["journal", "export", "--journal", "j.sqlite"]));
    assert!(whole.starts_with(r#"{"export":2"#), "{stderr}");
    let files: Vec<_> = EXPORTS
        .iter()
        .map(|(what, holds, change)| ((*what).to_owned(), *holds, change(&whole)))
        .collect();
    agree(&["--journal"], &files, ours_of_an_export);
}

#[test]
fn both_verifiers_say_the_same_of_every_transcript() {
    let whole = fs::read_to_string(support::vector("transcripts/reshare.json")).unwrap();
    let mut files = Vec::new();
    for (what, holds, change) in TRANSCRIPTS {
        let changed = change(&whole);
        files.extend(sealed(&changed).map(|anew| (format!("{what}, sealed anew"), *holds, anew)));
        files.push(((*what).to_owned(), *holds, changed));
    }
    agree(&[], &files, |file| ours_of_a_transcript(&fs::read(file).unwrap()));
}

/// Every file that people may have had in an editor: the mark that it put before the text is no part of it.
#[test]
fn a_mark_before_the_configuration_is_passed_over() {
    let scratch = tempfile::tempdir().unwrap();
    let at = |name: &str| scratch.path().join(name);
    let marked = |name: &str, text: &str| fs::write(at(name), format!("\u{feff}{text}")).unwrap();
    let minimal = support::MINIMAL.replace(
        "[policy]",
        "[operators]\nfile = \"operators.toml\"\n[policy]\nfile = \"rules.toml\"",
    );
    marked("c.toml", &minimal);
    marked("operators.toml", &support::operators());
    marked(
        "rules.toml",
        "[[rule]]\nname = \"r\"\nkinds = [\"keygen\"]\nper_day = 1\n",
    );
    let options = support::options(&at("c.toml"), scratch.path());
    let config = casimir_dkg::config::load(&options).unwrap();
    assert_eq!((config.operators.by_id.len(), config.policy.rules.len()), (4, 1));
    assert!(config.rules.iter().all(|file| file.differs().is_none()));
}
