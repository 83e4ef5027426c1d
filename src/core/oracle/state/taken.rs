//! Whose turn it is with a key. A ceremony that gives a key new shares and another one that uses or replaces them never
//! run side by side: which shares an operator would take is not for chance to decide.

use super::{Case, Ceremony, Durable, Step};
use crate::oracle::{CeremonyRole, cases};
use crate::types::CaseId;

/// What the ceremony of a kind of case does with the shares of its pool's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::oracle) enum Shares {
    /// It makes the key.
    Makes,
    /// It signs with them.
    Uses,
    /// It replaces them.
    Replaces,
}

impl Durable {
    /// Why no ceremony of this case may begin now, although its own turn has come; `None` where nobody else has the key.
    pub(in crate::oracle) fn key_is_taken(&self, id: CaseId) -> Option<String> {
        let mine = cases::kind(id.kind).shares();
        if mine == Shares::Makes {
            return None;
        }
        let mut others = cases::ALL
            .into_iter()
            .flat_map(|kind| self.cases_of(kind, id.pool))
            .filter(|other| other.id != id);
        others.find_map(|other| match (mine, other.kind().shares()) {
            (_, Shares::Makes) | (Shares::Makes | Shares::Uses, Shares::Uses) => None,
            (Shares::Replaces, Shares::Uses) => self.ceremony_under_way(other),
            (_, Shares::Replaces) => self
                .ceremony_under_way(other)
                .or_else(|| not_settled(mine, other))
                .or_else(|| comes_first(mine, id, other)),
        })
    }

    /// A ceremony of the other case runs, or may have ended well.
    fn ceremony_under_way(&self, other: &Case) -> Option<String> {
        let is_open = |c: &&Ceremony| c.case == other.id && c.role == CeremonyRole::Main && c.ended.is_none();
        let ceremony = self.ceremonies.values().find(is_open)?;
        let (kind, id) = (ceremony.plan.kind(), other.id);
        let until = match ceremony.doubt {
            None => format!("the {kind} ceremony of {id} has ended"),
            Some(_) => {
                format!("it is found out what became of the {kind} ceremony of {id}, or it is declared lost")
            }
        };
        Some(format!("waits until {until}: one ceremony of a key at a time"))
    }
}

fn stands_still(case: &Case) -> bool {
    case.orphaned || matches!(case.step, Step::Halted { .. })
}

/// The other case has new shares made, and the contract does not have them for good. While it stands still that holds up
/// whoever deals, who must know which shares there are, and not an exit, which must find a way.
fn not_settled(mine: Shares, other: &Case) -> Option<String> {
    let holds = !other.is_closed() && (mine == Shares::Replaces || !stands_still(other));
    other.reshare.as_ref().filter(|_| holds)?;
    let id = other.id;
    let needs = match &other.step {
        Step::Halted { reason, .. } => format!("; {id} needs a person: {reason}"),
        _ => String::new(),
    };
    Some(format!(
        "waits for {id}: the operators have new shares, and the contract does not know of them for good yet{needs}"
    ))
}

/// Of two that replace shares the older one goes first, unless it stands still.
fn comes_first(mine: Shares, id: CaseId, other: &Case) -> Option<String> {
    let moves = !other.is_closed() && !stands_still(other);
    let first = mine == Shares::Replaces && other.id < id && moves;
    first.then(|| format!("waits for {}, which was requested before", other.id))
}
