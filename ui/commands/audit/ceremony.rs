//! The ceremonies of a case: who sent what when, as a picture, and what it proves.

use std::fmt::Write as _;
use std::io::Read as _;
use std::path::Path;

use casimir_dkg::dkg::transcript::examine;
use casimir_dkg::types::{CheckStatus, Examined, Transcript, UnixMillis};
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

/// A section for each ceremony; empty text where there was none.
pub(super) fn sections(records: &[Told<'_>], transcripts: &Path) -> String {
    let mut out = String::new();
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
            started.entry.at.to_rfc3339(),
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
            out.push_str(&outcome(end, &started.body["case"], transcripts));
        }
        if !ended {
            out.push_str("<p class=\"unknown\">The journal has no end of it.</p>\n");
        }
    }
    out
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

fn outcome(end: &Told<'_>, case: &Value, transcripts: &Path) -> String {
    let body = &end.body;
    let mut out = format!(
        "<p>{} {} (record {}).</p>\n",
        match end.entry.kind.as_str() {
            "ceremony-verified" => "<span class=\"pass\">Verified</span>",
            "ceremony-failed" => "<span class=\"fail\">Failed</span>",
            "ceremony-declared-lost" => "<span class=\"fail\">Declared lost</span>",
            _ => "<span class=\"unknown\">Not known</span>",
        },
        end.entry.at.to_rfc3339(),
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
        out.push_str(&proof(name, digest, case, transcripts));
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

/// The transcript that the journal names: whether it is there, whether it is that one, what it proves, and its picture.
fn proof(name: &str, digest: &str, case: &Value, transcripts: &Path) -> String {
    let mut out = format!("<p>transcript {}, SHA-256 {}: ", code(name), code(digest));
    // a name of the journal, and not a way out of the folder
    let plain = Path::new(name).file_name().is_some_and(|file| file == name);
    let read = plain.then(|| bytes_of(&transcripts.join(name)).ok()).flatten();
    let Some(bytes) = read else {
        out.push_str("<span class=\"unknown\">it does not stand beside the journal</span></p>\n");
        return out;
    };
    if format!("0x{}", hex::encode(Sha256::digest(&bytes))) != digest {
        out.push_str("<span class=\"fail\">the file by this name is another one</span></p>\n");
        return out;
    }
    match Transcript::read(&bytes).and_then(|transcript| examine(&transcript)) {
        Err(error) => {
            let _ = writeln!(
                out,
                "<span class=\"fail\">{}</span></p>",
                text(&error.to_string())
            );
        }
        Ok(examined) => {
            let checks = examined.verification.checks.iter();
            let mut failed: Vec<String> = checks
                .filter(|check| check.status == CheckStatus::Fail)
                .map(|check| text(&format!("{}: {}", check.name, check.reason)))
                .collect();
            let other = examined.held_for.and_then(|held_for| held_for.case);
            if let Some(other) = other.filter(|other| case.as_str() != Some(&other.to_string())) {
                failed.push(text(&format!("held-for: it says that it is of {other}")));
            }
            if failed.is_empty() {
                out.push_str("<span class=\"pass\">checked again just now, it holds</span></p>\n");
            } else {
                let _ = writeln!(
                    out,
                    "<span class=\"fail\">it does not hold: {}</span></p>",
                    failed.join("; ")
                );
            }
            out.push_str(&picture(&examined));
        }
    }
    out
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
        first.to_rfc3339()
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
