//! What takes two people: who they are, and how the first approval waits for the second.

mod waiting;

use alloy::primitives::U256;
use serde::{Deserialize, Serialize};

use super::command::{Answer, decidable, not_now};
use super::fading::{Approving, Given};
use super::turn::Turn;
use super::{Action, ActionKind, ActionState, Asker, Decider, Decision, Policy, Proposal, Record, Verdict};
use crate::types::{ActionId, Nth, PersonKey, Root, SafeText, SignedStatement, Statement, in_words};
pub(super) use waiting::{
    drop_all_approving, drop_all_of, forget_overdue, not_refreshed_yet, refreshed, take_back_approving,
};
use waiting::{drop_approving, ends, refresh_first};

/// A person with a key of their own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// In the journal, with what the key signed.
    pub name: SafeText,
    /// The person's user on this machine: a seat of that user and the key are then one person.
    pub uid: Option<u32>,
    pub key: PersonKey,
}

/// Kinds of action that two different people must approve.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TwoPersons {
    pub kinds: Vec<ActionKind>,
    /// Only what moves or commits so much, wei.
    pub at_least_wei: Option<U256>,
    /// Each must sign with a personal key: whoever can become any user of the machine is one person all the same.
    pub personal_keys: bool,
}

/// What it takes to approve something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Demand {
    /// So many different ones.
    pub people: u8,
    /// Each signs with a personal key, kept on a machine of that person.
    pub personal_keys: bool,
}

/// What the policy says of people, as the journal keeps it: from the record that says it on.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PeopleRules {
    /// What two different people must approve.
    pub two_persons: Vec<TwoPersons>,
    /// Whose key is whose.
    pub persons: Vec<Person>,
}

impl PeopleRules {
    /// As a policy that says nothing else.
    #[must_use]
    pub fn to_policy(&self) -> Policy {
        Policy {
            two_persons: self.two_persons.clone(),
            persons: self.persons.clone(),
            ..Policy::default()
        }
    }

    /// One sentence for people.
    #[must_use]
    pub fn words(&self) -> String {
        let two = self.two_persons.iter().map(|two| {
            let kinds: Vec<_> = two.kinds.iter().map(ToString::to_string).collect();
            let least = two.at_least_wei.map(|wei| format!(" from {wei} wei on"));
            let keys = if two.personal_keys {
                ", each by a signature with a personal key"
            } else {
                ""
            };
            format!(
                "2 people must approve {}{}{keys}",
                kinds.join(", "),
                least.unwrap_or_default()
            )
        });
        let keys = self.persons.iter().map(|person| {
            let uid = person.uid.map(|uid| format!(" (uid {uid})"));
            format!(
                "{}{} has key {}",
                person.name,
                uid.unwrap_or_default(),
                person.key
            )
        });
        let none = || "nothing takes two people".to_owned();
        let mut all: Vec<_> = two.collect();
        if all.is_empty() {
            all.push(none());
        }
        all.extend(keys);
        format!("by the policy from here on: {}", all.join("; "))
    }
}

impl Policy {
    /// What it says of people.
    #[must_use]
    pub fn people_rules(&self) -> PeopleRules {
        PeopleRules {
            two_persons: self.two_persons.clone(),
            persons: self.persons.clone(),
        }
    }

    /// Somebody who decided, with the user that the configuration gives the key today.
    fn today(&self, decider: &Decider) -> Decider {
        let mut today = decider.clone();
        let person = decider
            .key()
            .and_then(|key| self.persons.iter().find(|person| person.key == key));
        if let (Decider::Person { uid, .. }, Some(person)) = (&mut today, person) {
            *uid = person.uid;
        }
        today
    }

