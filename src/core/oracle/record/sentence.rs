//! What the journal says, in words.

use std::time::Duration;

use super::*;
use crate::oracle::{Verdict, cases};
use crate::types::{counted, in_words};

impl Record {
    /// One sentence for people.
    #[must_use]
    pub fn sentence(&self) -> SafeText {
        SafeText::new(&match self.subject() {
            Subject::Case(case) => self.of_case(case),
            Subject::Action(action) => self.of_action(action),
            Subject::Ceremony(request) => self.of_ceremony(request),
            Subject::Everything => self.of_everything(),
        })
    }

    fn of_case(&self, case: CaseId) -> String {
        match self {
            Self::CaseOpened { cause, .. } | Self::CauseFound { cause, .. } => requested(case, cause),
            Self::CauseLost { .. } => format!("the request of {case} left the chain in a reorganisation"),
            Self::CommitteeChosen { committee, by, .. } => {
                let ids: Vec<_> = committee.iter().map(ToString::to_string).collect();
                format!("{by} chose operators {} for {case}", ids.join(", "))
            }
            Self::ValidatorPhaseSeen { phase, since, .. } => match since {
                Some(since) => format!("the validator of {case} is {phase} since {since}"),
                None => format!("the validator of {case} is {phase}"),
            },
            Self::ValidatorForecast { basis, forecast, .. } => {
                format!("expected of {case} {}: {}", on(*basis), forecast.words())
            }
            Self::CaseHalted { reason, .. } => format!("{case} needs a person: {reason}"),
            Self::CaseRetried { by, .. } => format!("{case} taken up again by {by}"),
            Self::Paused { by, .. } => format!("{case} paused by {by}"),
            Self::Resumed { by, .. } => format!("{case} resumed by {by}"),
            Self::PoolServed { transaction, by, .. } => {
                cases::kind(case.kind).served_by(case.pool, *transaction, *by)
            }
            Self::PoolNotServed { transaction, .. } => {
                cases::kind(case.kind).not_served_by(case.pool, *transaction)
            }
            Self::CaseGivenUp { by, reason, .. } => format!("{case} given up by {by}: {reason}"),
            Self::KeyRedone { by, is_blameless, .. } => {
                let who = if *is_blameless {
                    ""
                } else {
                    "another committee make "
                };
                let made = if *is_blameless { " made" } else { "" };
                format!("{by} has {who}another key{made} for {case}; one that was made before is never used")
            }
            Self::CaseClosed { outcome, .. } => format!("{case} closed: {outcome}"),
            Self::Note { text, .. } => text.as_str().to_owned(),
            _ => self.kind().to_owned(),
        }
    }

    fn of_action(&self, action: ActionId) -> String {
        match self {
            Self::ActionProposed { proposal, .. } => {
                format!("{action} waits for a decision: {}", proposal.title)
            }
            Self::ActionChanged { .. } => format!("{action} changed while it waited"),
            Self::Decided { decision, .. } | Self::Endorsed { decision, .. } => {
                format!("{action} {}", decided(decision))
            }
            Self::EndorsementsLost { reason, .. } => {
                format!("what was approved of {action} so far does not count any more: {reason}")
            }
            Self::ActionVoided { reason, .. } => format!("{action} is void: {reason}"),
            Self::TransactionSigned { transaction: tx, .. } => {
                format!("{action}: transaction {} signed with nonce {}", tx.hash, tx.nonce)
            }
            Self::TransactionAccepted { hash, .. } => {
                format!("{action}: transaction {hash} accepted by a node")
            }
            Self::TransactionStatus { status, .. } => format!("{action}: {}", stands(status)),
            Self::ExitPublished {
                verdicts, standing, ..
            } => format!("{action}: {}", offered(verdicts, standing.as_ref())),
            Self::ExitDeferred { reason, .. } => format!("{action} waits: {reason}"),
            _ => self.kind().to_owned(),
        }
    }

    fn of_ceremony(&self, request: RequestId) -> String {
        match self {
            Self::CeremonyStarted {
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
                checks, transcript, ..
            } => format!(
                "ceremony {request} verified, {}{}",
                counted(checks.len(), "check"),
                proof(transcript.as_ref())
            ),
            Self::CeremonyFailed {
                failure, transcript, ..
            } => format!(
                "ceremony {request} failed: {failure}{}",
                proof(transcript.as_ref())
            ),
            Self::CeremonyUnknown {
                reason, transcript, ..
            } => format!(
                "the outcome of ceremony {request} is unknown and looked for: {reason}{}",
                proof(transcript.as_ref())
            ),
            Self::CeremonyDeclaredLost { by, .. } => {
                format!("ceremony {request} declared lost by {by}; whatever it made must never be used")
            }
            _ => self.kind().to_owned(),
        }
    }

