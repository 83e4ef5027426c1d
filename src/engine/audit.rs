//! Decisions of a journal, checked without an engine: that each names what was proposed, and that those of people with
//! keys of their own are signed by them.

use std::collections::{BTreeMap, HashSet};

use crate::journal::Entry;
use crate::oracle::{Decider, Decision, Policy, Proposal, Record, Verdict};
use crate::secrets::person::is_signed;
use crate::types::{ActionId, PersonSignature, UnixMillis};

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
    let mut known = Known::default();
    for entry in entries {
        let Ok(record) = serde_json::from_str::<Record>(&entry.body) else {
            continue;
        };
        match record {
            Record::PeopleDemanded(rules) => known.policy = Some(rules.to_policy()),
            Record::ActionProposed { action, proposal, .. } => {
                let (given, since) = (Vec::new(), entry.at);
                open.insert(
                    action,
                    Open {
                        proposal,
                        since,
                        given,
                    },
                );
            }
            Record::ActionChanged { action, proposal, .. } => {
                open.entry(action).and_modify(|o| o.proposal = proposal);
            }
            Record::EndorsementsLost { action, .. } => {
                open.entry(action).and_modify(|o| o.given.clear());
            }
            Record::Endorsed { action, decision } => {
                audit.take(entry.seq, action, &decision, open.get(&action), &mut known);
                open.entry(action).and_modify(|o| o.given.push(decision));
            }
            Record::Decided { action, decision } => {
                audit.take(entry.seq, action, &decision, open.get(&action), &mut known);
                audit.demanded(entry.seq, action, &decision, open.get(&action), &known);
                open.remove(&action);
            }
            _ => {}
        }
    }
    audit
}

/// What the journal has said until here.
#[derive(Default)]
struct Known {
    /// Whom the policy asks; journals from before that was kept do not say.
    policy: Option<Policy>,
    /// Signatures that were taken.
    spent: HashSet<PersonSignature>,
}

/// An action that waits.
struct Open {
    proposal: Box<Proposal>,
    /// When it was proposed.
    since: UnixMillis,
    given: Vec<Decision>,
}

impl Audit {
    fn take(&mut self, seq: u64, id: ActionId, decision: &Decision, open: Option<&Open>, known: &mut Known) {
        self.decisions += 1;
        let problem = match open {
            None => Err(format!("{id} is decided and does not wait")),
            Some(open) => check(id, decision, open),
        };
        let is_sound = problem.is_ok();
        if let Err(problem) = problem {
            self.problems.push((seq, problem));
        }
        let Some(right) = signature_holds(id, decision) else {
            return;
        };
        self.signatures += 1;
        let by = &decision.decider;
        if !right {
            self.problems
                .push((seq, format!("the signature of {by} on {id} is not right")));
        }
        let Decider::Person {
            signed: Some(signed), ..
        } = by
        else {
            return;
        };
        if open.is_some_and(|open| open.since != signed.statement.proposed_at) {
            let problem = format!("the signature of {by} on {id} is of another action of that number");
            self.problems.push((seq, problem));
        }
        // who approves twice has been told already
        if !known.spent.insert(signed.signature) && is_sound {
            let problem = format!("the signature of {by} on {id} was used before");
            self.problems.push((seq, problem));
        }
    }

    /// Whether those who approved were as many as the policy demanded then, and had the keys that it named.
    fn demanded(&mut self, seq: u64, id: ActionId, decision: &Decision, open: Option<&Open>, known: &Known) {
        let (Some(policy), Some(open)) = (&known.policy, open) else {
            return;
        };
        if decision.verdict != Verdict::Approve {
            return;
        }
        let given = open.given.iter().chain([decision]);
        let given: Vec<_> = given.map(|decision| &decision.decider).collect();
        if let Some(why) = policy.lack_of(&open.proposal, &given) {
            self.problems.push((seq, format!("{id} is approved: {why}")));
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