    /// Why an approval does not count by the policy of today, whatever it was given for; `None` where it does.
    fn disowns(&self, decider: &Decider, demand: Demand) -> Option<String> {
        if let Decider::Person {
            signed: Some(signed), ..
        } = decider
            && signed.statement.proposed_at.is_none()
        {
            return Some(format!("{decider} {UNTIMED}"));
        }
        match decider.key() {
            Some(key) if !self.persons.iter().any(|person| person.key == key) => Some(format!(
                "{decider} signed with key {key}, which is the key of nobody in [[person]] any more"
            )),
            None if demand.personal_keys => Some(format!(
                "it takes the signatures of two people, each made with a personal key on the person's own machine, and {decider} signed \
                 with none"
            )),
            _ => None,
        }
    }

    /// Why those who approved an action are not enough by the policy of today; `None` where they are. The file may have
    /// been read anew since.
    ///
    /// An approval that was enough when it was given says nothing of what is demanded when the action leaves.
    #[must_use]
    pub fn lacks(&self, action: &Action) -> Option<String> {
        if planted!(OldPolicyGood) {
            return None;
        }
        let given = action.endorsements.iter().chain(&action.decision);
        let given: Vec<_> = given.map(|decision| &decision.decider).collect();
        self.lack_of(&action.proposal, &given)
            .or_else(|| self.takes_back(action))
    }

    /// The same of anything that they approved.
    pub fn lack_of(&self, proposal: &Proposal, given: &[&Decider]) -> Option<String> {
        let demand = self.demand(proposal);
        let given: Vec<_> = given.iter().map(|by| self.today(by)).collect();
        if let Some(why) = given.iter().find_map(|by| self.disowns(by, demand)) {
            return Some(why);
        }
        let first = |(n, by): &(usize, &Decider)| {
            planted!(OneIsTwo) || !given[..*n].iter().any(|other| other.is_same(by))
        };
        let different = given.iter().enumerate().filter(first).count();
        let kind = proposal.kind;
        (different < usize::from(demand.people)).then(|| {
            let names: Vec<_> = given.iter().map(ToString::to_string).collect();
            format!(
                "{} people must approve {kind}, and it was approved by {} alone",
                demand.people,
                names.join(" and ")
            )
        })
    }

    /// What it takes to approve this.
    #[must_use]
    pub fn demand(&self, proposal: &Proposal) -> Demand {
        let covers = |two: &&TwoPersons| {
            let enough = two
                .at_least_wei
                .is_none_or(|least| proposal.amount_wei() >= least);
            two.kinds.contains(&proposal.kind) && enough
        };
        let covering: Vec<_> = self.two_persons.iter().filter(covers).collect();
        Demand {
            people: if covering.is_empty() { 1 } else { 2 },
            personal_keys: covering.iter().any(|two| two.personal_keys),
        }
    }
}

/// Of the first text that people signed, which earlier versions took.
const UNTIMED: &str = "signed a text of an earlier version, which does not say when the action was proposed and so may be \
                       meant for another action of that number";

/// Longest time for which a signature of a person's own key may be good, ms: a week.
const LONGEST_MS: u64 = 7 * 86_400_000;

/// A person at a seat.
pub(super) fn approve(
    turn: &mut Turn<'_>,
    by: &Asker,
    id: ActionId,
    digest: Root,
    phrase: Option<&str>,
) -> Answer {
    let given = turn.given();
    take(turn, by.into(), id, digest, phrase, given)
}

/// A person who signed elsewhere. Whose key it is and that the signature is right, was verified.
pub(super) fn approve_signed(
    turn: &mut Turn<'_>,
    name: SafeText,
    uid: Option<u32>,
    signed: Box<SignedStatement>,
) -> Answer {
    let given = turn.given();
    signed_elsewhere(turn, name, uid, signed, given)
}

