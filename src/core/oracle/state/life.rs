//! A case, what it consists of, and where it stands.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use alloy::primitives::U256;
use serde::{Deserialize, Serialize};

use crate::oracle::{
    Cause, CeremonyRole, ExitOffers, Forecast, HistoryEntry, KnownKey, Registration, ValidatorPhase,
};
use crate::types::{
    ActionId, BackendName, BlsPublicKey, BlsSignature, CaseId, CeremonyFailure, CeremonyPlan, CeremonyResult,
    Check, KeygenOutput, LogRef, NonceStatus, OperatorId, RequestId, ReshareOutput, Root, SafeText,
    SignedTransaction, UnixMillis,
};

/// Where a case stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Step {
    /// A ceremony is to be proposed.
    PlanCeremony,
    /// It waits for its decision or its start.
    DecideCeremony(ActionId),
    RunCeremony(RequestId),
    /// A key exists; a deposit waits until its pool is at the head of the queue.
    AwaitTurn,
    /// The SSV registration is being signed; `None` until that ceremony is started.
    Register(Option<RequestId>),
    /// The transaction or broadcast is to be proposed.
    PlanEffect,
    /// It waits for its decision or its last checks.
    DecideEffect(ActionId),
    /// It was signed (a transaction) or published (an exit) and is followed.
    Execute(ActionId),
    /// The validator is followed on the beacon chain.
    Follow,
    /// A person must look.
    Halted {
        reason: SafeText,
        /// Where a retry goes on.
        resume: Resume,
    },
    /// The end.
    Closed {
        outcome: SafeText,
    },
}

/// Where a retry goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Resume {
    /// At [`Step::PlanCeremony`].
    PlanCeremony,
    /// At [`Step::Register`].
    Register,
    /// At [`Step::PlanEffect`].
    PlanEffect,
    /// With the last checks before an approved exit is offered again, under the same approval.
    Offer(ActionId),
}

/// A transaction that executes an action: one nonce, every version ever signed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sending {
    /// Oldest first; all have the same nonce.
    pub versions: Vec<SignedTransaction>,
    /// When the first was signed.
    pub signed_at: UnixMillis,
    /// A node took one of them.
    pub accepted: bool,
    /// The chain's last word.
    pub status: NonceStatus,
}

impl Sending {
    /// The newest bytes.
    #[must_use]
    pub fn newest(&self) -> &SignedTransaction {
        self.versions
            .last()
            .expect("a Sending is created with one version")
    }

    /// Every hash ever signed.
    #[must_use]
    pub fn hashes(&self) -> Vec<Root> {
        self.versions.iter().map(|v| v.hash).collect()
    }
}

/// The outcome of a ceremony that may have ended is not known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Doubt {
    /// Since when.
    pub since: UnixMillis,
    /// What the last look said that was journaled.
    pub reason: SafeText,
    /// How often that was journaled, and when it last was.
    pub(in crate::oracle) told: u32,
    pub(in crate::oracle) told_at: UnixMillis,
}

/// So many looks that end without an outcome are journaled whenever they say something new.
const DOUBTS_AT_ONCE: u32 = 8;

/// What is told anew of a doubt that began in the future is told at this pause.
const DOUBT_OF_UNKNOWN_AGE: Duration = Duration::from_secs(3_600);

impl Doubt {
    /// Whether something new may be journaled of it. What is told again and again in changing words is journaled at
    /// pauses that double, so the records of one ceremony stay few however long it is looked for.
    pub(in crate::oracle) fn may_be_told(&self, now: UnixMillis) -> bool {
        // the clock was set back since it began: nobody knows how long ago that is
        if now < self.since {
            return now < self.told_at || now.since(self.told_at) >= DOUBT_OF_UNKNOWN_AGE;
        }
        let (waited, told) = (now.since(self.since), self.told_at.since(self.since));
        self.told < DOUBTS_AT_ONCE || now < self.told_at || waited >= told.saturating_mul(2)
    }
}

