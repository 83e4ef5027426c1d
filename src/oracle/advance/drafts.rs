//! What the desk is asked to prepare, from the state alone.

use crate::oracle::state::Case;
use crate::oracle::{ActionKind, Draft, State};
use crate::types::{ActionId, CeremonyPlan, RequestKind};

pub(super) fn ceremony_draft(state: &State, case: &Case) -> Draft {
    let avoid = case.avoid.iter().copied().collect();
    let (last_failure, attempt, chosen) = (case.last_failure.clone(), case.attempts + 1, case.chosen.clone());
    match case.id.kind {
        RequestKind::Deposit => Draft::Keygen {
            chosen,
            avoid,
            last_failure,
            attempt,
        },
        RequestKind::Reshare => Draft::Reshare {
            chosen,
            avoid,
            last_failure,
            attempt,
            known: state.known_key(case.id.pool),
        },
        RequestKind::Exit => Draft::SignExit {
            known: state.known_key(case.id.pool),
            last_failure,
            attempt,
            bad: case.offers.bad.clone(),
        },
    }
}

pub(super) fn effect_draft(state: &State, case: &Case) -> Option<Draft> {
    let ceremony = state.ceremonies.get(&case.ceremony?)?;
    let ceremony_checks = ceremony.checks.clone();
    Some(match case.id.kind {
        RequestKind::Deposit => Draft::SendDeposit {
            keygen: case.keygen.clone()?,
            ceremony_checks,
            registration: case.registration?,
        },
        RequestKind::Reshare => Draft::SendReshare {
            reshare: case.reshare.clone()?,
            old_committee: match &ceremony.plan {
                CeremonyPlan::Reshare { old, .. } => old.clone(),
                _ => Vec::new(),
            },
            ceremony_checks,
            registration: case.registration?,
        },
        RequestKind::Exit => {
            let (plan, signature) = case.exit.clone()?;
            Draft::BroadcastExit {
                plan,
                ceremony_checks,
                signature,
            }
        }
    })
}

pub(super) fn draft_of(state: &State, action: ActionId) -> Option<Draft> {
    let case = state.cases.get(&action.case)?;
    match state.actions.get(&action)?.proposal.kind {
        ActionKind::Keygen | ActionKind::Reshare | ActionKind::SignExit => Some(ceremony_draft(state, case)),
        ActionKind::SendDeposit | ActionKind::SendReshare | ActionKind::BroadcastExit => {
            effect_draft(state, case)
        }
    }
}
