//! `send-reshare`: the transaction `resharePool`, which tells the contract who holds the key now.

use super::{ActionRules, Draft, Family, Risk};
use crate::oracle::{Case, Registration, State, Step};
use crate::types::{CeremonyPlan, Check, OperatorId, ReshareOutput};

pub(super) const KIND: &dyn ActionRules = &SendReshare;

struct SendReshare;

/// What `resharePool` is prepared from.
#[derive(Debug, Clone, PartialEq)]
pub struct SendReshareDraft {
    /// The verified reshare.
    pub reshare: ReshareOutput,
    /// Old members that took part.
    pub old_committee: Vec<OperatorId>,
    /// How many operators sign with it, as the backend that made it told.
    pub threshold: u8,
    /// The verification, to be shown.
    pub ceremony_checks: Vec<Check>,
    pub registration: Registration,
}

impl ActionRules for SendReshare {
    fn name(&self) -> &'static str {
        "send-reshare"
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

    fn draft(&self, state: &State, case: &Case, _: Option<&CeremonyPlan>) -> Option<Draft> {
        let ceremony = state.ceremonies.get(&case.ceremony?)?;
        Some(Draft::SendReshare(SendReshareDraft {
            reshare: case.reshare.clone()?,
            old_committee: match &ceremony.plan {
                CeremonyPlan::Reshare { old, .. } => old.clone(),
                CeremonyPlan::Keygen { .. } | CeremonyPlan::Sign { .. } => Vec::new(),
            },
            threshold: ceremony.plan.threshold(),
            ceremony_checks: ceremony.checks.clone(),
            registration: case.registration?,
        }))
    }

    fn carries_registration(&self) -> bool {
        true
    }
}
