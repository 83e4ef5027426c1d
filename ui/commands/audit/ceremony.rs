//! The ceremonies of a case: who sent what when, as a picture, and what it proves.

use std::fmt::Write as _;
use std::io::Read as _;
use std::path::Path;

use casimir_dkg::dkg::transcript::examine;
use casimir_dkg::types::{CheckStatus, Examined, Transcript, UnixMillis, counted};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::html::{checks, code, text, value};
use crate::commands::journal::case::Told;
use crate::commands::transcript::MAX_TRANSCRIPT;

const END: [&str; 4] = [
    "ceremony-verified",
    "ceremony-failed",
    "ceremony-unknown",
    "ceremony-declared-lost",
];

/// What there is of a case's ceremonies.
pub(super) struct Ceremonies {
    /// A section for each; empty text where there was none.
    pub(super) sections: String,
    pub(super) transcripts: Proofs,
}

/// The transcripts that a case's records name.
#[derive(Default)]
pub(super) struct Proofs {
    /// Are there, and hold.
    pub(super) hold: usize,
    /// Do not stand beside the journal.
    pub(super) absent: usize,
    /// The record that names one, and what is wrong with it.
    pub(super) faults: Vec<(u64, String)>,
}

pub(super) fn gather(records: &[Told<'_>], transcripts: &Path) -> Ceremonies {
    let (mut out, mut proofs) = (String::new(), Proofs::default());
    for started in records
        .iter()
        .filter(|told| told.entry.kind == "ceremony-started")
    {
        let request = &started.body["request"];
        let plan = &started.body["plan"];
        let _ = writeln!(
            out,
            "<h3>{} {}, attempt {}</h3>\n<p>Started {} (record {}), {}threshold {}.</p>",
            value(&plan["kind"]),
            code(request.as_str().unwrap_or_default()),
            value(&started.body["attempt"]),
            started.entry.at.to_utc(),
            started.entry.seq,
            members(plan),
            value(&plan["threshold"]),
        );
        let ends = records
            .iter()
            .filter(|told| END.contains(&told.entry.kind.as_str()) && told.body["request"] == *request);
        let mut ended = false;
        for end in ends {
            ended = true;
            out.push_str(&outcome(end, &started.body["case"], transcripts, &mut proofs));
        }
        if !ended {
            out.push_str("<p class=\"unknown\">The journal has no end of it.</p>\n");
        }
    }
    Ceremonies {
        sections: out,
        transcripts: proofs,
    }
}

fn members(plan: &Value) -> String {
    let mut out = String::new();
    for (field, word) in [
        ("committee", "operators"),
        ("old", "from operators"),
        ("new", "to operators"),
    ] {
        if let Some(ids) = plan[field].as_array() {
            let ids: Vec<String> = ids.iter().map(value).collect();
            let _ = write!(out, "{word} {}, ", ids.join(", "));
        }
    }
    out
}

fn outcome(end: &Told<'_>, case: &Value, transcripts: &Path, proofs: &mut Proofs) -> String {
    let body = &end.body;
    let mut out = format!(
        "<p>{} {} (record {}).</p>\n",
        match end.entry.kind.as_str() {
            "ceremony-verified" => "<span class=\"pass\">Verified</span>",
            "ceremony-failed" => "<span class=\"fail\">Failed</span>",
            "ceremony-declared-lost" => "<span class=\"fail\">Declared lost</span>",
            _ => "<span class=\"unknown\">Not known</span>",
        },
        end.entry.at.to_utc(),
        end.entry.seq
    );
    for words in [&body["failure"]["reason"], &body["reason"], &body["by"]] {
        if words.is_string() {
            let _ = writeln!(out, "<p>{}</p>", value(words));
        }
    }
    if let Some(key) = body["result"]["validator"].as_str() {
        let _ = writeln!(out, "<p>validator key {}</p>", code(key));
    }
    if let (Some(name), Some(digest)) = (body["transcript"][0].as_str(), body["transcript"][1].as_str()) {
        let found = proof(name, digest, case, transcripts);
        let _ = writeln!(
            out,
            "<p>transcript {}, SHA-256 {}: {}",
            code(name),
            code(digest),
            found.words()
        );
        out.push_str(&found.examined().map_or_else(String::new, picture));
        proofs.take(end.entry.seq, name, &found);
    }
    if body["checks"].is_array() {
        out.push_str(&checks(&body["checks"]));
    }
    out
}

/// Its digest is compared with the journal's, so whoever can change it changes nothing.
fn bytes_of(transcript: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(transcript)?;
    file.take(MAX_TRANSCRIPT).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// What became of a transcript that the journal names.
enum Proof {
    Absent,
    /// It is not read, or not the one that is named.
    Other(String),
    /// It is that one, and what does not hold of it.
    Read(Box<Examined>, Vec<String>),
}

/// Whether the transcript is there, whether it is that one, and what it proves.
fn proof(name: &str, digest: &str, case: &Value, transcripts: &Path) -> Proof {
    // a name of the journal, and not a way out of the folder
    let plain = Path::new(name).file_name().is_some_and(|file| file == name);
    let read = plain.then(|| bytes_of(&transcripts.join(name)).ok()).flatten();
    let Some(bytes) = read else {
        return Proof::Absent;
    };
    if format!("0x{}", hex::encode(Sha256::digest(&bytes))) != digest {
        return Proof::Other("the file by this name is another one".to_owned());
    }
    let examined = match Transcript::read(&bytes).and_then(|transcript| examine(&transcript)) {
        Ok(examined) => examined,
        Err(error) => return Proof::Other(error.to_string()),
    };
    let checks = examined.verification.checks.iter();
    let mut failed: Vec<String> = checks
        .filter(|check| check.status == CheckStatus::Fail)
        .map(|check| format!("{}: {}", check.name, check.reason))
        .collect();
    let other = examined.held_for.as_ref().and_then(|held_for| held_for.case);
    if let Some(other) = other.filter(|other| case.as_str() != Some(&other.to_string())) {
        failed.push(format!("held-for: it says that it is of {other}"));
    }
    Proof::Read(Box::new(examined), failed)
}

impl Proof {
    /// What is wrong with it, in words; nothing where it holds or is not there.
    fn fault(&self) -> Option<String> {
        match self {
            Self::Other(why) => Some(why.clone()),
            Self::Read(_, failed) if !failed.is_empty() => {
                Some(format!("it does not hold: {}", failed.join("; ")))
            }
            Self::Read(..) | Self::Absent => None,
        }
    }

    /// For the page.
    fn words(&self) -> String {
        match (self.fault(), self) {
            (Some(fault), _) => format!("<span class=\"fail\">{}</span></p>", text(&fault)),
            (None, Self::Absent) => {
                "<span class=\"unknown\">it does not stand beside the journal</span></p>".to_owned()
            }
            (None, _) => "<span class=\"pass\">checked again just now, it holds</span></p>".to_owned(),
        }
    }

    fn examined(&self) -> Option<&Examined> {
        match self {
            Self::Read(examined, _) => Some(examined),
            Self::Absent | Self::Other(_) => None,
        }
    }
}

impl Proofs {
    fn take(&mut self, record: u64, name: &str, found: &Proof) {
        match (found.fault(), found) {
            (Some(fault), _) => self.faults.push((record, format!("transcript {name}: {fault}"))),
            (None, Proof::Absent) => self.absent += 1,
            (None, _) => self.hold += 1,
        }
    }

    /// For the head of the page.
    pub(super) fn words(&self) -> String {
        let mut words = vec![format!("{} checked again", counted(self.hold, "transcript"))];
        if self.absent > 0 {
            words.push(format!(
                "<span class=\"unknown\">{} not beside the journal</span>",
                self.absent
            ));
        }
        if !self.faults.is_empty() {
            words.push(format!(
                "<span class=\"fail\">{} not what the journal names, or not sound</span>",
                self.faults.len()
            ));
        }
        words.join(", ")
    }
}

const LEFT: usize = 110;
const COLUMN: usize = 130;
const ROW: usize = 34;
const TOP: usize = 44;

/// Operators by steps, with the time that each message took since the first.
fn picture(examined: &Examined) -> String {
    let (steps, rows) = (&examined.steps, &examined.progress);
    let first = rows.values().flat_map(|row| row.seen.values()).min();
    let (Some(first), false) = (first, steps.is_empty()) else {
        return "<p class=\"note\">No message was seen.</p>\n".to_owned();
    };
    let (width, height) = (LEFT + steps.len() * COLUMN, TOP + rows.len() * ROW + 8);
    let mut out = format!(
        "<svg role=\"img\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" font-size=\"12\" \
         font-family=\"system-ui, sans-serif\">\n<title>When each operator's message of each step arrived</title>\n"
    );
    for (n, step) in steps.iter().enumerate() {
        let x = LEFT + n * COLUMN;
        let _ = writeln!(
            out,
            "<text x=\"{x}\" y=\"24\">{}</text>",
            text(step.title_within(20))
        );
    }
    for (n, (operator, row)) in rows.iter().enumerate() {
        let y = TOP + n * ROW + 12;
        let _ = writeln!(out, "<text x=\"0\" y=\"{}\">operator {operator}</text>", y + 4);
        for (m, step) in steps.iter().enumerate() {
            let x = LEFT + m * COLUMN;
            out.push_str(&cell(x, y, step.asks(*operator), row.seen.get(&step.id), *first));
        }
    }
    out.push_str("</svg>\n");
    let _ = writeln!(
        out,
        "<p class=\"note\">Times since the first message, {}. Filled: its message was seen; ring: it was not; line: none is asked of it.</p>",
        first.to_utc()
    );
    out
}

fn cell(x: usize, y: usize, asked: bool, seen: Option<&UnixMillis>, first: UnixMillis) -> String {
    match (asked, seen) {
        (_, Some(at)) => format!(
            "<circle cx=\"{}\" cy=\"{y}\" r=\"7\" fill=\"#11683a\"/><text x=\"{}\" y=\"{}\">+{}</text>\n",
            x + 8,
            x + 22,
            y + 4,
            lasted(at.0.saturating_sub(first.0))
        ),
        (true, None) => format!(
            "<circle cx=\"{}\" cy=\"{y}\" r=\"6\" fill=\"none\" stroke=\"#a11212\" stroke-width=\"2\"/><text x=\"{}\" y=\"{}\">nothing</text>\n",
            x + 8,
            x + 22,
            y + 4
        ),
        (false, None) => format!("<path d=\"M{} {y}h14\" stroke=\"#9aa7b3\"/>\n", x + 1),
    }
}

/// Milliseconds, in seconds where they are many.
fn lasted(ms: u64) -> String {
    match ms {
        0..10_000 => format!("{ms} ms"),
        _ => format!("{}.{} s", ms / 1000, ms % 1000 / 100),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use casimir_dkg::types::{OperatorId, Root, Verification};

    #[test]
    fn a_ceremony_of_which_nothing_was_seen_has_no_picture() {
        let examined = Examined {
            request_id: casimir_dkg::types::RequestId([0; 24]),
            digest: Root::default(),
            verification: Verification::new(Vec::new(), None),
            held_for: None,
            operators: BTreeMap::from([(OperatorId(1), String::new())]),
            steps: Vec::new(),
            progress: BTreeMap::new(),
        };
        assert!(picture(&examined).contains("No message was seen"));
    }

    #[test]
    fn long_times_are_told_in_seconds() {
        assert_eq!(
            [0, 9_999, 10_000, 65_432].map(lasted),
            ["0 ms", "9999 ms", "10.0 s", "65.4 s"]
        );
    }
}
