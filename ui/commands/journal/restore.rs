//! `journal restore` and `journal declare-lost`: the way on from a journal that is refused.

use std::collections::BTreeMap;
use std::path::Path;

use alloy::primitives::Address;
use anyhow::anyhow;
use casimir_dkg::config::NetworkName;
use casimir_dkg::engine::{self, Voided};
use casimir_dkg::journal::{self, Declaration, Entry, JournalOptions, Restored};
use casimir_dkg::secrets::{self, Holds};
use casimir_dkg::types::{ActionId, SafeText, UnixMillis, counted};
use serde_json::{Value, json};

use super::transcripts::Transcripts;
use crate::exit::Outcome;
use crate::{output, person};

/// Longest reason in characters: the record has room for what was open, too.
/// Open things that are named one by one.
const NAMED: usize = 12;

/// What a declaration finds at the end of what is left.
#[derive(Debug, Default)]
struct Found {
    /// What was open, in words.
    open: Vec<String>,
    voided: Vec<ActionId>,
}

/// Puts `from` in the journal's place; `reason` declares lost what it lacks.
pub(crate) fn run(
    journal: &JournalOptions,
    from: &Path,
    reason: Option<&str>,
    whose: Option<&Whose>,
    json: bool,
) -> anyhow::Result<Outcome> {
    let is_gone = journal.path == from && journal.tells_of_a_lost_one();
    if !is_gone {
        judge_mode(from)?;
    }
    if let Some(whose) = whose {
        whose.judge(from)?;
    }
    let declaration = match reason {
        Some(reason) => {
            person::judge_reason(reason)?;
            let entries = match is_gone {
                true => Vec::new(),
                false => records_of(from)?,
            };
            Some(declare(&entries, reason.trim())?)
        }
        None => None,
    };
    let (declaration, found) = declaration.unzip();
    let restored = journal::restore(journal, from, declaration.as_ref())?;
    let transcripts = Transcripts::of(&journal.path, &records_of(&journal.path).unwrap_or_default());
    report(
        &journal.path,
        &restored,
        &found.unwrap_or_default(),
        &transcripts,
        json,
    );
    Ok(Outcome::Success)
}

/// What everybody may have changed is nobody's backup; what some may have is said.
fn judge_mode(from: &Path) -> anyhow::Result<()> {
    let worries = secrets::judge_database(from, Holds::Trusted)
        .map_err(|error| anyhow!("{} was not restored: it {error}", from.display()))?;
    for worry in worries {
        output::note(&format!("warning: {worry}"));
    }
    Ok(())
}

/// Whom the configured oracle works for.
#[derive(Debug)]
pub(super) struct Whose {
    pub(super) network: NetworkName,
    pub(super) chain_id: u64,
    pub(super) manager: Address,
}

impl Whose {
    /// Whether an oracle could go on with the journal at `from`. One that does not verify is refused by others.
    fn judge(&self, from: &Path) -> anyhow::Result<()> {
        let nowhere = from.with_extension("no-checkpoint");
        let Ok((_, entries)) = journal::verify_with(from, Some(&nowhere)) else {
            return Ok(());
        };
        let of = engine::identity(&entries);
        of.is_of(self.network.as_str(), self.chain_id, self.manager)
            .map_err(|problem| anyhow!("{} was not restored: it {problem}", from.display()))
    }
}

/// What is there: its own checkpoint, beside it, says what is missing.
fn records_of(path: &Path) -> anyhow::Result<Vec<Entry>> {
    let nowhere = path.with_extension("no-checkpoint");
    Ok(journal::verify_with(path, Some(&nowhere))?.1)
}

/// A person's word on the journal that has these records, and what was open at the last of them. It is the file that is
/// continued, so its end is the end of what is known.
fn declare(entries: &[Entry], reason: &str) -> anyhow::Result<(Declaration, Found)> {
    let mut open = open_ends(entries);
    let lost = "records were declared lost, which may say what was decided; it is proposed anew".into();
    let by = person::identity().name().clone();
    let Voided { actions, records } = engine::void_undecided(entries, &by, &lost, UnixMillis::now())?;
    if !actions.is_empty() {
        let actions = counted(actions.len(), "action");
        open.push(format!(
            "Void, and proposed anew: {actions} that waited for a decision, or were approved and had not left."
        ));
    }
    open.push("Everything is paused until a person has looked.".to_owned());
    let declaration = Declaration {
        by,
        reason: SafeText::new(reason),
        open: SafeText::new(&open.join(" ")),
        records,
    };
    Ok((
        declaration,
        Found {
            open,
            voided: actions,
        },
    ))
}

