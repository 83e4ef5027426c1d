//! How a command failed: one sentence for people, one object for programs.

use std::io;

use casimir_dkg::attach::AttachError;
use casimir_dkg::config::{ConfigError, ConfigErrors, Place};
use casimir_dkg::journal::JournalError;
use casimir_dkg::types::{SafeText, counted};
use casimir_dkg::view::Refused;
use serde_json::{Map, Value, json};

use super::NoTerminal;

/// Version of the object: it grows when a field changes its meaning or goes.
const VERSION: u32 = 1;

/// What went wrong, as far as programs should tell it apart. The names never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Usage,
    Configuration,
    NoTerminal,
    Died,
    Forced,
    CheckFailed,
    NoEngine,
    Refused,
    NotKnown,
    JournalBroken,
    JournalRolledBack,
    JournalLocked,
    NoJournal,
    NotFound,
    NotAllowed,
    Other,
}

/// Every kind with its name, what it means and what can be done about it; the handbook has the same table.
#[rustfmt::skip]
pub(crate) const KINDS: &[(Kind, &str, &str, &[&str])] = &[
    (Kind::Usage, "usage", "the command line was not understood", &["read the help of the command (--help)"]),
    (Kind::Configuration, "configuration", "the configuration is wrong; `mistakes` lists all of it", &["mend what mistakes names"]),
    (Kind::NoTerminal, "no-terminal", "the console needs a terminal", &["run casimir-dkg headless, or console --plain"]),
    (Kind::Died, "died", "a part of the program died", &["report it with what stderr says", "start it again"]),
    (Kind::Forced, "forced", "a second signal forced the end", &["start it again: what was signed is sent again and not anew"]),
    (Kind::CheckFailed, "check-failed", "what was looked at does not hold; the other fields, or the lines before, say what", &[]),
    (Kind::NoEngine, "no-engine", "no engine answers here", &["start one with casimir-dkg console or casimir-dkg headless"]),
    (Kind::Refused, "refused", "the engine refused it; `refused` says why in one word, `why` in more", &["look again with casimir-dkg show and casimir-dkg status"]),
    (Kind::NotKnown, "not-known", "the engine was asked and has not answered: it may have taken it; `not_known` says so", &["look with casimir-dkg status whether it was taken, before it is asked again"]),
    (Kind::JournalBroken, "journal-broken", "the journal does not verify; `record` and `problem` say where", &["journal restore FILE puts a backup or another copy in its place"]),
    (Kind::JournalRolledBack, "journal-rolled-back", "acknowledged records are missing; `records` are there, `acknowledged` were", &["journal restore FILE puts a copy in its place that has these records", "journal declare-lost REASON goes on without them"]),
    (Kind::JournalLocked, "journal-locked", "another process writes the journal", &["end that process first, or ask the engine that runs"]),
    (Kind::NoJournal, "no-journal", "the file is no journal", &["name the right file"]),
    (Kind::NotFound, "not-found", "a file is not there", &["name the right file"]),
    (Kind::NotAllowed, "not-allowed", "the system does not allow it to this user", &["run it as a user who may, or mend owner and mode"]),
    (Kind::Other, "failed", "anything else", &[]),
];

impl Kind {
    fn row(self) -> &'static (Kind, &'static str, &'static str, &'static [&'static str]) {
        KINDS
            .iter()
            .find(|(kind, ..)| *kind == self)
            .expect("every kind is listed")
    }

    /// The exit code that tells it without a word.
    fn code(self) -> u8 {
        match self {
            Self::Usage => 2,
            Self::Configuration => 3,
            Self::NoTerminal => 4,
            Self::NotKnown => 5,
            Self::Died => 101,
            Self::Forced => 130,
            _ => 1,
        }
    }
}

/// An error whose kind the place that makes it knows.
#[derive(Debug, thiserror::Error)]
#[error("{words}")]
pub(crate) struct Known {
    kind: Kind,
    words: String,
    more: Value,
}

impl Known {
    pub(crate) fn new(kind: Kind, words: impl Into<String>) -> Self {
        Self {
            kind,
            words: words.into(),
            more: Value::Null,
        }
    }

    /// With fields of an object.
    pub(crate) fn with(self, more: Value) -> Self {
        Self { more, ..self }
    }
}

/// How a command failed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Failure {
    kind: Kind,
    error: String,
    /// What there is besides, as fields of the object.
    more: Map<String, Value>,
}

impl Failure {
    pub(crate) fn new(kind: Kind, error: impl Into<String>) -> Self {
        Self {
            kind,
            error: error.into(),
            more: Map::new(),
        }
    }

    /// What was looked at does not hold. The command has said so to people.
    pub(crate) fn check(error: impl Into<String>) -> Self {
        Self::new(Kind::CheckFailed, error)
    }

    /// With the fields of an object, as a result that does not hold.
    pub(crate) fn with(mut self, more: Value) -> Self {
        if let Value::Object(more) = more {
            self.more.extend(more);
        }
        self
    }

    /// What an error of a command says.
    pub(crate) fn of(error: &anyhow::Error) -> Self {
        if let Some(errors) = error.downcast_ref::<ConfigErrors>() {
            let words = format!("{} in the configuration", counted(errors.0.len(), "mistake"));
            let mistakes: Vec<Value> = errors.0.iter().map(mistake).collect();
            return Self::new(Kind::Configuration, words).with(json!({ "mistakes": mistakes }));
        }
        let found = error
            .chain()
            .find_map(known)
            .unwrap_or((Kind::Other, Value::Null));
        Self::new(found.0, sentence(error)).with(found.1)
    }

