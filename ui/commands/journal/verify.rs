//! `journal verify`: judges as a start does, and says what holds the journal fast and what does not.

use std::path::Path;

use anyhow::{Context as _, bail};
use casimir_dkg::engine::{self, Audit};
use casimir_dkg::journal::{self, Entry, JournalOptions, Reach, Report, Succession, Word};
use casimir_dkg::secrets::{read_trusted, regular};
use casimir_dkg::types::{JournalKey, Root, SafeText, counted};
use serde_json::json;

use crate::exit::{Kind, Known, Outcome};
use crate::output;

/// Bytes of a checkpoint, and some to spare.
const MAX_CHECKPOINT: u64 = 1 << 10;

/// What it is compared with.
pub(super) struct Wanted<'a> {
    pub(super) place: &'a JournalOptions,
    /// A person named the file.
    pub(super) is_named: bool,
    pub(super) checkpoint: Option<&'a Path>,
    /// Hash of a record, as it was written down elsewhere.
    pub(super) head: Option<Root>,
    /// Public half of the journal's own key, likewise.
    pub(super) key: Option<JournalKey>,
}

impl<'a> Wanted<'a> {
    /// # Errors
    /// A hash or key is none.
    pub(super) fn read(
        place: &'a JournalOptions,
        is_named: bool,
        checkpoint: Option<&'a Path>,
        contains: Option<&str>,
        key: Option<&str>,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            place,
            is_named,
            checkpoint,
            head: contains
                .map(|text| text.parse().context("--contains"))
                .transpose()?,
            key: key.map(|text| text.parse().context("--key")).transpose()?,
        })
    }
}

/// Judges as a start does: the chain, the checkpoint, and whether every record is understood; and what it is compared with.
pub(super) fn run(wanted: &Wanted<'_>, json: bool) -> anyhow::Result<Outcome> {
    if let Some(file) = wanted.checkpoint {
        let shown = file.display();
        if let Err(error) = regular(file) {
            match error.kind() {
                std::io::ErrorKind::NotFound => bail!("there is no checkpoint at {shown}"),
                _ => return Err(error).with_context(|| format!("no checkpoint can be read at {shown}")),
            }
        }
        let text = read_trusted(file, MAX_CHECKPOINT).with_context(|| format!("cannot read {shown}"))?;
        if text.trim_ascii().is_empty() {
            bail!("{shown} is empty: it names no record");
        }
    }
    let (report, entries, audit) = judged(wanted)?;
    let (held, faults) = compare(wanted, &report, &entries);
    let is_sound = faults.is_empty() && audit.problems.is_empty();
    let identity = engine::identity(&entries);
    let problems = audit
        .problems
        .iter()
        .map(|(record, problem)| format!("record {record}: {}", SafeText::new(problem)));
    let problems: Vec<String> = problems.chain(faults).collect();
    let mut found = None;
    if json {
        found = Some(json!({
            "ok": is_sound,
            "records": report.records,
            "head": report.head,
            "format": report.format,
            "identity": identity,
            "acknowledged": report.acknowledged,
            "signed": report.signed,
            "key": report.key.map(|(record, key)| json!({"record": record, "key": key})),
            "keys": report.keys,
            "held": held,
            "doubt": report.doubt.as_ref().map(ToString::to_string),
            "decisions": audit.decisions,
            "signatures": audit.signatures,
            "problems": audit.problems,
        }));
    } else {
        output::line(&identity.to_string());
        output::line(&format!(
            "{} records, every hash right, head {}",
            report.records, report.head
        ));
        output::line(&end(&report, wanted.head.is_some()));
        output::line(&fast(&report, held));
        for succession in report.keys.iter().filter(|named| named.word != Word::First) {
            output::line(&succeeded(succession));
        }
        // that there is no checkpoint stands above
        if let Some(doubt) = report.doubt.as_ref().filter(|doubt| doubt.acknowledged.is_some()) {
            output::note(&format!("a start pauses everything: {doubt}"));
        }
        let many = |n| usize::try_from(n).unwrap_or(usize::MAX);
        output::line(&format!(
            "{} checked, {} of people's own keys among them",
            counted(many(audit.decisions), "decision"),
            counted(many(audit.signatures), "signature")
        ));
    }
    for problem in &problems {
        output::error(problem);
    }
    Ok(crate::exit::judged(found, problems))
}

