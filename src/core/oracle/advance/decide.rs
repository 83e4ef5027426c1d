//! An action that waits: for a rule, for a person, or for its last checks.

use std::time::Duration;

use crate::oracle::checks::{Rests, rests_on};
use crate::oracle::state::EffectKey;
use crate::oracle::turn::{Begins, Turn};
use crate::oracle::{
    Action, ActionState, Decider, Decision, Family, HELD, Mode, Payload, Purpose, Reach, Record, Rule,
    STALE_AFTER, State, Verdict, people, undo,
};
use crate::types::{ActionId, CheckStatus, SafeText, UnixMillis};

use super::*;

/// What has faded is looked at again after this time, until somebody answers, and so is what somebody approved while it had,
/// for the first minute: what is not known for longer than that is asked at the usual pace, ms.
const REFRESH_MS: u64 = 4_000;

/// What was proposed is looked at again after this time for the first time, ms.
const FIRST_REFRESH_MS: u64 = 1_000;

/// How it begins what is said of an action that no rule lets pass.
pub const FOR_A_PERSON: &str = "waits for a person: ";

/// How it begins what is said of one that a rule may let pass at its second look.
pub const LOOKED_AT_AGAIN: &str = "its checks are made again before anybody is asked: ";

const OBSERVED: &str = "approved; mode observe lets nothing leave this machine";

/// An action that is proposed or approved: it loses its ground, is decided by a rule, is kept true, or gets its last
/// checks.
pub(super) fn decide(turn: &mut Turn<'_>, id: ActionId) {
    let Some(action) = turn.state.actions.get(&id) else {
        return;
    };
    if let Some(reason) = superseded(turn.state, action) {
        turn.record(Record::ActionVoided {
            action: id,
            reason: SafeText::new(&reason),
        });
        return;
    }
    match action.state {
        ActionState::Proposed => {
            people::forget_lost(turn, id);
            proposed(turn, id);
        }
        ActionState::Approved => approved(turn, id),
        _ => {}
    }
}

/// In mode auto a rule may let it pass. What waits is kept true.
fn proposed(turn: &mut Turn<'_>, id: ActionId) {
    let Some(action) = turn.state.actions.get(&id) else {
        return;
    };
    let is_ceremony = action.proposal.payload.family() == Family::Ceremony;
    if is_ceremony && held(turn, id.case) {
        says_what_holds(turn, id);
        refresh(turn, id);
        return;
    }
    let Some(action) = turn.state.actions.get(&id) else {
        return;
    };
    if let Some(faded) = turn.state.faded(action).filter(|_| !planted!(StalePasses)) {
        let names = faded.checks.join(", ");
        if !says_refreshing(turn, id) && turn.state.mode() == Mode::Auto {
            let words = format!("stale checks are made again first: {names} ({})", faded.why);
            turn.waits(id.case, &words);
        }
        refresh(turn, id);
        return;
    }
    let permitted = (turn.state.mode() == Mode::Auto).then(|| {
        let rule = rule_for(turn.state, action)?;
        let name = rule.name.clone();
        let by = Decider::Rule { name };
        Ok::<_, String>(Decision::alone(Verdict::Approve, by, turn.at, action.digest))
    });
    match permitted {
        Some(Ok(decision)) => {
            let why = format!("{} decided without it", decision.decider);
            people::drop_all_of(turn, id, &why);
            turn.record(Record::Decided { action: id, decision });
            return;
        }
        Some(Err(reason)) => {
            let lead = match is_looked_at_again(turn.state, action) {
                true => LOOKED_AT_AGAIN,
                false => FOR_A_PERSON,
            };
            let words = format!("{lead}{reason}");
            turn.waits(id.case, &words);
        }
        None => {}
    }
    says_refreshing(turn, id);
    refresh(turn, id);
}

/// Says whose approvals wait for stale checks and what for, where any do.
fn says_refreshing(turn: &mut Turn<'_>, id: ActionId) -> bool {
    let Some(waits) = turn.state.refreshing(id).filter(|it| it.why.is_some()) else {
        return false;
    };
    turn.waits(id.case, &waits.words());
    true
}

/// What was approved and waits for stale checks waits for what holds every ceremony as well: both are said.
fn says_what_holds(turn: &mut Turn<'_>, id: ActionId) {
    let held = turn.state.waiting_reason(id.case).cloned();
    let (Some(held), Some(waits)) = (held, turn.state.refreshing(id)) else {
        return;
    };
    turn.waits(id.case, &format!("{}; {held}", waits.words()));
}

/// Whether nothing but checks that could not be looked at at the first look keeps a rule from letting an action pass, and
/// the second look is still to come: it often knows them, and then nobody need be asked.
fn is_looked_at_again(state: &State, action: &Action) -> bool {
    if !state.volatile.looked_at_once.contains(&action.id) {
        return false;
    }
    let mut known = action.clone();
    for check in &mut known.proposal.checks {
        // what rests on this machine alone stays as it is
        if check.status == CheckStatus::Unknown && rests_on(&check.name) != Rests::Here {
            check.status = CheckStatus::Pass;
        }
    }
    rule_for(state, &known).is_ok()
}

