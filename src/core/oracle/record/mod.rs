//! What the journal keeps. A state is the fold of its records, and of nothing else that matters.

mod about;
#[cfg(test)]
mod ceremonies;
#[cfg(test)]
mod lines;
#[cfg(test)]
mod lives;
pub(super) mod sentence;
#[cfg(test)]
mod tests;
mod unread;

pub(in crate::oracle) use about::Subject;

use alloy::primitives::Address;
use serde::{Deserialize, Serialize};

use super::{
    Basis, Cause, Decision, ExitStanding, ExitVerdict, Forecast, Mode, Moment, PeopleRules, Proposal,
    ValidatorPhase,
};
use crate::types::{
    ActionId, BackendName, BlockRef, BlsPublicKey, CaseId, CeremonyFailure, CeremonyPlan, CeremonyResult,
    Check, FormerKey, JournalKey, LogRef, NonceStatus, OperatorId, RequestId, Root, SafeText,
    SignedTransaction, UnixMillis,
};

/// What a ceremony is for within its case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CeremonyRole {
    /// The keygen, reshare or exit signature that the case is about.
    Main,
    /// The signature over the SSV owner nonce, part of what was approved with the main ceremony.
    Registration,
}

/// What a process works with, and which versions of what its records hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Speaks {
    /// Version of the manager contract, as `contract.adapter` names it.
    pub adapter: SafeText,
    /// The DKG backend that runs new ceremonies.
    pub backend: BackendName,
    /// Version of the digests that decisions name, as in [`Proposal::digest`].
    pub digest: u32,
    /// Version of the views that front ends were shown.
    pub views: u32,
}

/// Whom a process works for: which journal this is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Serves {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// The manager contract.
    pub manager: Address,
    /// The oracle's account, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<Address>,
}