/// Up to which record something holds it fast that was written down elsewhere; and what speaks against it.
fn compare(wanted: &Wanted<'_>, report: &Report, entries: &[Entry]) -> (u64, Vec<String>) {
    let (mut held, mut faults) = (0, Vec::new());
    if report.records == 0 && wanted.is_named {
        faults.push(format!(
            "{}: there is no record in it",
            wanted.place.path.display()
        ));
    }
    if let Some(head) = wanted.head {
        match entries.iter().find(|entry| entry.hash == head) {
            Some(entry) => held = entry.seq,
            None => faults.push(
                "the hash given with --contains is not in this journal: it was rolled back, or is another one".to_owned(),
            ),
        }
    }
    if let Some(key) = wanted.key {
        let reach = journal::reach(&report.keys, &key);
        held = held.max(reach.map_or(0, |reach| reach.handed));
        match report.signed {
            Some(signed) if reach.is_some_and(|reach| reach.heir.key == signed.key) => {
                held = held.max(signed.upto);
            }
            Some(signed) => faults.push(format!(
                "what was acknowledged is signed with {}, which record {} names, and not with the key given with --key{}",
                signed.key,
                signed.record,
                replaced(reach)
            )),
            None => faults.push(
                "a key was given, and no checkpoint is there that it signed: give --checkpoint, or take a newer export"
                    .to_owned(),
            ),
        }
    }
    (held, faults)
}

/// Why a key counts that is not the journal's first.
fn succeeded(Succession { record, key, word }: &Succession) -> String {
    match word {
        Word::First => format!("record {record} names the journal's first key, {key}"),
        Word::Former => format!("record {record} names a new key, {key}, which the key before it signed"),
        Word::Person => format!(
            "record {record} names a new key, {key}, on a person's word alone: no key before it signed it, and whoever holds an \
             older one cannot tell it from a forgery. Ask whoever it names"
        ),
    }
}

/// What took the place of a key, where nothing that it signed says so.
fn replaced(reach: Option<Reach<'_>>) -> String {
    let Some(by) = reach.and_then(|reach| reach.replaced) else {
        return String::new();
    };
    format!(
        "; record {} put {} in its place on a person's word alone",
        by.record, by.key
    )
}

/// Whether its end is there.
pub(in crate::commands) fn end(report: &Report, has_head: bool) -> String {
    match (report.acknowledged, report.signed) {
        (Some(_), Some(signed)) => format!(
            "the checkpoint names record {}, signed with the journal's own key {} of record {}: nothing that was acknowledged \
             then is missing",
            signed.upto, signed.key, signed.record
        ),
        (Some(seq), None) => format!(
            "the checkpoint names record {seq}: nothing that was acknowledged is missing, if the checkpoint is the one that \
             was written then. It is not signed"
        ),
        (None, _) if has_head => "no checkpoint was compared".to_owned(),
        (None, _) => "no checkpoint is beside it: whether its end is missing cannot be said (give --checkpoint, --key or --contains)"
            .to_owned(),
    }
}

/// Whether it may be another journal than the one that was written.
fn fast(report: &Report, held: u64) -> String {
    match report.records.saturating_sub(held) {
        _ if held == 0 => {
            "whether it was written anew as a whole cannot be said: give --key or --contains, as they were written down elsewhere"
                .to_owned()
        }
        0 => format!("held fast up to its last record, {held}"),
        behind => format!("held fast up to record {held}; the {behind} behind it are not, and may have been written anew"),
    }
}

/// What stands in a journal that holds, with what its decisions are.
///
/// # Errors
/// It does not hold, or a record is not understood.
fn judged(wanted: &Wanted<'_>) -> anyhow::Result<(Report, Vec<Entry>, Audit)> {
    let mut place = wanted.place.clone();
    if let Some(given) = wanted.checkpoint {
        place.checkpoint = Some(given.to_owned());
    }
    let (report, entries) = journal::verify_at(&place)?;
    match engine::audit(&entries) {
        Ok(audit) => Ok((report, entries, audit)),
        Err((record, problem)) => {
            let words = format!(
                "{}: record {record} is linked, but not understood: {problem}",
                place.path.display()
            );
            let more = json!({ "ok": false, "record": record, "problem": problem });
            Err(Known::new(Kind::JournalBroken, words).with(more).into())
        }
    }
}
