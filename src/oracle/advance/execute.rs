//! After the decision: transactions and exits until they are facts.

use crate::oracle::state::{Case, EffectKey};
use crate::oracle::turn::Turn;
use crate::oracle::{Effect, Payload, Published, Record, ValidatorPhase};
use crate::types::{
    ActionId, CaseId, CeremonyPlan, NonceStatus, RequestKind, SafeText, SignPurpose, UnixMillis,
};

use super::*;

pub(in crate::oracle) fn execute(turn: &mut Turn<'_>, id: ActionId) {
    if id.case.kind == RequestKind::Exit {
        return execute_exit(turn, id);
    }
    let Some(sending) = turn.state.sendings.get(&id) else {
        return;
    };
    let head = turn.state.live.facts.head.map_or(0, |h| h.number);
    let due = match turn.state.live.inspected_at.get(&id) {
        None => true,
        Some((block, at)) => *block != head || u128::from(REINSPECT_MS) <= turn.at.since(*at).as_millis(),
    };
    let (nonce, hashes) = (sending.newest().nonce, sending.hashes());
    let newest = sending.newest().clone();
    let missing = sending.status == NonceStatus::Missing;
    let base_fee = turn.state.live.facts.base_fee_wei;
    let waited =
        |since: UnixMillis| turn.at.since(since).as_millis() >= u128::from(turn.state.settings.bump_after_ms);
    // nodes forget, or never take, what pays less than the base fee
    let stuck = matches!(sending.status, NonceStatus::Pending | NonceStatus::Missing)
        && newest.max_fee_wei < base_fee
        && sending.unmined_since.is_some_and(waited);
    let may_leave = turn.state.may_leave(id.case);
    if due && !turn.state.live.in_flight.contains(&EffectKey::Inspect(id)) {
        turn.state.live.inspected_at.insert(id, (head, turn.at));
        turn.ask(EffectKey::Inspect(id), || Effect::Inspect {
            action: id,
            nonce,
            hashes,
        });
    }
    if missing && may_leave {
        turn.ask(EffectKey::Send(id), || Effect::Send {
            action: id,
            transaction: newest.clone(),
        });
    }
    if stuck
        && may_leave
        && let Some(Payload::Transaction(payload)) =
            turn.state.actions.get(&id).map(|a| a.proposal.payload.clone())
    {
        turn.ask(EffectKey::Sign(id), || Effect::Sign {
            action: id,
            payload,
            nonce,
            replaces: Some(newest),
        });
    }
}

/// Published, not yet seen in a block: offered again, and the validator watched.
pub(in crate::oracle) fn execute_exit(turn: &mut Turn<'_>, id: ActionId) {
    let may_leave = turn.state.may_leave(id.case);
    if let Some(Payload::Exit(payload)) = turn.state.actions.get(&id).map(|a| a.proposal.payload.clone()) {
        let fresh = turn.state.cases.get(&id.case).is_some_and(|c| {
            let pause = u128::from(offer_pause(c.offers.refusals));
            c.offers.at.is_some_and(|t| turn.at.since(t).as_millis() < pause)
        });
        if may_leave && !fresh {
            turn.ask(EffectKey::Publish(id), || Effect::PublishExit {
                action: id,
                payload,
            });
        }
    }
    look_up(turn, id.case);
}

/// How long an exit rests before it is offered again, after so many refusals in a row, ms.
pub(in crate::oracle) fn offer_pause(refusals: u32) -> u64 {
    match refusals {
        0 => REPUBLISH_MS,
        n => AFTER_REFUSAL_MS << (n - 1).min(REFUSALS),
    }
}

pub(in crate::oracle) fn look_up(turn: &mut Turn<'_>, id: CaseId) {
    let own = turn.state.cases.get(&id).and_then(Case::validator);
    let Some(validator) = own.or_else(|| turn.state.known_key(id.pool).map(|k| k.validator)) else {
        return;
    };
    let hints = turn.state.live.hints;
    let every = turn.state.settings.look_up_every_ms;
    let due = match turn.state.live.looked_up.get(&id) {
        None => true,
        Some((asked, known)) => {
            let pause = if hints == *known {
                every
            } else {
                every.min(LOOK_UP_LEAST_MS)
            };
            turn.at.since(*asked).as_millis() >= u128::from(pause)
        }
    };
    if due && !turn.state.live.in_flight.contains(&EffectKey::LookUp(id)) {
        // what is hinted from here on may be news to the answer
        turn.state.live.looked_up.insert(id, (turn.at, hints));
        let published = turn.state.cases.get(&id).and_then(published);
        turn.ask(EffectKey::LookUp(id), || Effect::LookUpValidator {
            case: id,
            validator,
            published,
        });
    }
}

/// An exit that some node took, while the rules' prediction is not journaled yet. It is made for the time of
/// publishing, whenever it is asked for.
fn published(case: &Case) -> Option<Published> {
    let Some((CeremonyPlan::Sign { what, .. }, _)) = &case.exit else {
        return None;
    };
    let SignPurpose::VoluntaryExit { epoch, .. } = what else {
        return None;
    };
    let taken = case.offers.verdicts.iter().any(|v| v.answer.delivered());
    let at = case.offers.at.filter(|_| taken && case.by_rules.is_none())?;
    Some(Published { at, epoch: *epoch })
}

/// After the effect is final: a deposit is followed to an active validator, an exit to its withdrawal.
pub(in crate::oracle) fn follow(turn: &mut Turn<'_>, id: CaseId) {
    let Some(case) = turn.state.cases.get(&id) else {
        return;
    };
    let outcome = match (id.kind, case.phase) {
        (RequestKind::Deposit, _) if !turn.state.settings.follows_beacon => Some("the deposit is final"),
        (RequestKind::Deposit, Some(p)) if p >= ValidatorPhase::Active => Some("the validator is active"),
        (RequestKind::Reshare, _) => Some("the contract has the new committee"),
        (RequestKind::Exit, Some(ValidatorPhase::Withdrawn)) => {
            Some("the validator has left and its balance is withdrawn")
        }
        _ => None,
    };
    match outcome {
        Some(outcome) => turn.record(Record::CaseClosed {
            case: id,
            outcome: SafeText::new(outcome),
        }),
        None => look_up(turn, id),
    }
}