/// One fact of the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "record")]
pub enum Record {
    /// A process took up the journal.
    EngineStarted {
        /// Program version.
        version: String,
        network: SafeText,
        /// Who decides from here on.
        mode: Mode,
        /// What it was started with, where a person had switched to a more careful mode before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        configured: Option<Mode>,
        /// What it works with; journals from before that was kept do not say.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        speaks: Option<Speaks>,
        /// Whom it works for; journals from before that was kept do not say.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        serves: Option<Serves>,
    },
    /// The journal has a key of its own from here on, which signs its checkpoints.
    JournalKeyed {
        /// The public half.
        key: JournalKey,
        /// Who made a new one in the place of another; nobody at the journal's birth.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<SafeText>,
        /// The person's words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<SafeText>,
        /// The key before it, where that was there to sign it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        former: Option<FormerKey>,
    },
    /// The file came from an older format. What was kept beside the chain there is told here; the record that the
    /// migration appends, before anything else of the new format.
    JournalUpgraded {
        /// Format that the file had.
        from: u32,
        /// Up to which block events had been read, where any had.
        cursor: Option<BlockRef>,
    },
    /// Every event up to this block was told, and stands in the records before this one.
    EventsRead { upto: BlockRef },
    /// A request was seen.
    CaseOpened {
        /// The new case.
        case: CaseId,
        cause: Cause,
    },
    /// The event that opened the case left the chain.
    CauseLost { case: CaseId },
    /// The event is (back) in the chain.
    CauseFound {
        case: CaseId,
        /// Where it stands now.
        cause: Cause,
    },
    /// Something is ready to be decided.
    ActionProposed {
        /// The new action.
        action: ActionId,
        proposal: Box<Proposal>,
        digest: Root,
    },
    /// A waiting action changed: its checks, or what would leave. Decisions on another digest are stale.
    ActionChanged {
        action: ActionId,
        /// What would be done now.
        proposal: Box<Proposal>,
        digest: Root,
    },
    /// Somebody decided.
    Decided { action: ActionId, decision: Decision },
    /// One person approved what takes another one, too. The last one's approval is the decision.
    Endorsed { action: ActionId, decision: Decision },
    /// What people approved so far does not count any more: it expired, or something else would leave now.
    EndorsementsLost { action: ActionId, reason: SafeText },
    /// The action cannot be executed any more.
    ActionVoided { action: ActionId, reason: SafeText },
    /// A ceremony is about to be started.
    CeremonyStarted {
        request: RequestId,
        case: CaseId,
        /// Under which approval.
        action: Option<ActionId>,
        role: CeremonyRole,
        /// 1 for the first of this role in the case.
        attempt: u32,
        plan: CeremonyPlan,
        /// The DKG backend that runs it; RockX where it is not said. Its steps follow from both.
        #[serde(default, skip_serializing_if = "BackendName::is_default")]
        backend: BackendName,
    },
    /// A ceremony gave a verified result.
    CeremonyVerified {
        request: RequestId,
        result: CeremonyResult,
        /// What was verified.
        checks: Vec<Check>,
        /// Transcript file and its SHA-256.
        transcript: Option<(SafeText, Root)>,
    },
    /// A ceremony gave none.
    CeremonyFailed {
        request: RequestId,
        failure: CeremonyFailure,
        /// Transcript file and its SHA-256.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        transcript: Option<(SafeText, Root)>,
    },
    /// A look for a ceremony's outcome ended without it. The ceremony stays open, and is looked for again.
    CeremonyUnknown {
        request: RequestId,
        /// Why it could not be found out.
        reason: SafeText,
        /// Transcript file and its SHA-256.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        transcript: Option<(SafeText, Root)>,
    },
    /// A person gave up a ceremony whose outcome is unknown: whatever it made must never be used.
    CeremonyDeclaredLost { request: RequestId, by: SafeText },
    /// A key that must never be used.
    KeyCondemned {
        validator: BlsPublicKey,
        reason: SafeText,
    },
    /// A person chose a committee.
    CommitteeChosen {
        case: CaseId,
        /// Ascending ids.
        committee: Vec<OperatorId>,
        by: SafeText,
    },
    /// A transaction was signed. Written before its bytes leave.
    TransactionSigned {
        /// The action that it executes.
        action: ActionId,
        transaction: SignedTransaction,
    },
    /// A node took the bytes for the first time.
    TransactionAccepted { action: ActionId, hash: Root },
    /// The chain's word on the transaction changed.
    TransactionStatus {
        action: ActionId,
        /// What the chain says.
        status: NonceStatus,
    },
    /// An exit was offered to the beacon nodes.
    ExitPublished {
        action: ActionId,
        /// One a node.
        verdicts: Vec<ExitVerdict>,
        /// What came of it; older journals do not say.
        #[serde(default)]
        standing: Option<ExitStanding>,
    },
    /// An approved exit waits for its time and is then sent under the same approval.
    ExitDeferred {
        action: ActionId,
        /// Not before.
        until: UnixMillis,
        reason: SafeText,
    },
    /// A validator reached another phase.
    ValidatorPhaseSeen {
        case: CaseId,
        phase: ValidatorPhase,
        /// Since when, where the beacon state says so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        since: Option<Moment>,
        /// Its key, where nothing in the case had told it before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        validator: Option<BlsPublicKey>,
    },
    /// When a followed validator is expected to get where. Replaces what was expected on the same basis.
    ValidatorForecast {
        case: CaseId,
        /// Its index, where known.
        index: Option<u64>,
        /// Who says so.
        basis: Basis,
        /// The times.
        forecast: Forecast,
    },
    /// The case cannot go on by itself.
    CaseHalted { case: CaseId, reason: SafeText },
    /// A person took it up again; or SSV would take now what it refused in a block.
    CaseRetried { case: CaseId, by: SafeText },
    /// The oracle's account was seen for the first time.
    AccountSeen {
        account: Address,
        /// Nonces below are from before this journal.
        nonce: u64,
    },
    /// Somebody else used nonces of the oracle's account.
    AccountStrange {
        account: Address,
        /// The first of them.
        nonce: u64,
        /// They stand below this one.
        next: u64,
        /// The last of them, where there are several.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        last: Option<u64>,
    },
    /// A person who resumed has looked at what somebody else did with the account.
    AccountAccepted {
        account: Address,
        /// Nonces below are history.
        nonce: u64,
    },
    /// A person took over an account that had done things before this journal began.
    AccountAdopted {
        account: Address,
        /// Nonces below are history.
        nonce: u64,
        by: SafeText,
    },
    /// A pause began: of one case, or of everything.
    Paused {
        /// Of which case; `None` is everything.
        case: Option<CaseId>,
        by: SafeText,
    },
    /// A pause ended.
    Resumed {
        /// Of which case; `None` is everything.
        case: Option<CaseId>,
        by: SafeText,
    },
    /// A person had somebody else decide.
    ModeSwitched { from: Mode, to: Mode, by: SafeText },
    /// The policy says something else of people than before: whoever verifies the journal knows what was demanded.
    PeopleDemanded(PeopleRules),
    /// The contract served the pool with a transaction that is not of this case.
    PoolServed {
        case: CaseId,
        transaction: Root,
        /// The case whose transaction it is, if it is ours at all.
        by: Option<CaseId>,
        /// Where the event stands; journals from before this was kept have none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        log: Option<LogRef>,
    },
    /// The event that said so left the chain.
    PoolNotServed { case: CaseId, transaction: Root },
    /// A person gave the case up. Only a person takes it up again, whatever state and logs say.
    CaseGivenUp {
        case: CaseId,
        by: SafeText,
        /// The person's words.
        reason: SafeText,
    },
    /// Another committee is to make another key, by a person's choice or by a rule's; one that there was is condemned.
    KeyRedone {
        case: CaseId,
        /// The person, or the rule.
        by: SafeText,
        /// The same operators may make the next one: nothing that stood against the key lies with them.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        is_blameless: bool,
        /// A rule chose it, as often as it may for one case.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        is_by_rule: bool,
    },
    /// A case ended.
    CaseClosed { case: CaseId, outcome: SafeText },
    /// The wall clock moved against the monotonic one: it was set, or the machine slept.
    ClockMoved {
        /// Milliseconds; negative when it was set back.
        by_ms: i64,
    },
    /// Something worth keeping that changes nothing.
    Note {
        /// The case that it is about, if one.
        case: Option<CaseId>,
        /// In words.
        text: SafeText,
    },
}

