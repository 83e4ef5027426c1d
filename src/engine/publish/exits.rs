//! Voluntary exits, and what the beacon nodes say of them.

use std::cmp::Reverse;

use crate::oracle::{Case, ExitStanding, ExitVerdict, State, Step, ValidatorPhase, milestones};
use crate::snapshot::{ExitView, NodeVerdict};
use crate::types::{CeremonyPlan, RequestKind, SafeText, SignPurpose, UnixMillis, counted};

/// Newest first.
pub(super) fn views(state: &State) -> Vec<ExitView> {
    let cases = state.cases.values().filter(|c| c.id.kind == RequestKind::Exit);
    let mut views: Vec<(UnixMillis, ExitView)> = cases.map(|c| (c.opened_at, exit(state, c))).collect();
    views.sort_by_key(|v| Reverse(v.0));
    views.into_iter().map(|(_, view)| view).collect()
}

fn exit(state: &State, case: &Case) -> ExitView {
    let offers = &case.offers;
    let at = offers.at.unwrap_or_default();
    let verdict = |v: &ExitVerdict| NodeVerdict {
        node: v.node.clone(),
        delivered: v.answer.delivered(),
        detail: SafeText::new(&v.to_string()),
        at,
    };
    let (index, epoch) = match &case.exit {
        Some((
            CeremonyPlan::Sign {
                what:
                    SignPurpose::VoluntaryExit {
                        validator_index,
                        epoch,
                    },
                ..
            },
            _,
        )) => (Some(*validator_index), Some(*epoch)),
        _ => (None, None),
    };
    let word = match (&case.step, case.phase) {
        (Step::Closed { .. }, _) => "done".to_owned(),
        (_, Some(phase)) if matches!(case.step, Step::Follow) => phase.to_string(),
        (Step::Execute(_), _) => match offers.standing {
            Some(ExitStanding::Refused) => "refused".to_owned(),
            Some(ExitStanding::Unheard) => "undelivered".to_owned(),
            _ => "published".to_owned(),
        },
        (Step::DecideEffect(_), _) if offers.deferred.is_some() => "waiting".to_owned(),
        (Step::DecideEffect(_) | Step::PlanEffect, _) => "signed".to_owned(),
        (Step::RunCeremony(_), _) => "signing".to_owned(),
        (Step::Halted { .. }, _) => "halted".to_owned(),
        _ => "requested".to_owned(),
    };
    let known = state.known_key(case.id.pool).map(|k| k.validator);
    ExitView {
        case: case.id,
        validator: case.validator().or(known).unwrap_or_default(),
        validator_index: index.or(case.index),
        epoch,
        state: SafeText::new(&word),
        outcome: outcome(case),
        verdicts: offers.verdicts.iter().map(verdict).collect(),
        times: milestones(case),
    }
}

/// What came of the newest offer, or what keeps the exit from being offered.
fn outcome(case: &Case) -> SafeText {
    let offers = &case.offers;
    if let Some(phase) = case.phase.filter(|p| *p >= ValidatorPhase::Exiting) {
        return SafeText::new(&format!("the validator is {phase}"));
    }
    match (&offers.deferred, &offers.standing) {
        (Some(wait), _) => wait.reason.clone(),
        (None, Some(standing)) => SafeText::new(&match standing {
            ExitStanding::Refused => {
                let times = counted(offers.refusals as usize, "time");
                format!("{}, {times} in a row", standing.sentence())
            }
            _ => standing.sentence(),
        }),
        (None, None) => SafeText::default(),
    }
}
