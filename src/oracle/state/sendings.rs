//! How the chain's word on a transaction changes the state.

use crate::oracle::ActionState;
use crate::types::UnixMillis;

use super::*;

impl State {
    pub(super) fn transaction_status(&mut self, at: UnixMillis, action: ActionId, status: &NonceStatus) {
        if let Some(s) = self.sendings.get_mut(&action) {
            s.status = status.clone();
        }
        if !self.actions.contains_key(&action) {
            return;
        }
        match status {
            NonceStatus::Included {
                success: true,
                is_final: true,
                served,
                ..
            } => {
                self.set_action(action, ActionState::Done);
                let step = match served {
                    Some(pool) if *pool != action.case.pool => Step::Halted {
                        reason: SafeText::new(&format!(
                            "the transaction served pool {pool}, not {}",
                            action.case.pool
                        )),
                        resume: Resume::PlanCeremony,
                    },
                    _ => Step::Follow,
                };
                self.go(action.case, at, step);
            }
            NonceStatus::Included {
                success: false,
                is_final: true,
                reason,
                ..
            } => {
                let reason = SafeText::new(&format!(
                    "the transaction reverted: {}",
                    reason.as_ref().map_or("no reason given", SafeText::as_str)
                ));
                self.transaction_failed(at, action, reason);
            }
            NonceStatus::Replaced { is_final: true, .. } => {
                let reason = SafeText::new("another transaction of the oracle account took its nonce");
                self.transaction_failed(at, action, reason);
            }
            _ => {}
        }
    }

    /// It used up its nonce and did nothing: a person must look.
    fn transaction_failed(&mut self, at: UnixMillis, action: ActionId, reason: SafeText) {
        let failed = ActionState::Failed {
            reason: reason.clone(),
        };
        self.set_action(action, failed);
        let resume = Resume::PlanEffect;
        self.go(action.case, at, Step::Halted { reason, resume });
    }
}
