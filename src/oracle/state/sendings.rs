//! How the chain's word on a transaction changes the state.

use crate::oracle::{ActionState, Payload, cases};
use crate::types::{NonceStatus, SignedTransaction, UnixMillis};

use super::*;

impl Durable {
    pub(super) fn transaction_signed(
        &mut self,
        at: UnixMillis,
        action: ActionId,
        transaction: &SignedTransaction,
    ) {
        self.set_action(action, ActionState::Executing);
        let payload = self.actions.get(&action).map(|a| &a.proposal.payload);
        if let Some(Payload::Transaction(payload)) = payload {
            let nonces = self.nonces.entry(payload.from).or_default();
            nonces.insert(transaction.nonce);
        }
        self.sendings
            .entry(action)
            .and_modify(|s| s.versions.push(transaction.clone()))
            .or_insert_with(|| Sending {
                versions: vec![transaction.clone()],
                signed_at: at,
                accepted: false,
                status: NonceStatus::Missing,
            });
        self.go(action.case, at, Step::Execute(action));
    }

    pub(super) fn transaction_status(&mut self, at: UnixMillis, action: ActionId, status: &NonceStatus) {
        if let Some(s) = self.sendings.get_mut(&action) {
            s.status = status.clone();
        }
        let Some(leads_to) = self
            .actions
            .get(&action)
            .map(|a| a.proposal.kind.definition().leads_to())
        else {
            return;
        };
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
                    _ => leads_to,
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

    /// It used up its nonce and did nothing: a person must look, unless what it was for came about without it.
    fn transaction_failed(&mut self, at: UnixMillis, action: ActionId, reason: SafeText) {
        let failed = ActionState::Failed {
            reason: reason.clone(),
        };
        self.set_action(action, failed);
        let phase = self.cases.get(&action.case).and_then(|c| c.phase);
        let came_about = phase.and_then(|phase| cases::kind(action.case.kind).is_on_beacon(phase));
        let step = match came_about {
            Some(true) => Step::Follow,
            _ => Step::Halted {
                reason,
                resume: Resume::PlanEffect,
            },
        };
        self.go(action.case, at, step);
    }
}
