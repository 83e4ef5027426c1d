//! `journal show`, `verify`, `export`, `backup`, `restore`, `declare-lost`.

pub(super) mod case;
mod restore;

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use casimir_dkg::config::{self, LoadOptions};
use casimir_dkg::engine::{self, Audit};
use casimir_dkg::journal::{self, Entry, JournalError, Report};
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
        JournalCommand::Verify {
            journal,
            contains,
            checkpoint,
        } => {
            let path = locate(journal.as_deref(), options)?;
            verify(&path, contains.as_deref(), checkpoint.as_deref(), json)
        }
        JournalCommand::Export {
            journal,
            format: ExportFormat::Jsonl,
        } => export(&locate(journal.as_deref(), options)?),
        JournalCommand::Backup { to, journal } => backup(&locate(journal.as_deref(), options)?, to, json),
        JournalCommand::Restore {
            from,
            journal,
            declare_lost,
        } => {
            let journal = place(journal.as_deref(), options)?;
            restore::run(&journal, from, declare_lost.as_deref(), json)
        }
        JournalCommand::DeclareLost { reason, journal } => {
            let journal = locate(journal.as_deref(), options)?;
            restore::run(&journal, &journal, Some(reason), json)
        }
    }
}

/// Where the journal is, or would be.
fn place(given: Option<&Path>, options: &LoadOptions) -> anyhow::Result<PathBuf> {
    Ok(match given {
        Some(path) => path.to_owned(),
        None => config::gather(options)?.journal()?.path,
    })
}

pub(super) fn locate(given: Option<&Path>, options: &LoadOptions) -> anyhow::Result<PathBuf> {
    let path = place(given, options)?;
    if !path.is_file() {
        bail!("there is no journal at {}", path.display());
    }
    Ok(path)
}

fn show(path: &Path, case: Option<&str>, last: Option<usize>, json: bool) -> anyhow::Result<Outcome> {
    let case = case.map(str::parse::<CaseId>).transpose()?;
    let (_, entries) = journal::verify_with(path, None)?;
    let wanted: Vec<(&Entry, Value)> = match case {
        Some(case) => case::records_of(&entries, case)?
            .into_iter()
            .map(|told| (told.entry, told.body))
            .collect(),
        None => entries
            .iter()
            .map(|entry| (entry, serde_json::from_str(&entry.body).unwrap_or(Value::Null)))
            .collect(),
    };
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

/// What stands in a journal that holds, with what its decisions are; `None` where it does not, after that was said.
fn judged(
    path: &Path,
    checkpoint: Option<&Path>,
    json: bool,
) -> anyhow::Result<Option<(Report, Vec<Entry>, Audit)>> {
    let (report, entries) = match journal::verify_with(path, checkpoint) {
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
            return Ok(None);
        }
        Err(e) => return Err(e.into()),
    };
    match engine::audit(&entries) {
        Ok(audit) => Ok(Some((report, entries, audit))),
        Err((seq, problem)) => {
            if json {
                output::json(&json!({"ok": false, "record": seq, "problem": problem}));
            }
            output::error(&format!(
                "{}: record {seq} is linked, but not understood: {problem}",
                path.display()
            ));
            Ok(None)
        }
    }
}

/// Judges as a start does: the chain, the checkpoint, and whether every record is understood.
fn verify(
    path: &Path,
    contains: Option<&str>,
    checkpoint: Option<&Path>,
    json: bool,
) -> anyhow::Result<Outcome> {
    if let Some(file) = checkpoint.filter(|file| !file.is_file()) {
        bail!("there is no checkpoint at {}", file.display());
    }
    let contains = contains
        .map(|text| text.parse::<Root>().context("--contains"))
        .transpose()?;
    let Some((report, entries, audit)) = judged(path, checkpoint, json)? else {
        return Ok(Outcome::Failure);
    };
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
        output::line(&match report.acknowledged {
            Some(seq) => format!("the checkpoint names record {seq}: nothing that was acknowledged is missing"),
            None if contains.is_some() => "no checkpoint was compared".to_owned(),
            None => "no checkpoint is beside it: whether its end is missing cannot be said (give --checkpoint or --contains)"
                .to_owned(),
        });
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