/// Every kind of record that this program reads. A record of another one is from a newer program.
pub const KINDS: [&str; 44] = [
    "engine-started",
    "journal-keyed",
    "journal-upgraded",
    "events-read",
    "case-opened",
    "cause-lost",
    "cause-found",
    "action-proposed",
    "action-changed",
    "decided",
    "endorsed",
    "endorsements-lost",
    "action-voided",
    "ceremony-started",
    "ceremony-verified",
    "ceremony-failed",
    "ceremony-unknown",
    "ceremony-declared-lost",
    "key-condemned",
    "committee-chosen",
    "transaction-signed",
    "transaction-accepted",
    "transaction-status",
    "exit-published",
    "exit-deferred",
    "validator-phase-seen",
    "validator-forecast",
    "case-halted",
    "case-retried",
    "account-seen",
    "account-strange",
    "account-accepted",
    "account-adopted",
    "paused",
    "resumed",
    "mode-switched",
    "people-demanded",
    "pool-served",
    "pool-not-served",
    "case-given-up",
    "key-redone",
    "case-closed",
    "clock-moved",
    "note",
];

impl Record {
    /// Reads a record of a journal, of whatever format it is.
    ///
    /// # Errors
    /// In words. A kind that is not known is named, and so is a field: to leave either out would be to guess.
    pub fn read(kind: &str, body: &str) -> Result<Self, String> {
        if !KINDS.contains(&kind) {
            let kind = SafeText::new(kind);
            return Err(format!(
                "it is of kind «{kind}», which is of a newer casimir-dkg; run that one"
            ));
        }
        let record: Self = serde_json::from_str(body).map_err(|error| error.to_string())?;
        if record.kind() != kind {
            return Err(format!("it is called {kind}, and its text is {}", record.kind()));
        }
        if let Some(field) = unread::unread(body, &record) {
            let field = SafeText::new(&field);
            return Err(format!(
                "its field «{field}» is of a newer casimir-dkg; run that one"
            ));
        }
        Ok(record)
    }

    /// Whether its case is over with it. What is over can leave memory.
    #[must_use]
    pub fn ends_its_case(&self) -> bool {
        matches!(self, Self::CaseClosed { .. } | Self::CaseGivenUp { .. })
    }

    /// Stable kind in kebab case, as in JSON.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::EngineStarted { .. } => "engine-started",
            Self::JournalKeyed { .. } => "journal-keyed",
            Self::JournalUpgraded { .. } => "journal-upgraded",
            Self::EventsRead { .. } => "events-read",
            Self::CaseOpened { .. } => "case-opened",
            Self::CauseLost { .. } => "cause-lost",
            Self::CauseFound { .. } => "cause-found",
            Self::ActionProposed { .. } => "action-proposed",
            Self::ActionChanged { .. } => "action-changed",
            Self::Decided { .. } => "decided",
            Self::Endorsed { .. } => "endorsed",
            Self::EndorsementsLost { .. } => "endorsements-lost",
            Self::ActionVoided { .. } => "action-voided",
            Self::CeremonyStarted { .. } => "ceremony-started",
            Self::CeremonyVerified { .. } => "ceremony-verified",
            Self::CeremonyFailed { .. } => "ceremony-failed",
            Self::CeremonyUnknown { .. } => "ceremony-unknown",
            Self::CeremonyDeclaredLost { .. } => "ceremony-declared-lost",
            Self::KeyCondemned { .. } => "key-condemned",
            Self::CommitteeChosen { .. } => "committee-chosen",
            Self::TransactionSigned { .. } => "transaction-signed",
            Self::TransactionAccepted { .. } => "transaction-accepted",
            Self::TransactionStatus { .. } => "transaction-status",
            Self::ExitPublished { .. } => "exit-published",
            Self::ExitDeferred { .. } => "exit-deferred",
            Self::ValidatorPhaseSeen { .. } => "validator-phase-seen",
            Self::ValidatorForecast { .. } => "validator-forecast",
            Self::CaseHalted { .. } => "case-halted",
            Self::CaseRetried { .. } => "case-retried",
            Self::AccountSeen { .. } => "account-seen",
            Self::AccountStrange { .. } => "account-strange",
            Self::AccountAccepted { .. } => "account-accepted",
            Self::AccountAdopted { .. } => "account-adopted",
            Self::Paused { .. } => "paused",
            Self::Resumed { .. } => "resumed",
            Self::ModeSwitched { .. } => "mode-switched",
            Self::PeopleDemanded(_) => "people-demanded",
            Self::PoolServed { .. } => "pool-served",
            Self::PoolNotServed { .. } => "pool-not-served",
            Self::CaseGivenUp { .. } => "case-given-up",
            Self::KeyRedone { .. } => "key-redone",
            Self::CaseClosed { .. } => "case-closed",
            Self::ClockMoved { .. } => "clock-moved",
            Self::Note { .. } => "note",
        }
    }
}
