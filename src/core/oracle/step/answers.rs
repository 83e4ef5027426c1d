//! What became of effects.

use crate::oracle::state::{EffectKey, Sending};
use crate::oracle::turn::Turn;
use crate::oracle::{
    ActionState, Basis, CeremonySuccess, Effect, NotSigned, Record, Sighting, State, account, advance, ways,
};
use crate::types::{
    ActionId, BlsPublicKey, CaseId, CeremonyFailure, CeremonyResult, FailureKind, NonceStatus, RequestId,
    Root, SafeText, SignedTransaction,
};

pub(super) fn ceremony_ended(
    turn: &mut Turn<'_>,
    request: RequestId,
    outcome: Result<Box<CeremonySuccess>, CeremonyFailure>,
    transcript: Option<(SafeText, Root)>,
) {
    turn.answered(EffectKey::Ceremony(request));
    let Some(ceremony) = turn.state.ceremonies.get(&request) else {
        return;
    };
    let (case, given_up) = (ceremony.case, ceremony.ended.is_some());
    match outcome {
        Ok(success) if given_up && !planted!(LateKeyAccepted) => late(turn, case, request, &success.result),
        Ok(success) => {
            let CeremonySuccess { result, checks } = *success;
            let made = key_of(&result);
            turn.record(Record::CeremonyVerified {
                request,
                result,
                checks,
                transcript,
            });
            let closed = turn.state.cases.get(&case).is_none_or(|c| c.is_closed());
            if let Some(validator) = made.filter(|_| closed) {
                let reason = SafeText::new(&format!("made for {case} after it was closed"));
                turn.record(Record::KeyCondemned { validator, reason });
            }
        }
        Err(_) if given_up => {}
        Err(failure) if failure.kind == FailureKind::Unknown && !planted!(OutcomeGuessed) => {
            not_found_out(turn, request, failure.reason, transcript);
        }
        Err(failure) => {
            turn.record(Record::CeremonyFailed {
                request,
                failure,
                transcript,
            });
            let idle = turn.state.cases.get(&case).map_or(0, |c| c.unstarted);
            turn.not_before(EffectKey::Prepare(case), advance::idle_pause(idle));
        }
    }
}

/// The outcome stays open: it is looked for again, after growing pauses. Journaled when it is first so, and when there
/// is something else to say or to prove, as often as [`Doubt::may_be_told`](crate::oracle::Doubt) lets it.
fn not_found_out(
    turn: &mut Turn<'_>,
    request: RequestId,
    reason: SafeText,
    transcript: Option<(SafeText, Root)>,
) {
    let looks = turn.state.volatile.looks.entry(request).or_default();
    let pause = advance::LOOK_FOR_MS.0 << (*looks).min(16);
    *looks += 1;
    turn.not_before(EffectKey::Ceremony(request), pause.min(advance::LOOK_FOR_MS.1));
    let at = turn.at;
    let known = turn.state.ceremonies.get(&request).and_then(|c| c.doubt.as_ref());
    let is_new = known.is_none_or(|d| (transcript.is_some() || d.reason != reason) && d.may_be_told(at));
    if is_new {
        turn.record(Record::CeremonyUnknown {
            request,
            reason,
            transcript,
        });
    }
}

/// A result that came after its ceremony was given up. It is not used; its key is condemned by name. One that was taken
/// and is told once more is no news.
fn late(turn: &mut Turn<'_>, case: CaseId, request: RequestId, result: &CeremonyResult) {
    let ended = turn.state.ceremonies.get(&request).and_then(|c| c.ended.as_ref());
    let taken = ended.and_then(|(_, end)| key_of(end.as_ref().ok()?));
    let known = |key: &BlsPublicKey| taken == Some(*key) || turn.state.condemned.contains_key(key);
    if let Some(validator) = key_of(result).filter(|key| !known(key)) {
        let reason = SafeText::new(&format!("made for {case} by a ceremony that was given up"));
        turn.record(Record::KeyCondemned { validator, reason });
    }
}

/// The key that a ceremony brought into being; a reshare and a signature bring none.
fn key_of(result: &CeremonyResult) -> Option<BlsPublicKey> {
    match result {
        CeremonyResult::Keygen(output) => Some(output.validator),
        CeremonyResult::Reshare(_) | CeremonyResult::Sign { .. } => None,
    }
}

