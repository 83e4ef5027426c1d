//! One step under way: records are applied as they are made, effects are asked for once.

use std::cell::OnceCell;

use sha2::{Digest as _, Sha256};

use super::fading::Given;
use super::record::Subject;
use super::state::EffectKey;
use super::{Effect, Record, State};
use crate::types::{ActionId, BackendName, CaseId, CeremonyPlan, RequestId, SafeText, UnixMillis};

/// What a step gives: records, to be made durable before any of the effects starts.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Output {
    /// In order.
    pub records: Vec<Record>,
    /// In order.
    pub effects: Vec<Effect>,
}

/// A ceremony that may begin as soon as there is a place for it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Begins {
    /// It was approved, and gets its last checks.
    Approved(ActionId),
    /// The signature of an SSV registration, with this nonce.
    Registration { case: CaseId, nonce: u64 },
}

impl Begins {
    pub(super) fn case(self) -> CaseId {
        match self {
            Self::Approved(action) => action.case,
            Self::Registration { case, .. } => case,
        }
    }
}

pub(super) struct Turn<'a> {
    pub(super) state: &'a mut State,
    pub(super) at: UnixMillis,
    entropy: [u8; 24],
    drawn: u32,
    /// The given-up cases that stop what stands behind them. Nothing that happens while cases are looked at changes them,
    /// and every deposit that waits asks.
    pub(super) stoppers: OnceCell<Vec<(usize, CaseId)>>,
    pub(super) out: Output,
}

impl<'a> Turn<'a> {
    pub(super) fn new(state: &'a mut State, at: UnixMillis, up_ms: u64, entropy: [u8; 24]) -> Self {
        let moved = state.now_is(at, up_ms);
        if let Some(by_ms) = moved {
            state.volatile.clock_moved(at, by_ms);
        }
        let mut turn = Self {
            state,
            at,
            entropy,
            drawn: 0,
            stoppers: OnceCell::new(),
            out: Output::default(),
        };
        // before whatever else bears the new time
        if let Some(by_ms) = moved {
            turn.record(Record::ClockMoved { by_ms });
        }
        turn
    }

    /// The moment of this step.
    pub(super) fn given(&self) -> Given {
        let (at, up_ms) = (self.at, self.state.volatile.up_ms);
        Given { at, up_ms }
    }

    pub(super) fn record(&mut self, record: Record) {
        let seq = self.state.newest + 1;
        self.state.apply(seq, self.at, &record);
        if let Subject::Action(action) = record.subject() {
            self.state.measure_approval(action);
        }
        if planted!(SkippedRecord) && matches!(record, Record::TransactionStatus { .. }) {
            return;
        }
        self.out.records.push(record);
    }

    /// Asks for an effect unless it was asked for before and has not answered, or its time has not come.
    pub(super) fn ask(&mut self, key: EffectKey, effect: impl FnOnce() -> Effect) {
        if self.may_ask(key) && self.state.volatile.in_flight.insert(key) {
            self.state.volatile.not_before.remove(&key);
            self.out.effects.push(effect());
        }
    }

    /// Whether it would be asked for now: it is not under way, and it is not too early for it.
    pub(super) fn may_ask(&self, key: EffectKey) -> bool {
        !self.is_early(key) && !self.state.volatile.in_flight.contains(&key)
    }

    /// Whether it is too early to ask for it.
    pub(super) fn is_early(&self, key: EffectKey) -> bool {
        let live = &self.state.volatile;
        let time = live.not_before.get(&key);
        time.is_some_and(|time| !live.has_come(*time))
    }

    /// A ceremony may begin as soon as there is a place for it.
    pub(super) fn may_begin(&mut self, begins: Begins) {
        self.state.volatile.agenda.may_begin(begins);
    }

    /// Starts a ceremony whose beginning was recorded in this step.
    pub(super) fn begin_ceremony(
        &mut self,
        case: CaseId,
        request: RequestId,
        plan: CeremonyPlan,
        backend: BackendName,
    ) {
        let key = EffectKey::Ceremony(request);
        self.state.volatile.accounted.insert(key);
        self.ask(key, || Effect::RunCeremony {
            case,
            request,
            plan,
            backend,
            start: true,
        });
    }

    /// An effect has answered: its case goes on.
    pub(super) fn answered(&mut self, key: EffectKey) {
        self.state.volatile.in_flight.remove(&key);
        let case = match key {
            EffectKey::Prepare(case) | EffectKey::LookUp(case) => Some(case),
            EffectKey::Sign(action)
            | EffectKey::Send(action)
            | EffectKey::Inspect(action)
            | EffectKey::Publish(action) => Some(action.case),
            EffectKey::Ceremony(request) => self.state.ceremonies.get(&request).map(|c| c.case),
        };
        if let Some(case) = case.filter(|_| !planted!(AnswerForgotten)) {
            self.state.volatile.agenda.mark(case);
        }
    }

    pub(super) fn not_before(&mut self, key: EffectKey, delay_ms: u64) {
        self.state
            .volatile
            .not_before
            .insert(key, UnixMillis(self.at.0 + delay_ms));
    }

    /// Says in a look why a case waits, for as long as each look says so.
    pub(super) fn waits(&mut self, case: CaseId, reason: &str) {
        let reason = SafeText::new(reason);
        self.state.volatile.said.insert(case, reason.clone());
        self.state.volatile.waiting.insert(case, reason);
    }

    /// Takes one look at a case: what the look before said of it and this one does not say again is over.
    pub(super) fn look(&mut self, case: CaseId, look: impl FnOnce(&mut Self)) {
        let before = self.state.volatile.said.remove(&case);
        look(self);
        let live = &mut self.state.volatile;
        if before.is_some() && !live.said.contains_key(&case) && live.waiting.get(&case) == before.as_ref() {
            live.falls_silent(case);
        }
    }

    /// An answer says why a case waits, until the next one comes.
    pub(super) fn hears(&mut self, case: CaseId, reason: SafeText) {
        self.state.volatile.heard.insert(case, reason.clone());
        self.state.volatile.waiting.insert(case, reason);
    }

    /// Another answer came.
    pub(super) fn hears_no_more(&mut self, case: CaseId) {
        let live = &mut self.state.volatile;
        if let Some(heard) = live.heard.remove(&case)
            && live.waiting.get(&case) == Some(&heard)
        {
            live.waiting.remove(&case);
        }
    }

    /// Takes back what was said of a case, unless something else is said of it by now.
    pub(super) fn waits_no_more(&mut self, case: CaseId, reason: &str) {
        let waiting = &mut self.state.volatile.waiting;
        if waiting.get(&case).is_some_and(|words| words.as_str() == reason) {
            waiting.remove(&case);
        }
    }

    /// A fresh request id from this step's entropy.
    pub(super) fn draw_request_id(&mut self) -> RequestId {
        let mut hash = Sha256::new();
        hash.update(b"casimir-dkg request id\0");
        hash.update(self.entropy);
        hash.update(self.drawn.to_be_bytes());
        self.drawn += 1;
        let mut id = [0; 24];
        id.copy_from_slice(&hash.finalize()[..24]);
        RequestId(id)
    }
}
