//! What the journal says: the fold of its records.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use alloy::primitives::Address;

use serde::{Deserialize, Serialize};

use crate::oracle::account::Account;
use crate::oracle::{Action, KnownKey, PeopleRules, Record, RuleUse, Switched, cases};
use crate::types::{
    ActionId, BlockRef, BlsPublicKey, CaseId, NonceStatus, OperatorId, PoolId, RequestId, RequestKind,
    SafeText, UnixMillis,
};

use super::nonces::Nonces;
use super::reckoning::Reckoning;
use super::tally::Tally;
use super::{Case, Ceremony, Retired, Sending, Step};

/// The fold of the records of a journal and of nothing else: no clock, no setting and no answer from outside is in it.
/// Two that took the same records are equal.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Durable {
    pub cases: BTreeMap<CaseId, Case>,
    pub actions: BTreeMap<ActionId, Action>,
    pub ceremonies: BTreeMap<RequestId, Ceremony>,
    /// Transactions by the action that they execute.
    pub sendings: BTreeMap<ActionId, Sending>,
    /// Keys that must never be used.
    pub condemned: BTreeMap<BlsPublicKey, SafeText>,
    /// Everything is paused: by whom, since when.
    pub paused: Option<(SafeText, UnixMillis)>,
    /// The last time that a person switched the mode.
    #[serde(default)]
    pub(in crate::oracle) switched: Option<Switched>,
    /// What the policy said of people when it was last told.
    #[serde(default)]
    pub(in crate::oracle) people: PeopleRules,
    /// What is known of the accounts that the oracle had.
    pub(in crate::oracle) accounts: BTreeMap<Address, Account>,
    /// Every nonce that was ever signed for, whatever became of it.
    pub(in crate::oracle) nonces: BTreeMap<Address, Nonces>,
    /// Those that a limit of a day may count, oldest first: of each rule the newest [`crate::oracle::policy::USES_KEPT`].
    pub(in crate::oracle) rule_uses: Vec<RuleUse>,
    /// The time that limits per day count.
    pub(super) reckoning: Reckoning,
    /// Closed cases that are in memory, in the order in which they were closed.
    pub(super) closed: VecDeque<CaseId>,
    /// What is left of those that are not.
    pub retired: Retired,
    /// Cases that are not closed.
    pub(in crate::oracle) open: BTreeSet<CaseId>,
    /// What operators did.
    pub(super) tally: Tally,
    /// When an operator was last proven to break the protocol.
    #[serde(default)]
    pub proven: BTreeMap<OperatorId, UnixMillis>,
    /// The block up to which every event was told, and when that was journaled.
    pub(in crate::oracle) cursor: Option<(BlockRef, UnixMillis)>,
    /// Some of what it was before, lowest first: where a start reads on when an event below it counts as told no more.
    #[serde(default)]
    pub(super) earlier: Vec<BlockRef>,
    /// Number of the newest record; 0 before the first.
    pub newest: u64,
}

impl Durable {
    /// The fold of all records of a journal, each with its number and time.
    #[must_use]
    pub fn fold<'a>(records: impl IntoIterator<Item = (u64, UnixMillis, &'a Record)>) -> Self {
        let mut folded = Self::default();
        for (seq, at, record) in records {
            folded.apply(seq, at, record);
        }
        folded
    }

    /// The block up to which every event is in the journal. A start reads on from here.
    #[must_use]
    pub fn cursor(&self) -> Option<BlockRef> {
        self.cursor.map(|(upto, _)| upto)
    }

    /// The case that a record is about.
    #[must_use]
    pub fn case_of(&self, record: &Record) -> Option<CaseId> {
        record.case(self)
    }

    /// The cases of a kind for a pool that are in memory, oldest first.
    pub fn cases_of(&self, kind: RequestKind, pool: PoolId) -> impl DoubleEndedIterator<Item = &Case> {
        let of = |ordinal| CaseId { kind, pool, ordinal };
        self.cases.range(of(0)..=of(u32::MAX)).map(|(_, case)| case)
    }

    /// Whether a transaction of the case with its present key is in the chain, whichever pool that served: the call takes
    /// no pool id.
    pub(in crate::oracle) fn has_used_its_key(&self, case: &Case) -> bool {
        let made = case.ceremony.and_then(|request| self.ceremonies.get(&request));
        let Some((made_at, _)) = made.and_then(|ceremony| ceremony.ended.as_ref()) else {
            return false;
        };
        let in_the_chain = |s: &Sending| matches!(s.status, NonceStatus::Included { success: true, .. });
        let mut own = self.sendings.range(ActionId::all_of(case.id));
        own.any(|(_, s)| s.signed_at >= *made_at && in_the_chain(s))
    }

    /// The key of a pool as the journal knows it: of the newest reshare that was sent and included, else of the keygen. Which
    /// one is the newest the order of the records says: a clock may have been set back between them.
    /// What was condemned, or was not what the contract took, is not the pool's key.
    #[must_use]
    pub fn known_key(&self, pool: PoolId) -> Option<KnownKey> {
        let past = self.retired.past(pool);
        let used = |key: &KnownKey| !self.condemned.contains_key(&key.validator);
        let ours = |kind| self.cases_of(kind, pool).filter(|case| case.served_by.is_none());
        let done = |case: &&Case| matches!(case.step, Step::Closed { .. } | Step::Follow);
        let reshared = cases::ALL
            .into_iter()
            .flat_map(ours)
            .filter(done)
            .filter_map(|case| Some((case.moved_by, case.moved_key().filter(used)?)))
            .chain(
                past.and_then(|past| past.reshare.as_ref())
                    .map(|(moved_by, key)| (*moved_by, key.whole())),
            )
            .max_by_key(|(moved_by, _)| *moved_by);
        let made = || {
            let here = cases::ALL.into_iter().flat_map(ours);
            here.filter_map(|case| Some((case.id.ordinal, case.made_key().filter(used)?)))
                .chain(
                    past.and_then(|past| past.keygen.as_ref())
                        .map(|(n, _, key)| (*n, key.whole())),
                )
                .max_by_key(|(ordinal, _)| *ordinal)
        };
        reshared
            .map(|(_, key)| key)
            .or_else(|| made().map(|(_, key)| key))
    }
}
