//! What the beacon nodes said to an exit that was offered to them, and what follows from it.

use crate::oracle::state::EffectKey;
use crate::oracle::turn::Turn;
use crate::oracle::{ActionState, Deferral, ExitStanding, ExitVerdict, Prepared, Record, Step, advance};
use crate::types::{ActionId, SafeText, UnixMillis, counted};

/// A wait whose time moves is recorded at most this often, ms.
const POSTPONED_MS: u64 = 3_600_000;

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
    let goes_on = !matches!(case.step, Step::Execute(_));
    let news = goes_on
        || !are_alike(&case.offers.verdicts, &verdicts)
        || case.offers.standing.as_ref() != Some(&standing)
        // each one counts
        || standing == ExitStanding::Refused;
    let before = turn.state.volatile.refusals_of(action, &case.offers);
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
    let refusals = standing.refusals_after(before);
    turn.state.volatile.refused.insert(action, refusals);
    // what stops the case is said, whatever was said before
    let stops = standing == ExitStanding::Refused && refusals >= advance::REFUSALS;
    if news && (goes_on || stops || !is_told_too_often(turn, action, &standing)) {
        turn.record(Record::ExitPublished {
            action,
            verdicts: verdicts.clone(),
            standing: Some(standing.clone()),
        });
    }
    if overtaken {
        return;
    }
    match &standing {
        ExitStanding::Exiting { phase } => turn.record(Record::ValidatorPhaseSeen {
            case: id,
            phase: *phase,
            since: None,
            validator: None,
        }),
        ExitStanding::TooEarly { at, .. } => defer(turn, action, *at, &standing),
        ExitStanding::NotActive => defer(turn, action, UnixMillis(turn.at.0 + advance::CALM_MS), &standing),
        ExitStanding::UnknownIndex => halt(turn, action, &standing.sentence(), &verdicts),
        ExitStanding::Refused if stops => {
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

/// A gateway that answers by turns, or a node that takes it by turns, would have each offer journaled. What leaves the case
/// where it is, offered again and again, is ever more seldom.
fn is_told_too_often(turn: &mut Turn<'_>, action: ActionId, standing: &ExitStanding) -> bool {
    let stays = matches!(
        standing,
        ExitStanding::Delivered | ExitStanding::Unheard | ExitStanding::Refused
    );
    let live = &mut turn.state.volatile;
    stays && !live.flipped.entry(action).or_default().may_tell(live.up_ms)
}

/// The same answers of the same nodes. Their words may have the time or a number in them, which is other each time.
fn are_alike(known: &[ExitVerdict], verdicts: &[ExitVerdict]) -> bool {
    let said = |verdict: &ExitVerdict| (verdict.node.clone(), verdict.answer);
    known.iter().map(said).eq(verdicts.iter().map(said))
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
    let waits = waits.filter(|_| state == Some(&ActionState::Approved));
    let is_known = waits.is_some_and(|wait| wait.until == until);
    if waits.is_some_and(|wait| is_postponed_again(turn, wait, until)) {
        turn.hears(action.case, reason);
    } else if !is_known {
        turn.record(Record::ExitDeferred {
            action,
            until,
            reason,
        });
    }
    let look = until.0.saturating_sub(turn.at.0).min(advance::DEFERRED_LOOK_MS);
    turn.not_before(EffectKey::Prepare(action.case), look);
}

/// Another look finds a later time, soon after one was recorded: by whoever tells a time that runs away the journal would grow
/// with each look. It is recorded often enough that an approval is not too old by the time that is recorded.
fn is_postponed_again(turn: &Turn<'_>, wait: &Deferral, until: UnixMillis) -> bool {
    let good_for = turn.state.settings.approval_expires_ms / 2;
    let pause = match good_for < advance::DEFERRED_LOOK_MS {
        true => 0,
        false => good_for.min(POSTPONED_MS),
    };
    // a clock that was set back says nothing
    let is_recent = wait.at <= turn.at && turn.at.0 - wait.at.0 < pause;
    wait.until < until && is_recent
}

/// What waits for its time was looked at again. Where nothing speaks against it any more the wait ends, and its last checks
/// are made; whatever else is found is said, and looked at again, when the time has come at the latest.
pub(super) fn looked_at_wait(turn: &mut Turn<'_>, action: ActionId, outcome: Prepared) {
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
    if let Prepared::Later { reason, .. } | Prepared::Refused(reason) = outcome {
        turn.hears(action.case, reason);
    }
    let case = turn.state.cases.get(&action.case);
    let until = case.and_then(|case| Some(case.offers.deferred.as_ref()?.until));
    let left = until.map_or(advance::DEFERRED_LOOK_MS, |until| {
        until.0.saturating_sub(turn.at.0)
    });
    turn.not_before(
        EffectKey::Prepare(action.case),
        left.clamp(1, advance::DEFERRED_LOOK_MS),
    );
}

/// A person must look; the approval stays, so that a retry can offer the exit again.
fn halt(turn: &mut Turn<'_>, action: ActionId, why: &str, verdicts: &[ExitVerdict]) {
    // whoever retries it sees each answer again
    turn.state.volatile.flipped.remove(&action);
    turn.state.volatile.refused.remove(&action);
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