pub(super) fn signed(turn: &mut Turn<'_>, action: ActionId, outcome: Result<SignedTransaction, NotSigned>) {
    turn.answered(EffectKey::Sign(action));
    back(turn, action.case);
    let state = turn.state.actions.get(&action).map(|a| a.state.clone());
    let orphaned = turn.state.cases.get(&action.case).is_none_or(|c| c.orphaned);
    let may_leave = turn.state.may_leave(action.case);
    match (outcome, state) {
        // a first signature: dropped, unsent, when something came between
        (Ok(transaction), Some(ActionState::Approved)) if !orphaned && may_leave => {
            send(turn, action, transaction);
        }
        // a replacement with the same nonce, where no block has taken what it replaces meanwhile
        (Ok(transaction), Some(ActionState::Executing)) if may_leave => {
            let unmined = |s: &&Sending| matches!(s.status, NonceStatus::Pending | NonceStatus::Missing);
            let same = turn
                .state
                .sendings
                .get(&action)
                .filter(unmined)
                .filter(|s| s.versions.iter().all(|known| known.hash != transaction.hash))
                .is_some_and(|s| s.newest().nonce == transaction.nonce);
            if same {
                send(turn, action, transaction);
            }
        }
        // the approval stays, and expires as any other; the last checks are made again before it leaves
        (Err(NotSigned::Away(why)), Some(ActionState::Approved)) => {
            // until the signer answers, whatever else does
            let words = SafeText::new(&format!("{}: {why}", State::SIGNER_AWAY));
            turn.state.volatile.waiting.insert(action.case, words);
            turn.not_before(EffectKey::Prepare(action.case), advance::AFTER_FAILURE_MS);
        }
        (Err(NotSigned::Unknown(why)), Some(ActionState::Approved)) => {
            let words = format!("approved; it leaves when what it is signed with is known: {why}");
            turn.hears(action.case, SafeText::new(&words));
            turn.not_before(EffectKey::Prepare(action.case), advance::AFTER_FAILURE_MS);
        }
        (Err(NotSigned::Refused(reason)), Some(ActionState::Approved)) => {
            let reason = SafeText::new(&format!("{}{reason}", State::NOT_SIGNED));
            turn.record(Record::ActionVoided { action, reason });
            turn.not_before(EffectKey::Prepare(action.case), advance::AFTER_FAILURE_MS);
        }
        (Err(refused), Some(ActionState::Executing)) => {
            // what leaves no room under the ceiling, or has no price, is asked of the market again, and not every few seconds
            let (reason, pause) = match refused {
                NotSigned::Away(reason) => (reason, 0),
                NotSigned::Refused(reason) | NotSigned::Unknown(reason) => {
                    (reason, turn.state.settings.bump_after_ms)
                }
            };
            let words = SafeText::new(&format!("stuck: {reason}"));
            turn.state.volatile.notes.insert(action, words);
            turn.not_before(EffectKey::Sign(action), pause.max(advance::AFTER_FAILURE_MS));
        }
        _ => {}
    }
}

/// Whoever signs has answered: what was said of its absence is over, or is said anew.
fn back(turn: &mut Turn<'_>, case: CaseId) {
    if turn.state.waits_for_signer(case) {
        turn.state.volatile.waiting.remove(&case);
    }
}

/// The first journey of these bytes.
fn send(turn: &mut Turn<'_>, action: ActionId, transaction: SignedTransaction) {
    turn.record(Record::TransactionSigned {
        action,
        transaction: transaction.clone(),
    });
    turn.state.volatile.accounted.insert(EffectKey::Send(action));
    // a look that began before knows nothing of them
    turn.state.volatile.inspected_at.remove(&action);
    turn.state.volatile.unmined_since.remove(&action);
    turn.ask(EffectKey::Send(action), || Effect::Send { action, transaction });
}

pub(super) fn sent(turn: &mut Turn<'_>, action: ActionId, outcome: Result<(), SafeText>) {
    turn.answered(EffectKey::Send(action));
    turn.not_before(EffectKey::Send(action), advance::RESEND_MS);
    let Some(sending) = turn.state.sendings.get(&action) else {
        return;
    };
    let (accepted, hash) = (sending.accepted, sending.newest().hash);
    match outcome {
        Ok(()) => {
            turn.state.volatile.notes.remove(&action);
            if !accepted {
                turn.record(Record::TransactionAccepted { action, hash });
                turn.state.volatile.accounted.insert(EffectKey::Send(action));
                // a look that began before does not count against it
                turn.state.volatile.inspected_at.remove(&action);
            }
        }
        Err(words) => drop(turn.state.volatile.notes.insert(action, words)),
    }
}

pub(super) fn inspected(turn: &mut Turn<'_>, action: ActionId, status: Option<NonceStatus>) {
    turn.answered(EffectKey::Inspect(action));
    let at = turn.at;
    let Some(sending) = turn.state.sendings.get(&action) else {
        return;
    };
    // what is final stays so, whatever an older look says that comes late
    if ways::is_settled(&sending.status) {
        return;
    }
    let (before, accepted) = (sending.status.clone(), sending.accepted);
    let outdated = !turn.state.volatile.inspected_at.contains_key(&action);
    let sending_now = turn.state.volatile.in_flight.contains(&EffectKey::Send(action));
    if let Some(NonceStatus::Replaced { by, is_final }) = &status {
        let ours = by.is_some_and(|hash| sending.hashes().contains(&hash));
        // what a node has with our nonce may be what we have just sent: it is looked at again
        let contested = by.is_none() && !is_final;
        if ours || (contested && (outdated || sending_now)) {
            return;
        }
    }
    let live = &mut turn.state.volatile;
    match &status {
        // nobody answered, or it was taken and is gone: whether it is still out there is open
        None => drop(live.accounted.remove(&EffectKey::Send(action))),
        Some(NonceStatus::Missing) if accepted && !outdated => {
            live.accounted.remove(&EffectKey::Send(action));
        }
        Some(_) => drop(live.accounted.insert(EffectKey::Send(action))),
    }
    let Some(status) = status else { return };
    if matches!(status, NonceStatus::Pending | NonceStatus::Missing) {
        live.unmined_since.entry(action).or_insert(at);
    } else {
        live.unmined_since.remove(&action);
    }
    let is_told = before != status
        && (account::must_be_told(turn.state, action, &before, &status)
            || !is_told_too_often(turn, action, &before, &status));
    if is_told {
        // what was said of it was said of another state
        turn.state.volatile.notes.remove(&action);
        turn.record(Record::TransactionStatus {
            action,
            status: status.clone(),
        });
        account::replaced(turn, action, &before, &status);
    }
}