/// The rule that lets an action pass in mode auto, by what is known at the time of the last input.
///
/// # Errors
/// A sentence that says why none does.
pub fn rule_for<'a>(state: &'a State, action: &Action) -> Result<&'a Rule, String> {
    let case = state.cases.get(&action.id.case);
    // its approval would expire in the pause, and the next one count against the limits of the day once more
    if let Some(what) = state.paused_with(action.id.case) {
        return Err(format!("no rule approves while {what} is paused"));
    }
    let overtaken = case.map(|c| c.overtaken).unwrap_or_default();
    let before = match action.proposal.payload.family() {
        Family::Ceremony => case.map_or(0, Case::counted_attempts),
        // what is refused again and again is approved again and again by a rule, and counts against its day
        Family::Transaction | Family::Broadcast => overtaken.times.max(state.not_signed(action.id.case)),
    };
    let policy = &state.settings.policy;
    let rule = policy
        .permits(action, before + 1, &state.rule_uses, state.reckoned())
        .inspect_err(|_| state.await_the_end_of_a_day())?;
    rule.covers_fees(action, overtaken.fees_wei)?;
    Ok(rule)
}

/// It leaves when nothing holds it, within the time that an approval is good for.
fn approved(turn: &mut Turn<'_>, id: ActionId) {
    let Some(action) = turn.state.actions.get(&id) else {
        return;
    };
    // what a person signed says until when, whatever the chain's own time is
    if let Some(why) = turn.state.signature_expired(action) {
        let reason = SafeText::new(&format!("{why}, before what it approves could be executed"));
        turn.record(Record::ActionVoided { action: id, reason });
        return;
    }
    // nor is it waited for the time of what rules or people would not let leave then
    if let Some(why) = turn.state.settings.policy.lacks(action) {
        let reason = SafeText::new(&format!("the approval does not count any more: {why}"));
        turn.record(Record::ActionVoided { action: id, reason });
        return;
    }
    let too_old = too_old(turn.state, action);
    let undo_open = undo::is_open(turn, id);
    let deferred = turn
        .state
        .cases
        .get(&id.case)
        .and_then(|c| c.offers.deferred.clone());
    let observes = turn.state.mode() == Mode::Observe;
    match deferred {
        Some(wait) if !turn.state.volatile.has_come(wait.until) => {
            let words = if observes { OBSERVED } else { wait.reason.as_str() };
            turn.waits(id.case, words);
            // it can leave in other ways: slashed, or by an exit of somebody else
            look_up(turn, id.case);
            if too_old.is_none() && !undo_open && !observes {
                look_at_wait(turn, id);
            }
            return;
        }
        Some(wait) => turn.waits_no_more(id.case, wait.reason.as_str()),
        None => {}
    }
    if let Some(reason) = too_old {
        turn.record(Record::ActionVoided { action: id, reason });
        return;
    }
    if observes {
        turn.waits(id.case, OBSERVED);
        return;
    }
    if undo_open || cut_off(turn, id) {
        return;
    }
    let is_ceremony = turn.state.family_of(id) == Some(Family::Ceremony);
    if is_ceremony && held(turn, id.case) {
        return;
    }
    if !turn.state.may_leave(id.case) || turn.state.is_handed_over(id) || !ready_to_begin(turn, id.case) {
        return;
    }
    if !is_ceremony {
        let carries = turn.state.actions.get(&id).map(|a| a.proposal.kind.definition());
        let carries = carries.is_some_and(|of| of.carries_registration());
        if let Some(other) = registers_first(turn.state, id.case).filter(|_| carries) {
            turn.waits(id.case, &waits_for(other));
            return;
        }
        prepare_again(turn, id, Purpose::Send(id));
    } else if turn.may_ask(EffectKey::Prepare(id.case)) {
        turn.may_begin(Begins::Approved(id));
    }
}

/// Looks now and then whether what was approved still has to wait for its time, and at once after a start.
fn look_at_wait(turn: &mut Turn<'_>, id: ActionId) {
    let live = &turn.state.volatile;
    let is_read = live.caught_up && live.facts.head.is_some();
    if is_read && !turn.state.is_cut_off() && turn.state.may_leave(id.case) && !turn.state.is_handed_over(id)
    {
        prepare_again(turn, id, Purpose::Send(id));
    }
}

/// Why an approval is none any more: it was given too long ago.
fn too_old(state: &State, action: &Action) -> Option<SafeText> {
    let waited = match state.volatile.queued.contains_key(&action.id.case) {
        true => ": no place among the ceremonies got free",
        false => "",
    };
    expired(state, action).then(|| {
        SafeText::new(&format!(
            "the approval expired before it could be executed{waited}"
        ))
    })
}

