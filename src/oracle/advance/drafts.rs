//! What the desk is asked to prepare, from the state alone.

use std::collections::BTreeMap;

use crate::oracle::state::Case;
use crate::oracle::{ActionKind, Draft, Payload, State, Wanted};
use crate::types::{ActionId, CeremonyPlan, OperatorId, RequestKind};

pub(super) fn ceremony_draft(state: &State, case: &Case, standing: Option<Vec<OperatorId>>) -> Draft {
    let (last_failure, attempt) = (case.last_failure.clone(), case.attempts + 1);
    let wanted = || Wanted {
        chosen: case.chosen.clone(),
        standing,
        // filled in when it is asked for
        tracks: BTreeMap::new(),
        avoid: case.avoid.iter().copied().collect(),
        last_failure: case.last_failure.clone(),
        attempt,
    };
    match case.id.kind {
        RequestKind::Deposit => Draft::Keygen { wanted: wanted() },
        RequestKind::Reshare => Draft::Reshare {
            wanted: wanted(),
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
    let proposal = &state.actions.get(&action)?.proposal;
    match proposal.kind {
        ActionKind::Keygen | ActionKind::Reshare | ActionKind::SignExit => {
            let standing = match &proposal.payload {
                Payload::Ceremony(payload) => Some(payload.plan.committee().to_vec()),
                Payload::Transaction(_) | Payload::Exit(_) => None,
            };
            Some(ceremony_draft(state, case, standing))
        }
        ActionKind::SendDeposit | ActionKind::SendReshare | ActionKind::BroadcastExit => {
            effect_draft(state, case)
        }
    }
}
