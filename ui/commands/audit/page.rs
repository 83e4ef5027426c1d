//! The page of a case.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use casimir_dkg::engine;
use casimir_dkg::types::counted;
use serde_json::Value;

use super::Audit;
use super::html::{checks, code, page, table, text, value};
use crate::commands::journal::case::Told;
use crate::commands::journal::verify::end;

pub(super) fn write(audit: &Audit<'_>) -> String {
    let mut body = head(audit);
    body.push_str(&problems(audit));
    body.push_str("<h2>What happened</h2>\n");
    body.push_str(&story(audit.records));
    body.push_str("<h2>Who decided what</h2>\n");
    body.push_str(&decisions(audit.records));
    body.push_str("<h2>Ceremonies</h2>\n");
    let ceremonies = &audit.ceremonies.sections;
    body.push_str(if ceremonies.is_empty() {
        "<p>None was held.</p>\n"
    } else {
        ceremonies
    });
    body.push_str("<h2>Transactions</h2>\n");
    body.push_str(&transactions(audit.records));
    body.push_str("<h2>What was shown, and what was checked</h2>\n");
    body.push_str(&proposals(audit.records));
    body.push_str("<h2>How to verify this page</h2>\n");
    body.push_str(&how(audit));
    page(&format!("Audit of {}", audit.case), &body)
}

fn of<'a>(records: &'a [Told<'a>], kinds: &'a [&str]) -> impl Iterator<Item = &'a Told<'a>> {
    records
        .iter()
        .filter(move |told| kinds.contains(&told.entry.kind.as_str()))
}

fn head(audit: &Audit<'_>) -> String {
    let outcome = of(audit.records, &["case-closed"]).last().map_or_else(
        || "open: it is not over".to_owned(),
        |told| value(&told.body["outcome"]),
    );
    let report = audit.report;
    let key = report.key.map_or_else(
        || "it has none".to_owned(),
        |(record, key)| format!("{}, named by record {record}", code(&key.to_string())),
    );
    let doubt = match &report.doubt {
        Some(doubt) => format!(
            "<span class=\"fail\">a start pauses everything: {}</span>",
            text(&doubt.to_string())
        ),
        None if audit.problems.is_empty() => "nothing".to_owned(),
        None => format!(
            "<span class=\"fail\">{}: see what is wrong, below</span>",
            counted(audit.problems.len(), "finding")
        ),
    };
    let rows = [
        ("outcome", outcome),
        ("journal", text(&audit.journal.display().to_string())),
        ("it is of", text(&audit.identity.to_string())),
        ("its records", format!("{}, every hash right", report.records)),
        ("its head", code(&report.head.to_string())),
        ("its own key", key),
        ("its end", text(&end(report, false))),
        ("its transcripts", audit.ceremonies.transcripts.words()),
        ("what speaks against it", doubt),
        ("its format", report.format.to_string()),
        (
            "written",
            format!(
                "{} by casimir-dkg {}",
                audit.at.to_utc(),
                text(env!("CARGO_PKG_VERSION"))
            ),
        ),
    ];
    let rows = rows.map(|(name, cell)| vec![text(name), cell]);
    format!(
        "<h1>Audit of {}</h1>\n<p class=\"note\">Everything here is from the journal named below and the transcripts beside it. \
         The page itself proves nothing: its end says how to verify what it tells.</p>\n{}",
        text(&audit.case.to_string()),
        table(&["", ""], rows)
    )
}

/// What speaks against the journal stands before what it says.
fn problems(audit: &Audit<'_>) -> String {
    if audit.problems.is_empty() {
        return String::new();
    }
    let rows = audit.problems.iter().map(|(record, problem)| {
        vec![
            record.to_string(),
            format!("<span class=\"fail\">{}</span>", text(problem)),
        ]
    });
    format!("<h2>What is wrong</h2>\n{}", table(&["record", ""], rows))
}

