//! `reshare`: those who hold a key hand it to another committee. The new committee's signature over the SSV registration
//! is part of what is approved with it.

use super::{ActionRules, Draft, Family, Risk, wanted};
use crate::oracle::{Case, CommitteeRequirements, KnownKey, State, Step};
use crate::types::CeremonyPlan;

pub(super) const KIND: &dyn ActionRules = &Reshare;

struct Reshare;

/// What a reshare is prepared from.
#[derive(Debug, Clone, PartialEq)]
pub struct ReshareDraft {
    /// For whom, and what is known of everybody.
    pub wanted: CommitteeRequirements,
    /// The key as our journal knows it, if it does.
    pub known: Option<KnownKey>,
}

impl ActionRules for Reshare {
    fn name(&self) -> &'static str {
        "reshare"
    }

    fn family(&self) -> Family {
        Family::Ceremony
    }

    fn risk(&self) -> Risk {
        Risk::Routine
    }

    fn leads_to(&self) -> Step {
        Step::Register(None)
    }

    fn draft(&self, state: &State, case: &Case, standing: Option<&CeremonyPlan>) -> Option<Draft> {
        Some(Draft::Reshare(ReshareDraft {
            wanted: wanted(state, case, standing),
            known: state.known_key(case.id.pool),
        }))
    }

    fn lets_choose_committee(&self) -> bool {
        true
    }
}
