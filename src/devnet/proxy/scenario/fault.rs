//! What a rule does: the list of all faults, by the word that names each.

use super::calls::Call;
use super::reader::{Reader, nearest};
use super::table::Table;
use crate::devnet::proxy::lies::{self, Lie};
use crate::devnet::proxy::target::Kind;
use crate::devnet::proxy::wire::{self, Wire};
use crate::types::quoted;

/// What goes wrong.
#[derive(Debug, Clone)]
pub(in crate::devnet::proxy) enum Fault {
    /// With the connection, or with the answer as bytes.
    Wire(Wire),
    /// With what the answer says.
    Lie(Lie),
}

type Read = fn(&mut Reader<'_>, &mut Table<'_>) -> Option<Fault>;

/// Every fault there is.
pub(in crate::devnet::proxy) fn all() -> impl Iterator<Item = (&'static str, Read)> {
    wire::FAULTS.iter().chain(lies::FAULTS).copied()
}

pub(super) fn read(r: &mut Reader<'_>, rule: &mut Table<'_>) -> Option<Fault> {
    let Some(mut does) = rule.table(r, "does") else {
        rule.required(r, "does", "`does = { fault = \"...\" }`");
        return None;
    };
    let Some(word) = does.text(r, "fault") else {
        does.required(r, "fault", "what goes wrong");
        return None;
    };
    let Some((_, read)) = all().find(|(known, _)| *known == word) else {
        let meant = nearest(&word, all().map(|(known, _)| known));
        let meant = meant.map_or_else(String::new, |meant| format!("; did you mean `{meant}`?"));
        does.wrong(r, "fault", format!("there is no fault {}{meant}", quoted(&word)));
        return None;
    };
    let fault = read(r, &mut does);
    does.finish(r);
    fault
}

impl Fault {
    /// Whether it can be done to targets of this kind.
    pub(super) fn fits(&self, kind: Kind) -> bool {
        match self {
            Self::Wire(_) => true,
            Self::Lie(lie) => lie.fits(kind),
        }
    }

    /// Whether a rule must say which calls it is about.
    pub(super) fn needs_calls(&self) -> bool {
        matches!(self, Self::Lie(Lie::Rewrite(_) | Lie::Answer(_)))
    }

    /// Whether it is about this call where the rule says nothing else.
    pub(super) fn concerns(&self, kind: Kind, call: &Call) -> bool {
        match self {
            Self::Wire(_) => matches!(call, Call::Http { .. }),
            Self::Lie(lie) => lie.concerns(kind, call),
        }
    }
}
