//! What the journal says, in words.

use super::*;
use crate::oracle::cases;

impl Record {
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
                crate::oracle::Verdict::Approve => format!("{action} approved by {}", decision.decider),
                crate::oracle::Verdict::Reject { reason } => {
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
                NonceStatus::Replaced {
                    by: None,
                    is_final: false,
                } => {
                    format!("{action}: a node has another transaction of the oracle account with its nonce")
                }
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

/// Where the evidence is, and what it must hash to.
fn proof(transcript: Option<&(SafeText, Root)>) -> String {
    transcript.map_or_else(String::new, |(file, digest)| {
        format!("; transcript {file}, SHA-256 {digest}")
    })
}