fn open_ends(entries: &[Entry]) -> Vec<String> {
    let (mut cases, mut ceremonies) = (BTreeMap::new(), BTreeMap::new());
    let mut transactions = BTreeMap::new();
    let mut account = None;
    for entry in entries {
        let body: Value = serde_json::from_str(&entry.body).unwrap_or(Value::Null);
        let text = |field: &str| body[field].as_str().unwrap_or_default().to_owned();
        match entry.kind.as_str() {
            "case-opened" => drop(cases.insert(text("case"), ())),
            "case-closed" => drop(cases.remove(&text("case"))),
            "ceremony-started" => drop(ceremonies.insert(text("request"), ())),
            "ceremony-verified" | "ceremony-failed" | "ceremony-declared-lost" => {
                ceremonies.remove(&text("request"));
            }
            "transaction-signed" => {
                let hash = body["transaction"]["hash"].as_str().unwrap_or_default();
                transactions.insert(text("action"), hash.to_owned());
            }
            "transaction-status" if body["status"].to_string().contains("\"is_final\":true") => {
                transactions.remove(&text("action"));
            }
            "account-seen" | "account-accepted" | "account-adopted" => account = Some(text("account")),
            _ => {}
        }
    }
    let last = entries.last().map(|entry| entry.at.to_utc());
    let mut open = vec![match last {
        Some(at) => format!("The last record that is left is of {at}."),
        None => "No record is left.".to_owned(),
    }];
    let names = |what: &str, of: &BTreeMap<String, ()>| named(what, of.keys());
    open.extend(names("case", &cases).map(|words| format!("Open then: {words}.")));
    open.extend(
        names("ceremony", &ceremonies).map(|words| {
            format!("Without an end: {words}; a key that it made may be known to its operators.")
        }),
    );
    open.extend(
        named("transaction", transactions.values()).map(|words| format!("Signed and not final: {words}.")),
    );
    open.extend(account.map(|account| {
        format!("Account {account}: what it sent since stands in the chain; nothing leaves until a person has looked.")
    }));
    // names of a journal that somebody may have made
    open.into_iter()
        .map(|line| SafeText::new(&line).to_string())
        .collect()
}

fn named<'a>(what: &str, names: impl ExactSizeIterator<Item = &'a String>) -> Option<String> {
    let count = match (names.len(), what) {
        (0, _) => return None,
        (1, _) => counted(1, what),
        (n, "ceremony") => format!("{n} ceremonies"),
        (n, _) => counted(n, what),
    };
    let more = if names.len() > NAMED { ", …" } else { "" };
    let some: Vec<&str> = names.take(NAMED).map(String::as_str).collect();
    Some(format!("{count} ({}{more})", some.join(", ")))
}

fn report(journal: &Path, restored: &Restored, found: &Found, transcripts: &Transcripts, json: bool) {
    let Restored {
        records,
        head,
        lost,
        end_is_known,
        replaced,
    } = restored;
    if json {
        output::json(&json!({
            "file": journal,
            "records": records,
            "head": head,
            "end_is_known": end_is_known,
            "lost": lost.map(|lost| json!({"first": lost.first, "last": lost.last})),
            "open": found.open,
            "voided": found.voided,
            "replaced": replaced,
            "transcripts_missing": transcripts.gone(),
        }));
    } else {
        output::line(&format!(
            "{}: {records} records, verified, head {head}",
            journal.display()
        ));
        if let Some(replaced) = replaced {
            output::line(&format!("what was there is kept as {}", replaced.display()));
        }
        if let Some(words) = transcripts.missing_from(journal) {
            output::line(&format!(
                "{words}. Put them back from your copy of that directory"
            ));
        }
    }
    match lost {
        None if *end_is_known => {}
        None => output::note(&unknown_end(journal, *records)),
        Some(_) if json => {}
        Some(lost) => {
            output::line(&format!("{lost} are declared lost, and the journal says so"));
            for line in &found.open {
                output::line(line);
            }
            output::line(
                "Start it in mode supervised, compare its account with the chain (`doctor`), and resume when you have \
                 looked.",
            );
        }
    }
}

/// Nothing here says that something is missing, and nothing that it is not.
fn unknown_end(journal: &Path, records: u64) -> String {
    format!(
        "no checkpoint here says whether records followed record {records}. If the oracle went on after this copy was made, \
         declare that lost before you start it: what was signed in it counts again, and what was taken back in it stands. \
         casimir-dkg journal declare-lost REASON --journal {}",
        journal.display()
    )
}
