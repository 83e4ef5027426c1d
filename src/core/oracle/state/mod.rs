//! The state of the core: what is durable, and what belongs to this run.
//!
//! [`Durable`] is the fold of the journal's records and of nothing else, so two that took the same records are equal, and
//! a restart loses nothing of it. Outside of this module it can be read and not be written. What is read again after a
//! restart, or is lost without harm, is `live`.

mod account;
mod actions;
mod agenda;
mod apply;
mod beacon;
mod cases;
mod ceremonies;
mod durable;
mod exit;
mod life;
mod nonces;
mod position;
mod reckoning;
mod retired;
mod sendings;
#[cfg(test)]
pub(in crate::oracle) mod shadow;
mod shed;
mod taken;
mod tally;
mod track;
mod volatile;

use std::collections::BTreeMap;
use std::ops::Deref;
use std::time::Duration;

use alloy::primitives::Address;

use crate::oracle::{Action, ChainFacts, Mode, PeopleRules, Policy, Proposal, Record};
use crate::types::{
    ActionId, BackendName, BlockRef, CaseId, DepositOrder, OperatorId, RequestId, RequestKind, SafeText,
    UnixMillis,
};

pub(in crate::oracle) use agenda::Agenda;
pub use durable::Durable;
pub(in crate::oracle) use life::REQUEST_GONE;
pub use life::{Case, Ceremony, Doubt, FailedFor, HISTORY_FIRST, Overtaken, Resume, Sending, Served, Step};
use reckoning::difference;
pub use sendings::OVERTAKEN_AT_MOST;

pub(in crate::oracle) use nonces::Nonces;
pub(in crate::oracle) use retired::End;
#[cfg(test)]
pub(in crate::oracle) use retired::KEPT;
pub use retired::{CLOSED_KEPT, Retired};
#[cfg(test)]
pub(in crate::oracle) use shed::OVER;
pub use shed::OVER_KEPT;
use shed::Shed;
pub(in crate::oracle) use taken::Shares;
pub use track::Track;
pub(in crate::oracle) use volatile::{
    Asked, Denied, EffectKey, Held, Refusal, Seen, Volatile, Wavering, WaveringPayload, places_of,
};

/// An endpoint may be behind the one that was read before by so many blocks, and nothing is wrong.
const READ_AHEAD: u64 = 64;

/// A clock is corrected by less than this without anybody taking notice, ms.
const CORRECTED_MS: u64 = 60_000;

/// What the core has to know of a DKG backend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backend {
    /// Its name in the journal.
    pub name: BackendName,
    /// Whether the registration of a key that exists can be signed for another nonce; why not, in words.
    pub renews_registrations: Result<(), SafeText>,
}

/// What the core is told once, at the start.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Who decides, as the process was started; [`State::mode`] says who does now.
    pub mode: Mode,
    /// The rules of mode `auto`.
    pub policy: Policy,
    /// The manager contract: the SSV owner of every validator.
    pub owner: Address,
    /// How the manager finds the pool of a deposit: whether one waits for another.
    pub deposit_order: DepositOrder,
    /// The DKG backend that is configured.
    pub backend: Backend,
    /// Whether a beacon node is configured: then validators are followed after the transaction is final.
    pub follows_beacon: bool,
    /// How often a followed validator is looked up while no node hints that something happened, ms.
    pub look_up_every_ms: u64,
    /// So many ceremonies run side by side; the others wait.
    pub ceremonies_at_once: usize,
    /// How often a waiting proposal of a ceremony is looked at again, ms.
    pub refresh_every_ms: u64,
    /// An approval that could not be executed within this time is void, ms.
    pub approval_expires_ms: u64,
    /// A transaction that is pending below the base fee is replaced after this time, ms.
    pub bump_after_ms: u64,
}

/// Everything that the core knows. What the journal says of it is read as if it stood here.
#[derive(Debug, Clone)]
pub struct State {
    /// What it was told.
    pub settings: Settings,
    durable: Durable,
    pub(in crate::oracle) volatile: Volatile,
}

/// There is no way to write through it: what is durable changes by a record alone.
impl Deref for State {
    type Target = Durable;
    fn deref(&self) -> &Durable {
        &self.durable
    }
}

