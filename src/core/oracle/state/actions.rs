//! How the records of actions and of the decisions on them change the state.

use crate::oracle::policy::{DAY_MILLIS, USES_KEPT};
use crate::oracle::{Action, ActionState, Anew, Decider, Decision, Family, Proposal, RuleUse, Verdict};
use crate::types::{CaseId, Root, SafeText, UnixMillis};

use super::*;

impl Durable {
    pub(super) fn action_proposed(
        &mut self,
        at: UnixMillis,
        id: ActionId,
        proposal: &Proposal,
        digest: Root,
    ) {
        let action = Action {
            id,
            proposal: proposal.clone(),
            digest,
            proposed_at: at,
            anew: None,
            state: ActionState::Proposed,
            decision: None,
            endorsements: Vec::new(),
            spent: Vec::new(),
        };
        self.actions.insert(id, action);
        self.with(id.case, |c| c.actions = c.actions.max(id.number));
        self.go(id.case, at, proposal.payload.family().decided_at(id));
    }

    pub(super) fn action_changed(
        &mut self,
        at: UnixMillis,
        action: ActionId,
        proposal: &Proposal,
        digest: Root,
    ) {
        if let Some(a) = self.actions.get_mut(&action) {
            if a.digest != digest {
                a.anew = Some(Anew { at, was: a.digest });
            }
            a.proposal = proposal.clone();
            a.digest = digest;
            // its checks may have changed alone: who approved what would leave has still approved it
            a.endorsements.retain(|given| given.digest == digest);
        }
    }

    pub(super) fn endorsed(&mut self, action: ActionId, decision: &Decision) {
        if let Some(a) = self.actions.get_mut(&action) {
            spend(a, decision);
            a.endorsements.push(decision.clone());
        }
    }

    pub(super) fn endorsements_lost(&mut self, action: ActionId) {
        if let Some(a) = self.actions.get_mut(&action) {
            a.endorsements.clear();
        }
    }

    pub(super) fn decided(&mut self, at: UnixMillis, action: ActionId, decision: &Decision) {
        let Some(a) = self.actions.get_mut(&action) else {
            return;
        };
        spend(a, decision);
        a.decision = Some(decision.clone());
        let resume = a.proposal.payload.family().prepared_again_at();
        match &decision.verdict {
            Verdict::Approve => {
                a.state = ActionState::Approved;
                if let Decider::Rule { name } = &decision.decider {
                    let name = name.clone();
                    self.rule_used(name, self.reckoning.at(at));
                }
            }
            Verdict::Reject { reason } => {
                a.state = ActionState::Rejected;
                let reason = SafeText::new(&format!("rejected by {}: {reason}", decision.decider));
                self.go(action.case, at, Step::Halted { reason, resume });
            }
        }
    }

    /// A rule let something pass. What is twice as old as any limit looks back is forgotten, and of each rule the oldest
    /// where there are too many; never one of another rule.
    fn rule_used(&mut self, rule: SafeText, at: UnixMillis) {
        let old = |used: &RuleUse| used.at.0.saturating_add(2 * DAY_MILLIS) < at.0;
        self.rule_uses.retain(|used| !old(used));
        let own = |used: &&RuleUse| used.rule == rule;
        if self.rule_uses.iter().filter(own).count() >= USES_KEPT
            && let Some(oldest) = self.rule_uses.iter().position(|used| used.rule == rule)
        {
            self.rule_uses.remove(oldest);
        }
        self.rule_uses.push(RuleUse { rule, at });
    }

    pub(super) fn action_voided(&mut self, at: UnixMillis, action: ActionId, reason: &SafeText) {
        let Some(a) = self.actions.get_mut(&action) else {
            return;
        };
        a.state = ActionState::Void {
            reason: reason.clone(),
        };
        let resume = a.proposal.payload.family().prepared_again_at();
        self.with(action.case, |c| c.offers.deferred = None);
        self.go(action.case, at, resume.step());
    }

    /// Ends the action under which a ceremony of this case runs.
    pub(super) fn finish_action_of(&mut self, case: CaseId, state: &ActionState) {
        for (_, action) in self.actions.range_mut(ActionId::all_of(case)) {
            if action.state == ActionState::Executing && action.proposal.payload.family() == Family::Ceremony
            {
                action.state = state.clone();
            }
        }
    }

    /// A ceremony that started nothing uses up no approval of the rule that let it pass.
    pub(super) fn refund(&mut self, case: CaseId) {
        let mut own = self
            .actions
            .range(ActionId::all_of(case))
            .map(|(_, action)| action);
        let executing = own
            .find(|a| a.state == ActionState::Executing && a.proposal.payload.family() == Family::Ceremony);
        let Some(Decider::Rule { name }) = executing.and_then(|a| a.decision.as_ref()).map(|d| &d.decider)
        else {
            return;
        };
        if let Some(newest) = self.rule_uses.iter().rposition(|used| used.rule == *name) {
            self.rule_uses.remove(newest);
        }
    }

    pub(super) fn set_action(&mut self, action: ActionId, state: ActionState) {
        if let Some(action) = self.actions.get_mut(&action) {
            action.state = state;
        }
    }

    /// How an action takes effect, by what was approved.
    pub(in crate::oracle) fn family_of(&self, action: ActionId) -> Option<Family> {
        Some(self.actions.get(&action)?.proposal.payload.family())
    }
}

/// A signature of a person's own key is taken once.
fn spend(action: &mut Action, decision: &Decision) {
    if let Decider::Person {
        signed: Some(signed), ..
    } = &decision.decider
    {
        action.spent.push(signed.signature);
    }
}
