//! `broadcast-exit`: a signed voluntary exit is offered to every beacon node, until it is in a block.

use super::{ActionRules, Draft, Family, Risk};
use crate::oracle::{Action, Case, Payload, State, Step};
use crate::types::{BlsSignature, CeremonyPlan, Check};

pub(super) const KIND: &dyn ActionRules = &BroadcastExit;

struct BroadcastExit;

/// What the publication of an exit is prepared from.
#[derive(Debug, Clone, PartialEq)]
pub struct BroadcastExitDraft {
    /// The plan that was signed.
    pub plan: CeremonyPlan,
    /// The verification, to be shown.
    pub ceremony_checks: Vec<Check>,
    /// The combined signature.
    pub signature: BlsSignature,
}

impl ActionRules for BroadcastExit {
    fn name(&self) -> &'static str {
        "broadcast-exit"
    }

    fn family(&self) -> Family {
        Family::Broadcast
    }

    fn risk(&self) -> Risk {
        Risk::Irreversible
    }

    fn commits_a_stake(&self) -> bool {
        true
    }

    fn leads_to(&self) -> Step {
        Step::Follow
    }

    fn draft(&self, state: &State, case: &Case, _: Option<&CeremonyPlan>) -> Option<Draft> {
        let (plan, signature) = case.exit.clone()?;
        Some(Draft::BroadcastExit(BroadcastExitDraft {
            plan,
            ceremony_checks: state.ceremonies.get(&case.ceremony?)?.checks.clone(),
            signature,
        }))
    }

    fn phrase(&self, action: &Action) -> Option<String> {
        let Payload::Exit(exit) = &action.proposal.payload else {
            return Some(format!("exit pool {}", action.id.case.pool));
        };
        Some(format!("exit validator {}", exit.validator_index))
    }
}
