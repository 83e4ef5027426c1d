//! The ways that a person has on from where a case stands, why each makes sense now and what it costs; or what is waited
//! for. What a way needs is decided here alone: commands are refused by it, and screens show it.

mod committee;
mod costs;
mod refusals;
#[cfg(test)]
mod tests;

use super::state::EffectKey;
use super::{
    ActionState, Case, Cause, ExitStanding, Resume, State, Step, ValidatorPhase, cases, doubtful_ceremony,
};
use crate::oracle::advance;
use crate::oracle::state::Shares;
use crate::types::{ActionId, CaseId, NonceStatus, PoolId, RequestKind, SafeText};

pub(in crate::oracle) use committee::{Against, against_committee, why_not_there};
pub use refusals::{REFUSED_AT_MOST, REFUSED_FOR};
pub(in crate::oracle) use refusals::{asks_ssv_again, note_refusal, refused_by_ssv, stands_refused};

/// Something that a person can do about a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Way {
    /// Approve or reject what waits for it.
    Decide,
    /// End the pause that holds it.
    Resume,
    /// Take it up again, or look again at once.
    Retry,
    /// Give up a ceremony whose outcome is unknown.
    DeclareLost,
    /// Another key, made by another committee.
    RedoKey,
    /// Give the whole case up.
    GiveUp,
}

impl Way {
    /// Every way, in the order in which they are shown.
    pub const ALL: [Self; 6] = [
        Self::Decide,
        Self::Resume,
        Self::Retry,
        Self::DeclareLost,
        Self::RedoKey,
        Self::GiveUp,
    ];
}

/// A way on from where a case stands, judged by the state of this moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WayOn {
    pub way: Way,
    /// Whether it can be gone now; otherwise why not.
    pub can: Result<(), String>,
    /// Why it makes sense now, or when it would.
    pub why: String,
    /// What is lost by it.
    pub costs: String,
}

/// Where a case can go from here.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ways {
    pub on: Vec<WayOn>,
    /// What it waits for, where it goes on by itself.
    pub awaits: Option<String>,
}

/// The ways on from where a case stands, and what it waits for. A case that came to its end has neither.
#[must_use]
pub fn ways(state: &State, case: &Case) -> Ways {
    let on = Way::ALL
        .into_iter()
        .filter_map(|way| way_on(state, case, way))
        .collect();
    Ways {
        on,
        awaits: awaits(state, case),
    }
}

fn way_on(state: &State, case: &Case, way: Way) -> Option<WayOn> {
    let (can, why, costs) = match way {
        Way::Decide => {
            let action = undecided(state, case)?;
            let can = state.actions.get(&action)?.approvable();
            let again = costs::proposed_again(state, case);
            let why = match state.refreshing(action).filter(|it| it.is_enough) {
                Some(it) => format!("{action} is {}", it.words()),
                None => format!("{action} waits for a decision{again}"),
            };
            let costs = "approved, it leaves this machine; rejected, the case halts until it is retried";
            (can, why, costs.to_owned())
        }
        Way::Resume => {
            let why = match (&case.paused, &state.paused) {
                _ if case.is_closed() => return None,
                (Some(by), _) => format!("{by} paused it"),
                (None, Some((by, _))) => format!("{by} paused everything"),
                (None, None) => return None,
            };
            (
                Ok(()),
                why,
                "what was approved leaves this machine again".to_owned(),
            )
        }
        Way::Retry => (
            can_retry(state, case),
            costs::retry(state, case)?,
            costs::NOTHING.to_owned(),
        ),
        Way::DeclareLost => {
            let (request, doubt) = doubtful_ceremony(state, case)?;
            let kind = state.ceremonies.get(&request)?.plan.kind();
            let why = format!("the outcome of the {kind} is unknown: {}", doubt.reason);
            let costs = "whatever it made is never used, also if it ended well; another ceremony is needed";
            (Ok(()), why, costs.to_owned())
        }
        Way::RedoKey => {
            let fails =
                || case.kind().shares() == Shares::Makes && committee::still_proposed(state, case).is_some();
            let makes_room = case.keygen.is_some() || fails();
            (makes_room && !case.is_closed()).then_some(())?;
            let why = costs::redo_key(state, case);
            (
                can_redo_key(state, case),
                why,
                costs::another_key(case).to_owned(),
            )
        }
        Way::GiveUp if case.is_closed() => return None,
        Way::GiveUp => {
            let why = "for what shall not be done, or cannot be done at all".to_owned();
            (can_give_up(state, case), why, costs::give_up(state, case))
        }
    };
    Some(WayOn { way, can, why, costs })
}

