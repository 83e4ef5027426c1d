//! A record of the journal as front ends are told of it: with how bad it is, and what it is about.

use crate::oracle::{Decider, Decision, ExitVerdict, Record, State, Verdict, ways};
use crate::types::{
    ActionId, CaseId, CeremonyResult, Check, CheckStatus, NonceStatus, RequestId, Severity,
    SignedTransaction, UnixMillis,
};
use crate::view::{Particulars, Transition, Way};

use super::publish::way;
use super::translate;

/// The transition of a record that stands in `state` already.
pub(super) fn of(seq: u64, at: UnixMillis, record: &Record, state: &State) -> Transition {
    let case = translate::case_of(record, state);
    let severity = severity(record);
    let mut about = about(record, state);
    about.pool = case.map(|case| case.pool);
    if about.validator.is_none() {
        about.validator = case.and_then(|id| state.cases.get(&id)?.validator());
    }
    if let Some(action) = about.action.and_then(|id| state.actions.get(&id)) {
        about.action_kind = Some(action.proposal.kind.to_string());
        about.digest.get_or_insert(action.digest);
        about.checks = not_pass(&action.proposal.checks);
    }
    if severity > Severity::Info || matches!(record, Record::ActionProposed { .. } | Record::Endorsed { .. })
    {
        about.can_do = case.map(|id| can_do(state, id)).unwrap_or_default();
    }
    Transition {
        at,
        record: seq,
        case,
        kind: record.kind().to_owned(),
        text: record.sentence(),
        severity,
        about: Box::new(about),
    }
}

/// How bad a record is: what needs a person at once is critical, what a person should know of today is a warning.
fn severity(record: &Record) -> Severity {
    match record {
        Record::CaseHalted { .. } | Record::AccountStrange { .. } => Severity::Critical,
        Record::TransactionStatus { status, .. } => match status {
            NonceStatus::Included { success: false, .. } | NonceStatus::Replaced { .. } => Severity::Critical,
            NonceStatus::Missing => Severity::Warning,
            NonceStatus::Pending | NonceStatus::Included { .. } => Severity::Info,
        },
        Record::Decided { decision, .. } => match decision.verdict {
            Verdict::Approve => Severity::Info,
            Verdict::Reject { .. } => Severity::Warning,
        },
        Record::ExitPublished { verdicts, .. } => {
            let delivered = |verdict: &ExitVerdict| verdict.answer.delivered();
            match verdicts.iter().any(delivered) {
                true => Severity::Info,
                false => Severity::Warning,
            }
        }
        Record::CauseLost { .. }
        | Record::ActionVoided { .. }
        | Record::EndorsementsLost { .. }
        | Record::CeremonyFailed { .. }
        | Record::CeremonyUnknown { .. }
        | Record::CeremonyDeclaredLost { .. }
        | Record::KeyCondemned { .. }
        | Record::Paused { .. }
        | Record::ModeSwitched { .. }
        | Record::PeopleDemanded(_)
        | Record::PoolServed { .. }
        | Record::PoolNotServed { .. }
        | Record::CaseGivenUp { .. }
        | Record::KeyRedone { .. } => Severity::Warning,
        _ => Severity::Info,
    }
}

fn about(record: &Record, state: &State) -> Particulars {
    let none = Particulars::default();
    match record {
        Record::ActionProposed { action, digest, .. } | Record::ActionChanged { action, digest, .. } => {
            Particulars {
                action: Some(*action),
                digest: Some(*digest),
                ..none
            }
        }
        Record::Decided { action, decision } | Record::Endorsed { action, decision } => {
            decided(*action, decision)
        }
        Record::ActionVoided { action, reason }
        | Record::EndorsementsLost { action, reason }
        | Record::ExitDeferred { action, reason, .. } => Particulars {
            action: Some(*action),
            reason: Some(reason.clone()),
            ..none
        },
        Record::TransactionSigned { action, transaction } => signed(*action, transaction),
        Record::TransactionAccepted { action, hash } => Particulars {
            hash: Some(*hash),
            ..sent(*action, state)
        },
        Record::TransactionStatus { action, status } => stands(*action, status, state),
        Record::ExitPublished { action, .. } => Particulars {
            action: Some(*action),
            ..none
        },
        Record::CeremonyStarted { request, action, .. } => Particulars {
            ceremony: Some(*request),
            action: *action,
            ..none
        },
        Record::CeremonyVerified { request, .. }
        | Record::CeremonyFailed { request, .. }
        | Record::CeremonyUnknown { request, .. }
        | Record::CeremonyDeclaredLost { request, .. } => ceremony(*request, record),
        Record::KeyCondemned { validator, reason } => Particulars {
            validator: Some(*validator),
            reason: Some(reason.clone()),
            ..none
        },
        Record::ValidatorPhaseSeen { validator, .. } => Particulars {
            validator: *validator,
            ..none
        },
        Record::AccountStrange { nonce, .. } => Particulars {
            nonce: Some(*nonce),
            ..none
        },
        Record::PoolServed { transaction, .. } | Record::PoolNotServed { transaction, .. } => Particulars {
            hash: Some(*transaction),
            ..none
        },
        other => by_a_person(other),
    }
}

