//! A request that left the chain and did not come back: its case is over once nothing can bring that very request back.
//!
//! Until the blocks in which it stood are final without it, and the contract's state lists its pool no more, the case
//! waits, because a branch that comes back brings it along. Then the case is closed, so that it leaves memory as others
//! do. Should the contract ask for the same once more, or list the pool, it goes on with another key.

use crate::oracle::state::REQUEST_GONE;
use crate::oracle::turn::Turn;
use crate::oracle::{Case, Cause, Record, State, ways};
use crate::types::{BlsPublicKey, CaseId, SafeText};

/// Closes a case without a request, where it is over. Whether it did.
pub(super) fn gone_for_good(turn: &mut Turn<'_>, id: CaseId) -> bool {
    let Some(case) = turn.state.cases.get(&id) else {
        return false;
    };
    let stays_away = is_final(turn.state, case) && !is_listed(turn.state, case);
    if case.is_closed() || !stays_away || may_take_effect(turn.state, case) {
        return false;
    }
    if let Some(validator) = unused_key(turn.state, case) {
        let reason = SafeText::new(&format!("made for {id}, whose request left the chain"));
        turn.record(Record::KeyCondemned { validator, reason });
    }
    let outcome = SafeText::new(REQUEST_GONE);
    turn.record(Record::CaseClosed { case: id, outcome });
    true
}

/// Every event up to the block in which it stood was told, and stays.
fn is_final(state: &State, case: &Case) -> bool {
    let told = state.volatile.told_final;
    matches!(&case.cause, Cause::Event { log, .. } if told.is_some_and(|told| log.block.number <= told))
}

/// The contract asks for it all the same, or was not looked at yet.
fn is_listed(state: &State, case: &Case) -> bool {
    let facts = state.facts();
    facts.listed_at().is_none() || case.kind().wanted_by_state(facts).contains(&case.id.pool)
}

/// Something of it is under way or approved, or operators made something for a validator that is at work: a person gives
/// that up.
fn may_take_effect(state: &State, case: &Case) -> bool {
    let made = case.reshare.is_some() || case.exit.is_some() || case.phase.is_some();
    let decides = matches!(
        case.step,
        super::Step::DecideCeremony(_) | super::Step::DecideEffect(_) | super::Step::Execute(_)
    );
    made || decides || ways::can_give_up(state, case).is_err()
}

/// The key that it made, where no transaction used it.
fn unused_key(state: &State, case: &Case) -> Option<BlsPublicKey> {
    let made = case.keygen.as_ref().map(|key| key.validator)?;
    let free = !state.has_used_its_key(case) && !state.condemned.contains_key(&made);
    free.then_some(made)
}
