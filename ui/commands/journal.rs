//! `journal show`, `journal verify`, `journal export`, `journal backup`.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use casimir_dkg::config::{self, LoadOptions};
use casimir_dkg::engine;
use casimir_dkg::journal::{self, Entry, JournalError};
use casimir_dkg::types::{CaseId, Root, SafeText, counted};
use serde_json::{Value, json};

use crate::args::{ExportFormat, JournalCommand};
use crate::exit::Outcome;
use crate::output;

pub(crate) fn run(command: &JournalCommand, options: &LoadOptions, json: bool) -> anyhow::Result<Outcome> {
    match command {
        JournalCommand::Show { journal, case, last } => {
            let path = locate(journal.as_deref(), options)?;
            show(&path, case.as_deref(), *last, json)
        }
        JournalCommand::Verify { journal, contains } => {
            let path = locate(journal.as_deref(), options)?;
            verify(&path, contains.as_deref(), json)
        }
        JournalCommand::Export {
            journal,
            format: ExportFormat::Jsonl,
        } => export(&locate(journal.as_deref(), options)?),
        JournalCommand::Backup { to, journal } => backup(&locate(journal.as_deref(), options)?, to, json),
    }
}

fn locate(given: Option<&Path>, options: &LoadOptions) -> anyhow::Result<PathBuf> {
    let path = match given {
        Some(path) => path.to_owned(),
        None => config::gather(options)?.journal()?.path,
    };
    if !path.is_file() {
        bail!("there is no journal at {}", path.display());
    }
    Ok(path)
}

fn show(path: &Path, case: Option<&str>, last: Option<usize>, json: bool) -> anyhow::Result<Outcome> {
    let case = case.map(str::parse::<CaseId>).transpose()?;
    let (_, entries) = journal::verify(path)?;
    let wanted: Vec<(&Entry, Value)> = entries
        .iter()
        .filter_map(|entry| {
            let body: Value = serde_json::from_str(&entry.body).unwrap_or(Value::Null);
            let mine = case.is_none_or(|case| concerns(&body, case));
            mine.then_some((entry, body))
        })
        .collect();
    let skip = last.map_or(0, |last| wanted.len().saturating_sub(last));
    for (entry, body) in &wanted[skip..] {
        let at = entry.at.to_rfc3339();
        if json {
            output::json(&json!({
                "seq": entry.seq,
                "at": at,
                "kind": entry.kind,
                "body": body,
                "hash": entry.hash,
                "signature_is_right": engine::signature_is_right(&entry.body),
            }));
        } else {
            // written by another version: as it is
            let sentence = engine::sentence(&entry.body).unwrap_or_else(|| SafeText::new(&entry.body));
            let kind = SafeText::new(&entry.kind);
            let signature = match engine::signature_is_right(&entry.body) {
                None => "",
                Some(true) => " (the signature is right)",
                Some(false) => " (THE SIGNATURE IS NOT RIGHT)",
            };
            output::line(&format!(
                "{:>6}  {at}  {kind:<24} {sentence}{signature}",
                entry.seq
            ));
        }
    }
    Ok(Outcome::Success)
}

/// Whether a record names the case, or an action of it, anywhere.
fn concerns(body: &Value, case: CaseId) -> bool {
    let name = case.to_string();
    match body {
        Value::String(text) => {
            *text == name || text.strip_prefix(&name).is_some_and(|rest| rest.starts_with('#'))
        }
        Value::Array(items) => items.iter().any(|item| concerns(item, case)),
        Value::Object(fields) => fields.values().any(|field| concerns(field, case)),
        _ => false,
    }
}

fn verify(path: &Path, contains: Option<&str>, json: bool) -> anyhow::Result<Outcome> {
    let contains = contains
        .map(|text| text.parse::<Root>().context("--contains"))
        .transpose()?;
    let (report, entries) = match journal::verify(path) {
        Ok(found) => found,
        Err(e @ (JournalError::Broken { .. } | JournalError::RolledBack { .. })) => {
            match &e {
                JournalError::Broken { seq, problem, .. } if json => {
                    output::json(&json!({"ok": false, "record": seq, "problem": problem}));
                }
                JournalError::RolledBack { found, expected, .. } if json => {
                    output::json(&json!({"ok": false, "records": found, "acknowledged": expected}));
                }
                _ => {}
            }
            output::error(&e.to_string());
            return Ok(Outcome::Failure);
        }
        Err(e) => return Err(e.into()),
    };
    let audit = engine::audit(&entries);
    let found = contains.is_none_or(|head| entries.iter().any(|entry| entry.hash == head));
    if json {
        output::json(&json!({
            "ok": found && audit.problems.is_empty(),
            "records": report.records,
            "head": report.head,
            "format": report.format,
            "acknowledged": report.acknowledged,
            "decisions": audit.decisions,
            "signatures": audit.signatures,
            "problems": audit.problems,
        }));
    } else {
        output::line(&format!(
            "{} records, every hash right, head {}",
            report.records, report.head
        ));
        output::line(&format!(
            "{} checked, {} of people's own keys among them",
            counted(usize::try_from(audit.decisions).unwrap_or(usize::MAX), "decision"),
            counted(
                usize::try_from(audit.signatures).unwrap_or(usize::MAX),
                "signature"
            )
        ));
    }
    for (record, problem) in &audit.problems {
        output::error(&format!("record {record}: {}", SafeText::new(problem)));
    }
    if found && audit.problems.is_empty() {
        return Ok(Outcome::Success);
    }
    if found {
        return Ok(Outcome::Failure);
    }
    output::error(
        "the hash given with --contains is not in this journal: it was rolled back, or is another one",
    );
    Ok(Outcome::Failure)
}

fn export(path: &Path) -> anyhow::Result<Outcome> {
    let mut lines = Vec::new();
    let result = journal::export(path, &mut lines);
    output::raw(&String::from_utf8_lossy(&lines));
    let report = result?;
    output::note(&format!("{} records, head {}", report.records, report.head));
    Ok(Outcome::Success)
}

fn backup(path: &Path, to: &Path, json: bool) -> anyhow::Result<Outcome> {
    let last = journal::backup(path, to)?;
    if json {
        output::json(&json!({"file": to, "records": last.seq, "head": last.hash}));
    } else {
        let (records, head) = (last.seq, last.hash);
        output::line(&format!(
            "{}: {records} records, verified, head {head}",
            to.display()
        ));
    }
    Ok(Outcome::Success)
}