fn story(records: &[Told<'_>]) -> String {
    let rows = records.iter().map(|told| {
        let entry = told.entry;
        let sentence = engine::sentence(&entry.body)
            .map_or_else(|| text(&entry.kind), |sentence| text(sentence.as_str()));
        vec![entry.seq.to_string(), entry.at.to_utc(), sentence]
    });
    table(&["record", "time", "what the journal says"], rows)
}

fn decisions(records: &[Told<'_>]) -> String {
    let mut shown: BTreeMap<&str, (u64, &Value)> = BTreeMap::new();
    let mut rows = Vec::new();
    for told in records {
        let action = told.body["action"].as_str().unwrap_or_default();
        match told.entry.kind.as_str() {
            "action-proposed" | "action-changed" => {
                shown.insert(action, (told.entry.seq, &told.body));
            }
            "decided" | "endorsed" => rows.push(decision(told, action, shown.get(action))),
            _ => {}
        }
    }
    if rows.is_empty() {
        return "<p>Nobody decided anything.</p>\n".to_owned();
    }
    table(
        &[
            "record",
            "time",
            "action",
            "decision",
            "by",
            "digest of what was decided on",
        ],
        rows,
    )
}

fn decision(told: &Told<'_>, action: &str, shown: Option<&(u64, &Value)>) -> Vec<String> {
    let decision = &told.body["decision"];
    let digest = decision["digest"].as_str().unwrap_or_default();
    let compared = match shown {
        Some((seq, body)) if body["digest"] == decision["digest"] => {
            format!("<span class=\"pass\">as shown in record {seq}</span>")
        }
        Some((seq, _)) => format!("<span class=\"fail\">record {seq} showed another one</span>"),
        None => "<span class=\"unknown\">what was shown is not in this journal</span>".to_owned(),
    };
    let verdict = &decision["verdict"];
    let mut words = value(&verdict["verdict"]);
    if let Some(reason) = verdict["reason"].as_str() {
        let _ = write!(words, ": {}", text(reason));
    }
    if let (Some(number), Some(of)) = (decision["nth"]["number"].as_u64(), decision["nth"]["of"].as_u64()) {
        let _ = write!(words, ", {number} of {of}");
    }
    let title = shown.map_or_else(String::new, |(_, body)| value(&body["proposal"]["title"]));
    vec![
        told.entry.seq.to_string(),
        told.entry.at.to_utc(),
        format!("{}<br>{title}", code(action)),
        words,
        format!(
            "{} {}{}",
            value(&decision["decider"]["by"]),
            value(&decision["decider"]["name"]),
            signature(told)
        ),
        format!("{}<br>{compared}", code(digest)),
    ]
}

/// Whether whoever decided signed with a key of their own.
fn signature(told: &Told<'_>) -> String {
    let decider = &told.body["decision"]["decider"];
    match engine::signature_is_right(&told.entry.body) {
        Some(right) => {
            let (class, words) = if right {
                ("pass", "the signature is right")
            } else {
                ("fail", "the signature is not right")
            };
            let key = decider["signed"]["key"].as_str().unwrap_or_default();
            format!("<br><span class=\"{class}\">{words}</span>, key {}", code(key))
        }
        None if decider["by"] == "person" => {
            "<br><span class=\"unknown\">on the word of the oracle's machine: no key of theirs signed it</span>".to_owned()
        }
        None => String::new(),
    }
}

fn transactions(records: &[Told<'_>]) -> String {
    let rows: Vec<Vec<String>> = of(
        records,
        &["transaction-signed", "transaction-status", "exit-published"],
    )
    .map(|told| {
        let body = &told.body;
        let hash = [&body["transaction"]["hash"], &body["status"]["hash"]]
            .into_iter()
            .find_map(Value::as_str)
            .map_or_else(String::new, code);
        let sentence =
            engine::sentence(&told.entry.body).map_or_else(String::new, |sentence| text(sentence.as_str()));
        let block = body["status"]["block"]["hash"]
            .as_str()
            .map_or_else(String::new, |hash| format!("<br>block {}", code(hash)));
        vec![
            told.entry.seq.to_string(),
            told.entry.at.to_utc(),
            format!("{hash}{block}"),
            sentence,
        ]
    })
    .collect();
    if rows.is_empty() {
        return "<p>None was signed.</p>\n".to_owned();
    }
    table(&["record", "time", "hash", "what the journal says"], rows)
}

fn proposals(records: &[Told<'_>]) -> String {
    let mut out = String::new();
    for told in of(records, &["action-proposed", "action-changed"]) {
        let proposal = &told.body["proposal"];
        let _ = writeln!(
            out,
            "<h3>{}, record {}</h3>\n<p>{}</p>\n<p>digest {}</p>",
            value(&told.body["action"]),
            told.entry.seq,
            value(&proposal["title"]),
            code(told.body["digest"].as_str().unwrap_or_default())
        );
        let facts = proposal["facts"].as_array().into_iter().flatten();
        out.push_str(&table(
            &["fact", ""],
            facts.map(|fact| vec![value(&fact["label"]), value(&fact["value"])]),
        ));
        out.push_str(&checks(&proposal["checks"]));
    }
    if out.is_empty() {
        out.push_str("<p>Nothing was proposed.</p>\n");
    }
    out
}

fn how(audit: &Audit<'_>) -> String {
    let head = audit.report.head;
    let hashes = audit.records.iter().map(|told| {
        vec![
            told.entry.seq.to_string(),
            text(&told.entry.kind),
            code(&told.entry.hash.to_string()),
        ]
    });
    format!(
        "<p>KEY is the public half of the journal's own key, HEAD the hash of a record, as somebody wrote them down elsewhere and \
         earlier. What this page says of itself (head {head}) only shows that page and journal belong together: whoever writes a \
         journal anew writes its page anew.</p>\n\
         <p>With the journal, or a copy of it:</p>\n<pre>casimir-dkg journal verify --journal JOURNAL --key KEY --contains HEAD\n\
         casimir-dkg journal show --journal JOURNAL --case {case}</pre>\n\
         <p>With no line of this program's code, from an export and the transcripts (Python 3.11; BLS with py_ecc):</p>\n\
         <pre>casimir-dkg journal export --journal JOURNAL &gt; export.jsonl\ncasimir-dkg audit verifier &gt; verify.py\n\
         python3 verify.py --journal export.jsonl --key KEY --head HEAD TRANSCRIPT…</pre>\n\
         <p>What neither can say: whether the operators' keys are those of the registry (compare the fingerprints, \
         <code>casimir-dkg transcript verify --operators FILE</code>), whether what was written was true when it was written, and \
         what the chain says: look the transactions up by their hashes.</p>\n<h3>Hashes of this case's records</h3>\n{}",
        table(&["record", "kind", "hash"], hashes),
        head = code(&head.to_string()),
        case = text(&audit.case.to_string()),
    )
}
