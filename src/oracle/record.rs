//! What the journal keeps. A state is the fold of its records, and of nothing else that matters.

use alloy::primitives::Address;
use serde::{Deserialize, Serialize};

use super::{
    Basis, Cause, Decision, ExitStanding, ExitVerdict, Forecast, Mode, Moment, Proposal, ValidatorPhase,
};
use crate::types::{
    ActionId, BlockRef, BlsPublicKey, CaseId, CeremonyFailure, CeremonyPlan, CeremonyResult, Check, LogRef,
    NonceStatus, OperatorId, RequestId, RequestKind, Root, SafeText, SignedTransaction, UnixMillis,
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

/// One fact of the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "record")]
pub enum Record {
    /// A process took up the journal.
    EngineStarted {
        /// Program version.
        version: String,
        /// Network name.
        network: SafeText,
        /// Mode.
        mode: Mode,
    },
    /// A request was seen.
    CaseOpened {
        /// The new case.
        case: CaseId,
        /// Its cause.
        cause: Cause,
    },
    /// The event that opened the case left the chain.
    CauseLost {
        /// The case.
        case: CaseId,
    },
    /// The event is (back) in the chain.
    CauseFound {
        /// The case.
        case: CaseId,
        /// Where it stands now.
        cause: Cause,
    },
    /// Something is ready to be decided.
    ActionProposed {
        /// The new action.
        action: ActionId,
        /// What would be done.
        proposal: Box<Proposal>,
        /// Its digest.
        digest: Root,
    },
    /// A waiting action changed; earlier digests are stale.
    ActionChanged {
        /// The action.
        action: ActionId,
        /// What would be done now.
        proposal: Box<Proposal>,
        /// Its digest.
        digest: Root,
    },
    /// Somebody decided.
    Decided {
        /// On which action.
        action: ActionId,
        /// What.
        decision: Decision,
    },
    /// The action can not be executed any more.
    ActionVoided {
        /// The action.
        action: ActionId,
        /// Why.
        reason: SafeText,
    },
    /// A ceremony is about to be started.
    CeremonyStarted {
        /// Its id.
        request: RequestId,
        /// For which case.
        case: CaseId,
        /// Under which approval.
        action: Option<ActionId>,
        /// What for.
        role: CeremonyRole,
        /// 1 for the first of this role in the case.
        attempt: u32,
        /// The plan.
        plan: CeremonyPlan,
    },
    /// A ceremony gave a verified result.
    CeremonyVerified {
        /// Its id.
        request: RequestId,
        /// The result.
        result: CeremonyResult,
        /// What was verified.
        checks: Vec<Check>,
        /// Transcript file and its SHA-256.
        transcript: Option<(SafeText, Root)>,
    },
    /// A ceremony gave none.
    CeremonyFailed {
        /// Its id.
        request: RequestId,
        /// How.
        failure: CeremonyFailure,
        /// Transcript file and its SHA-256.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        transcript: Option<(SafeText, Root)>,
    },
    /// A look for a ceremony's outcome ended without it. The ceremony stays open, and is looked for again.
    CeremonyUnknown {
        /// Its id.
        request: RequestId,
        /// Why it could not be found out.
        reason: SafeText,
        /// Transcript file and its SHA-256.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        transcript: Option<(SafeText, Root)>,
    },
    /// A person gave up a ceremony whose outcome is unknown: whatever it made must never be used.
    CeremonyDeclaredLost {
        /// Its id.
        request: RequestId,
        /// Who.
        by: SafeText,
    },
    /// A key that must never be used.
    KeyCondemned {
        /// The key.
        validator: BlsPublicKey,
        /// Why.
        reason: SafeText,
    },
    /// A person chose a committee.
    CommitteeChosen {
        /// For which case.
        case: CaseId,
        /// Ascending ids.
        committee: Vec<OperatorId>,
        /// Who.
        by: SafeText,
    },
    /// A transaction was signed. Written before its bytes leave.
    TransactionSigned {
        /// The action that it executes.
        action: ActionId,
        /// The bytes.
        transaction: SignedTransaction,
    },
    /// A node took the bytes for the first time.
    TransactionAccepted {
        /// The action.
        action: ActionId,
        /// The hash.
        hash: Root,
    },
    /// The chain's word on the transaction changed.
    TransactionStatus {
        /// The action.
        action: ActionId,
        /// What the chain says.
        status: NonceStatus,
    },
    /// An exit was offered to the beacon nodes.
    ExitPublished {
        /// The action.
        action: ActionId,
        /// One a node.
        verdicts: Vec<ExitVerdict>,
        /// What came of it; older journals do not say.
        #[serde(default)]
        standing: Option<ExitStanding>,
    },
    /// An approved exit waits for its time and is then sent under the same approval.
    ExitDeferred {
        /// The action.
        action: ActionId,
        /// Not before.
        until: UnixMillis,
        /// Why.
        reason: SafeText,
    },
    /// A validator reached another phase.
    ValidatorPhaseSeen {
        /// The case.
        case: CaseId,
        /// The phase.
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
        /// The case.
        case: CaseId,
        /// Its index, where known.
        index: Option<u64>,
        /// Who says so.
        basis: Basis,
        /// The times.
        forecast: Forecast,
    },
    /// The case can not go on by itself.
    CaseHalted {
        /// The case.
        case: CaseId,
        /// Why.
        reason: SafeText,
    },
    /// A person took it up again.
    CaseRetried {
        /// The case.
        case: CaseId,
        /// Who.
        by: SafeText,
    },
    /// The oracle's account was seen for the first time.
    AccountSeen {
        /// The account.
        account: Address,
        /// Nonces below are from before this journal.
        nonce: u64,
    },
    /// Somebody else used nonces of the oracle's account.
    AccountStrange {
        /// The account.
        account: Address,
        /// The first of them.
        nonce: u64,
        /// They stand below this one.
        next: u64,
    },
    /// A person who resumed has looked at what somebody else did with the account.
    AccountAccepted {
        /// The account.
        account: Address,
        /// Nonces below are history.
        nonce: u64,
    },
    /// A pause began: of one case, or of everything.
    Paused {
        /// Of which case; `None` is everything.
        case: Option<CaseId>,
        /// Who.
        by: SafeText,
    },
    /// A pause ended.
    Resumed {
        /// Of which case; `None` is everything.
        case: Option<CaseId>,
        /// Who.
        by: SafeText,
    },
    /// The contract served the pool with a transaction that is not of this case.
    PoolServed {
        /// The case.
        case: CaseId,
        /// The transaction.
        transaction: Root,
        /// The case whose transaction it is, if it is ours at all.
        by: Option<CaseId>,
        /// Where the event stands; journals from before this was kept have none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        log: Option<LogRef>,
    },
    /// The event that said so left the chain.
    PoolNotServed {
        /// The case.
        case: CaseId,
        /// The transaction.
        transaction: Root,
    },
    /// A case ended.
    CaseClosed {
        /// The case.
        case: CaseId,
        /// How.
        outcome: SafeText,
    },
    /// Something worth keeping that changes nothing.
    Note {
        /// The case that it is about, if one.
        case: Option<CaseId>,
        /// In words.
        text: SafeText,
    },
}

impl Record {
    /// Stable kind in kebab case, as in JSON.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::EngineStarted { .. } => "engine-started",
            Self::CaseOpened { .. } => "case-opened",
            Self::CauseLost { .. } => "cause-lost",
            Self::CauseFound { .. } => "cause-found",
            Self::ActionProposed { .. } => "action-proposed",
            Self::ActionChanged { .. } => "action-changed",
            Self::Decided { .. } => "decided",
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
            Self::Paused { .. } => "paused",
            Self::Resumed { .. } => "resumed",
            Self::PoolServed { .. } => "pool-served",
            Self::PoolNotServed { .. } => "pool-not-served",
            Self::CaseClosed { .. } => "case-closed",
            Self::Note { .. } => "note",
        }
    }

    /// One sentence for people.
    #[must_use]
    pub fn sentence(&self) -> SafeText {
        let block = |b: &BlockRef| format!("block {}", b.number);
        SafeText::new(&match self {
            Self::EngineStarted {
                version,
                network,
                mode,
            } => {
                format!("casimir-dkg {version} started on {network} in mode {mode}")
            }
            Self::CaseOpened { case, cause } | Self::CauseFound { case, cause } => match cause {
                Cause::Event { log } => format!(
                    "{} of pool {} requested in {}",
                    case.kind,
                    case.pool,
                    block(&log.block)
                ),
                Cause::State { block: b } => {
                    format!(
                        "{} of pool {} found in the contract's state at {}",
                        case.kind,
                        case.pool,
                        block(b)
                    )
                }
                Cause::Manual { by, .. } => format!("{} of pool {} requested by {by}", case.kind, case.pool),
            },
            Self::CauseLost { case } => format!("the request of {case} left the chain in a reorganisation"),
            Self::ActionProposed { action, proposal, .. } => {
                format!("{action} waits for a decision: {}", proposal.title)
            }
            Self::ActionChanged { action, .. } => format!("{action} changed while it waited"),
            Self::Decided { action, decision } => match &decision.verdict {
                super::Verdict::Approve => format!("{action} approved by {}", decision.decider),
                super::Verdict::Reject { reason } => {
                    format!("{action} rejected by {}: {reason}", decision.decider)
                }
            },
            Self::ActionVoided { action, reason } => format!("{action} is void: {reason}"),
            Self::CeremonyStarted {
                request,
                case,
                role,
                attempt,
                plan,
                ..
            } => {
                let what = match role {
                    CeremonyRole::Main => plan.kind().to_string(),
                    CeremonyRole::Registration => "signing of the SSV registration".to_owned(),
                };
                format!(
                    "{what} of {case} started with {} operators, attempt {attempt}, request {request}",
                    plan.participants().len()
                )
            }
            Self::CeremonyVerified {
                request,
                checks,
                transcript,
                ..
            } => format!(
                "ceremony {request} verified, {} checks{}",
                checks.len(),
                proof(transcript.as_ref())
            ),
            Self::CeremonyFailed {
                request,
                failure,
                transcript,
            } => format!(
                "ceremony {request} failed: {failure}{}",
                proof(transcript.as_ref())
            ),
            Self::CeremonyUnknown {
                request,
                reason,
                transcript,
            } => format!(
                "the outcome of ceremony {request} is unknown and looked for: {reason}{}",
                proof(transcript.as_ref())
            ),
            Self::CeremonyDeclaredLost { request, by } => {
                format!("ceremony {request} declared lost by {by}; whatever it made must never be used")
            }
            Self::KeyCondemned { validator, reason } => {
                format!("key {validator} must never be used: {reason}")
            }
            Self::CommitteeChosen { case, committee, by } => {
                let ids: Vec<_> = committee.iter().map(ToString::to_string).collect();
                format!("{by} chose operators {} for {case}", ids.join(", "))
            }
            Self::TransactionSigned {
                action,
                transaction: tx,
            } => {
                format!("{action}: transaction {} signed with nonce {}", tx.hash, tx.nonce)
            }
            Self::TransactionAccepted { action, hash } => {
                format!("{action}: transaction {hash} accepted by a node")
            }
            Self::TransactionStatus { action, status } => match status {
                NonceStatus::Missing => format!("{action}: the transaction is not in the chain (any more)"),
                NonceStatus::Pending => format!("{action}: the transaction is pending"),
                NonceStatus::Included {
                    block: b,
                    success: true,
                    is_final,
                    ..
                } => {
                    format!(
                        "{action}: the transaction is {} in {}",
                        if *is_final { "final" } else { "included" },
                        block(b)
                    )
                }
                NonceStatus::Included {
                    block: b,
                    reason,
                    is_final,
                    ..
                } => format!(
                    "{action}: the transaction reverted in {}{}: {}",
                    block(b),
                    if *is_final { " (final)" } else { "" },
                    reason.as_ref().map_or("no reason given", SafeText::as_str)
                ),
                NonceStatus::Replaced { .. } => {
                    format!("{action}: another transaction of the oracle account took its nonce")
                }
            },
            Self::ExitPublished {
                action,
                verdicts,
                standing,
            } => {
                let delivered = verdicts.iter().filter(|v| v.answer.delivered()).count();
                let nodes = verdicts.len();
                let outcome = match standing {
                    None => String::new(),
                    Some(standing) => format!("; {}", standing.sentence()),
                };
                let words: Vec<_> = verdicts.iter().map(|v| format!("{}: {v}", v.node)).collect();
                let words = words.join(", ");
                format!("{action}: exit delivered to {delivered} of {nodes} beacon nodes{outcome} [{words}]")
            }
            Self::ExitDeferred { action, reason, .. } => format!("{action} waits: {reason}"),
            Self::ValidatorPhaseSeen {
                case, phase, since, ..
            } => match since {
                Some(since) => format!("the validator of {case} is {phase} since {since}"),
                None => format!("the validator of {case} is {phase}"),
            },
            Self::ValidatorForecast {
                case,
                basis,
                forecast,
                ..
            } => {
                let basis = match basis {
                    Basis::Rules => "by the chain's rules, at the earliest",
                    Basis::State => "by the beacon state",
                };
                format!("expected of {case} {basis}: {}", forecast.words())
            }
            Self::CaseHalted { case, reason } => format!("{case} needs a person: {reason}"),
            Self::CaseRetried { case, by } => format!("{case} taken up again by {by}"),
            Self::AccountSeen { account, nonce } => {
                format!("the oracle account {account} is watched from nonce {nonce} on")
            }
            Self::AccountStrange { account, nonce, .. } => {
                format!("nonce {nonce} of the oracle account {account} was used by somebody else")
            }
            Self::AccountAccepted { account, nonce } => {
                format!("what the oracle account {account} did below nonce {nonce} was looked at by a person")
            }
            Self::Paused { case: Some(case), by } => format!("{case} paused by {by}"),
            Self::Paused { case: None, by } => format!("everything paused by {by}"),
            Self::Resumed { case: Some(case), by } => format!("{case} resumed by {by}"),
            Self::Resumed { case: None, by } => format!("everything resumed by {by}"),
            Self::PoolServed {
                case, transaction, ..
            } if case.kind == RequestKind::Exit => {
                format!(
                    "the contract reports that the validator of pool {} has left, in transaction {transaction}",
                    case.pool
                )
            }
            Self::PoolServed {
                case,
                transaction,
                by: Some(by),
                ..
            } => {
                format!(
                    "pool {} was served by transaction {transaction} of {by}",
                    case.pool
                )
            }
            Self::PoolServed {
                case,
                transaction,
                by: None,
                ..
            } => {
                format!(
                    "pool {} was served by transaction {transaction}, which is not in this journal",
                    case.pool
                )
            }
            Self::PoolNotServed { case, transaction } if case.kind == RequestKind::Exit => format!(
                "transaction {transaction}, which reported the exit of pool {}, left the chain in a reorganisation",
                case.pool
            ),
            Self::PoolNotServed { case, transaction } => format!(
                "transaction {transaction}, which served pool {}, left the chain in a reorganisation",
                case.pool
            ),
            Self::CaseClosed { case, outcome } => format!("{case} closed: {outcome}"),
            Self::Note { text, .. } => text.as_str().to_owned(),
        })
    }
}

/// Where the evidence is, and what it must hash to.
fn proof(transcript: Option<&(SafeText, Root)>) -> String {
    transcript.map_or_else(String::new, |(file, digest)| {
        format!("; transcript {file}, SHA-256 {digest}")
    })
}
