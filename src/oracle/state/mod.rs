//! The state of the core.

mod account;
mod actions;
mod apply;
mod beacon;
mod cases;
mod ceremonies;
mod exit;
mod life;
mod live;
mod sendings;
mod taken;
mod track;

use std::collections::BTreeMap;

use alloy::primitives::Address;

use crate::oracle::account::Account;
use crate::oracle::{Action, ChainFacts, KnownKey, Mode, Policy, Record, RuleUse};
use crate::types::{
    ActionId, BlsPublicKey, CaseId, NonceStatus, OperatorId, PoolId, RequestId, RequestKind, SafeText,
    UnixMillis,
};

pub use life::{Case, Ceremony, Doubt, Resume, Sending, Served, Step};
pub(in crate::oracle) use live::{EffectKey, Live};
pub(in crate::oracle) use taken::Shares;
pub use track::Track;

/// What the core is told once, at the start.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Who decides.
    pub mode: Mode,
    /// The rules of mode `auto`.
    pub policy: Policy,
    /// The manager contract: the SSV owner of every validator.
    pub owner: Address,
    /// Whether a beacon node is configured: then validators are followed after the transaction is final.
    pub follows_beacon: bool,
    /// How often a followed validator is looked up while no node hints that something happened, ms.
    pub look_up_every_ms: u64,
    /// How often a waiting proposal of a ceremony is looked at again, ms.
    pub refresh_every_ms: u64,
    /// An approval that could not be executed within this time is void, ms.
    pub approval_expires_ms: u64,
    /// A transaction that is pending below the base fee is replaced after this time, ms.
    pub bump_after_ms: u64,
}

/// Everything that the core knows.
#[derive(Debug, Clone)]
pub struct State {
    /// What it was told.
    pub settings: Settings,
    pub cases: BTreeMap<CaseId, Case>,
    pub actions: BTreeMap<ActionId, Action>,
    pub ceremonies: BTreeMap<RequestId, Ceremony>,
    /// Transactions by the action that they execute.
    pub sendings: BTreeMap<ActionId, Sending>,
    /// Keys that must never be used.
    pub condemned: BTreeMap<BlsPublicKey, SafeText>,
    /// Everything is paused: by whom, since when.
    pub paused: Option<(SafeText, UnixMillis)>,
    /// What is known of the accounts that the oracle had.
    pub(in crate::oracle) accounts: BTreeMap<Address, Account>,
    pub(in crate::oracle) rule_uses: Vec<RuleUse>,
    pub(in crate::oracle) live: Live,
}

impl State {
    /// An empty state.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            cases: BTreeMap::new(),
            actions: BTreeMap::new(),
            ceremonies: BTreeMap::new(),
            sendings: BTreeMap::new(),
            condemned: BTreeMap::new(),
            paused: None,
            accounts: BTreeMap::new(),
            rule_uses: Vec::new(),
            live: Live::default(),
        }
    }

    /// Tells the number of the next record, after a replay.
    pub fn set_next_record(&mut self, seq: u64) {
        self.live.next_seq = seq;
    }

    /// The last view of the chain.
    #[must_use]
    pub fn facts(&self) -> &ChainFacts {
        &self.live.facts
    }

    /// The case that a record is about.
    #[must_use]
    pub fn case_of(&self, record: &Record) -> Option<CaseId> {
        record.case(self)
    }

    /// The cases of a kind for a pool, oldest first.
    pub(in crate::oracle) fn cases_of(
        &self,
        kind: RequestKind,
        pool: PoolId,
    ) -> impl DoubleEndedIterator<Item = &Case> {
        let of = |ordinal| CaseId { kind, pool, ordinal };
        self.cases.range(of(0)..=of(u32::MAX)).map(|(_, case)| case)
    }

    /// Whether a signature, a transaction or an exit is being handed over right now.
    #[must_use]
    pub fn is_handing_over(&self) -> bool {
        let handing = |key: &EffectKey| {
            matches!(
                key,
                EffectKey::Sign(_) | EffectKey::Send(_) | EffectKey::Publish(_)
            )
        };
        self.live.in_flight.iter().any(handing)
    }

    /// Whether anything new of a case may leave this machine: a ceremony's start, a signature, bytes or an exit. What
    /// has left is followed in any case.
    #[must_use]
    pub(in crate::oracle) fn may_leave(&self, case: CaseId) -> bool {
        let paused = self.paused.is_some() || self.cases.get(&case).is_none_or(|c| c.paused.is_some());
        !paused && self.settings.mode != Mode::Observe
    }

    /// Why a case waits, where its step does not say it.
    #[must_use]
    pub fn waiting_reason(&self, case: CaseId) -> Option<&SafeText> {
        self.live.waiting.get(&case)
    }

    /// Whether a transaction of the case with its present key is in the chain, whichever pool that served: the call takes
    /// no pool id.
    pub(in crate::oracle) fn has_used_its_key(&self, case: &Case) -> bool {
        let made = case.ceremony.and_then(|request| self.ceremonies.get(&request));
        let Some((made_at, _)) = made.and_then(|ceremony| ceremony.ended.as_ref()) else {
            return false;
        };
        let in_the_chain = |s: &Sending| matches!(s.status, NonceStatus::Included { success: true, .. });
        let mut own = self.sendings.iter().filter(|(action, _)| action.case == case.id);
        own.any(|(_, s)| s.signed_at >= *made_at && in_the_chain(s))
    }

    /// The key of a pool as the journal knows it: of the newest reshare that was sent and included, else of the keygen.
    /// What was condemned, or was not what the contract took, is not the pool's key.
    #[must_use]
    pub fn known_key(&self, pool: PoolId) -> Option<KnownKey> {
        let of = |validator, shares: &BTreeMap<OperatorId, BlsPublicKey>| KnownKey {
            validator,
            committee: shares.keys().copied().collect(),
            share_public_keys: shares.clone(),
        };
        let done = |case: &&Case| matches!(case.step, Step::Closed { .. } | Step::Follow);
        let ours = || {
            self.cases
                .values()
                .filter(move |c| c.id.pool == pool && c.served_by.is_none())
        };
        let used = |validator: &BlsPublicKey| !self.condemned.contains_key(validator);
        let newest_reshare = ours()
            .filter(done)
            .filter(|c| c.reshare.as_ref().is_some_and(|r| used(&r.validator)))
            .max_by_key(|c| c.since)
            .and_then(|c| c.reshare.as_ref())
            .map(|r| of(r.validator, &r.share_public_keys));
        newest_reshare.or_else(|| {
            ours()
                .filter(|c| c.keygen.as_ref().is_some_and(|k| used(&k.validator)))
                .max_by_key(|c| c.id.ordinal)
                .and_then(|c| c.keygen.as_ref())
                .map(|k| of(k.validator, &k.share_public_keys))
        })
    }
}
