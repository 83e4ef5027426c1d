//! `keygen`: the operators of a committee create a validator key and sign its deposit. Their signature over the SSV
//! registration is part of what is approved with it.

use super::{ActionRules, Draft, Family, Risk, wanted};
use crate::oracle::{Case, CommitteeRequirements, State, Step};
use crate::types::CeremonyPlan;

pub(super) const KIND: &dyn ActionRules = &Keygen;

struct Keygen;

/// What a key generation is prepared from.
#[derive(Debug, Clone, PartialEq)]
pub struct KeygenDraft {
    /// For whom, and what is known of everybody.
    pub wanted: CommitteeRequirements,
}

impl ActionRules for Keygen {
    fn name(&self) -> &'static str {
        "keygen"
    }

    fn family(&self) -> Family {
        Family::Ceremony
    }

    fn risk(&self) -> Risk {
        Risk::Routine
    }

    fn leads_to(&self) -> Step {
        Step::AwaitTurn
    }

    fn draft(&self, state: &State, case: &Case, standing: Option<&CeremonyPlan>) -> Option<Draft> {
        let wanted = wanted(state, case, standing);
        Some(Draft::Keygen(KeygenDraft { wanted }))
    }

    fn lets_choose_committee(&self) -> bool {
        true
    }
}