impl State {
    /// The state of an empty journal.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self::restored(settings, Durable::default())
    }

    /// The state after a start: what the journal says, and nothing that belongs to a run.
    #[must_use]
    pub fn restored(settings: Settings, durable: Durable) -> Self {
        Self {
            settings,
            durable,
            volatile: Volatile::default(),
        }
    }

    /// The state at a past moment, as it is looked at: what was under way then was, and nobody looks for its outcome.
    #[must_use]
    pub fn looked_back(settings: Settings, durable: Durable) -> Self {
        let mut state = Self::restored(settings, durable);
        let ceremonies = state.durable.ceremonies.keys();
        let sendings = state.durable.sendings.keys();
        state.volatile.accounted = ceremonies
            .map(|request| EffectKey::Ceremony(*request))
            .chain(sendings.map(|action| EffectKey::Send(*action)))
            .collect();
        state
    }

    /// The fold of the records so far.
    #[must_use]
    pub fn durable(&self) -> &Durable {
        &self.durable
    }

    /// What the policy says of people, where the journal does not say so yet.
    #[must_use]
    pub fn new_people_rules(&self) -> Option<PeopleRules> {
        let now = self.settings.policy.people_rules();
        (now != self.durable.people).then_some(now)
    }

    /// Takes a record into account that becomes durable before anything is done on its word. `seq` is its number in the
    /// journal.
    pub fn apply(&mut self, seq: u64, at: UnixMillis, record: &Record) {
        self.durable.apply(seq, at, record);
        if let Record::ModeSwitched { to, .. } = record {
            self.volatile.mode = Some(*to);
        }
        let of = record.case(&self.durable);
        self.mark(of, record);
        let case = of.and_then(|id| self.durable.cases.get(&id));
        if let Some(case) = case.filter(|case| case.moved_by == seq) {
            // what was said of it was said of where it stood before
            self.volatile.waiting.remove(&case.id);
            self.volatile.heard.remove(&case.id);
            self.volatile.not_before.remove(&EffectKey::Prepare(case.id));
        }
        if let Record::CaseClosed { case, .. } | Record::CaseGivenUp { case, .. } = record {
            self.volatile.close(*case);
        }
        if record.ends_its_case() || matches!(record, Record::CeremonyStarted { .. }) {
            let known = &self.durable.ceremonies;
            let runs = |request| known.get(&request).is_some_and(|c| c.ended.is_none());
            self.volatile.end(runs);
        }
        if let Record::Decided { action, .. } | Record::ActionVoided { action, .. } = record {
            // what waited for the same question has nothing to wait for
            self.volatile.approving.remove(action);
            self.volatile.approvals_ended.remove(action);
        }
        if let Record::ActionProposed { action, .. } = record {
            let known = &self.durable.actions;
            let is_over = |id| known.get(&id).is_none_or(|a| a.state.is_over());
            self.volatile.propose(action.case, is_over);
        }
    }

    /// Has whatever may rest on what a record changed looked at. What one pool's own business is concerns its cases, which
    /// share a key; anything else may concern everybody: places in a queue, nonces, limits, who decides.
    fn mark(&mut self, of: Option<CaseId>, record: &Record) {
        let agenda = &mut self.volatile.agenda;
        if !record.concerns_its_pool_alone() && !planted!(OthersForgotten) {
            agenda.mark_all();
        }
        let Some(id) = of else { return };
        agenda.mark(id);
        for kind in RequestKind::ALL.into_iter().filter(|_| !planted!(PoolForgotten)) {
            let of_pool = self.durable.cases_of(kind, id.pool);
            of_pool.for_each(|case| agenda.mark(case.id));
        }
    }

    /// Gathers the cases that are to be looked at in this step.
    pub(in crate::oracle) fn begin_agenda(&mut self) {
        let live = &mut self.volatile;
        live.agenda.begin(&self.durable.open, live.now, live.up_ms);
    }

    /// What was recorded may concern every case.
    pub(in crate::oracle) fn spread_agenda(&mut self) {
        self.volatile.agenda.spread(&self.durable.open);
    }

    /// Other rules decide from here on.
    pub fn rule_by(&mut self, policy: Policy) {
        self.settings.policy = policy;
        self.volatile.agenda.mark_all();
    }

    /// The block up to which events were read: in this run, else by the journal.
    #[must_use]
    pub fn read_upto(&self) -> Option<BlockRef> {
        self.volatile.read.or(self.durable.cursor())
    }

    /// Why nothing new is begun although every event seems to be read: the journal has read further than the chain is.
    /// Requests in blocks below that position would go unnoticed.
    #[must_use]
    pub fn reads_the_future(&self) -> Option<SafeText> {
        let (upto, head) = (self.read_upto()?.number, self.volatile.facts.head?.number);
        (upto > head.saturating_add(READ_AHEAD)).then(|| {
            SafeText::new(&format!(
                "the journal has read every event up to block {upto}, and the newest block of the endpoints is {head}: \
                 they lag far behind or are of another chain, or the journal was changed. Nothing new is begun until \
                 they have that block; if they are right, restore the journal from a backup"
            ))
        })
    }

    /// The time that limits per day count: that of the journal when this process began, and what its monotonic clock
    /// measured since.
    #[must_use]
    pub(in crate::oracle) fn reckoned(&self) -> UnixMillis {
        if planted!(ClockFrees) {
            return self.volatile.now;
        }
        let Some((began, up_ms)) = self.volatile.reckoned_from else {
            return self.volatile.now;
        };
        UnixMillis(began.0.saturating_add(self.volatile.up_ms.saturating_sub(up_ms)))
    }

    /// Takes the clocks of an input. Gives by how much the wall clock moved against the monotonic one, once that is more
    /// than clocks are corrected by, ms.
    pub(in crate::oracle) fn now_is(&mut self, at: UnixMillis, up_ms: u64) -> Option<i64> {
        let began = self.durable.reckoning.newest().unwrap_or(at);
        let live = &mut self.volatile;
        if at < live.now || up_ms < live.up_ms {
            // nothing that was found by a clock that goes back holds
            live.agenda.mark_all();
        }
        (live.now, live.up_ms) = (at, up_ms);
        live.reckoned_from.get_or_insert((began, up_ms));
        let (wall, up) = *live.clocks.get_or_insert((at, up_ms));
        let passed = i64::try_from(up_ms.saturating_sub(up)).unwrap_or(i64::MAX);
        let moved = difference(at, wall).saturating_sub(passed);
        if moved.unsigned_abs() < CORRECTED_MS {
            return None;
        }
        live.clocks = Some((at, up_ms));
        Some(moved)
    }

    /// Takes down when the first approval of an action came, on the monotonic clock; forgets it where there is none.
    pub(in crate::oracle) fn measure_approval(&mut self, id: ActionId) {
        let approved = self.durable.actions.get(&id).and_then(Action::approved_since);
        let live = &mut self.volatile;
        match approved {
            Some(_) => drop(live.approved_up_ms.entry(id).or_insert(live.up_ms)),
            None => drop(live.approved_up_ms.remove(&id)),
        }
    }

    /// Whether more than `age` has passed since a moment, named by both clocks: by the wall clock, or by the monotonic one
    /// where that says more.
    pub(in crate::oracle) fn is_older(&self, age: Duration, at: UnixMillis, up_ms: u64) -> bool {
        let over = age.saturating_add(Duration::from_millis(1));
        let live = &self.volatile;
        let over_ms = u64::try_from(over.as_millis()).unwrap_or(u64::MAX);
        live.has_come(at.plus(over)) || live.has_run(up_ms.saturating_add(over_ms))
    }

    /// Whether an approval that was given at `since` is good no more: it is older than approvals may get. One that is given
    /// in the future was given by a clock that has been set back since: nobody can say how old it is, so it is as old as
    /// can be.
    pub(in crate::oracle) fn has_expired(&self, id: ActionId, since: UnixMillis) -> bool {
        let live = &self.volatile;
        if since.since(live.now) >= Duration::from_millis(CORRECTED_MS) {
            return true;
        }
        let measured_from = live.approved_up_ms.get(&id).copied().unwrap_or(live.up_ms);
        let good_for = Duration::from_millis(self.settings.approval_expires_ms);
        self.is_older(good_for, since, measured_from)
    }

    /// Why an approval counts no more: somebody who gave it signed it until a time that has come, by the clock that says
    /// the later one. `None` where every signature counts still.
    pub(in crate::oracle) fn signature_expired(&self, action: &Action) -> Option<String> {
        if planted!(SignatureNeverExpires) {
            return None;
        }
        let since = action.approved_since()?;
        let live = &self.volatile;
        let measured_from = live.approved_up_ms.get(&action.id).copied().unwrap_or(live.up_ms);
        let is_over = |expires: UnixMillis| {
            let good_for = u64::try_from(expires.since(since).as_millis()).unwrap_or(u64::MAX);
            live.has_come(expires) || live.has_run(measured_from.saturating_add(good_for))
        };
        let by = action.signed_until(is_over)?;
        let expires = by.expires()?.to_utc();
        Some(format!("the signature of {by} expired at {expires}"))
    }

    /// The last view of the chain.
    #[must_use]
    pub fn facts(&self) -> &ChainFacts {
        &self.volatile.facts
    }

    /// The same, and where each pool stands in it.
    pub(in crate::oracle) fn seen(&self) -> Seen<'_> {
        self.volatile.seen()
    }

    /// Whether the signature of an action, or its exit, is being handed over right now.
    pub(in crate::oracle) fn is_handed_over(&self, id: ActionId) -> bool {
        let in_flight = &self.volatile.in_flight;
        in_flight.contains(&EffectKey::Sign(id)) || in_flight.contains(&EffectKey::Publish(id))
    }

    /// Whether anything new of a case may leave this machine: a ceremony's start, a signature, bytes or an exit. What
    /// has left is followed in any case.
    #[must_use]
    pub(in crate::oracle) fn may_leave(&self, case: CaseId) -> bool {
        let goes_on = self.cases.contains_key(&case) && self.paused_with(case).is_none();
        let adopted = self.unadopted().is_none() || planted!(PastIgnored);
        goes_on && self.mode() != Mode::Observe && adopted
    }

    /// What is paused so that nothing new of a case leaves: everything, or the case by itself.
    pub(in crate::oracle) fn paused_with(&self, case: CaseId) -> Option<&'static str> {
        match self.cases.get(&case) {
            _ if self.paused.is_some() => Some("everything"),
            Some(case) if case.paused.is_some() => Some("the case"),
            _ => None,
        }
    }

    /// Why a case waits, where its step does not say it.
    #[must_use]
    pub fn waiting_reason(&self, case: CaseId) -> Option<&SafeText> {
        self.volatile.waiting.get(&case)
    }

    /// What the desk said last of why a case waits, until it says something else.
    #[must_use]
    pub fn heard(&self, case: CaseId) -> Option<&SafeText> {
        self.volatile.heard.get(&case)
    }

    /// What an action shows: as it was journaled, or as it was last looked at under the same digest, and when that was.
    #[must_use]
    pub fn shown<'a>(&'a self, action: &'a Action) -> (&'a Proposal, Option<UnixMillis>) {
        match self.volatile.refreshed.get(&action.id) {
            Some((proposal, at)) => (proposal, Some(*at)),
            None => (&action.proposal, None),
        }
    }

    /// What a node, or whoever signs, last said against a transaction.
    #[must_use]
    pub fn note(&self, action: ActionId) -> Option<&SafeText> {
        self.volatile.notes.get(&action)
    }

    /// How the reason begins for which an approved action is void that nobody signed.
    pub(in crate::oracle) const NOT_SIGNED: &str = "not signed: ";

    /// Actions of a case that were approved and not signed.
    pub(in crate::oracle) fn not_signed(&self, case: CaseId) -> u32 {
        let of_case = self
            .actions
            .range(ActionId::all_of(case))
            .map(|(_, action)| action);
        let void = of_case.filter(|action| match &action.state {
            crate::oracle::ActionState::Void { reason } => reason.as_str().starts_with(Self::NOT_SIGNED),
            _ => false,
        });
        u32::try_from(void.count()).unwrap_or(u32::MAX)
    }

    /// How the sentence of a case begins that is held because whoever signs is away.
    pub(in crate::oracle) const SIGNER_AWAY: &str = "approved; it leaves when the signer is back";

    /// Whether what was approved in a case is held because whoever signs is away.
    #[must_use]
    pub fn waits_for_signer(&self, case: CaseId) -> bool {
        let waits = self.volatile.waiting.get(&case);
        waits.is_some_and(|words| words.as_str().starts_with(Self::SIGNER_AWAY))
    }

    /// Everybody's history, as of the last input's time.
    #[must_use]
    pub fn tracks(&self) -> BTreeMap<OperatorId, Track> {
        match &self.volatile.tracks {
            Some((newest, now, tracks)) if (*newest, *now) == (self.newest, self.volatile.now) => {
                tracks.clone()
            }
            _ => self.durable.tracks_at(self.volatile.now),
        }
    }

    /// Has [`Self::tracks`] at hand until something is recorded or the time moves: it is made from every case in memory,
    /// and each that asks for a committee in the same step wants it.
    pub(in crate::oracle) fn keep_tracks(&mut self) {
        let (newest, now) = (self.newest, self.volatile.now);
        let kept = self.volatile.tracks.as_ref();
        if kept.is_none_or(|(of, at, _)| (*of, *at) != (newest, now)) {
            let tracks = self.durable.tracks_at(now);
            self.volatile.tracks = Some((newest, now, tracks));
        }
    }
}
