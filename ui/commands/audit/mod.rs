//! `audit CASE`: one page that tells a case and how to verify it; `audit verifier`: the program to verify it with.

mod ceremony;
mod html;
mod page;

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use casimir_dkg::config::LoadOptions;
use casimir_dkg::engine::{self, JournalIdentity};
use casimir_dkg::journal::{self, JournalOptions, Report, places};
use casimir_dkg::types::{CaseId, Root, SafeText, UnixMillis};
use ceremony::Ceremonies;
use serde_json::json;

use super::journal::case::{self, Told};
use super::journal::locate;
use crate::args::{AuditArgs, AuditCommand};
use crate::exit::{self, Outcome};
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
    identity: JournalIdentity,
    ceremonies: Ceremonies,
    /// Record and what is wrong with it, of the whole journal, and of the case's transcripts.
    problems: Vec<(u64, String)>,
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
    let place = locate(args.journal.as_deref(), options)?;
    let to = args
        .out
        .clone()
        .unwrap_or_else(|| PathBuf::from(format!("{}.html", case.to_string().replace('/', "-"))));
    let written = write(&place, case, &to)?;
    let Written {
        records,
        head,
        problems,
        counts,
    } = &written;
    let mut result = None;
    if json {
        result = Some(json!({
            "file": to, "case": case, "records": records, "head": head, "problems": problems,
        }));
    } else {
        output::line(&format!(
            "wrote {}: {records} records of {case}, of a journal whose head is {head}",
            to.display()
        ));
    }
    let problems: Vec<String> = problems
        .iter()
        .map(|(record, problem)| format!("record {record}: {}", SafeText::new(problem)))
        .collect();
    for problem in &problems {
        output::error(problem);
    }
    Ok(exit::judged(result, problems.into_iter().take(*counts).collect()))
}

/// What a written page rests on.
pub(crate) struct Written {
    /// Records of the case.
    pub(crate) records: usize,
    pub(crate) head: Root,
    /// Records of the journal that do not hold, by their numbers.
    pub(crate) problems: Vec<(u64, String)>,
    /// So many of the first of them speak against it.
    counts: usize,
}

/// Writes the page of a case.
///
/// # Errors
/// The journal is broken or has no such case, or the file is there already or cannot be written.
pub(crate) fn write(place: &JournalOptions, case: CaseId, to: &Path) -> anyhow::Result<Written> {
    let (report, entries) = journal::verify_at(place)?;
    let records = case::records_of(&entries, case)?;
    // one that is not understood hides what stands behind it, and the page can still be read
    let (problems, is_judged) = match engine::audit(&entries) {
        Ok(audit) => (audit.problems, true),
        Err((seq, problem)) => (
            vec![(
                seq,
                format!("is linked, but not understood, so no decision was judged: {problem}"),
            )],
            false,
        ),
    };
    let transcripts = places::transcripts_of(&place.path);
    let ceremonies = ceremony::gather(&records, &transcripts);
    let faults = ceremonies.transcripts.faults.clone();
    // what is not understood is said and judges nothing; a transcript that is another one does
    let counts = if is_judged { problems.len() } else { 0 } + faults.len();
    let problems: Vec<_> = faults.into_iter().chain(problems).collect();
    let audit = Audit {
        case,
        journal: &place.path,
        report: &report,
        records: &records,
        identity: engine::identity(&entries),
        ceremonies,
        problems,
        at: UnixMillis::now(),
    };
    let page = page::write(&audit);
    keep(to, &page)?;
    Ok(Written {
        records: records.len(),
        head: report.head,
        problems: audit.problems,
        counts,
    })
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