fn signed_elsewhere(
    turn: &mut Turn<'_>,
    name: SafeText,
    uid: Option<u32>,
    signed: Box<SignedStatement>,
    given: Given,
) -> Answer {
    let Statement {
        action,
        digest,
        expires,
        ..
    } = signed.statement;
    let now = turn.at;
    if now >= expires {
        return Err(not_now(format!(
            "the signature of {name} expired at {}",
            expires.to_utc()
        )));
    }
    if u128::from(LONGEST_MS) < expires.since(now).as_millis() {
        return Err(not_now(format!(
            "the signature of {name} would be good until {}, which is more than 7 days",
            expires.to_utc()
        )));
    }
    let Some(of) = signed.statement.proposed_at else {
        return Err(not_now(format!("{name} {UNTIMED}: sign {action} anew")));
    };
    let proposed_at = turn.state.actions.get(&action).map(|a| a.proposed_at);
    if let Some(at) = proposed_at.filter(|at| *at != of) {
        return Err(not_now(format!(
            "{name} signed for a {action} that was proposed at {}, and this one was proposed at {}: it is another one",
            of.to_utc(),
            at.to_utc()
        )));
    }
    let spent = turn.state.actions.get(&action).map(|a| &a.spent);
    if spent.is_some_and(|spent| spent.contains(&signed.signature)) {
        return Err(not_now(format!(
            "this signature of {name} was used already: each is taken once"
        )));
    }
    let phrase = signed.statement.phrase.clone();
    let signed = Some(signed);
    take(
        turn,
        Decider::Person {
            name,
            uid,
            login: None,
            signed,
        },
        action,
        digest,
        phrase.as_deref(),
        given,
    )
}

/// The first of two waits for the second; the last one decides. `given` is when the person approved it, which may be a
/// while ago where checks were stale.
fn take(
    turn: &mut Turn<'_>,
    by: Decider,
    id: ActionId,
    digest: Root,
    phrase: Option<&str>,
    given: Given,
) -> Answer {
    // a clock may not have struck since
    forget_lost(turn, id);
    decidable(turn.state, id, digest)?;
    let action = &turn.state.actions[&id];
    action.approvable().map_err(not_now)?;
    if let Some(wanted) = action.phrase()
        && phrase != Some(wanted.as_str())
    {
        return Err(not_now(format!(
            "this cannot be undone: type the phrase «{wanted}»"
        )));
    }
    let demand = turn.state.settings.policy.demand(&action.proposal);
    let kind = action.proposal.kind;
    if demand.personal_keys && by.key().is_none() {
        return Err(not_now(format!(
            "{kind} cannot be approved from a seat: it takes the signatures of two people, each made with a personal key. \
             `casimir-dkg show {id} --export FILE` writes the file; each of the two signs it on their own machine with \
             `casimir-dkg sign`, and `casimir-dkg approve {id} --signature FILE` brings a signature here"
        )));
    }
    let policy = &turn.state.settings.policy;
    let before: Vec<_> = action.endorsements.iter().collect();
    let of = demand.people;
    let is_by = |other: &&Decision| policy.today(&other.decider).is_same(&by);
    let again = before.iter().any(is_by) && !planted!(OneIsTwo);
    if let Some(before_this) = before.iter().copied().find(is_by).filter(|_| of > 1 && again) {
        // lists have the name of the key, where that signed it
        let named = match before_this.decider.to_string() {
            listed if listed == by.to_string() => String::new(),
            listed => format!(" as {listed}"),
        };
        return Err(not_now(format!(
            "{by} has approved {id} already{named}: it takes another person ({} of {of})",
            before.len()
        )));
    }
    if let Some(faded) = turn.state.faded(action) {
        let signed_until_up_ms = by.expires().map(|expires| {
            let good_for = u64::try_from(expires.since(given.at).as_millis()).unwrap_or(u64::MAX);
            given.up_ms.saturating_add(good_for)
        });
        let approving = Approving {
            by,
            digest,
            phrase: phrase.map(str::to_owned),
            shown: turn.state.shown(action).0.checks.clone(),
            given,
            signed_until_up_ms,
        };
        return Ok(refresh_first(turn, id, approving, &faded));
    }
    let number = u8::try_from(before.len() + 1).unwrap_or(of).min(of);
    let unknown = accepted(action, &by, &before);
    let decision = Decision {
        nth: (of > 1).then_some(Nth { number, of }),
        unknown: (of > 1 || by.key().is_some()).then_some(unknown),
        ..Decision::alone(Verdict::Approve, by, given.at, digest)
    };
    Ok(SafeText::new(&count(turn, id, decision, given, (number, of))))
}