    /// The journal's own key: its first, or another one.
    fn keyed(&self) -> String {
        let Self::JournalKeyed {
            key,
            by,
            reason,
            former,
        } = self
        else {
            return self.kind().to_owned();
        };
        let new = by.as_ref().zip(reason.as_ref()).map(|(by, reason)| {
            let word = former.as_ref().map_or_else(
                || "on their word alone".to_owned(),
                |former| format!("which {} signed", former.key),
            );
            format!("{by} gave the journal a new key of its own, {key}, {word}: {reason}")
        });
        new.unwrap_or_else(|| {
            format!("the journal has a key of its own, {key}, which signs its checkpoints from here on")
        })
    }

    fn of_everything(&self) -> String {
        match self {
            Self::EngineStarted {
                version,
                network,
                mode,
                configured,
                speaks,
                serves: _,
            } => {
                let with = speaks.as_ref().map_or_else(String::new, |speaks| {
                    format!(", for {} and with {}", speaks.adapter, speaks.backend)
                });
                let switched = configured.map_or_else(String::new, |configured| {
                    format!(" (to which a person switched; it was started for {configured})")
                });
                format!("casimir-dkg {version} started on {network} in mode {mode}{switched}{with}")
            }
            Self::JournalKeyed { .. } => self.keyed(),
            Self::JournalUpgraded { from, .. } => {
                format!("the journal came from format {from}; the file as it was is kept beside it")
            }
            Self::EventsRead { upto } => format!("every event up to block {} was read", upto.number),
            Self::KeyCondemned { validator, reason } => {
                format!("key {validator} must never be used: {reason}")
            }
            Self::AccountSeen { account, nonce } => {
                format!("the oracle account {account} is watched from nonce {nonce} on")
            }
            Self::AccountStrange {
                account, nonce, last, ..
            } => {
                let (nonces, were) = nonces(*nonce, last.unwrap_or(*nonce));
                format!(
                    "{nonces} of the oracle account {account} {were} used by what is not in this journal: by somebody else, \
                     or by one of its own transactions where records of it were lost"
                )
            }
            Self::ClockMoved { by_ms } => {
                let way = if *by_ms < 0 { "back" } else { "forward" };
                let by = in_words(Duration::from_millis(by_ms.unsigned_abs()));
                format!(
                    "this machine's clock went {way} by {by} at once: it was set, or the machine slept. Limits per day count \
                     the time that really passed"
                )
            }
            Self::AccountAccepted { account, nonce } => {
                format!("what the oracle account {account} did below nonce {nonce} was looked at by a person")
            }
            Self::AccountAdopted { account, nonce, by } => {
                format!(
                    "{by} adopted the oracle account {account}: what it did below nonce {nonce} is history"
                )
            }
            Self::Paused { by, .. } => format!("everything paused by {by}"),
            Self::Resumed { by, .. } => format!("everything resumed by {by}"),
            Self::ModeSwitched { from, to, by } => format!("switched from mode {from} to {to} by {by}"),
            Self::PeopleDemanded(rules) => rules.words(),
            Self::Note { text, .. } => text.as_str().to_owned(),
            _ => self.kind().to_owned(),
        }
    }
}

/// Nonces from the first to the last, and the verb that goes with them.
pub(in crate::oracle) fn nonces(first: u64, last: u64) -> (String, &'static str) {
    match first == last {
        true => (format!("nonce {first}"), "was"),
        false => (format!("nonces {first} to {last}"), "were"),
    }
}

/// What opened a case.
fn requested(case: CaseId, cause: &Cause) -> String {
    let CaseId { kind, pool, .. } = case;
    match cause {
        Cause::Event { log, leaving } => {
            let rid = leaving.map(|operator| format!(", for operator {operator} to leave"));
            format!(
                "{kind} of pool {pool} requested in block {}{}",
                log.block.number,
                rid.unwrap_or_default()
            )
        }
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
        Verdict::Approve => {
            let nth = decision.nth.map_or_else(String::new, |nth| format!(", {nth}"));
            let key = by
                .key()
                .map_or_else(String::new, |key| format!(", who signed with key {key}"));
            format!("approved by {by}{key}{nth}")
        }
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
