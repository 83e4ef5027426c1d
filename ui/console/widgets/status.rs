//! Every state of the engine as sign, word and meaning. The word always stands there: neither sign nor colour says
//! anything alone.

use casimir_dkg::types::{CheckStatus, OperatorState};
use casimir_dkg::view::{
    ActionState, CaseStatus, CeremonyEnd, CeremonyView, Health, LinkState, Risk, TransactionState,
};

use super::sign::Sign;
use crate::console::theme::Token;

/// Sign, word, meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Status {
    pub(crate) sign: Sign,
    pub(crate) word: &'static str,
    pub(crate) token: Token,
}

const fn s(sign: Sign, word: &'static str, token: Token) -> Status {
    Status { sign, word, token }
}

pub(crate) fn case(status: CaseStatus) -> Status {
    match status {
        CaseStatus::Preparing => s(Sign::Running, "preparing", Token::Info),
        CaseStatus::AwaitingDecision => s(Sign::Waiting, "decide", Token::Warn),
        CaseStatus::Ceremony => s(Sign::Running, "ceremony", Token::Pending),
        CaseStatus::Queued => s(Sign::Queued, "queued", Token::Muted),
        CaseStatus::Sending => s(Sign::Running, "sending", Token::Pending),
        CaseStatus::Following => s(Sign::Running, "following", Token::Info),
        CaseStatus::Paused => s(Sign::Paused, "paused", Token::Warn),
        CaseStatus::Attention => s(Sign::Warn, "attention", Token::Danger),
        CaseStatus::Unknown => s(Sign::Unknown, "unknown", Token::Danger),
        CaseStatus::Orphaned => s(Sign::Fail, "orphaned", Token::Stale),
        CaseStatus::Done => s(Sign::Done, "done", Token::Ok),
    }
}

pub(crate) fn action(state: &ActionState) -> Status {
    match state {
        ActionState::Proposed => s(Sign::Waiting, "waiting", Token::Warn),
        ActionState::Approved => s(Sign::Ok, "approved", Token::Info),
        ActionState::Executing => s(Sign::Running, "executing", Token::Pending),
        ActionState::Done => s(Sign::Done, "done", Token::Ok),
        ActionState::Rejected => s(Sign::Fail, "rejected", Token::Stale),
        ActionState::Failed { .. } => s(Sign::Warn, "failed", Token::Danger),
        ActionState::Void { .. } => s(Sign::Fail, "void", Token::Stale),
        ActionState::Unknown { .. } => s(Sign::Unknown, "unknown", Token::Danger),
    }
}

pub(crate) fn risk(risk: Risk) -> (&'static str, Token) {
    match risk {
        Risk::Routine => ("routine", Token::Muted),
        Risk::Money => ("money", Token::Warn),
        Risk::Irreversible => ("irreversible", Token::Danger),
    }
}

pub(crate) fn check(status: CheckStatus) -> Status {
    match status {
        CheckStatus::Pass => s(Sign::Ok, "pass", Token::Ok),
        CheckStatus::Fail => s(Sign::Fail, "FAIL", Token::Danger),
        CheckStatus::Unknown => s(Sign::Unknown, "unknown", Token::Warn),
    }
}

pub(crate) fn transaction(state: &TransactionState) -> Status {
    match state {
        TransactionState::Signed => s(Sign::Running, "signed", Token::Info),
        TransactionState::Pending => s(Sign::Running, "pending", Token::Pending),
        TransactionState::Included { .. } => s(Sign::Ok, "included", Token::Info),
        TransactionState::Final { .. } => s(Sign::Done, "final", Token::Ok),
        TransactionState::Reverted { .. } => s(Sign::Fail, "reverted", Token::Danger),
        TransactionState::Replaced { .. } => s(Sign::Warn, "replaced", Token::Danger),
        TransactionState::Unknown => s(Sign::Unknown, "unknown", Token::Danger),
    }
}

pub(crate) fn ceremony(ceremony: &CeremonyView) -> Status {
    match &ceremony.ended {
        None if ceremony.doubt.is_some() => s(Sign::Unknown, "unknown", Token::Danger),
        None => s(Sign::Running, "running", Token::Pending),
        Some((_, CeremonyEnd::Verified { .. })) => s(Sign::Done, "verified", Token::Ok),
        Some((_, CeremonyEnd::Failed(failure))) => {
            use casimir_dkg::types::FailureKind as F;
            match failure.kind {
                F::NotStarted => s(Sign::Fail, "not started", Token::Warn),
                F::Timeout => s(Sign::Fail, "timed out", Token::Danger),
                F::Blamed => s(Sign::Fail, "blamed", Token::Danger),
                F::Refused => s(Sign::Fail, "refused", Token::Danger),
                F::Lost => s(Sign::Fail, "lost", Token::Danger),
                F::Unknown => s(Sign::Unknown, "unknown", Token::Danger),
            }
        }
    }
}

pub(crate) fn operator(state: OperatorState) -> Status {
    match state {
        OperatorState::Idle => s(Sign::Queued, "idle", Token::Muted),
        OperatorState::Working => s(Sign::Running, "working", Token::Pending),
        OperatorState::Done => s(Sign::Done, "done", Token::Ok),
        OperatorState::Failing => s(Sign::Warn, "failing", Token::Warn),
        OperatorState::Missing => s(Sign::Fail, "missing", Token::Danger),
        OperatorState::Blamed => s(Sign::Fail, "blamed", Token::Danger),
    }
}

pub(crate) fn health(health: Health) -> Status {
    match health {
        Health::Up => s(Sign::Ok, "up", Token::Ok),
        Health::Unknown => s(Sign::Unknown, "not asked", Token::Muted),
        Health::Degraded => s(Sign::Warn, "degraded", Token::Warn),
        Health::Down => s(Sign::Fail, "down", Token::Danger),
    }
}

pub(crate) fn link(state: LinkState) -> Status {
    match state {
        LinkState::Connecting => s(Sign::Running, "connecting", Token::Info),
        LinkState::CatchingUp => s(Sign::Running, "catching up", Token::Info),
        LinkState::Live => s(Sign::Ok, "live", Token::Ok),
        LinkState::Stale => s(Sign::Warn, "stale", Token::Warn),
        LinkState::Down => s(Sign::Fail, "no connection", Token::Danger),
    }
}