/// Takes an approval down. Tells whoever gave it what it came to.
fn count(turn: &mut Turn<'_>, id: ActionId, decision: Decision, given: Given, of: (u8, u8)) -> String {
    let by = decision.decider.clone();
    // a clock that was set may leave nothing stale before a look: one person counts once
    drop_approving(turn, id, |waiting| waiting.by.is_same(&by));
    turn.state.volatile.approves_again(id, &by);
    let (number, of) = of;
    if number < of {
        turn.record(Record::Endorsed { action: id, decision });
        turn.state.volatile.was_approved(id, given.up_ms);
        let others = turn.state.refreshing(id).filter(|others| others.is_enough);
        return match others {
            Some(others) => {
                let why = others.why.map_or_else(String::new, |why| format!(" ({why})"));
                let by = others.by;
                format!(
                    "{id} approved, {number} of {of}: it counts with that of {by} once that one counts{why}"
                )
            }
            None => format!("{id} approved, {number} of {of}: it waits for another person"),
        };
    }
    drop_all_of(turn, id, &format!("{by} decided without it"));
    turn.record(Record::Decided { action: id, decision });
    turn.state.volatile.was_approved(id, given.up_ms);
    let kind = turn.state.actions[&id].proposal.kind;
    let window = turn.state.settings.policy.undo.of(kind);
    let leaves = match window.is_zero() {
        true => String::new(),
        false => format!(
            "; it leaves in {}, and can be taken back until then",
            in_words(window)
        ),
    };
    match of > 1 {
        true => format!("{id} approved, {number} of {of}{leaves}"),
        false => format!("{id} approved{leaves}"),
    }
}

/// The unknown checks that everybody who approves lets pass: at a seat those that are unknown now, elsewhere those that
/// were signed.
fn accepted(action: &Action, by: &Decider, given: &[&Decision]) -> Vec<String> {
    let mut accepted = match by {
        Decider::Person {
            signed: Some(signed), ..
        } => signed.statement.unknown.clone(),
        _ => action.proposal.unknown_checks(),
    };
    let others = given.iter().filter_map(|decision| decision.unknown.as_ref());
    for other in others {
        accepted.retain(|name| other.contains(name));
    }
    accepted
}

/// A first approval is good for as long as any approval is, as what was signed says, and as the policy knows whose it is;
/// then it has to be given again.
pub(super) fn forget_lost(turn: &mut Turn<'_>, id: ActionId) {
    // what is over has nothing to lose
    let waits = |action: &&Action| action.state == ActionState::Proposed;
    let Some(action) = turn.state.actions.get(&id).filter(waits) else {
        return;
    };
    let old = |decision: &&Decision| turn.state.has_expired(id, decision.at);
    let expired = action.endorsements.iter().find(old).map(|given| {
        format!(
            "the approval by {} expired before a second one came",
            given.decider
        )
    });
    let policy = &turn.state.settings.policy;
    let demand = policy.demand(&action.proposal);
    let disowned = |given: &Decision| policy.disowns(&given.decider, demand);
    let signed = || turn.state.signature_expired(action);
    let disowned = || action.endorsements.iter().find_map(disowned);
    if let Some(reason) = expired.or_else(signed).or_else(disowned) {
        lose_endorsements(turn, id, &reason);
    }
}

/// First approvals count no more: whoever comes back to the action sees whose, and why.
pub(super) fn lose_endorsements(turn: &mut Turn<'_>, id: ActionId, reason: &str) {
    let whose = endorsed_by(&turn.state.actions[&id]);
    if whose.is_empty() {
        return;
    }
    turn.record(Record::EndorsementsLost {
        action: id,
        reason: SafeText::new(reason),
    });
    for by in whose {
        ends(turn, id, &by, reason);
    }
}

/// Those whose approvals count and wait for another person's.
pub(super) fn endorsed_by(action: &Action) -> Vec<Decider> {
    let given = action.endorsements.iter();
    given.map(|decision| decision.decider.clone()).collect()
}

#[cfg(test)]
pub(super) mod tests;
