//! How facts, checks and payload become a proposal.

use super::committee::Committees;
use crate::oracle::{ActionKind, CeremonyPayload, Fact, FactKind, Payload, Prepared, Proposal};
use crate::types::{CeremonyPlan, Check, OperatorId, SafeText};

pub(super) fn proposal(
    kind: ActionKind,
    title: &str,
    facts: Vec<Fact>,
    checks: Vec<Check>,
    payload: Payload,
) -> Prepared {
    Prepared::Proposal(Box::new(Proposal {
        kind,
        title: SafeText::new(title),
        facts,
        checks,
        payload,
    }))
}

/// The proposal of a ceremony: to what it is for comes how often it was tried, and why it failed.
pub(super) fn ceremony(
    from: &Committees,
    kind: ActionKind,
    title: &str,
    mut facts: Vec<Fact>,
    checks: Vec<Check>,
    plan: CeremonyPlan,
    (attempt, last_failure): (u32, Option<SafeText>),
) -> Prepared {
    facts.push(Fact::new("attempt", FactKind::Text, attempt));
    if let Some(why) = last_failure {
        facts.push(Fact::new("last attempt failed", FactKind::Warning, why));
    }
    proposal(kind, title, facts, checks, payload(from, plan))
}

/// What is approved names the backend, the operators' keys and the contract as well: the same plan for another one of them is
/// another action.
pub(super) fn payload(from: &Committees, plan: CeremonyPlan) -> Payload {
    let parties = Some(from.parties(&plan.participants()));
    Payload::Ceremony(CeremonyPayload {
        plan,
        backend: from.ceremonies.capabilities().backend.clone(),
        parties,
    })
}

/// Operators in words.
pub(super) fn list(ids: &[OperatorId]) -> String {
    ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
