//! What the beacon nodes said to an exit that was offered to them, and what follows from it.

use crate::oracle::state::EffectKey;
use crate::oracle::turn::Turn;
use crate::oracle::{ActionState, ExitStanding, ExitVerdict, Prepared, Record, Step, advance};
use crate::types::{ActionId, SafeText, UnixMillis, counted};

pub(super) fn published(
    turn: &mut Turn<'_>,
    action: ActionId,
    verdicts: Vec<ExitVerdict>,
    standing: ExitStanding,
) {
    turn.answered(EffectKey::Publish(action));
    let id = action.case;
    let Some(case) = turn.state.cases.get(&id) else {
        return;
    };
    let news = !matches!(case.step, Step::Execute(_))
        || case.offers.verdicts != verdicts
        || case.offers.standing.as_ref() != Some(&standing)
        // each one counts
        || standing == ExitStanding::Refused;
    let overtaken = case.is_past_its_exit();
    let over = turn.state.actions.get(&action).is_none_or(|a| a.state.is_over());
    if over && !overtaken {
        // its approval is gone, and no answer brings it back
        return turn.record(Record::Note {
            case: Some(id),
            text: SafeText::new(&format!(
                "{action} was offered before it lost its ground: {}",
                standing.sentence()
            )),
        });
    }
    if news {
        turn.record(Record::ExitPublished {
            action,
            verdicts: verdicts.clone(),
            standing: Some(standing.clone()),
        });
    }
    if overtaken {
        return;
    }
    let refusals = turn.state.cases.get(&id).map_or(0, |c| c.offers.refusals);
    match &standing {
        ExitStanding::Exiting { phase } => turn.record(Record::ValidatorPhaseSeen {
            case: id,
            phase: *phase,
            since: None,
            validator: None,
        }),
        ExitStanding::TooEarly { at, .. } => defer(turn, action, *at, &standing),
        ExitStanding::NotActive => {
            let until = UnixMillis(turn.at.0 + advance::CALM_MS);
            defer(turn, action, until, &standing);
        }
        ExitStanding::UnknownIndex => halt(turn, action, &standing.sentence(), &verdicts),
        ExitStanding::Refused if refusals >= advance::REFUSALS => {
            let times = counted(refusals as usize, "time");
            let why = format!("every beacon node that answered refused it, {times} in a row");
            halt(turn, action, &why, &verdicts);
        }
        ExitStanding::BadSignature { .. } => {
            turn.not_before(EffectKey::Prepare(id), advance::AFTER_FAILURE_MS);
        }
        ExitStanding::Delivered | ExitStanding::Unheard | ExitStanding::Refused => {
            // offered again until it is seen in a block
            turn.not_before(EffectKey::Publish(action), advance::offer_pause(refusals));
        }
    }
}

fn defer(turn: &mut Turn<'_>, action: ActionId, until: UnixMillis, standing: &ExitStanding) {
    let reason = SafeText::new(&standing.sentence());
    deferred(turn, action, until, reason);
}

/// An approved exit whose time has not come: its approval stays, and nothing is offered before.
pub(super) fn deferred(turn: &mut Turn<'_>, action: ActionId, until: UnixMillis, reason: SafeText) {
    let state = turn.state.actions.get(&action).map(|a| &a.state);
    if !matches!(state, Some(ActionState::Approved | ActionState::Executing)) {
        return;
    }
    let waits = turn.state.cases.get(&action.case);
    let waits = waits.and_then(|case| case.offers.deferred.as_ref());
    // looked at again, and nothing has changed
    let is_known = state == Some(&ActionState::Approved) && waits.is_some_and(|wait| wait.until == until);
    if !is_known {
        turn.record(Record::ExitDeferred {
            action,
            until,
            reason,
        });
    }
    let look = until.0.saturating_sub(turn.at.0).min(advance::DEFERRED_LOOK_MS);
    turn.not_before(EffectKey::Prepare(action.case), look);
}

/// What waits for its time was looked at again. Where nothing speaks against it any more the wait ends, and its last checks
/// are made; whatever else is found is looked at when the time has come.
pub(super) fn looked_at_wait(turn: &mut Turn<'_>, action: ActionId, outcome: &Prepared) {
    let is_approved = turn.state.actions.get(&action).map(|a| &a.state) == Some(&ActionState::Approved);
    if matches!(outcome, Prepared::Proposal(_)) && is_approved && turn.state.may_leave(action.case) {
        let reason = SafeText::new("until now: the beacon nodes let it exit before the time that was told");
        turn.record(Record::ExitDeferred {
            action,
            until: turn.at,
            reason,
        });
        return;
    }
    turn.not_before(EffectKey::Prepare(action.case), advance::DEFERRED_LOOK_MS);
}

/// A person must look; the approval stays, so that a retry can offer the exit again.
fn halt(turn: &mut Turn<'_>, action: ActionId, why: &str, verdicts: &[ExitVerdict]) {
    let nodes: Vec<_> = verdicts.iter().map(|v| format!("{}: {v}", v.node)).collect();
    let reason = format!(
        "the exit is not offered until it is retried: {why}; {}",
        nodes.join("; ")
    );
    turn.record(Record::CaseHalted {
        case: action.case,
        reason: SafeText::new(&reason),
    });
}
