//! A transaction that reverted because SSV takes nothing of these operators: a limit, a list, one that is not there any
//! more. That changes at SSV and without us, so the desk tries now and then whether SSV would take it, and the case is taken
//! up when it would: proposed anew with fresh facts, and decided as everything else. So many times, because each costs a
//! fee; then a person looks. Where a rule may choose another committee, the desk tries for its sake as well: what was said
//! of a block that is past gives no key up.

use crate::oracle::turn::Turn;
use crate::oracle::ways::{asks_ssv_again, refused_by_ssv, stands_refused};
use crate::oracle::{Prepared, Purpose, Record};
use crate::types::{CaseId, CheckStatus, SafeText};

use super::another::{may_choose, sees_the_chain};
use super::*;

/// Between two questions whether SSV would take it by now, ms.
const ASK_EVERY_MS: u64 = 60_000;
/// The check by which the whole transaction is tried out.
const TRIED_OUT: &str = "simulation";

/// Has the desk prepare what a halted case would send, where it may be SSV's answer alone that stands against it.
pub(super) fn ask_ssv_again(turn: &mut Turn<'_>, id: CaseId) {
    let Some(case) = turn.state.cases.get(&id) else {
        return;
    };
    if !stands_refused(turn.state, case)
        || !(can_be_taken_up(turn.state, case) || may_choose(turn.state, case))
        || !turn.state.may_leave(id)
        || !sees_the_chain(turn.state)
        || turn.state.reads_the_future().is_some()
    {
        return;
    }
    let settings = &turn.state.settings;
    let held = case.kind().holds_effect(settings, turn.state.seen(), id.pool);
    let condemned = case
        .keygen
        .as_ref()
        .is_some_and(|key| turn.state.condemned.contains_key(&key.validator));
    let effect = case.kind().effect();
    let registers = effect.definition().carries_registration();
    if held.is_some() || condemned {
        return;
    }
    if registers && registers_first(turn.state, id).is_some() {
        return;
    }
    prepare(turn, id, Purpose::Propose, effect, None);
}

/// Whether what SSV refused goes out again once SSV would take it. Another signature of the registration is a matter of the
/// way on that a person or a rule chooses.
fn can_be_taken_up(state: &State, case: &Case) -> bool {
    let expected = state.facts().owner_nonce;
    let is_registered = case
        .registration
        .is_some_and(|signed| expected == Some(signed.nonce));
    let registers = case.kind().effect().definition().carries_registration();
    asks_ssv_again(state, case) && (is_registered || !registers)
}

/// Whether the desk's answer to that question goes on as any other: SSV would take it now, and the case is taken up.
pub(in crate::oracle) fn is_taken_now(turn: &mut Turn<'_>, id: CaseId, outcome: &Prepared) -> bool {
    let Some(case) = turn.state.cases.get(&id) else {
        return false;
    };
    if !stands_refused(turn.state, case) {
        return true;
    }
    let takes = match outcome {
        Prepared::Proposal(proposal) => {
            let tried = proposal.checks.iter().find(|check| check.name == TRIED_OUT);
            let passes = tried.is_some_and(|check| check.status == CheckStatus::Pass);
            passes && proposal.failed_checks().next().is_none()
        }
        _ => false,
    };
    if !takes || !can_be_taken_up(turn.state, case) {
        turn.not_before(EffectKey::Prepare(id), ASK_EVERY_MS);
        return false;
    }
    let why = refused_by_ssv(turn.state, case).unwrap_or_default();
    let by = SafeText::new(&format!(
        "this program: SSV would take it now, and did not before ({why})"
    ));
    turn.record(Record::CaseRetried { case: id, by });
    true
}
