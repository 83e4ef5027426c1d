//! What the beacon chain told of a case's validator.

use super::{Durable, Resume};
use crate::oracle::{ActionState, Basis, Family, Forecast, Step, ValidatorPhase, cases};
use crate::types::{CaseId, SafeText, UnixMillis};

impl Durable {
    pub(super) fn validator_phase(&mut self, at: UnixMillis, id: CaseId, phase: ValidatorPhase) {
        self.with(id, |c| {
            c.phase = Some(phase);
            // a reorganisation took it back: what came after has not happened
            c.seen.retain(|seen, _| *seen <= phase);
            c.seen.entry(phase).or_insert(at);
        });
        match cases::kind(id.kind).is_on_beacon(phase) {
            Some(true) => self.exit_seen(at, id),
            Some(false) => self.exit_taken_back(at, id),
            None => {}
        }
    }

    /// The exit is in a block, whoever delivered it: what is not sent is void. A transaction that has left is followed
    /// to its end first, because its nonce is.
    fn exit_seen(&mut self, at: UnixMillis, id: CaseId) {
        let step = self.cases.get(&id).map(|c| c.step.clone());
        let current = match step {
            Some(Step::Execute(action)) if self.family_of(action) == Some(Family::Transaction) => return,
            Some(
                Step::Execute(action)
                | Step::DecideCeremony(action)
                | Step::DecideEffect(action)
                | Step::Halted {
                    resume: Resume::Offer(action),
                    ..
                },
            ) => Some(action),
            _ => None,
        };
        if let Some(action) = current.and_then(|id| self.actions.get_mut(&id)) {
            action.state = match action.state {
                ActionState::Executing => ActionState::Done,
                _ => ActionState::Void {
                    reason: SafeText::new("the validator is exiting already"),
                },
            };
        }
        self.with(id, |c| c.offers.deferred = None);
        self.go(id, at, Step::Follow);
    }

    /// The validator of a followed exit is at work: a reorganisation dropped the block with the exit. What was approved
    /// and published is offered again under its approval; otherwise the case goes on where it was. A transaction that is
    /// final asked for the exit once and for all, so there is nothing to do but to wait.
    fn exit_taken_back(&mut self, at: UnixMillis, id: CaseId) {
        let Some(case) = self.cases.get(&id).filter(|c| c.step == Step::Follow) else {
            return;
        };
        let signed = case.exit.is_some();
        let effect = self
            .actions
            .values_mut()
            .rfind(|a| a.id.case == id && a.proposal.payload.family() != Family::Ceremony)
            .filter(|a| a.state == ActionState::Done);
        let step = match effect {
            Some(sent) if sent.proposal.payload.family() == Family::Transaction => return,
            Some(published) => {
                published.state = ActionState::Executing;
                Step::Execute(published.id)
            }
            None if signed => Step::PlanEffect,
            None => Step::PlanCeremony,
        };
        // at once, not when the pause after the last offer is over
        self.with(id, |c| c.offers.at = None);
        self.go(id, at, step);
    }

    pub(super) fn validator_forecast(
        &mut self,
        id: CaseId,
        index: Option<u64>,
        basis: Basis,
        forecast: Forecast,
    ) {
        self.with(id, |c| {
            c.index = index.or(c.index);
            match basis {
                Basis::Rules => c.by_rules = Some(forecast),
                Basis::State => c.by_state = forecast,
            }
        });
    }
}
