//! `audit CASE`: one page that tells a case and how to verify it; `audit verifier`: the program to verify it with.

mod ceremony;
mod html;
mod page;

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use casimir_dkg::config::LoadOptions;
use casimir_dkg::journal::{self, Report};
use casimir_dkg::types::{CaseId, Root, UnixMillis};
use serde_json::json;

use super::journal::case::{self, Told};
use super::journal::locate;
use crate::args::{AuditArgs, AuditCommand};
use crate::exit::Outcome;
use crate::output;

/// One file of Python that knows nothing of this program.
const VERIFIER: &str = include_str!("../../../tests/independent/verify.py");

/// What the page is made of.
struct Audit<'a> {
    case: CaseId,
    journal: &'a Path,
    report: &'a Report,
    /// The case's records, oldest first.
    records: &'a [Told<'a>],
    at: UnixMillis,
}

pub(crate) fn run(args: &AuditArgs, options: &LoadOptions, json: bool) -> anyhow::Result<Outcome> {
    if let Some(AuditCommand::Verifier) = &args.command {
        output::raw(VERIFIER);
        return Ok(Outcome::Success);
    }
    let Some(case) = &args.case else {
        bail!("which case? `journal show` names them");
    };
    let case: CaseId = case.parse()?;
    let path = locate(args.journal.as_deref(), options)?;
    let to = args
        .out
        .clone()
        .unwrap_or_else(|| PathBuf::from(format!("{}.html", case.to_string().replace('/', "-"))));
    let (records, head) = write(&path, case, &to)?;
    if json {
        output::json(&json!({ "file": to, "case": case, "records": records, "head": head }));
    } else {
        output::line(&format!(
            "wrote {}: {records} records of {case}, of a journal whose head is {head}",
            to.display()
        ));
    }
    Ok(Outcome::Success)
}

/// Writes the page of a case; how many records of it there are, and the head of the journal.
///
/// # Errors
/// The journal is broken or has no such case, or the file is there already or cannot be written.
pub(crate) fn write(path: &Path, case: CaseId, to: &Path) -> anyhow::Result<(usize, Root)> {
    let (report, entries) = journal::verify(path)?;
    let records = case::records_of(&entries, case)?;
    let page = page::write(&Audit {
        case,
        journal: path,
        report: &report,
        records: &records,
        at: UnixMillis::now(),
    });
    keep(to, &page)?;
    Ok((records.len(), report.head))
}

fn keep(to: &Path, page: &str) -> anyhow::Result<()> {
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(to)
        .with_context(|| format!("cannot create {}", to.display()))?;
    file.write_all(page.as_bytes())
        .and_then(|()| file.sync_all())
        .with_context(|| format!("cannot write {}", to.display()))
}