/// A ceremony of the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ceremony {
    pub case: CaseId,
    pub role: CeremonyRole,
    /// 1 for the first of this role in the case.
    pub attempt: u32,
    pub plan: CeremonyPlan,
    /// The DKG backend that runs it.
    pub backend: BackendName,
    /// When it was journaled.
    pub started_at: UnixMillis,
    /// Number of the newest record of its beginning, its doubt or its end.
    pub moved_by: u64,
    /// A look for its outcome ended without it; it is looked for again.
    pub doubt: Option<Doubt>,
    /// When and how it ended.
    pub ended: Option<(UnixMillis, Result<CeremonyResult, CeremonyFailure>)>,
    /// What was verified of its result.
    pub checks: Vec<Check>,
    /// File name of the newest transcript, and its SHA-256.
    pub transcript: Option<(SafeText, Root)>,
}

/// The contract did what a case is for, by a transaction of somebody else or of another case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Served {
    pub transaction: Root,
    /// Where the event stands; `None` in journals from before that was kept.
    pub log: Option<LogRef>,
}

/// Transactions that came too late in their block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Overtaken {
    /// How many.
    pub times: u32,
    /// What they cost in fees, wei.
    pub fees_wei: U256,
}

/// A ceremony failed for operators of its committee: each is proven guilty, or was not there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedFor {
    /// Everybody who was to take part, ascending.
    pub committee: Vec<OperatorId>,
    /// For whom it failed.
    pub operators: Vec<OperatorId>,
}

/// The life of one request of the chain, from what opened it to what closed it, as far as it is durable.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Case {
    pub id: CaseId,
    pub cause: Cause,
    /// When it was opened.
    pub opened_at: UnixMillis,
    /// Its event left the chain.
    pub orphaned: bool,
    /// Paused, by whom.
    pub paused: Option<SafeText>,
    /// Where it stands.
    pub step: Step,
    /// Since when.
    pub since: UnixMillis,
    /// Number of the record that brought it there, or left it there once more.
    pub moved_by: u64,
    /// Actions so far.
    pub actions: u32,
    /// Main ceremonies so far.
    pub attempts: u32,
    /// So many of them were of committees that another one took the place of: they use up nothing any more.
    #[serde(default, skip_serializing_if = "crate::types::is_zero")]
    pub forgiven: u32,
    /// Committees that a rule chose in the place of another one.
    #[serde(default, skip_serializing_if = "crate::types::is_zero")]
    pub chosen_by_rule: u32,
    /// Ceremonies in a row that started nothing: they cost no attempt, and are tried again after growing pauses.
    #[serde(default)]
    pub unstarted: u32,
    /// Transactions since a person took it up that reverted because what they rested on had changed before them.
    #[serde(default)]
    pub overtaken: Overtaken,
    /// Registration ceremonies since the last success or retry.
    pub registration_attempts: u32,
    /// Verified key generation.
    pub keygen: Option<KeygenOutput>,
    /// Verified reshare.
    pub reshare: Option<ReshareOutput>,
    /// Signed exit: what was signed and the signature.
    pub exit: Option<(CeremonyPlan, BlsSignature)>,
    /// Main ceremony that gave the result.
    pub ceremony: Option<RequestId>,
    /// SSV registration.
    pub registration: Option<Registration>,
    /// A person gave it up: it is closed, and only a person takes it up again.
    pub given_up: bool,
    /// Committees that another one took the place of.
    pub spent: BTreeSet<Vec<OperatorId>>,
    /// Committee chosen by a person.
    pub chosen: Option<Vec<OperatorId>>,
    /// Operators that made attempts fail.
    pub avoid: BTreeSet<OperatorId>,
    /// Why the last attempt failed.
    pub last_failure: Option<SafeText>,
    /// For whom it did, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed_for: Option<FailedFor>,
    /// What served its pool without it. The case ends with it once it is final.
    pub served_by: Option<Served>,
    /// Earlier reports of the same that have not been taken back: one of all may be false.
    pub(in crate::oracle) served_too: Vec<Served>,
    /// The key of a validator that was on its way out before this case did anything.
    pub followed: Option<BlsPublicKey>,
    /// Last phase of its validator.
    pub phase: Option<ValidatorPhase>,
    /// When it was first seen in each phase up to the present one.
    pub seen: BTreeMap<ValidatorPhase, UnixMillis>,
    /// Its index on the beacon chain, where the state told it.
    pub index: Option<u64>,
    /// What the chain's rules said of its exit when that was published.
    pub by_rules: Option<Forecast>,
    /// What the beacon state says of its epochs.
    pub by_state: Forecast,
    /// What became of its exit at the beacon nodes.
    pub offers: ExitOffers,
    /// Its file, oldest entry first: its beginning and its newest, `HISTORY_KEPT` in all.
    pub history: Vec<HistoryEntry>,
    /// How many entries between the two are left to the journal.
    pub left_out: u64,
}