/// The action of a case that waits for a decision.
fn undecided(state: &State, case: &Case) -> Option<ActionId> {
    let (Step::DecideCeremony(id) | Step::DecideEffect(id)) = case.step else {
        return None;
    };
    let action = state.actions.get(&id)?;
    (action.state == ActionState::Proposed).then_some(id)
}

fn awaits(state: &State, case: &Case) -> Option<String> {
    let told = || state.waiting_reason(case.id).map(SafeText::to_string);
    let or = |words: &str| Some(told().unwrap_or_else(|| words.to_owned()));
    if case.orphaned && !case.is_closed() {
        return Some("its request to be in the chain again".to_owned());
    }
    // transactions are looked at anew in each block; who is told that one waits is told when it can be approved
    if undecided(state, case).is_some()
        && let Some(refusal) = refusals::refused_now(state, case)
    {
        return Some(format!(
            "SSV to take it ({refusal}): it is looked at in each block; you are told when SSV takes it"
        ));
    }
    if refusals::asks_ssv_again(state, case)
        && let Some(refusal) = refusals::refused_now(state, case)
    {
        return Some(format!(
            "SSV to take it ({refusal}): it is tried out each minute; it is taken up, and you are told, when SSV takes it"
        ));
    }
    match &case.step {
        Step::PlanCeremony | Step::PlanEffect | Step::Register(None) => {
            or("what a decision needs is gathered")
        }
        Step::AwaitTurn => or("its turn in the contract's queue"),
        Step::DecideCeremony(_) | Step::DecideEffect(_) if undecided(state, case).is_some() => None,
        Step::DecideCeremony(_) | Step::DecideEffect(_) if state.unadopted().is_some() => {
            or("the account to be adopted")
        }
        Step::DecideCeremony(_) | Step::DecideEffect(_) => or("its last checks before it leaves"),
        Step::RunCeremony(_) => Some("the end of its ceremony, or its deadline".to_owned()),
        Step::Register(Some(_)) => Some("the operators to sign the SSV registration".to_owned()),
        Step::Execute(id) => Some(match state.sendings.get(id) {
            Some(sending) => format!(
                "its transaction with nonce {} to be in a final block",
                sending.newest().nonce
            ),
            None => "its exit to be in a block".to_owned(),
        }),
        Step::Follow => Some("its validator's next state on the beacon chain".to_owned()),
        Step::Halted { .. } | Step::Closed { .. } => None,
    }
}

/// What of a case may take effect, or has: nothing is given up over it.
fn in_flight(state: &State, case: &Case) -> Result<(), String> {
    let id = case.id;
    if case.step == Step::Follow {
        return Err(format!(
            "{id} is done on the execution chain: its validator is followed"
        ));
    }
    let mut open = state
        .ceremonies
        .values()
        .filter(|c| c.case == id && c.ended.is_none());
    if let Some(ceremony) = open.next() {
        let kind = ceremony.plan.kind();
        return Err(match &ceremony.doubt {
            Some(_) => format!("the outcome of a {kind} of {id} is unknown: declare it lost first"),
            None => format!("a {kind} of {id} runs: wait until it has ended"),
        });
    }
    let own = state.sendings.range(ActionId::all_of(id));
    let mut unsettled = own.filter(|(_, s)| !is_settled(&s.status));
    if let Some((_, sending)) = unsettled.next() {
        return Err(format!(
            "the transaction of {id} with nonce {} may still take effect: wait until it is found out",
            sending.newest().nonce
        ));
    }
    let leaves = |key: &EffectKey| matches!(key, EffectKey::Sign(a) | EffectKey::Publish(a) if a.case == id);
    if state.volatile.in_flight.iter().any(leaves) {
        return Err(format!("{id} is being signed, or handed over, at this moment"));
    }
    let was_bad = matches!(case.offers.standing, Some(ExitStanding::BadSignature { .. }));
    if case.offers.at.is_some() && !was_bad {
        return Err(format!(
            "the exit of {id} was offered to the beacon nodes and can be in a block at any time"
        ));
    }
    Ok(())
}

