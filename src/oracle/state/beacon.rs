//! What the beacon chain told of a case's validator.

use super::Resume;
use crate::oracle::{ActionKind, ActionState, Basis, Forecast, State, Step, ValidatorPhase};
use crate::types::{CaseId, RequestKind, SafeText, UnixMillis};

impl State {
    pub(super) fn validator_phase(&mut self, at: UnixMillis, id: CaseId, phase: ValidatorPhase) {
        self.with(id, |c| {
            c.phase = Some(phase);
            // a reorganisation took it back: what came after has not happened
            c.seen.retain(|seen, _| *seen <= phase);
            c.seen.entry(phase).or_insert(at);
        });
        // an exit that is in a block is done, whoever delivered it
        if id.kind == RequestKind::Exit && phase >= ValidatorPhase::Exiting {
            let current = self.cases.get(&id).and_then(|c| match c.step {
                Step::Execute(action)
                | Step::DecideCeremony(action)
                | Step::DecideEffect(action)
                | Step::Halted {
                    resume: Resume::Offer(action),
                    ..
                } => Some(action),
                _ => None,
            });
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
        } else if id.kind == RequestKind::Exit {
            self.exit_taken_back(at, id);
        }
    }

    /// The validator of a followed exit is at work again: a reorganisation dropped the block with the exit. What was
    /// approved and published is offered again under its approval; otherwise the case goes on where it was.
    fn exit_taken_back(&mut self, at: UnixMillis, id: CaseId) {
        let Some(case) = self.cases.get(&id).filter(|c| c.step == Step::Follow) else {
            return;
        };
        let signed = case.exit.is_some();
        let published = self
            .actions
            .values_mut()
            .rfind(|a| a.id.case == id && a.proposal.kind == ActionKind::BroadcastExit)
            .filter(|a| a.state == ActionState::Done);
        let step = match published {
            Some(action) => {
                action.state = ActionState::Executing;
                Step::Execute(action.id)
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