/// How a case ends whose request left the chain for good.
pub(in crate::oracle) const REQUEST_GONE: &str = "its request left the chain for good";

/// So many entries of a case's file are in memory, ...
pub(super) const HISTORY_KEPT: usize = 200;
/// ... and so many of them are its first.
pub const HISTORY_FIRST: usize = 20;

impl Case {
    /// Main ceremonies so far that count against a limit.
    #[must_use]
    pub fn counted_attempts(&self) -> u32 {
        self.attempts.saturating_sub(self.forgiven)
    }

    /// The key that this case is about, once it is known.
    #[must_use]
    pub fn validator(&self) -> Option<BlsPublicKey> {
        self.keygen
            .as_ref()
            .map(|k| k.validator)
            .or(self.reshare.as_ref().map(|r| r.validator))
            .or(match &self.exit {
                Some((CeremonyPlan::Sign { validator, .. }, _)) => Some(*validator),
                _ => None,
            })
            .or(self.followed)
    }

    /// The key that its key generation made.
    pub(in crate::oracle) fn made_key(&self) -> Option<KnownKey> {
        let made = self.keygen.as_ref()?;
        Some(KnownKey::of(
            made.validator,
            &made.share_public_keys,
            &made.handed_back,
        ))
    }

    /// The key that it handed to another committee.
    pub(in crate::oracle) fn moved_key(&self) -> Option<KnownKey> {
        let moved = self.reshare.as_ref()?;
        Some(KnownKey::of(
            moved.validator,
            &moved.share_public_keys,
            &moved.handed_back,
        ))
    }

    /// Its exit is in a block, or it waits for a person: answers to earlier offers change nothing.
    pub(in crate::oracle) fn is_past_its_exit(&self) -> bool {
        matches!(
            self.step,
            Step::Follow | Step::Halted { .. } | Step::Closed { .. }
        )
    }

    /// One more entry of its file.
    pub(super) fn tell(&mut self, entry: HistoryEntry) {
        if self.history.len() >= HISTORY_KEPT {
            self.history.remove(HISTORY_FIRST);
            self.left_out += 1;
        }
        self.history.push(entry);
    }

    /// Every report that its pool was served without it, and that has not been taken back.
    pub fn reports(&self) -> impl Iterator<Item = &Served> {
        self.served_by.iter().chain(&self.served_too)
    }

    /// What the contract reports of its pool still counts: it is open, or a person may take it up again.
    pub fn listens(&self) -> bool {
        !self.is_closed() || self.given_up
    }

    /// It was closed because its request left the chain for good. Should the contract ask again, it goes on.
    pub(in crate::oracle) fn is_gone(&self) -> bool {
        let closed = matches!(&self.step, Step::Closed { outcome } if outcome.as_str() == REQUEST_GONE);
        closed && self.orphaned && !self.given_up
    }

    /// It does not move any more.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        matches!(self.step, Step::Closed { .. })
    }
}
