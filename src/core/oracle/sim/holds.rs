//! What must hold after every step, when a case closes, and at the end of a life.

use std::collections::VecDeque;

use super::book::Book;
use super::truth::{Outside, Said};
use crate::oracle::state::{EffectKey, REQUEST_GONE};
use crate::oracle::*;
use crate::types::*;

impl Book {
    /// A case closes only on what contract and beacon chain really say, for good.
    pub(super) fn closed(&mut self, outside: &Outside, state: &State, id: CaseId, outcome: &SafeText) {
        if outcome.as_str() == REQUEST_GONE {
            return self.lost_its_request(state, id);
        }
        let chain = outside.older.front().unwrap_or(&outside.chain);
        let so = match id.kind {
            RequestKind::Deposit => chain.deposits.contains_key(&id.pool),
            RequestKind::Reshare => {
                let done = |c: &&Case| c.is_closed() && !c.given_up && !c.is_gone();
                let closed = state.cases_of(id.kind, id.pool).filter(done).count();
                chain.reshares.get(&id.pool).map_or(0, Vec::len) >= closed
            }
            RequestKind::Exit => {
                if outside.phase == Some(ValidatorPhase::Withdrawn) {
                    return;
                }
                let key = outside.chain.keys.get(&id.pool);
                let exit = key.and_then(|key| outside.exits.get(key));
                exit.is_some_and(|at| outside.height() >= at + 10)
            }
        };
        // nobody denied it, and the state that was read does not: it is taken up again when the contract lists it again
        let kind = cases::kind(id.kind);
        let believed = outcome.as_str() == kind.served()
            && self.lied_about.contains(&id.pool)
            && !kind.denies_end(state.seen(), id.pool);
        assert!(so || believed, "{id} is closed, and it is not so");
    }

    /// What must hold after every step.
    pub(super) fn must_hold(
        &mut self,
        state: &State,
        outside: &Outside,
        at: UnixMillis,
        waiting: &VecDeque<Effect>,
        answers: &VecDeque<Input>,
    ) {
        for (pool, served) in &outside.chain.deposits {
            assert!(served.len() <= 1, "pool {pool} was served {} times", served.len());
            let (_, key) = served[0];
            assert!(
                !self.condemned.contains(&key),
                "a condemned key was used for pool {pool}"
            );
        }
        self.takes_effect_once(outside);
        self.leaves_nothing_open(state);
        for (request, starts) in &outside.started {
            assert!(*starts <= 1, "ceremony {request} was started {starts} times");
        }
        for case in state.cases.values().filter(|c| !c.is_closed()) {
            self.has_a_reason(state, case);
            self.is_looked_up(state, at, case);
        }
        // who is asked answers: nothing is waited for that is not under way
        let under_way = waiting.len() + answers.len();
        assert!(
            state.volatile.in_flight.len() <= under_way,
            "more is waited for than is under way: {:?}",
            state.volatile.in_flight
        );
    }

    /// What waits has a reason: something is asked for it, its time is set, or its sentence says why.
    fn has_a_reason(&self, state: &State, case: &Case) {
        let id = case.id;
        let live = &state.volatile;
        let asks = |key: EffectKey| {
            live.in_flight.contains(&key) || live.not_before.get(&key).is_some_and(|t| *t > live.now)
        };
        let asked = asks(EffectKey::Prepare(id));
        let said = state.waiting_reason(id).is_some();
        // nothing leaves at all, which is said once for everything
        let all = state.paused.is_some() || state.unadopted().is_some();
        let held = case.orphaned || case.paused.is_some() || all || asked || said;
        let good = match &case.step {
            Step::PlanCeremony | Step::AwaitTurn | Step::Register(None) | Step::PlanEffect => {
                held || case.served_by.is_some()
            }
            Step::DecideCeremony(action) | Step::DecideEffect(action) => {
                held || state.actions[action].state == ActionState::Proposed
                    || asks(EffectKey::Sign(*action))
                    || asks(EffectKey::Publish(*action))
            }
            Step::RunCeremony(request) | Step::Register(Some(request)) => asks(EffectKey::Ceremony(*request)),
            Step::Halted { reason, .. } => !reason.as_str().is_empty(),
            Step::Execute(_) | Step::Follow | Step::Closed { .. } => true,
        };
        assert!(good, "{id} waits at {:?} and says nothing", case.step);
    }

    /// Whoever is followed is looked up when it is due.
    fn is_looked_up(&self, state: &State, at: UnixMillis, case: &Case) {
        let Some((asked, hinted)) = self.asked.get(&case.id) else {
            return;
        };
        let followed = case.step == Step::Follow && !case.orphaned;
        let least = if *hinted {
            advance::LOOK_UP_LEAST_MS
        } else {
            state.settings.look_up_every_ms
        };
        let early = at.since(*asked).as_millis() < u128::from(least);
        let asks = state.volatile.in_flight.contains(&EffectKey::LookUp(case.id));
        assert!(
            !followed || early || asks,
            "{} is not looked up, hinted: {hinted}",
            case.id
        );
    }

    /// At the end: nobody else used the account unnoticed, and what came late is not used.
    pub(super) fn at_the_end(
        &self,
        outside: &Outside,
        state: &State,
        late: impl Fn(&RequestId) -> Option<BlsPublicKey>,
    ) {
        for event in &outside.chain.events {
            let Said::Asked(kind) = event.said else { continue };
            let served = kind == RequestKind::Deposit && outside.chain.deposits.contains_key(&event.pool);
            let known = served || state.newest_of(kind, event.pool).is_some();
            assert!(
                known,
                "a {kind} of pool {} was requested, and nobody knows",
                event.pool
            );
        }
        for nonce in outside.chain.strange.keys() {
            let told = self.strange.iter().any(|(from, to)| (*from..*to).contains(nonce));
            assert!(
                told || self.nonces.contains_key(nonce),
                "nonce {nonce} was used by a stranger, and nobody was told"
            );
        }
        for request in self
            .runs
            .iter()
            .filter(|(_, run)| run.given_up)
            .map(|(request, _)| request)
        {
            let used = |key: BlsPublicKey| outside.chain.keys.values().any(|used| *used == key);
            assert!(
                !late(request).is_some_and(used),
                "the key of a ceremony that was given up was used"
            );
        }
    }
}
