//! One rule: where, which calls, when, what.

use std::fmt;

use super::calls::{Call, Calls};
use super::fault::{self, Fault};
use super::reader::Reader;
use super::table::Table;
use super::when::When;
use crate::devnet::proxy::target::Kind;

/// Which targets a rule is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::devnet::proxy) enum At {
    /// Every one of a kind.
    Kind(Kind),
    /// The nth of a kind, from 0.
    Nth(Kind, usize),
    Name(String),
}

impl At {
    fn read(text: &str) -> Self {
        let kind = |word: &str| Kind::ALL.into_iter().find(|kind| kind.word() == word);
        if let Some(kind) = kind(text) {
            return Self::Kind(kind);
        }
        let nth = text
            .rsplit_once('.')
            .and_then(|(word, index)| Some(Self::Nth(kind(word)?, index.parse().ok()?)));
        nth.unwrap_or_else(|| Self::Name(text.to_owned()))
    }

    /// Its kind, where it says it.
    fn kind(&self) -> Option<Kind> {
        match self {
            Self::Kind(kind) | Self::Nth(kind, _) => Some(*kind),
            Self::Name(_) => None,
        }
    }
}

/// One rule of a scenario.
#[derive(Debug, Clone)]
pub(in crate::devnet::proxy) struct Rule {
    pub(in crate::devnet::proxy) name: String,
    pub(in crate::devnet::proxy) at: Vec<At>,
    calls: Calls,
    pub(in crate::devnet::proxy) when: When,
    pub(in crate::devnet::proxy) fault: Fault,
}

impl Rule {
    pub(super) fn read(r: &mut Reader<'_>, mut rule: Table<'_>) -> Option<Self> {
        let name = rule.text(r, "name");
        rule.required(r, "name", "the rule is switched, counted and logged by it");
        let at: Vec<At> = rule.texts(r, "at").iter().map(|text| At::read(text)).collect();
        if at.is_empty() {
            rule.wrong(
                r,
                "at",
                "is required: a kind (`execution`), the nth of it (`execution.0`) or a name",
            );
        }
        let calls = Calls::read(r, &mut rule);
        let when = When::read(r, &mut rule);
        let fault = fault::read(r, &mut rule);
        if let Some(fault) = &fault {
            if let Some(kind) = at.iter().filter_map(At::kind).find(|kind| !fault.fits(*kind)) {
                rule.wrong(r, "at", format!("this fault is none of {kind} targets"));
            }
            if matches!(calls, Calls::Own) && fault.needs_calls() {
                rule.wrong(
                    r,
                    "does",
                    "this fault needs `method`, `path` or `event`: it can be done to any call",
                );
            }
        }
        rule.finish(r);
        Some(Self {
            name: name?,
            at,
            calls,
            when,
            fault: fault?,
        })
    }

    /// Whether it is about this call to a target of this kind.
    pub(in crate::devnet::proxy) fn concerns(&self, kind: Kind, call: &Call) -> bool {
        self.calls
            .matches(call)
            .unwrap_or_else(|| self.fault.concerns(kind, call))
    }
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kind(kind) => kind.fmt(f),
            Self::Nth(kind, nth) => write!(f, "{kind}.{nth}"),
            Self::Name(name) => f.write_str(name),
        }
    }
}
