//! How the chain's word on a transaction changes the state.

use crate::oracle::ActionState;
use crate::types::UnixMillis;

use super::*;

impl State {
    pub(super) fn transaction_status(&mut self, at: UnixMillis, action: ActionId, status: &NonceStatus) {
        if let Some(s) = self.sendings.get_mut(&action) {
            s.status = status.clone();
        }
        let Some(a) = self.actions.get_mut(&action) else {
            return;
        };
        match status {
            NonceStatus::Included {
                success: true,
                is_final: true,
                served,
                ..
            } => {
                a.state = ActionState::Done;
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
                a.state = ActionState::Failed {
                    reason: reason.clone(),
                };
                self.go(
                    action.case,
                    at,
                    Step::Halted {
                        reason,
                        resume: Resume::PlanEffect,
                    },
                );
            }
            NonceStatus::Replaced { is_final: true, .. } => {
                let reason = SafeText::new("another transaction of the oracle account took its nonce");
                a.state = ActionState::Failed {
                    reason: reason.clone(),
                };
                self.go(
                    action.case,
                    at,
                    Step::Halted {
                        reason,
                        resume: Resume::PlanEffect,
                    },
                );
            }
            _ => {}
        }
    }
}
