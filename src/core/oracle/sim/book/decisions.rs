//! What the journal tells of decisions: who may decide, on what, and how often.

use super::{Book, Told};
use crate::oracle::checks::rests_on;
use crate::oracle::*;
use crate::types::*;

impl Told {
    /// Since when its approval counts: where it takes two people, since the first one of them was given.
    fn approved_since(&self, state: &State, at: UnixMillis, id: ActionId, decision: &Decision) -> UnixMillis {
        let takes_two = decision.nth.is_some_and(|nth| nth.of == 2);
        let demand = state.settings.policy.demand(&self.proposal);
        assert_eq!(takes_two, demand.people == 2, "{id}: people");
        if !takes_two {
            return decision.at;
        }
        let [(first, since)] = &self.endorsed[..] else {
            panic!("{id} is approved by two, and {} came before", self.endorsed.len())
        };
        assert!(!first.is_same(&decision.decider), "{first} is two people");
        assert!(
            matches!(decision.decider, Decider::Person { .. }),
            "a rule is one of two"
        );
        assert!(!has_expired(first, at), "{id}: the signature of {first} expired");
        let age = at.since(*since).as_millis();
        assert!(
            age <= u128::from(state.settings.approval_expires_ms),
            "{id}: the first approval is {age} ms old"
        );
        decision.at.min(*since)
    }
}

/// What was signed counts for nothing from its time on.
pub(super) fn has_expired(by: &Decider, at: UnixMillis) -> bool {
    by.expires().is_some_and(|expires| expires <= at)
}

impl Told {
    /// Whether those who approved it are enough by what the policy says now, whatever it said then.
    pub(super) fn is_approved_by_enough(&self, state: &State) -> bool {
        let policy = &state.settings.policy;
        let demand = policy.demand(&self.proposal);
        let mut people: Vec<&Decider> = Vec::new();
        for by in &self.approved_by {
            if !people.iter().any(|other| other.is_same(by)) {
                people.push(by);
            }
        }
        let is_known = |key| policy.persons.iter().any(|person| person.key == key);
        let keys = people.iter().map(|by| by.key());
        let counts = |key: Option<PersonKey>| key.map_or(!demand.personal_keys, is_known);
        people.len() >= usize::from(demand.people) && keys.into_iter().all(counts)
    }

    /// How long a person can take its approval back, ms.
    pub(super) fn undo_ms(&self, state: &State) -> u64 {
        let window = state.settings.policy.undo.of(self.proposal.kind).as_millis();
        match self.by_person {
            true => u64::try_from(window).expect("a window is short"),
            false => 0,
        }
    }
}

impl Book {
    /// What was approved and has not left gets its window anew: of one case, or of all.
    pub(super) fn windows_begin_anew(&mut self, of: Option<CaseId>) {
        let up_ms = self.up_ms;
        let own = |id: &ActionId| of.is_none_or(|case| id.case == case);
        for (_, told) in self
            .actions
            .iter_mut()
            .filter(|(id, told)| own(id) && told.approved.is_some() && !told.left)
        {
            told.undone_from = up_ms;
        }
    }

    pub(super) fn decided(&mut self, state: &State, at: UnixMillis, id: ActionId, decision: &Decision) {
        let told = self.actions.get_mut(&id).expect("it was proposed");
        assert!(!told.decided, "{id} is decided twice");
        assert_eq!(decision.digest, told.digest, "{id}: something else was decided");
        told.decided = true;
        if decision.verdict != Verdict::Approve {
            told.lost = Some("was rejected");
            return;
        }
        assert_eq!(told.lost, None, "{id} is approved and {:?}", told.lost);
        assert_eq!(
            told.proposal.failed_checks().count(),
            0,
            "{id} is approved with failed checks"
        );
        told.approved = Some(told.approved_since(state, at, id, decision));
        assert_ne!(state.mode(), Mode::Observe, "an observer approved {id}");
        if matches!(decision.decider, Decider::Person { .. }) {
            self.counts(state, at, id, decision);
        }
        let told = self.actions.get_mut(&id).expect("it was proposed");
        told.by_person = matches!(decision.decider, Decider::Person { .. });
        let first = told.endorsed.iter().map(|(by, _)| by.clone());
        told.approved_by = first.chain([decision.decider.clone()]).collect();
        told.undone_from = self.up_ms;
        if let Decider::Rule { .. } = &decision.decider {
            self.by_rule(state, at, id);
        }
    }

    fn by_rule(&mut self, state: &State, at: UnixMillis, id: ActionId) {
        let told = &self.actions[&id];
        assert_eq!(state.mode(), Mode::Auto, "a rule approved {id}");
        let unknown = told
            .proposal
            .checks
            .iter()
            .filter(|c| c.status == CheckStatus::Unknown);
        for check in unknown {
            assert_eq!(
                check.name, "endpoints-agree",
                "a rule approved {id} with an unknown check"
            );
        }
        self.rule_used.push(self.up_ms);
        if let Some(most) = state.settings.policy.rules[0].max_per_day {
            let of_today = self
                .rule_used
                .iter()
                .filter(|up| self.up_ms - **up < 24 * 3_600_000);
            assert!(
                of_today.count() <= most as usize + self.refunds,
                "a rule approved {id} over its limit of a day"
            );
        }
        // what could not be looked at says nothing that could fade
        let fades =
            |check: &&Check| check.status != CheckStatus::Unknown && rests_on(&check.name) != Rests::Here;
        if told.proposal.checks.iter().any(|check| fades(&check)) {
            let made = self.made_at.get(&id.case).map(|made| at.since(UnixMillis(*made)));
            assert!(
                made.is_some_and(|age| age <= STALE_AFTER),
                "a rule approved {id} on checks that are {made:?} old"
            );
        }
        let of_chain = |check: &Check| rests_on(&check.name) == Rests::Chain;
        assert!(
            self.reach == Reach::Followed || !told.proposal.checks.iter().any(of_chain),
            "a rule approved {id} on a chain that is out of sight"
        );
        if let Payload::Transaction(payload) = &told.proposal.payload {
            let max = state.settings.policy.rules[0].max_fee_wei;
            let spent = self.fees.get(&id.case).copied().unwrap_or_default();
            assert!(
                max.is_none_or(|max| payload.fee_ceiling_wei + spent <= max),
                "a rule approved the fee of {id}"
            );
        }
    }

    pub(super) fn endorsed(&mut self, state: &State, at: UnixMillis, id: ActionId, decision: &Decision) {
        assert_ne!(state.mode(), Mode::Observe, "an observer approved {id}");
        let told = self.actions.get_mut(&id).expect("it was proposed");
        assert!(!told.decided, "{id} is approved after it was decided");
        assert_eq!(told.lost, None, "{id} is approved and {:?}", told.lost);
        assert_eq!(decision.digest, told.digest, "{id}: something else was approved");
        assert_eq!(told.proposal.failed_checks().count(), 0, "{id}: failed checks");
        told.endorsed.push((decision.decider.clone(), decision.at));
        self.counts(state, at, id, decision);
    }
}
