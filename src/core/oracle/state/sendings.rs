//! How the chain's word on a transaction changes the state.

use alloy::primitives::U256;

use crate::oracle::{ActionState, Payload, cases};
use crate::types::{NonceStatus, SignedTransaction, UnixMillis};

use super::*;

/// Transactions for one effect that are overtaken before a person must look.
pub const OVERTAKEN_AT_MOST: u32 = 3;

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
                overtaken,
                fee_paid_wei,
                ..
            } => {
                let reason = SafeText::new(&format!(
                    "the transaction reverted: {}",
                    reason.as_ref().map_or("no reason given", SafeText::as_str)
                ));
                if *overtaken && self.may_follow_at_once(action, *fee_paid_wei) {
                    self.set_action(action, ActionState::Failed { reason });
                    let step = self.unless_it_came_about(action, Step::PlanEffect);
                    self.go(action.case, at, step);
                } else {
                    self.transaction_failed(at, action, reason);
                }
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
        let halted = Step::Halted {
            reason,
            resume: Resume::PlanEffect,
        };
        let step = self.unless_it_came_about(action, halted);
        self.go(action.case, at, step);
    }

    /// The beacon chain may have what the transaction was for, by another way.
    fn unless_it_came_about(&self, action: ActionId, step: Step) -> Step {
        let phase = self.cases.get(&action.case).and_then(|c| c.phase);
        let came_about = phase.and_then(|phase| cases::kind(action.case.kind).is_on_beacon(phase));
        if came_about == Some(true) {
            Step::Follow
        } else {
            step
        }
    }

    /// What was overtaken is proposed anew with fresh facts, which is another action and is decided anew: so often, and as
    /// long as what is left of the ceiling pays for another try with something to spare. Books what this one cost.
    fn may_follow_at_once(&mut self, action: ActionId, fee_paid_wei: U256) -> bool {
        let ceiling = match self.actions.get(&action).map(|a| &a.proposal.payload) {
            Some(Payload::Transaction(payload)) => payload.fee_ceiling_wei,
            _ => return false,
        };
        let Some(case) = self.cases.get_mut(&action.case) else {
            return false;
        };
        case.overtaken.times += 1;
        case.overtaken.fees_wei = case.overtaken.fees_wei.saturating_add(fee_paid_wei);
        let left = ceiling.saturating_sub(fee_paid_wei);
        case.overtaken.times < OVERTAKEN_AT_MOST && left >= fee_paid_wei.saturating_mul(U256::from(4))
    }
}