    pub(crate) fn code(&self) -> u8 {
        self.kind.code()
    }

    pub(crate) fn error(&self) -> &str {
        &self.error
    }

    /// The object that programs read: fields of its own go before others of the same name.
    pub(crate) fn object(&self) -> Value {
        let mut object = self.more.clone();
        let (_, name, _, can_do) = self.kind.row();
        let lines: Vec<String> = self
            .error
            .lines()
            .map(|line| SafeText::new(line).to_string())
            .collect();
        for (field, value) in [
            ("v", json!(VERSION)),
            ("type", json!("failed")),
            ("error", json!(lines.join("\n"))),
            ("kind", json!(name)),
            ("can_do", json!(can_do)),
            ("exit_code", json!(self.code())),
        ] {
            object.insert(field.to_owned(), value);
        }
        Value::Object(object)
    }
}

/// The kind of an error, or of one of its causes, and what it knows besides its words.
fn known(error: &(dyn std::error::Error + 'static)) -> Option<(Kind, Value)> {
    let bare = |kind| Some((kind, Value::Null));
    if let Some(known) = error.downcast_ref::<Known>() {
        return Some((known.kind, known.more.clone()));
    }
    if error.is::<NoTerminal>() {
        return bare(Kind::NoTerminal);
    }
    if let Some(refused) = error.downcast_ref::<Refused>() {
        return Some((Kind::Refused, json!(refused)));
    }
    if matches!(error.downcast_ref(), Some(AttachError::NoEngine(_))) {
        return bare(Kind::NoEngine);
    }
    if let Some(error) = error.downcast_ref::<JournalError>() {
        let error = match error {
            JournalError::Export(inner) => inner,
            other => other,
        };
        match error {
            JournalError::Broken { seq, problem, .. } => {
                let more = json!({ "ok": false, "record": seq, "problem": SafeText::new(problem) });
                return Some((Kind::JournalBroken, more));
            }
            JournalError::RolledBack { found, expected, .. } => {
                let more = json!({ "ok": false, "records": found, "acknowledged": expected });
                return Some((Kind::JournalRolledBack, more));
            }
            JournalError::Locked { .. } => return bare(Kind::JournalLocked),
            JournalError::NoJournal { .. } => return bare(Kind::NoJournal),
            _ => {}
        }
    }
    match error.downcast_ref::<io::Error>().map(io::Error::kind) {
        Some(io::ErrorKind::NotFound) => bare(Kind::NotFound),
        Some(io::ErrorKind::PermissionDenied) => bare(Kind::NotAllowed),
        _ => None,
    }
}

fn mistake(error: &ConfigError) -> Value {
    let (file, line) = match &error.place {
        Place::File { path, line } => (Some(SafeText::new(&path.display().to_string())), *line),
        _ => (None, None),
    };
    json!({
        "where": error.place.to_string(),
        "file": file,
        "line": line,
        "key": SafeText::new(&error.key),
        "problem": SafeText::new(&error.message),
        "did_you_mean": error.suggestion.as_deref().map(SafeText::new),
    })
}

/// The error and its causes, each said once: many errors of the engine already quote their cause.
fn sentence(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        // SQLite's words come twice, once with a number before them
        let said = match cause
            .strip_prefix("Error code ")
            .and_then(|rest| rest.split_once(": "))
        {
            Some((_, words)) => words,
            None => &cause,
        };
        if !text.contains(said) {
            text.push_str(": ");
            text.push_str(&cause);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("journal: {0}")]
    struct Quoting(#[source] io::Error);

    #[test]
    fn a_cause_is_said_once() {
        let inner = io::Error::other("the lock is taken");
        let quoted = anyhow::Error::new(Quoting(inner));
        assert_eq!(sentence(&quoted), "journal: the lock is taken");
        let added = quoted.context("starting");
        assert_eq!(sentence(&added), "starting: journal: the lock is taken");
    }

    #[test]
    fn the_kind_of_a_cause_is_told_with_what_it_knows() {
        let told = |error: anyhow::Error| Failure::of(&error).object();
        let stale = Err::<(), _>(Refused::Stale("deposit/3#1".into())).context("refused");
        let object = told(stale.unwrap_err());
        assert_eq!(object["kind"], "refused");
        assert_eq!(object["refused"], "stale");
        assert_eq!(object["why"], "deposit/3#1");
        let path = std::path::PathBuf::from("j.sqlite");
        let problem = "was changed".to_owned();
        let broken = JournalError::Broken {
            path,
            seq: 7,
            problem,
        };
        let object = told(broken.into());
        assert_eq!(
            (&object["kind"], &object["record"]),
            (&json!("journal-broken"), &json!(7))
        );
        let denied = anyhow::Error::new(Quoting(io::ErrorKind::PermissionDenied.into()));
        assert_eq!(told(denied)["kind"], "not-allowed");
        assert_eq!(told(anyhow::anyhow!("so it is"))["kind"], "failed");
    }

    #[test]
    fn what_a_result_says_does_not_hide_that_it_failed() {
        let more = json!({ "kind": "x", "exit_code": 0, "sound": false });
        let object = Failure::check("does not hold").with(more).object();
        assert_eq!(
            (&object["kind"], &object["exit_code"]),
            (&json!("check-failed"), &json!(1))
        );
        assert_eq!(object["sound"], false);
    }

    #[test]
    fn the_handbook_has_every_kind() {
        let page = include_str!("../handbook/programs.md");
        for (kind, name, means, _) in KINDS {
            let row = format!("| `{name}` | {} | {means} |", kind.code());
            assert!(page.contains(&row), "{row}");
        }
    }
}
