//! `journal show`, `verify`, `export`, `backup`, `restore`, `declare-lost`, `new-key`, `shares`.

pub(super) mod case;
mod new_key;
mod restore;
mod shares;
pub(super) mod transcripts;
pub(super) mod verify;

use std::path::Path;

use anyhow::Context as _;
use casimir_dkg::config::{self, LoadOptions};
use casimir_dkg::engine;
use casimir_dkg::journal::{self, Entry, JournalOptions, places};
use casimir_dkg::secrets;
use casimir_dkg::types::{CaseId, OperatorId, SafeText};
use serde_json::{Value, json};

use self::restore::Whose;
use self::verify::Wanted;
use super::part::used;
use crate::args::{ExportFormat, JournalCommand};
use crate::exit::{Kind, Known, Outcome};
use crate::output;

pub(crate) fn run(command: &JournalCommand, options: &LoadOptions, json: bool) -> anyhow::Result<Outcome> {
    match command {
        JournalCommand::Show { journal, case, last } => {
            let place = locate(journal.as_deref(), options)?;
            show(&place, case.as_deref(), *last, json)
        }
        JournalCommand::Verify {
            journal,
            contains,
            key,
            checkpoint,
        } => {
            let place = locate(journal.as_deref(), options)?;
            let (contains, key) = (contains.as_deref(), key.as_deref());
            let wanted = Wanted::read(&place, journal.is_some(), checkpoint.as_deref(), contains, key)?;
            verify::run(&wanted, json)
        }
        JournalCommand::Export {
            journal,
            format: ExportFormat::Jsonl,
        } => export(&locate(journal.as_deref(), options)?),
        JournalCommand::Backup { to, journal } => {
            backup(&locate(journal.as_deref(), options)?.path, to, json)
        }
        JournalCommand::Restore {
            from,
            journal,
            declare_lost,
        } => {
            let place = place(journal.as_deref(), options)?;
            let whose = whose(&place, options);
            restore::run(&place, from, declare_lost.as_deref(), whose.as_ref(), json)
        }
        JournalCommand::NewKey { reason, journal } => {
            new_key::run(&locate(journal.as_deref(), options)?, reason, json)
        }
        JournalCommand::Shares { operator, journal } => {
            shares::run(&locate(journal.as_deref(), options)?, OperatorId(*operator), json)
        }
        JournalCommand::DeclareLost { reason, journal } => {
            // one that is gone leaves its checkpoint or its key
            let place = place(journal.as_deref(), options)?;
            let journal = match place.tells_of_a_lost_one() {
                true => place,
                false => locate(journal.as_deref(), options)?,
            };
            restore::run(&journal, &journal.path, Some(reason), None, json)
        }
    }
}

/// Where the journal is, or would be. What belongs to the configured one is where the configuration says, by whatever name
/// that is given; with a copy, it stands beside it.
fn place(given: Option<&Path>, options: &LoadOptions) -> anyhow::Result<JournalOptions> {
    let layers = config::survey(options);
    let Some(path) = given else {
        let layers = layers?;
        return Ok(engine::journal_at(&used(layers.journal(), &layers)?));
    };
    let configured = || Some(engine::journal_at(&layers.ok()?.journal().ok()?));
    let is_it = |found: &JournalOptions| match (found.path.canonicalize(), path.canonicalize()) {
        (Ok(found), Ok(given)) => found == given,
        _ => found.path == path,
    };
    // an auditor has no configuration
    let found = configured().filter(is_it);
    Ok(found.unwrap_or_else(|| JournalOptions::at(path)))
}

/// Whose journal belongs at the configured place; any may be put elsewhere.
fn whose(place: &JournalOptions, options: &LoadOptions) -> Option<Whose> {
    let layers = config::survey(options).ok()?;
    let (network, seat) = (layers.network_name().ok()?, layers.seat().ok()?);
    (seat.journal.path == place.path).then_some(Whose {
        network,
        chain_id: seat.chain_id,
        manager: seat.manager,
    })
}

pub(super) fn locate(given: Option<&Path>, options: &LoadOptions) -> anyhow::Result<JournalOptions> {
    let place = place(given, options)?;
    match secrets::regular(&place.path) {
        Ok(()) => Ok(place),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let words = format!("there is no journal at {}", place.path.display());
            Err(Known::new(Kind::NotFound, words).into())
        }
        Err(error) => {
            Err(error).with_context(|| format!("no journal can be read at {}", place.path.display()))
        }
    }
}

fn show(
    place: &JournalOptions,
    case: Option<&str>,
    last: Option<usize>,
    json: bool,
) -> anyhow::Result<Outcome> {
    let case = case.map(str::parse::<CaseId>).transpose()?;
    let (_, entries) = journal::verify_at(place)?;
    if entries.is_empty() {
        output::note(&format!("{}: there is no record in it", place.path.display()));
    }
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
        if json {
            output::json(&json!({
                "seq": entry.seq,
                "at": entry.at.to_rfc3339(),
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
                "{:>6}  {}  {kind:<24} {sentence}{signature}",
                entry.seq,
                entry.at.to_utc()
            ));
        }
    }
    Ok(Outcome::Success)
}

fn export(place: &JournalOptions) -> anyhow::Result<Outcome> {
    let mut lines = Vec::new();
    let result = journal::export(place, &mut lines);
    output::raw(&String::from_utf8_lossy(&lines));
    let report = result?;
    output::note(&format!("{} records, head {}", report.records, report.head));
    Ok(Outcome::Success)
}

fn backup(path: &Path, to: &Path, json: bool) -> anyhow::Result<Outcome> {
    let last = journal::backup(path, to)?;
    if json {
        output::json(
            &json!({"file": to, "records": last.seq, "head": last.hash, "transcripts": places::transcripts_of(path)}),
        );
    } else {
        let (records, head) = (last.seq, last.hash);
        output::line(&format!(
            "{}: {records} records, verified, head {head}",
            to.display()
        ));
        let transcripts = places::transcripts_of(path);
        if transcripts.is_dir() {
            output::line(&format!(
                "The transcripts that it names are not in it: copy {}, too.",
                transcripts.display()
            ));
        }
    }
    Ok(Outcome::Success)
}