/// What people did, and what waits for them.
fn by_a_person(record: &Record) -> Particulars {
    let (by, reason) = match record {
        Record::CaseHalted { reason, .. } => (None, Some(reason)),
        Record::CaseGivenUp { by, reason, .. } => (Some(by), Some(reason)),
        Record::CommitteeChosen { by, .. }
        | Record::CaseRetried { by, .. }
        | Record::Paused { by, .. }
        | Record::Resumed { by, .. }
        | Record::ModeSwitched { by, .. }
        | Record::AccountAdopted { by, .. }
        | Record::KeyRedone { by, .. } => (Some(by), None),
        _ => (None, None),
    };
    Particulars {
        by: by.cloned(),
        reason: reason.cloned(),
        ..Particulars::default()
    }
}

fn decided(action: ActionId, decision: &Decision) -> Particulars {
    let reason = match &decision.verdict {
        Verdict::Approve => None,
        Verdict::Reject { reason } => Some(reason.clone()),
    };
    let by = match &decision.decider {
        Decider::Person { name, .. } => name.clone(),
        rule @ Decider::Rule { .. } => rule.to_string().into(),
    };
    Particulars {
        action: Some(action),
        digest: Some(decision.digest),
        by: Some(by),
        key: decision.decider.key(),
        approval: decision.nth,
        reason,
        ..Particulars::default()
    }
}

fn ceremony(request: RequestId, record: &Record) -> Particulars {
    let mut about = Particulars {
        ceremony: Some(request),
        ..Particulars::default()
    };
    match record {
        Record::CeremonyVerified { result, checks, .. } => {
            about.checks = not_pass(checks);
            about.validator = match result {
                CeremonyResult::Keygen(made) => Some(made.validator),
                CeremonyResult::Reshare(moved) => Some(moved.validator),
                CeremonyResult::Sign { .. } => None,
            };
        }
        Record::CeremonyFailed { failure, .. } => about.reason = Some(failure.to_string().into()),
        Record::CeremonyUnknown { reason, .. } => about.reason = Some(reason.clone()),
        Record::CeremonyDeclaredLost { by, .. } => about.by = Some(by.clone()),
        _ => {}
    }
    about
}

fn signed(action: ActionId, transaction: &SignedTransaction) -> Particulars {
    let most = transaction
        .max_fee_wei
        .saturating_mul(alloy::primitives::U256::from(transaction.gas_limit));
    Particulars {
        action: Some(action),
        hash: Some(transaction.hash),
        nonce: Some(transaction.nonce),
        fee_wei: Some(most.to_string()),
        ..Particulars::default()
    }
}

/// By the newest bytes that were signed for an action.
fn sent(action: ActionId, state: &State) -> Particulars {
    let newest = state.sendings.get(&action).map(|sending| sending.newest());
    newest.map_or_else(
        || Particulars {
            action: Some(action),
            ..Particulars::default()
        },
        |transaction| signed(action, transaction),
    )
}

fn stands(action: ActionId, status: &NonceStatus, state: &State) -> Particulars {
    let sent = sent(action, state);
    match status {
        NonceStatus::Included {
            hash,
            reason,
            fee_paid_wei,
            ..
        } => Particulars {
            hash: Some(*hash),
            fee_wei: Some(fee_paid_wei.to_string()),
            reason: reason.clone(),
            ..sent
        },
        NonceStatus::Replaced { by, .. } => Particulars {
            reason: by.map(|by| format!("transaction {by} took its nonce").into()),
            ..sent
        },
        NonceStatus::Missing | NonceStatus::Pending => sent,
    }
}

fn not_pass(checks: &[Check]) -> Vec<Check> {
    let not = |check: &&Check| check.status != CheckStatus::Pass;
    checks.iter().filter(not).cloned().collect()
}

/// The ways on that can be gone now. That everything can be given up is not worth a word here.
fn can_do(state: &State, case: CaseId) -> Vec<crate::types::SafeText> {
    let Some(case) = state.cases.get(&case) else {
        return Vec::new();
    };
    let open = ways(state, case).on.into_iter().filter(|on| on.can.is_ok());
    open.map(|on| (way(on.way), on.why))
        .filter(|(way, _)| *way != Way::GiveUp)
        .map(|(way, why)| format!("{way}: {why}").into())
        .collect()
}
