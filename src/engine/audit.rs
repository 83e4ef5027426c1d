//! Decisions of a journal, checked without an engine: that each names what was proposed, that those of people with keys of
//! their own are signed by them, and that nothing left without one.

mod identity;
mod leaving;

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use crate::journal::Entry;
use crate::oracle::{Decider, Decision, Policy, Proposal, Record, Verdict};
use crate::secrets::person::is_signed;
use crate::types::{ActionId, PersonSignature, Root, SafeText, UnixMillis};
use leaving::{Approved, Nonces, Runs};

pub use identity::{JournalIdentity, identity};

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

/// Reads every record once, as a start does, and checks every decision.
///
/// # Errors
/// The first record that is not understood: its number, and why.
pub fn audit<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Result<Audit, (u64, String)> {
    let (mut audit, mut known) = (Audit::default(), Known::default());
    for entry in entries {
        let record = Record::read(&entry.kind, &entry.body).map_err(|problem| (entry.seq, problem))?;
        audit.record(entry, record, &mut known);
    }
    Ok(audit)
}

/// What the journal has said until here.
#[derive(Default)]
struct Known {
    /// Whom the policy asks, and the record that says so; journals from before that was kept do not say.
    policy: Option<Policy>,
    asked_since: (u64, UnixMillis),
    /// Signatures that were taken.
    spent: HashSet<PersonSignature>,
    /// What waits for a decision.
    open: BTreeMap<ActionId, Open>,
    /// What was approved, before and after it left: a transaction may be replaced, an exit offered again.
    approved: BTreeMap<ActionId, Approved>,
    /// For what each nonce was signed.
    nonces: Nonces,
    runs: Runs,
    /// Transactions that were signed for each action.
    sent: BTreeMap<ActionId, Vec<Root>>,
}

/// Somebody's signature.
struct Signed {
    by: SafeText,
    expires: UnixMillis,
}

/// What was looked at in time may be written so much later: a signer or a beacon node takes its time to answer.
const UNDER_WAY: Duration = Duration::from_secs(600);

/// An action that waits.
struct Open {
    proposal: Box<Proposal>,
    /// When it was proposed.
    since: UnixMillis,
    given: Vec<Decision>,
}

impl Signed {
    fn of(by: &Decider) -> Option<Self> {
        let Decider::Person {
            name,
            signed: Some(signed),
            ..
        } = by
        else {
            return None;
        };
        Some(Self {
            by: name.clone(),
            expires: signed.statement.expires,
        })
    }
}

impl Audit {
    fn record(&mut self, entry: &Entry, record: Record, known: &mut Known) {
        match record {
            Record::PeopleDemanded(rules) => {
                known.policy = Some(rules.to_policy());
                known.asked_since = (entry.seq, entry.at);
            }
            Record::ActionProposed {
                action,
                proposal,
                digest,
            } => {
                self.shown(entry.seq, action, &proposal, digest);
                let waits = Open {
                    proposal,
                    since: entry.at,
                    given: Vec::new(),
                };
                known.open.insert(action, waits);
            }
            Record::ActionChanged {
                action,
                proposal,
                digest,
            } => {
                self.shown(entry.seq, action, &proposal, digest);
                known.open.entry(action).and_modify(|open| {
                    open.proposal = proposal;
                    // whoever approved something else has not approved this
                    open.given.retain(|given| given.digest == digest);
                });
            }
            Record::EndorsementsLost { action, .. } => {
                known.open.entry(action).and_modify(|o| o.given.clear());
            }
            Record::Endorsed { action, decision } => {
                self.take(entry.seq, action, &decision, known);
                known.open.entry(action).and_modify(|o| o.given.push(decision));
            }
            Record::Decided { action, decision } => {
                self.take(entry.seq, action, &decision, known);
                self.demanded(entry.seq, action, &decision, known);
                self.approved(entry, action, decision, known);
            }
            Record::ActionVoided { action, .. } => {
                known.open.remove(&action);
                if let Some(approved) = known.approved.get_mut(&action) {
                    approved.void = Some((entry.seq, entry.at));
                }
            }
            left => self.left(entry, left, known),
        }
    }

    /// Decisions bind what is proposed by the digest that stands beside it.
    fn shown(&mut self, seq: u64, id: ActionId, proposal: &Proposal, digest: Root) {
        if !proposal.is_named_by(id, digest) {
            let problem = format!("{id} is proposed under a digest that is not of what would leave");
            self.problems.push((seq, problem));
        }
    }

    fn take(&mut self, seq: u64, id: ActionId, decision: &Decision, known: &mut Known) {
        self.decisions += 1;
        let open = known.open.get(&id);
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
        let of = signed.statement.proposed_at;
        if open.is_some_and(|open| of.is_some_and(|of| open.since != of)) {
            let problem = format!("the signature of {by} on {id} is of another action of that number");
            self.problems.push((seq, problem));
        }
        // who approves twice has been told already
        if !known.spent.insert(signed.signature) && is_sound {
            let problem = format!("the signature of {by} on {id} was used before");
            self.problems.push((seq, problem));
        }
    }

    /// The last one decides while the signatures of the others still count.
    fn approved(&mut self, entry: &Entry, id: ActionId, decision: Decision, known: &mut Known) {
        let Some(open) = known.open.remove(&id) else {
            return;
        };
        if decision.verdict != Verdict::Approve {
            return;
        }
        // one that had expired when it was given was told then
        let in_time = |given: &&Decision| given.decider.expires().is_none_or(|until| given.at < until);
        let given = open.given.iter().filter(in_time).map(|given| &given.decider);
        let first: Vec<_> = given.filter_map(Signed::of).collect();
        self.expired(entry, id, "approved", &first, Duration::ZERO);
        let signed = first.into_iter().chain(Signed::of(&decision.decider)).collect();
        let given = open.given.into_iter().chain([decision]);
        let by = given.map(|given| given.decider).collect();
        let approved = Approved::new(open.proposal, by, signed, entry.seq);
        known.approved.insert(id, approved);
    }

    fn expired(&mut self, entry: &Entry, id: ActionId, how: &str, signed: &[Signed], late: Duration) {
        let expired = signed.iter().filter(|one| one.expires.plus(late) <= entry.at);
        self.problems.extend(expired.map(|one| {
            let (by, expires) = (&one.by, one.expires.to_utc());
            let problem = format!("{id} is {how} after the signature of {by} expired at {expires}");
            (entry.seq, problem)
        }));
    }

    /// Whether those who approved were as many as the policy demanded then, and had the keys that it named.
    fn demanded(&mut self, seq: u64, id: ActionId, decision: &Decision, known: &Known) {
        let (Some(policy), Some(open)) = (&known.policy, known.open.get(&id)) else {
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
    // where one is enough by now, whoever had approved as the first of two decides alone
    let counts_along = decision.nth.is_some();
    if approves && counts_along && given.iter().any(|other| other.decider.is_same(by)) {
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