/// An endpoint that makes up another status at every look would have it journaled at every look. So one that is not final is
/// ever more seldom: another block for itself, so that it hides no transaction that leaves its block. What is final always is.
fn is_told_too_often(turn: &mut Turn<'_>, action: ActionId, before: &NonceStatus, now: &NonceStatus) -> bool {
    let but_for_block = |status: &NonceStatus| match status {
        NonceStatus::Included {
            hash,
            success,
            served,
            is_final: false,
            ..
        } => Some((*hash, *success, *served)),
        _ => None,
    };
    if ways::is_settled(now) {
        return false;
    }
    let moves = but_for_block(before).is_some() && but_for_block(before) == but_for_block(now);
    let live = &mut turn.state.volatile;
    let told = match moves {
        true => &mut live.moved,
        false => &mut live.flipped,
    };
    !told.entry(action).or_default().may_tell(live.up_ms)
}

/// Predictions are journaled before what they predict, each once until it changes.
pub(super) fn validator_seen(turn: &mut Turn<'_>, case: CaseId, seen: Option<Sighting>) {
    turn.answered(EffectKey::LookUp(case));
    let Some(Sighting {
        phase,
        since,
        index,
        by_state,
        by_rules,
    }) = seen
    else {
        return;
    };
    let Some(known) = turn.state.cases.get(&case).filter(|c| !c.is_closed()) else {
        return;
    };
    let (first, state_moved, moved) = (
        by_rules.filter(|_| known.by_rules.is_none()),
        known.by_state != by_state,
        known.phase != Some(phase),
    );
    let mut expect = |basis, forecast| {
        turn.record(Record::ValidatorForecast {
            case,
            index,
            basis,
            forecast,
        });
    };
    if let Some(forecast) = first {
        expect(Basis::Rules, forecast);
    }
    if state_moved {
        expect(Basis::State, by_state);
    }
    if moved {
        turn.record(Record::ValidatorPhaseSeen {
            case,
            phase,
            since,
            validator: None,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::fixture::{plan_of, settings};
    use crate::oracle::*;
    use crate::types::{BackendName, PoolId, RequestKind, UnixMillis};

    #[test]
    fn a_ceremony_that_is_looked_for_in_changing_words_has_few_records() {
        let request = RequestId([1; 24]);
        let (kind, pool, ordinal) = (RequestKind::Deposit, PoolId(1), 0);
        let case = CaseId { kind, pool, ordinal };
        let by = SafeText::new("ann");
        let cause = Cause::Manual {
            by,
            at: UnixMillis(1),
        };
        let started = Record::CeremonyStarted {
            request,
            case,
            action: None,
            role: CeremonyRole::Main,
            attempt: 1,
            plan: plan_of(ActionKind::Keygen),
            backend: BackendName::default(),
        };
        let mut state = State::new(settings());
        for (seq, record) in (1..).zip([Record::CaseOpened { case, cause }, started]) {
            state.apply(seq, UnixMillis(1_000), &record);
        }
        // a month, a look every two minutes, each with another reason and with another transcript
        let mut told = Vec::new();
        for n in 1..=21_600u64 {
            let at = UnixMillis(1_000 + n * 120_000);
            let reason = SafeText::new(&format!("{n} of 4 results are missing"));
            let failure = CeremonyFailure {
                kind: FailureKind::Unknown,
                reason,
                ..fixture::lost()
            };
            let input = Input::CeremonyEnded {
                request,
                outcome: Err(failure),
                transcript: Some((SafeText::new("transcript.json"), Root([7; 32]))),
            };
            let (output, _) = step(
                &mut state,
                Stamped {
                    at,
                    up_ms: at.0,
                    entropy: [0; 24],
                    input,
                },
            );
            let unknown = |record: &&Record| matches!(record, Record::CeremonyUnknown { .. });
            told.extend(output.records.iter().filter(unknown).map(|_| n));
        }
        assert_eq!(told[..8], [1, 2, 3, 4, 5, 6, 7, 8], "at first each");
        assert!((9..=24).contains(&told.len()), "{told:?}");
        assert!(*told.last().unwrap() > 10_000, "and still now and then: {told:?}");
    }
}
