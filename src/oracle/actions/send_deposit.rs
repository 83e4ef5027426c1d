//! `send-deposit`: the transaction `initiatePoolDeposit`, 32 ETH for the pool at the head of the contract's queue.

use alloy::primitives::U256;

use super::{Draft, Family, Kind, Risk};
use crate::oracle::{Case, Registration, State, Step};
use crate::types::{Check, KeygenOutput, OperatorId};

pub(super) const KIND: &dyn Kind = &SendDeposit;

struct SendDeposit;

/// What the deposit of a pool is prepared from.
#[derive(Debug, Clone, PartialEq)]
pub struct SendDepositDraft {
    /// The verified key.
    pub keygen: KeygenOutput,
    /// How many operators sign with it, as the backend that made it told.
    pub threshold: u8,
    /// The verification, to be shown.
    pub ceremony_checks: Vec<Check>,
    pub registration: Registration,
    /// Fees of earlier tries that were overtaken, wei: they count for the same ceiling.
    pub spent_wei: U256,
}

impl Kind for SendDeposit {
    fn name(&self) -> &'static str {
        "send-deposit"
    }

    fn family(&self) -> Family {
        Family::Transaction
    }

    fn risk(&self) -> Risk {
        Risk::Money
    }

    fn leads_to(&self) -> Step {
        Step::Follow
    }

    fn draft(&self, state: &State, case: &Case, _: Option<Vec<OperatorId>>) -> Option<Draft> {
        let ceremony = state.ceremonies.get(&case.ceremony?)?;
        let mut keygen = case.keygen.clone()?;
        if planted!(CondemnedKey) {
            keygen.validator = state.condemned.keys().next().copied().unwrap_or(keygen.validator);
        }
        Some(Draft::SendDeposit(SendDepositDraft {
            keygen,
            threshold: ceremony.plan.threshold(),
            ceremony_checks: ceremony.checks.clone(),
            registration: case.registration?,
            spent_wei: case.overtaken.fees_wei,
        }))
    }

    fn carries_registration(&self) -> bool {
        true
    }
}