/// Whether no endpoint answers, so that what was approved is held: last checks would be made of what nobody says. Says so,
/// and takes it back when somebody answers.
fn cut_off(turn: &mut Turn<'_>, id: ActionId) -> bool {
    if turn.state.is_cut_off() {
        turn.waits(id.case, HELD);
        return true;
    }
    turn.waits_no_more(id.case, HELD);
    false
}

/// Whether an approval is too old. The chain's own time does not use it up.
fn expired(state: &State, action: &Action) -> bool {
    let decided_at = action.approved_since().unwrap_or(action.proposed_at);
    let is_old = match deferred_until(state, action.id).filter(|until| decided_at < *until) {
        Some(until) => {
            let good_for = Duration::from_millis(state.settings.approval_expires_ms.saturating_add(1));
            state.volatile.has_come(until.plus(good_for))
        }
        None => state.has_expired(action.id, decided_at),
    };
    is_old && !planted!(NeverExpires)
}

/// Whether what was approved waits for its time.
pub(in crate::oracle) fn is_deferred(state: &State, id: ActionId) -> bool {
    deferred_until(state, id).is_some_and(|until| !state.volatile.has_come(until))
}

fn deferred_until(state: &State, id: ActionId) -> Option<UnixMillis> {
    let wait = state.cases.get(&id.case)?.offers.deferred.as_ref()?;
    Some(wait.until)
}

/// Whether what was approved may not leave now: its approval has expired or is not enough any more, or its time has not
/// come.
pub(in crate::oracle) fn not_in_time(state: &State, id: ActionId) -> bool {
    let early = deferred_until(state, id).is_some_and(|until| until > state.volatile.now);
    let undo_open = undo::undo_until(state, id).is_some() && !planted!(UndoIgnored);
    early
        || undo_open
        || state.actions.get(&id).is_none_or(|action| {
            expired(state, action)
                || state.signature_expired(action).is_some()
                || state.settings.policy.lacks(action).is_some()
        })
}

/// Why an undecided or unsent effect lost its ground.
fn superseded(state: &State, action: &Action) -> Option<String> {
    if !action.proposal.kind.definition().carries_registration() {
        return None;
    }
    let case = state.cases.get(&action.id.case)?;
    let nonce = case.registration.map(|r| r.nonce)?;
    let now = state.volatile.facts.owner_nonce?;
    (state.volatile.facts.head.is_some() && nonce != now)
        .then(|| format!("SSV's registration nonce of the manager moved from {nonce} to {now}"))
}

/// Keeps what is shown true: transactions at each new block, ceremonies and exits now and then.
fn refresh(turn: &mut Turn<'_>, id: ActionId) {
    let Some(action) = turn.state.actions.get(&id) else {
        return;
    };
    // what nobody says would take the place of what was so
    if turn.state.is_cut_off() {
        return;
    }
    let head = turn.state.volatile.facts.head.map_or(0, |h| h.number);
    let last = turn.state.volatile.inspected_at.get(&id).copied();
    let approving = turn.state.was_just_approved(id);
    let faded = turn.state.faded(action).is_some() && turn.state.volatile.sight.reach == Reach::Followed;
    let early = turn.is_early(EffectKey::Prepare(id.case));
    let live = &turn.state.volatile;
    let is_old = |at: UnixMillis, ms| live.has_come(at.plus(Duration::from_millis(ms)));
    let due = match (action.proposal.payload.family(), last) {
        (_, None) => {
            approving || turn.at < action.proposed_at || is_old(action.proposed_at, FIRST_REFRESH_MS)
        }
        (_, Some((_, at))) if faded || approving => is_old(at, REFRESH_MS),
        // the desk could not look, and says when it can: what held it up is not said for longer than it does
        _ if live.heard.contains_key(&id.case) => !early,
        (Family::Transaction, Some((block, at))) => block != head || live.has_come(at.plus(STALE_AFTER / 2)),
        (Family::Ceremony | Family::Broadcast, Some((_, at))) => {
            is_old(at, turn.state.settings.refresh_every_ms)
        }
    };
    if due {
        turn.state.volatile.inspected_at.insert(id, (head, turn.at));
        turn.state.volatile.agenda.mark(id.case);
        prepare_again(turn, id, Purpose::Refresh(id));
    }
}

/// Has it looked at again at once: a person wants to rely on what it shows.
pub(in crate::oracle) fn look_again(turn: &mut Turn<'_>, id: ActionId) {
    turn.state.volatile.inspected_at.remove(&id);
    turn.state
        .volatile
        .not_before
        .remove(&EffectKey::Prepare(id.case));
}

/// Has an action that stands looked at again by the desk, with the committee that it has, and who deals.
pub(super) fn prepare_again(turn: &mut Turn<'_>, id: ActionId, purpose: Purpose) {
    let Some(action) = turn.state.actions.get(&id) else {
        return;
    };
    let standing = match &action.proposal.payload {
        Payload::Ceremony(payload) => Some(payload.plan.clone()),
        Payload::Transaction(_) | Payload::Exit(_) => None,
    };
    let kind = action.proposal.kind;
    prepare(turn, id.case, purpose, kind, standing.as_ref());
}
