//! `sign-exit`: the operators who hold a key sign the voluntary exit of its validator.

use super::{ActionRules, Draft, Family, Risk};
use crate::oracle::ways::opened_by;
use crate::oracle::{Action, BadExit, Case, KnownKey, State, Step};
use crate::types::{CeremonyPlan, SafeText};

pub(super) const KIND: &dyn ActionRules = &SignExit;

struct SignExit;

/// What the signing of an exit is prepared from.
#[derive(Debug, Clone, PartialEq)]
pub struct SignExitDraft {
    /// The key as our journal knows it, if it does.
    pub known: Option<KnownKey>,
    /// Why the last attempt failed.
    pub last_failure: Option<SafeText>,
    /// 1 for the first.
    pub attempt: u32,
    /// The exit that was signed before and whose signature every node found bad.
    pub bad: Option<BadExit>,
    /// Who opened it by hand: then the contract does not ask for it.
    pub opened_by: Option<SafeText>,
}

impl ActionRules for SignExit {
    fn name(&self) -> &'static str {
        "sign-exit"
    }

    fn family(&self) -> Family {
        Family::Ceremony
    }

    /// Whoever holds a signed exit can broadcast it.
    fn risk(&self) -> Risk {
        Risk::Irreversible
    }

    fn commits_a_stake(&self) -> bool {
        true
    }

    fn leads_to(&self) -> Step {
        Step::PlanEffect
    }

    fn draft(&self, state: &State, case: &Case, _: Option<&CeremonyPlan>) -> Option<Draft> {
        Some(Draft::SignExit(SignExitDraft {
            known: state.known_key(case.id.pool),
            last_failure: case.last_failure.clone(),
            attempt: case.attempts + 1,
            bad: case.offers.bad.clone(),
            opened_by: opened_by(case),
        }))
    }

    fn phrase(&self, action: &Action) -> Option<String> {
        Some(format!("exit pool {}", action.id.case.pool))
    }
}