/// Nothing that was signed with the nonce can change the chain any more, or all that it can do is done for good.
pub(in crate::oracle) fn is_settled(status: &NonceStatus) -> bool {
    matches!(
        status,
        NonceStatus::Included { is_final: true, .. } | NonceStatus::Replaced { is_final: true, .. }
    )
}

fn is_open(case: &Case) -> Result<(), String> {
    match &case.step {
        Step::Closed { outcome } => Err(format!("{} is closed: {outcome}", case.id)),
        _ => Ok(()),
    }
}

/// Whether a case can be taken up again, or looked at again at once.
///
/// # Errors
/// A sentence for the person who asked.
pub fn can_retry(state: &State, case: &Case) -> Result<(), String> {
    if !case.given_up && !is_listed_again(state, case.id) {
        return is_open(case);
    }
    let newest = state.newest_of(case.id.kind, case.id.pool);
    match newest.filter(|newest| *newest > case.id) {
        Some(newer) => Err(format!(
            "{newer} came after {}: it is the one to go on with",
            case.id
        )),
        None => Ok(()),
    }
}

/// Whether a case can be given up.
///
/// # Errors
/// A sentence for the person who asked: what of it is in flight.
pub fn can_give_up(state: &State, case: &Case) -> Result<(), String> {
    is_open(case)?;
    if planted!(GivenUpInFlight) {
        return Ok(());
    }
    in_flight(state, case)
}

/// Whether the committee of a deposit, and the key that it made, can be given up for another one.
///
/// # Errors
/// A sentence for the person who asked: it has no key and nothing stands against its committee, or a transaction with it may be or is in the chain.
pub fn can_redo_key(state: &State, case: &Case) -> Result<(), String> {
    let id = case.id;
    is_open(case)?;
    if case.kind().shares() != Shares::Makes {
        return Err(format!("{id} makes no key: its validator has one"));
    }
    if case.keygen.is_none() && committee::still_proposed(state, case).is_none() {
        return Err(format!(
            "{id} has no key yet, and nothing stands against its committee"
        ));
    }
    if case.served_by.is_some() {
        return Err(format!("the pool of {id} was served: it needs no other key"));
    }
    in_flight(state, case)?;
    if state.has_used_its_key(case) {
        return Err(format!(
            "the key of {id} was deposited already; a retry has another one made"
        ));
    }
    Ok(())
}

/// Whether a person can open an exit for a pool.
///
/// # Errors
/// A sentence for the person who asked.
pub fn can_request_exit(state: &State, pool: PoolId) -> Result<(), String> {
    if !state.facts().staked.contains(&pool) {
        return Err(format!(
            "pool {pool} is not staked: only the validator of a staked pool can exit"
        ));
    }
    if let Some((id, _)) = state.given_up_last(RequestKind::Exit, pool) {
        return Err(format!("{id} was given up: take it up again instead"));
    }
    let exit = state.cases_of(RequestKind::Exit, pool).next_back();
    if let Some(exit) = exit.filter(|exit| !exit.is_closed()) {
        return Err(format!("{} is open already", exit.id));
    }
    let of_pool = || cases::ALL.into_iter().flat_map(|kind| state.cases_of(kind, pool));
    // what a case ended with is a beacon node's word, and the contract still has the pool: another look tells
    let leaves =
        |case: &&Case| !case.is_closed() && case.phase.is_some_and(|phase| phase >= ValidatorPhase::Exiting);
    if let Some((case, phase)) = of_pool().find(leaves).and_then(|c| Some((c, c.phase?))) {
        return Err(format!("the validator of pool {pool} is {phase}, by {}", case.id));
    }
    let follows = |case: &&Case| case.id.kind == RequestKind::Deposit && case.step == Step::Follow;
    match of_pool().find(follows) {
        Some(deposit) => Err(format!(
            "the validator of pool {pool} is not active yet: {} follows it",
            deposit.id
        )),
        None => Ok(()),
    }
}

