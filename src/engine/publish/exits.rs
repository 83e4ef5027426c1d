//! Voluntary exits, and what the beacon nodes say of them.

use super::cases::current_action;
use super::convert;
use super::sentence::{sentence, undecided};
use crate::oracle::{
    Action, ActionState, Case, CaseStatus, ExitStanding, ExitVerdict, Payload, State, Step, ValidatorPhase,
    case_status, milestones,
};
use crate::types::{CaseId, CeremonyPlan, SafeText, SignPurpose, counted};
use crate::view::{ExitView, NodeVerdict};

pub(super) fn view(state: &State, id: CaseId) -> Option<ExitView> {
    let case = state.cases.get(&id)?;
    let offers = &case.offers;
    let at = offers.at.unwrap_or_default();
    let verdict = |v: &ExitVerdict| NodeVerdict {
        node: v.node.clone(),
        delivered: v.answer.delivered(),
        detail: SafeText::new(&v.to_string()),
        at,
    };
    // before it is signed, what would be
    let asked = current_action(case).and_then(|id| state.actions.get(&id));
    let planned = asked.and_then(|action| match &action.proposal.payload {
        Payload::Ceremony(ceremony) => Some(&ceremony.plan),
        Payload::Transaction(_) | Payload::Exit(_) => None,
    });
    let plan = case.exit.as_ref().map(|(plan, _)| plan).or(planned);
    let (index, epoch, named) = match plan {
        Some(CeremonyPlan::Sign {
            validator,
            what:
                SignPurpose::VoluntaryExit {
                    validator_index,
                    epoch,
                    ..
                },
            ..
        }) => (Some(*validator_index), Some(*epoch), Some(*validator)),
        _ => (None, None, None),
    };
    let word = match (&case.step, case.phase) {
        // not every case that is over is done: nothing was signed of one that was given up, or whose request is gone
        (Step::Closed { .. }, _) => case_status(state, id).to_string(),
        _ if case.orphaned => case_status(state, id).to_string(),
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
    Some(ExitView {
        case: case.id,
        validator: case.validator().or(known).or(named).unwrap_or_default(),
        validator_index: index.or(case.index),
        epoch,
        state: SafeText::new(&word),
        over: case.is_closed(),
        outcome: outcome(state, case, asked),
        verdicts: offers.verdicts.iter().map(verdict).collect(),
        times: milestones(case).iter().map(convert::milestone).collect(),
    })
}

/// What came of the newest offer, or what keeps the exit from being offered.
fn outcome(state: &State, case: &Case, asked: Option<&Action>) -> SafeText {
    // whatever a node said last, this is how it ended
    if matches!(
        case_status(state, case.id),
        CaseStatus::GivenUp | CaseStatus::Orphaned
    ) {
        return sentence(state, case);
    }
    let offers = &case.offers;
    if let Some(phase) = case.phase.filter(|p| *p >= ValidatorPhase::Exiting) {
        return SafeText::new(&format!("the validator is {phase}"));
    }
    match (&offers.deferred, &offers.standing) {
        (Some(wait), _) => match state.heard(case.id) {
            Some(heard) if *heard != wait.reason => {
                SafeText::new(&format!("{}; when it was looked at last: {heard}", wait.reason))
            }
            _ => wait.reason.clone(),
        },
        (None, Some(standing)) => SafeText::new(&match standing {
            ExitStanding::Refused => {
                let times = counted(offers.refusals as usize, "time");
                format!("{}, {times} in a row", standing.sentence())
            }
            _ => standing.sentence(),
        }),
        (None, None) => match asked.filter(|action| action.state == ActionState::Proposed) {
            Some(action) => SafeText::new(&undecided(state, action, str::to_owned)),
            None => SafeText::default(),
        },
    }
}
