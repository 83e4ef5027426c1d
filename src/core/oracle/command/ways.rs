//! Ways out: a case is given up, a key is made anew by another committee, an exit is opened by hand.

use super::{Answer, absent, not_now};
use crate::oracle::state::{End, Shares};
use crate::oracle::turn::Turn;
use crate::oracle::ways::{Against, is_listed_again};
use crate::oracle::{ActionState, Case, Cause, Record, Step, advance, ways};
use crate::types::{CaseId, PoolId, RequestKind, SafeText};

/// Nothing of the case is done any more, and nothing but a person takes it up again.
pub(super) fn give_up(turn: &mut Turn<'_>, by: &SafeText, id: CaseId, reason: SafeText) -> Answer {
    let case = found(turn, id)?;
    ways::can_give_up(turn.state, case).map_err(not_now)?;
    if reason.as_str().trim().is_empty() {
        return Err(not_now("a reason is needed: it goes into the journal"));
    }
    let words = SafeText::new(&format!("{id} was given up by {by}: {reason}"));
    void_what_waits(turn, id, &words);
    condemn(turn, id, &words);
    turn.record(Record::CaseGivenUp {
        case: id,
        by: by.clone(),
        reason,
    });
    turn.state.volatile.waiting.remove(&id);
    let behind = ways::queue_behind(turn.state, id);
    let behind = behind.map_or_else(String::new, |words| format!("; {words}"));
    Ok(SafeText::new(&format!(
        "{id} is given up and stays so until it is retried{behind}"
    )))
}

/// A person has another committee make another key: the present one is never used.
pub(super) fn redo_key(turn: &mut Turn<'_>, by: &SafeText, id: CaseId) -> Answer {
    let case = found(turn, id)?;
    ways::can_redo_key(turn.state, case).map_err(not_now)?;
    let had_key = case.keygen.is_some();
    another_committee(turn, by, id, None);
    Ok(SafeText::new(&match had_key {
        true => format!("the key of {id} is never used; another key generation is proposed"),
        false => format!("another committee is proposed for {id}"),
    }))
}

/// The present key, where there is one, is never used; another key generation is proposed. A rule says why.
pub(in crate::oracle) fn another_committee(
    turn: &mut Turn<'_>,
    by: &SafeText,
    id: CaseId,
    why: Option<&Against>,
) {
    let Some(case) = turn.state.cases.get(&id) else {
        return;
    };
    // SSV would refuse the next key of these operators as well
    let is_refused = ways::refused_by_ssv(turn.state, case).is_some();
    let is_blameless = !is_refused && advance::not_renewable(turn.state, case).is_some();
    let because = why.map_or_else(String::new, |why| format!(": {why}"));
    let words = SafeText::new(&format!("{by} had another key made for {id}{because}"));
    void_what_waits(turn, id, &words);
    condemn(turn, id, &words);
    turn.record(Record::KeyRedone {
        case: id,
        by: by.clone(),
        is_blameless,
        is_by_rule: why.is_some(),
    });
}

/// The contract of May 2023 emits no request for an exit, so a person opens it. What it takes to sign and to publish it
/// is what it takes for one that the contract asked for.
pub(super) fn request_exit(turn: &mut Turn<'_>, by: &SafeText, pool: PoolId) -> Answer {
    ways::can_request_exit(turn.state, pool).map_err(not_now)?;
    Ok(open_by_hand(turn, by, RequestKind::Exit, pool))
}

/// Opens a case after the newest of its kind for this pool.
pub(super) fn open_by_hand(turn: &mut Turn<'_>, by: &SafeText, kind: RequestKind, pool: PoolId) -> SafeText {
    let case = turn.state.next_of(kind, pool);
    turn.record(Record::CaseOpened {
        case,
        cause: Cause::Manual {
            by: by.clone(),
            at: turn.at,
        },
    });
    SafeText::new(&format!("{case} opened"))
}

/// A person takes up again what was given up and left memory: the next case goes on with its request. What the one before
/// had made is never used, and what became of it is in its own file.
pub(super) fn take_up_gone(turn: &mut Turn<'_>, by: &SafeText, id: CaseId) -> Answer {
    let CaseId { kind, pool, .. } = id;
    if is_listed_again(turn.state, id) {
        return take_up_listed(turn, by, id);
    }
    let Some((gone, cause, End::GivenUp { orphaned, .. })) = turn.state.newest_gone(kind, pool) else {
        return Err(absent(turn, id));
    };
    if gone != id {
        return Err(absent(turn, id));
    }
    let (cause, orphaned) = (cause.clone(), *orphaned);
    let case = turn.state.next_of(kind, pool);
    let text = SafeText::new(&format!(
        "{id} taken up again by {by}: {case} goes on with its request"
    ));
    go_on_after(turn, id, case, cause, &text);
    if orphaned {
        turn.record(Record::CauseLost { case });
    }
    Ok(text)
}

/// Another case goes on after one that is over, whose story says so.
fn go_on_after(turn: &mut Turn<'_>, over: CaseId, case: CaseId, cause: Cause, text: &SafeText) {
    turn.record(Record::Note {
        case: Some(over),
        text: text.clone(),
    });
    turn.record(Record::CaseOpened { case, cause });
}

/// A person takes up again the pool of a case that came to its end, because the contract lists it again. What that case had
/// sent may come back; then the pool is served, and the next case ends with it.
pub(super) fn take_up_listed(turn: &mut Turn<'_>, by: &SafeText, id: CaseId) -> Answer {
    let Some(block) = turn.state.facts().head else {
        return Err(not_now("the contract's state is not known"));
    };
    let case = turn.state.next_of(id.kind, id.pool);
    let text = SafeText::new(&format!(
        "the contract lists pool {} again, and {by} takes it up again: {case} goes on after {id}",
        id.pool
    ));
    go_on_after(turn, id, case, Cause::State { block }, &text);
    Ok(text)
}

fn found<'a>(turn: &'a Turn<'_>, id: CaseId) -> Result<&'a Case, super::Refusal> {
    turn.state.cases.get(&id).ok_or_else(|| absent(turn, id))
}

/// An action that waits for its decision, or was approved and has not left, has lost its ground.
fn void_what_waits(turn: &mut Turn<'_>, id: CaseId, reason: &SafeText) {
    let action = match turn.state.cases.get(&id).map(|c| &c.step) {
        Some(Step::DecideCeremony(action) | Step::DecideEffect(action)) => *action,
        _ => return,
    };
    let stands = |state: &ActionState| matches!(state, ActionState::Proposed | ActionState::Approved);
    if turn.state.actions.get(&action).is_some_and(|a| stands(&a.state)) {
        turn.record(Record::ActionVoided {
            action,
            reason: reason.clone(),
        });
    }
}

/// The key that the case made is never used, unless it is in the chain already. The key of a validator is not the case's
/// to condemn.
fn condemn(turn: &mut Turn<'_>, id: CaseId, reason: &SafeText) {
    let Some(case) = turn.state.cases.get(&id) else {
        return;
    };
    if planted!(OldKeyGood) || case.kind().shares() != Shares::Makes || turn.state.has_used_its_key(case) {
        return;
    }
    let made = case.keygen.as_ref().map(|key| key.validator);
    if let Some(validator) = made.filter(|key| !turn.state.condemned.contains_key(key)) {
        turn.record(Record::KeyCondemned {
            validator,
            reason: reason.clone(),
        });
    }
}
