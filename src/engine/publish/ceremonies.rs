//! Ceremonies: the matrix of operators and steps.

use std::collections::BTreeMap;

use crate::engine::live::Live;
use crate::oracle::{Ceremony, State};
use crate::types::{
    CeremonyFailure, CeremonyPlan, CeremonyResult, OperatorId, OperatorProgress, OperatorState, RequestId,
    SafeText, SignPurpose,
};
use crate::view::{CeremonyEnd, CeremonyView};

pub(super) fn view(state: &State, live: &Live, id: RequestId) -> Option<CeremonyView> {
    let c = state.ceremonies.get(&id)?;
    let kind = c.plan.kind();
    let (operators, deadline) = live
        .progress
        .get(&id)
        .cloned()
        .unwrap_or_else(|| (from_journal(c), None));
    let (threshold, old_committee, what) = match &c.plan {
        CeremonyPlan::Keygen { threshold, .. } => (*threshold, Vec::new(), String::new()),
        CeremonyPlan::Reshare { threshold, old, .. } => (*threshold, old.clone(), String::new()),
        CeremonyPlan::Sign { threshold, what, .. } => (*threshold, Vec::new(), purpose(what)),
    };
    Some(CeremonyView {
        id,
        case: c.case,
        kind,
        what: SafeText::new(&what),
        attempt: c.attempt,
        threshold,
        steps: live.steps_of(c),
        operators,
        old_committee,
        committee: c.plan.committee().to_vec(),
        started_at: c.started_at,
        deadline: deadline.filter(|_| c.ended.is_none()),
        doubt: c
            .doubt
            .as_ref()
            .filter(|_| c.ended.is_none())
            .map(|d| (d.since, d.reason.clone())),
        ended: c
            .ended
            .as_ref()
            .map(|(at, outcome)| (*at, ending(&c.plan, outcome))),
        checks: c.checks.clone(),
        transcript: c.transcript.clone(),
    })
}

fn purpose(what: &SignPurpose) -> String {
    match what {
        SignPurpose::OwnerNonce { owner, nonce } => format!("SSV registration of {owner} with nonce {nonce}"),
        SignPurpose::VoluntaryExit {
            validator_index,
            epoch,
            ..
        } => {
            format!("voluntary exit of validator {validator_index} from epoch {epoch}")
        }
    }
}

fn ending(plan: &CeremonyPlan, outcome: &Result<CeremonyResult, CeremonyFailure>) -> CeremonyEnd {
    match (outcome, plan) {
        (Ok(CeremonyResult::Keygen(k)), _) => CeremonyEnd::Verified {
            validator: k.validator,
        },
        (Ok(CeremonyResult::Reshare(r)), _) => CeremonyEnd::Verified {
            validator: r.validator,
        },
        (Ok(CeremonyResult::Sign { .. }), CeremonyPlan::Sign { validator, .. }) => CeremonyEnd::Verified {
            validator: *validator,
        },
        (Ok(CeremonyResult::Sign { .. }), _) => CeremonyEnd::Verified {
            validator: Default::default(),
        },
        (Err(failure), _) => CeremonyEnd::Failed(failure.clone()),
    }
}

/// After a restart only the end is known, not the way.
fn from_journal(c: &Ceremony) -> BTreeMap<OperatorId, OperatorProgress> {
    let state_of = |id: OperatorId| match &c.ended {
        None => OperatorState::Working,
        Some((_, Ok(_))) => OperatorState::Done,
        Some((_, Err(failure))) if failure.culprits.contains(&id) => OperatorState::Missing,
        Some((_, Err(_))) => OperatorState::Idle,
    };
    let row = |id| {
        (
            id,
            OperatorProgress {
                state: state_of(id),
                ..OperatorProgress::default()
            },
        )
    };
    c.plan.participants().into_iter().map(row).collect()
}
