//! What each case needs next, derived from the state alone. After a restart nothing is in flight, so everything that
//! is still needed is asked for again: that is the whole recovery.

mod another;
#[cfg(test)]
mod cost;
mod decide;
mod execute;
mod follow;
mod gone;
mod hold;
mod places;
mod refused;
mod registration;
mod served;

use crate::oracle::state::{Asked, Case, EffectKey};
use crate::oracle::turn::Turn;
use crate::oracle::{ActionKind, ActionState, Doubt, Effect, Purpose, Record, Resume, State, Step, people};
use crate::types::{ActionId, CaseId, CeremonyPlan, RequestId, SafeText};

use another::another_committee;
use decide::decide;
pub use decide::{FOR_A_PERSON, LOOKED_AT_AGAIN, rule_for};
pub(super) use decide::{is_deferred, look_again, not_in_time};
use execute::execute;
pub(super) use execute::offer_pause;
use follow::{follow, look_up};
use gone::gone_for_good;
use hold::held;
pub(super) use places::is_free;
use refused::ask_ssv_again;
pub(super) use refused::is_taken_now;
pub(super) use registration::{not_renewable, registers_first};
use registration::{toward_effect, waits_for};
pub(super) use served::covers;
use served::{StateSays, doubted, served, state_on};

/// Blocks after which a pool in the ready list without an event is taken up.
pub(super) const UNSEEN_BLOCKS: u64 = 2;

/// Pause after something failed before it is prepared again, ms.
pub(super) const AFTER_FAILURE_MS: u64 = 5_000;

/// The longest pause after ceremonies that started nothing, ms: a relay that is back is noticed within it.
const LONGEST_IDLE_MS: u64 = 300_000;

/// Pause after so many ceremonies in a row that started nothing, ms: each is twice the one before.
pub(super) fn idle_pause(unstarted: u32) -> u64 {
    (AFTER_FAILURE_MS << unstarted.saturating_sub(1).min(16)).min(LONGEST_IDLE_MS)
}

/// A ceremony whose outcome is unknown is looked for again after the first pause; each is twice the one before, up to
/// the second, ms.
pub(super) const LOOK_FOR_MS: (u64, u64) = (5_000, 120_000);

/// Signed bytes are offered again after this time while no node has them, ms.
pub(super) const RESEND_MS: u64 = 4_000;

/// A transaction is looked at again after this time even without a new block, ms.
const REINSPECT_MS: u64 = 4_000;

/// A published exit is offered again after this time until it is seen in a block, ms.
const REPUBLISH_MS: u64 = 24_000;

/// After the first refusal by every node an exit is offered again after this time, then after twice as long, .., ms.
const AFTER_REFUSAL_MS: u64 = 6_000;

/// Refusals in a row by every node after which a person must look: with the pauses in between, some 13 minutes.
pub const REFUSALS: u32 = 8;

/// An approved exit of a validator whose activation is not set is looked at again after this time, ms.
pub(super) const CALM_MS: u64 = 60_000;

/// An exit whose time has not come is looked at again after this time, ms: an epoch of mainnet. Who told that time may have
/// lied, and be gone.
pub(super) const DEFERRED_LOOK_MS: u64 = 384_000;

/// A hint makes a followed validator looked up at once, but not again within this time, ms. However many nodes hint,
/// and however often, one case asks once a second.
pub(super) const LOOK_UP_LEAST_MS: u64 = 1_000;

const REQUEST_LEFT: &str = "its request left the chain in a reorganisation";

/// Registration ceremonies that are tried before a person must look.
const REGISTRATION_ATTEMPTS: u32 = 3;

/// Looks at the cases of which something changed, or whose time has come ([`Agenda`](crate::oracle::state::Agenda)), in
/// their order: ticks and answers cost what they concern, however many cases are open. At each new head, and where a
/// person or a record changes what any case may rest on, every open one is looked at.
pub(super) fn what_changed(turn: &mut Turn<'_>) {
    turn.state.begin_agenda();
    let mut last = None;
    while let Some(id) = turn.state.volatile.agenda.next(last) {
        last = Some(id);
        // each round either changes the step or stops; a case passes at most a few steps at once
        for _ in 0..8 {
            turn.state.volatile.agenda.look(id);
            let before = turn.out.records.len();
            turn.look(id, |turn| case(turn, id));
            if turn.out.records.len() == before {
                break;
            }
            turn.state.spread_agenda();
        }
        let stale = turn.state.stale_checks_of(id);
        turn.state.volatile.agenda.looked(id, stale);
    }
    places::grant(turn);
}