/// Who opened a case by hand.
#[must_use]
pub(in crate::oracle) fn opened_by(case: &Case) -> Option<SafeText> {
    match &case.cause {
        Cause::Manual { by, .. } => Some(by.clone()),
        Cause::Event { .. } | Cause::State { .. } => None,
    }
}

/// A case that is over, and that the contract still lists, or lists again: it stays in view, because it may hold up what is
/// behind it.
#[must_use]
pub fn is_held(state: &State, case: &Case) -> bool {
    let listed = || case.kind().wanted_by_state(state.facts()).contains(&case.id.pool);
    case.given_up && listed() || is_listed_again(state, case.id)
}

/// A case came to its end, and the contract lists its pool again.
#[must_use]
pub fn is_listed_again(state: &State, id: CaseId) -> bool {
    listed_again(state, id.kind, id.pool) == Some(id)
}

/// The newest case of a kind for a pool, where it came to its end and the contract's state has listed the pool again for some
/// blocks: what made it final left the chain. In memory or not.
fn listed_again(state: &State, kind: RequestKind, pool: PoolId) -> Option<CaseId> {
    let id = state.done_last(kind, pool)?;
    let listed = state.facts().listed_at()?.number;
    let first = *state.volatile.contradicted.get(&id)?;
    // what left memory and was told of has no first block any more
    (first == u64::MAX || listed >= first.saturating_add(advance::UNSEEN_BLOCKS)).then_some(id)
}

/// What a person must know of a given-up case that the contract still lists.
#[must_use]
pub fn queue_behind(state: &State, id: CaseId) -> Option<String> {
    cases::kind(id.kind).stands_behind(&state.settings, state.seen(), id.pool)
}

/// The first given-up case of each list that the contract serves in order, and its place there: what stands behind it
/// waits for it.
#[must_use]
pub(in crate::oracle) fn first_given_up(state: &State) -> Vec<(usize, CaseId)> {
    let first = |kind| {
        let listed = cases::kind(kind).wanted_by_state(state.facts()).iter();
        let mut places = listed.enumerate();
        places.find_map(|(place, pool)| {
            let given_up = state.given_up_last(kind, *pool).map(|(id, _)| id);
            Some((place, given_up.or_else(|| listed_again(state, kind, *pool))?))
        })
    };
    let in_line = cases::ALL
        .into_iter()
        .filter(|kind| cases::kind(*kind).is_in_line(&state.settings));
    in_line.filter_map(first).collect()
}

/// The given-up case, out of the first ones, that keeps this one from its turn.
#[must_use]
pub(in crate::oracle) fn stopped_by(state: &State, first: &[(usize, CaseId)], id: CaseId) -> Option<CaseId> {
    let (place, given_up) = first.iter().find(|(_, given_up)| given_up.kind == id.kind)?;
    // what is not listed stands behind everything
    let behind = state.seen().place(id.pool).is_none_or(|own| *place < own);
    behind.then_some(*given_up)
}

/// Cases that left memory and are over as [`is_held`] says of those in memory, each with how it ended. That of one that came
/// to its end is in its own file.
pub fn held_out_of_memory(state: &State) -> Vec<(CaseId, SafeText)> {
    let wanted = |kind| {
        let pools = cases::kind(kind).wanted_by_state(state.facts());
        pools.iter().filter_map(move |pool| {
            let given_up = state.given_up_last(kind, *pool);
            let given_up = given_up.map(|(id, outcome)| (id, outcome.clone()));
            let again = || Some((listed_again(state, kind, *pool)?, "it came to its end".into()));
            given_up.or_else(again)
        })
    };
    let held = cases::ALL.into_iter().flat_map(wanted);
    held.filter(|(id, _)| !state.cases.contains_key(id)).collect()
}

impl Resume {
    /// What is done there, in words.
    fn words(self) -> &'static str {
        match self {
            Self::PlanCeremony => "another ceremony is proposed",
            Self::Register => "the SSV registration is signed again",
            Self::PlanEffect => "it is prepared again with the same key",
            Self::Offer(_) => "the exit is offered again under the same approval",
        }
    }
}
