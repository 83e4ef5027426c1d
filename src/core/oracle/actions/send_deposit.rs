//! `send-deposit`: the transaction that has the contract deposit 32 ETH for a pool and register its validator: the pool at
//! the head of its queue, or the one that the call names.

use alloy::primitives::U256;

use super::{ActionRules, Draft, Family, Risk};
use crate::oracle::{Case, Cause, Registration, State, Step};
use crate::types::{CeremonyPlan, Check, KeygenOutput};

pub(super) const KIND: &dyn ActionRules = &SendDeposit;

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
    /// The key was made after this block: nobody could deposit for it before.
    pub since: u64,
}

/// Blocks by which a request may have moved down in a reorganisation after its key was made.
const REORGANISED: u64 = 256;

/// What opened the case came before the key.
fn before_the_key(case: &Case) -> u64 {
    match case.cause {
        Cause::Event { log, .. } => log.block.number.saturating_sub(REORGANISED),
        Cause::State { block } => block.number.saturating_sub(REORGANISED),
        // nobody opens a deposit by hand
        Cause::Manual { .. } => 0,
    }
}

impl ActionRules for SendDeposit {
    fn name(&self) -> &'static str {
        "send-deposit"
    }

    fn family(&self) -> Family {
        Family::Transaction
    }

    fn risk(&self) -> Risk {
        Risk::Money
    }

    fn commits_a_stake(&self) -> bool {
        true
    }

    fn leads_to(&self) -> Step {
        Step::Follow
    }

    fn draft(&self, state: &State, case: &Case, _: Option<&CeremonyPlan>) -> Option<Draft> {
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
            since: before_the_key(case),
        }))
    }

    fn carries_registration(&self) -> bool {
        true
    }
}
