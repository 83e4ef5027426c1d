//! What the journal says, in words.

use super::*;
use crate::oracle::{Verdict, cases};
use crate::types::counted;

impl Record {
    /// One sentence for people.
    #[must_use]
    pub fn sentence(&self) -> SafeText {
        SafeText::new(&match self {
            Self::EngineStarted {
                version,
                network,
                mode,
            } => {
                format!("casimir-dkg {version} started on {network} in mode {mode}")
            }
            Self::CaseOpened { case, cause } | Self::CauseFound { case, cause } => requested(*case, cause),
            Self::CauseLost { case } => format!("the request of {case} left the chain in a reorganisation"),
            Self::ActionProposed { action, proposal, .. } => {
                format!("{action} waits for a decision: {}", proposal.title)
            }
            Self::ActionChanged { action, .. } => format!("{action} changed while it waited"),
            Self::Decided { action, decision } => format!("{action} {}", decided(decision)),
            Self::ActionVoided { action, reason } => format!("{action} is void: {reason}"),
            Self::CeremonyStarted {
                request,
                case,
                role,
                attempt,
                plan,
                ..
            } => format!(
                "{} of {case} started with {}, attempt {attempt}, request {request}",
                run(*role, plan),
                counted(plan.participants().len(), "operator")
            ),
            Self::CeremonyVerified {
                request,
                checks,
                transcript,
                ..
            } => format!(
                "ceremony {request} verified, {}{}",
                counted(checks.len(), "check"),
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
            Self::TransactionStatus { action, status } => format!("{action}: {}", stands(status)),
            Self::ExitPublished {
                action,
                verdicts,
                standing,
            } => format!("{action}: {}", offered(verdicts, standing.as_ref())),
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
            } => format!("expected of {case} {}: {}", on(*basis), forecast.words()),
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
                case,
                transaction,
                by,
                ..
            } => cases::kind(case.kind).served_by(case.pool, *transaction, *by),
            Self::PoolNotServed { case, transaction } => {
                cases::kind(case.kind).not_served_by(case.pool, *transaction)
            }
            Self::CaseClosed { case, outcome } => format!("{case} closed: {outcome}"),
            Self::Note { text, .. } => text.as_str().to_owned(),
        })
    }
}

/// What opened a case.
fn requested(case: CaseId, cause: &Cause) -> String {
    let CaseId { kind, pool, .. } = case;
    match cause {
        Cause::Event { log } => format!("{kind} of pool {pool} requested in block {}", log.block.number),
        Cause::State { block } => format!(
            "{kind} of pool {pool} found in the contract's state at block {}",
            block.number
        ),
        Cause::Manual { by, .. } => format!("{kind} of pool {pool} requested by {by}"),
    }
}

fn decided(decision: &Decision) -> String {
    let by = &decision.decider;
    match &decision.verdict {
        Verdict::Approve => format!("approved by {by}"),
        Verdict::Reject { reason } => format!("rejected by {by}: {reason}"),
    }
}

/// What a ceremony does.
fn run(role: CeremonyRole, plan: &CeremonyPlan) -> String {
    match role {
        CeremonyRole::Main => plan.kind().to_string(),
        CeremonyRole::Registration => "signing of the SSV registration".to_owned(),
    }
}

/// The chain's word on a transaction.
fn stands(status: &NonceStatus) -> String {
    match status {
        NonceStatus::Missing => "the transaction is not in the chain (any more)".to_owned(),
        NonceStatus::Pending => "the transaction is pending".to_owned(),
        NonceStatus::Included {
            block,
            success: true,
            is_final,
            ..
        } => format!(
            "the transaction is {} in block {}",
            if *is_final { "final" } else { "included" },
            block.number
        ),
        NonceStatus::Included {
            block,
            reason,
            is_final,
            ..
        } => format!(
            "the transaction reverted in block {}{}: {}",
            block.number,
            if *is_final { " (final)" } else { "" },
            reason.as_ref().map_or("no reason given", SafeText::as_str)
        ),
        NonceStatus::Replaced {
            by: None,
            is_final: false,
        } => "a node has another transaction of the oracle account with its nonce".to_owned(),
        NonceStatus::Replaced { .. } => "another transaction of the oracle account took its nonce".to_owned(),
    }
}

/// What the beacon nodes said to an exit.
fn offered(verdicts: &[ExitVerdict], standing: Option<&ExitStanding>) -> String {
    let delivered = verdicts.iter().filter(|v| v.answer.delivered()).count();
    let nodes = counted(verdicts.len(), "beacon node");
    let outcome = standing.map_or_else(String::new, |standing| format!("; {}", standing.sentence()));
    let words: Vec<_> = verdicts.iter().map(|v| format!("{}: {v}", v.node)).collect();
    let words = words.join(", ");
    format!("exit delivered to {delivered} of {nodes}{outcome} [{words}]")
}

fn on(basis: Basis) -> &'static str {
    match basis {
        Basis::Rules => "by the chain's rules, at the earliest",
        Basis::State => "by the beacon state",
    }
}

/// Where the evidence is, and what it must hash to.
fn proof(transcript: Option<&(SafeText, Root)>) -> String {
    transcript.map_or_else(String::new, |(file, digest)| {
        format!("; transcript {file}, SHA-256 {digest}")
    })
}