fn case(turn: &mut Turn<'_>, id: CaseId) {
    let Some(step) = turn.state.cases.get(&id).map(|case| case.step.clone()) else {
        return;
    };
    // whatever holds the case up
    if let Step::DecideCeremony(action) | Step::DecideEffect(action) = step {
        people::forget_overdue(turn, action);
    }
    let Some(case) = turn.state.cases.get(&id) else {
        return;
    };
    // what was sent is followed to its end first: it may be a fact too
    if let Some(by) = case.served_by
        && !matches!(step, Step::Execute(_) | Step::Follow | Step::Closed { .. })
    {
        return match state_on(turn.state, case, by) {
            StateSays::So => served(turn, id, by),
            says => {
                let has_no_request = case.orphaned;
                doubted(turn, id, by, &says);
                // a log that is not believed keeps no approval whose request left the chain
                if has_no_request && matches!(step, Step::DecideCeremony(_) | Step::DecideEffect(_)) {
                    orphaned(turn, &step);
                }
            }
        };
    }
    if case.orphaned {
        if !gone_for_good(turn, id) {
            orphaned(turn, &step);
        }
        return;
    }
    if another_committee(turn, id) {
        return;
    }
    match step {
        Step::PlanCeremony => plan(turn, id),
        Step::DecideCeremony(action) | Step::DecideEffect(action) => decide(turn, action),
        Step::RunCeremony(request) | Step::Register(Some(request)) => attend(turn, id, request),
        Step::AwaitTurn | Step::Register(None) | Step::PlanEffect => toward_effect(turn, id),
        Step::Execute(action) => execute(turn, action),
        Step::Follow => follow(turn, id),
        // it was offered, so it can be in a block at any time
        Step::Halted {
            resume: Resume::Offer(_),
            ..
        } => look_up(turn, id),
        Step::Halted { .. } => ask_ssv_again(turn, id),
        Step::Closed { .. } => {}
    }
}

/// The request is not in the chain: what has not left is void, what has left is followed.
fn orphaned(turn: &mut Turn<'_>, step: &Step) {
    match step {
        Step::DecideCeremony(action) | Step::DecideEffect(action) => {
            if planted!(ApprovalSurvives) && is_approved(turn.state, *action) {
                return;
            }
            let reason = SafeText::new(REQUEST_LEFT);
            turn.record(Record::ActionVoided {
                action: *action,
                reason,
            });
        }
        Step::RunCeremony(request) | Step::Register(Some(request)) => {
            let case = turn.state.ceremonies.get(request).map(|c| c.case);
            if let Some(case) = case {
                attend(turn, case, *request);
            }
        }
        Step::Execute(action) => execute(turn, *action),
        // set aside before it was ever offered
        Step::Halted {
            resume: Resume::Offer(action),
            ..
        } if is_approved(turn.state, *action) => {
            let reason = SafeText::new(REQUEST_LEFT);
            turn.record(Record::ActionVoided {
                action: *action,
                reason,
            });
        }
        _ => {}
    }
}

fn is_approved(state: &State, action: ActionId) -> bool {
    state
        .actions
        .get(&action)
        .is_some_and(|a| a.state == ActionState::Approved)
}

fn ready_to_begin(turn: &mut Turn<'_>, id: CaseId) -> bool {
    if !turn.state.volatile.caught_up || turn.state.volatile.facts.head.is_none() {
        turn.waits(id, "waits until every event up to the head was read");
        return false;
    }
    if let Some(why) = turn.state.reads_the_future() {
        turn.waits(id, why.as_str());
        return false;
    }
    true
}

fn plan(turn: &mut Turn<'_>, id: CaseId) {
    if !ready_to_begin(turn, id) {
        return;
    }
    let Some(case) = turn.state.cases.get(&id) else {
        return;
    };
    let kind = case.kind();
    if let Some(why) = kind.holds_ceremony(turn.state.seen(), id.pool) {
        turn.waits(id, &why);
        return;
    }
    if held(turn, id) {
        return;
    }
    prepare(turn, id, Purpose::Propose, kind.ceremony(), None);
}

/// Asks the desk. What it is asked is made only when it is really asked: that costs a look at every case.
fn prepare(
    turn: &mut Turn<'_>,
    id: CaseId,
    purpose: Purpose,
    kind: ActionKind,
    standing: Option<&CeremonyPlan>,
) {
    if !turn.may_ask(EffectKey::Prepare(id)) {
        return;
    }
    if kind.lets_choose_committee() {
        turn.state.keep_tracks();
    }
    let case = turn.state.cases.get(&id);
    let draft = case.and_then(|case| kind.definition().draft(turn.state, case, standing));
    let Some(draft) = draft else {
        return;
    };
    let live = &mut turn.state.volatile;
    let asked = Asked {
        up_ms: live.up_ms,
        block: live.facts.head.map(|head| head.number),
    };
    live.asked_at.insert(id, asked);
    turn.ask(EffectKey::Prepare(id), || Effect::Prepare {
        case: id,
        pool: id.pool,
        purpose,
        draft: Box::new(draft),
    });
}

/// A ceremony that was journaled and has not ended: after a restart, and while its outcome is unknown, it is looked for,
/// never started again.
fn attend(turn: &mut Turn<'_>, case: CaseId, request: RequestId) {
    let Some((plan, backend)) = turn
        .state
        .ceremonies
        .get(&request)
        .filter(|c| c.ended.is_none())
        .map(|c| (c.plan.clone(), c.backend.clone()))
    else {
        return;
    };
    turn.ask(EffectKey::Ceremony(request), || Effect::RunCeremony {
        case,
        request,
        plan,
        backend,
        start: planted!(StartedAgain),
    });
}

/// The ceremony of this case whose outcome is unknown and looked for.
pub fn doubtful_ceremony<'a>(state: &'a State, case: &Case) -> Option<(RequestId, &'a Doubt)> {
    let (Step::RunCeremony(request) | Step::Register(Some(request))) = case.step else {
        return None;
    };
    let doubt = state.ceremonies.get(&request)?.doubt.as_ref()?;
    Some((request, doubt))
}

/// The request id of the ceremony that a case attends to now.
pub fn current_ceremony(case: &Case) -> Option<RequestId> {
    match case.step {
        Step::RunCeremony(request) | Step::Register(Some(request)) => Some(request),
        _ => case.ceremony,
    }
}
