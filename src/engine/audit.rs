//! Decisions of a journal, checked without an engine: that each names what was proposed, and that those of people with
//! keys of their own are signed by them.

use std::collections::BTreeMap;

use crate::journal::Entry;
use crate::oracle::{Decider, Decision, Proposal, Record, Verdict};
use crate::secrets::person::is_signed;
use crate::types::ActionId;

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Audit {
    /// Approvals and rejections.
    pub decisions: u64,
    /// Signatures of people's own keys among them, each verified.
    pub signatures: u64,
    /// Number of the record, and what is wrong with it.
    pub problems: Vec<(u64, String)>,
}

/// Checks every decision. Records that this version does not know are passed over.
#[must_use]
pub fn audit<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Audit {
    let mut audit = Audit::default();
    let mut open: BTreeMap<ActionId, Open> = BTreeMap::new();
    for entry in entries {
        let Ok(record) = serde_json::from_str::<Record>(&entry.body) else {
            continue;
        };
        match record {
            Record::ActionProposed { action, proposal, .. } => {
                let given = Vec::new();
                open.insert(action, Open { proposal, given });
            }
            Record::ActionChanged { action, proposal, .. } => {
                let given = open.remove(&action).map(|o| o.given).unwrap_or_default();
                open.insert(action, Open { proposal, given });
            }
            Record::EndorsementsLost { action, .. } => {
                open.entry(action).and_modify(|o| o.given.clear());
            }
            Record::Endorsed { action, decision } => {
                audit.take(entry.seq, action, &decision, open.get(&action));
                open.entry(action).and_modify(|o| o.given.push(decision));
            }
            Record::Decided { action, decision } => {
                audit.take(entry.seq, action, &decision, open.get(&action));
                open.remove(&action);
            }
            _ => {}
        }
    }
    audit
}

/// An action that waits.
struct Open {
    proposal: Box<Proposal>,
    given: Vec<Decision>,
}

impl Audit {
    fn take(&mut self, seq: u64, id: ActionId, decision: &Decision, open: Option<&Open>) {
        self.decisions += 1;
        let problem = match open {
            None => Err(format!("{id} is decided and does not wait")),
            Some(open) => check(id, decision, open),
        };
        if let Err(problem) = problem {
            self.problems.push((seq, problem));
        }
        if let Some(right) = signature_holds(id, decision) {
            self.signatures += 1;
            if !right {
                let by = &decision.decider;
                self.problems
                    .push((seq, format!("the signature of {by} on {id} is not right")));
            }
        }
    }
}

fn check(id: ActionId, decision: &Decision, open: &Open) -> Result<(), String> {
    if !open.proposal.is_named_by(id, decision.digest) {
        return Err(format!(
            "the decision on {id} names another digest than what was proposed"
        ));
    }
    let given = &open.given;
    let (by, approves) = (&decision.decider, decision.verdict == Verdict::Approve);
    if approves && given.iter().any(|other| other.decider.is_same(by)) {
        return Err(format!("{by} approved {id} twice"));
    }
    if let Some(nth) = decision.nth
        && given.len() + 1 < usize::from(nth.number)
    {
        return Err(format!(
            "{id} is approved, {nth}, and the first ones are not there"
        ));
    }
    Ok(())
}

/// Whether the signature of a person's own key holds for this decision; `None` where there is none.
#[must_use]
pub(super) fn signature_holds(id: ActionId, decision: &Decision) -> Option<bool> {
    let Decider::Person {
        signed: Some(signed), ..
    } = &decision.decider
    else {
        return None;
    };
    let said = &signed.statement;
    let fits = said.action == id && said.digest == decision.digest && decision.at < said.expires;
    Some(fits && is_signed(signed))
}

#[cfg(test)]
mod tests;
