//! After the effect: the validator is followed on the beacon chain.

use std::time::Duration;

use crate::oracle::state::{Case, EffectKey};
use crate::oracle::turn::Turn;
use crate::oracle::{Effect, Published, Record};
use crate::types::{CaseId, CeremonyPlan, SafeText, SignPurpose};

use super::*;

/// Asks the beacon chain about the validator of a case: now and then, and at once when a node hints that it moved.
pub(super) fn look_up(turn: &mut Turn<'_>, id: CaseId) {
    let own = turn.state.cases.get(&id).and_then(Case::validator);
    let Some(validator) = own.or_else(|| turn.state.known_key(id.pool).map(|k| k.validator)) else {
        return;
    };
    let hints = turn.state.volatile.hints;
    let every = turn.state.settings.look_up_every_ms;
    let due = match turn.state.volatile.looked_up.get(&id) {
        None => true,
        Some((asked, known)) => {
            let pause = if hints == *known {
                every
            } else {
                every.min(LOOK_UP_LEAST_MS)
            };
            let live = &turn.state.volatile;
            live.has_come(asked.plus(Duration::from_millis(pause)))
        }
    };
    if due && !turn.state.volatile.in_flight.contains(&EffectKey::LookUp(id)) {
        // what is hinted from here on may be news to the answer
        turn.state.volatile.looked_up.insert(id, (turn.at, hints));
        turn.state.volatile.agenda.mark(id);
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
pub(super) fn follow(turn: &mut Turn<'_>, id: CaseId) {
    let Some(case) = turn.state.cases.get(&id) else {
        return;
    };
    match case.kind().outcome(&turn.state.settings, case.phase) {
        Some(outcome) => turn.record(Record::CaseClosed {
            case: id,
            outcome: SafeText::new(outcome),
        }),
        None => look_up(turn, id),
    }
}
