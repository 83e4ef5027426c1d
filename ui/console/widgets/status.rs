//! Every state of the engine as sign, word and meaning. The word always stands there: neither sign nor colour says
//! anything alone.

use casimir_dkg::types::{FailureKind, OperatorState};
use casimir_dkg::view::{
    ActionState, ActionView, CaseStatus, CeremonyEnd, CeremonyView, CheckMark, Health, LinkState, Risk,
    TransactionState,
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
    let (sign, token) = match status {
        CaseStatus::Preparing | CaseStatus::Following => (Sign::Running, Token::Info),
        CaseStatus::AwaitingDecision => (Sign::Waiting, Token::Warn),
        CaseStatus::Ceremony | CaseStatus::Sending => (Sign::Running, Token::Pending),
        CaseStatus::Queued => (Sign::Queued, Token::Muted),
        CaseStatus::Paused => (Sign::Paused, Token::Warn),
        CaseStatus::Attention => (Sign::Warn, Token::Danger),
        CaseStatus::Unknown => (Sign::Unknown, Token::Danger),
        CaseStatus::Orphaned => (Sign::Fail, Token::Stale),
        CaseStatus::GivenUp => (Sign::Fail, Token::Warn),
        CaseStatus::Done => (Sign::Done, Token::Ok),
    };
    s(sign, status.word(), token)
}

pub(crate) fn action(state: &ActionState) -> Status {
    let (sign, token) = match state {
        ActionState::Proposed => (Sign::Waiting, Token::Warn),
        ActionState::Approved => (Sign::Ok, Token::Info),
        ActionState::Executing => (Sign::Running, Token::Pending),
        ActionState::Done => (Sign::Done, Token::Ok),
        ActionState::Rejected | ActionState::Void { .. } => (Sign::Fail, Token::Stale),
        ActionState::Failed { .. } => (Sign::Warn, Token::Danger),
        ActionState::Unknown { .. } => (Sign::Unknown, Token::Danger),
    };
    s(sign, state.word(), token)
}

/// How an action stands: what was approved and is being refreshed waits for nobody.
pub(crate) fn of_action(of: &ActionView) -> Status {
    match of.is_refreshing() {
        true => s(Sign::Running, of.word(), Token::Pending),
        false => action(&of.state),
    }
}

pub(crate) fn risk(risk: Risk) -> (&'static str, Token) {
    let token = match risk {
        Risk::Routine => Token::Muted,
        Risk::Money => Token::Warn,
        Risk::Irreversible => Token::Danger,
    };
    (risk.word(), token)
}

pub(crate) fn check(mark: CheckMark) -> Status {
    match mark {
        CheckMark::Pass => s(Sign::Ok, "pass", Token::Ok),
        CheckMark::Fail => s(Sign::Fail, "FAIL", Token::Danger),
        CheckMark::Unknown => s(Sign::Unknown, "unknown", Token::Warn),
        CheckMark::Stale => s(Sign::Stale, "stale", Token::Stale),
    }
}

pub(crate) fn transaction(state: &TransactionState) -> Status {
    let (sign, token) = match state {
        TransactionState::Signed => (Sign::Running, Token::Info),
        TransactionState::Pending => (Sign::Running, Token::Pending),
        TransactionState::Included { .. } => (Sign::Ok, Token::Info),
        TransactionState::Final { .. } => (Sign::Done, Token::Ok),
        TransactionState::Reverted { .. } => (Sign::Fail, Token::Danger),
        TransactionState::Replaced { .. } => (Sign::Warn, Token::Danger),
        TransactionState::Unknown => (Sign::Unknown, Token::Danger),
    };
    s(sign, state.word(), token)
}

pub(crate) fn ceremony(ceremony: &CeremonyView) -> Status {
    let (sign, token) = match &ceremony.ended {
        None if ceremony.doubt.is_some() => (Sign::Unknown, Token::Danger),
        None => (Sign::Running, Token::Pending),
        Some((_, CeremonyEnd::Verified { .. })) => (Sign::Done, Token::Ok),
        Some((_, CeremonyEnd::Failed(failure))) => match failure.kind {
            FailureKind::NotStarted => (Sign::Fail, Token::Warn),
            FailureKind::Unknown => (Sign::Unknown, Token::Danger),
            FailureKind::Timeout | FailureKind::Blamed | FailureKind::Refused | FailureKind::Lost => {
                (Sign::Fail, Token::Danger)
            }
        },
    };
    s(sign, ceremony.word(), token)
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
    let (sign, token) = match health {
        Health::Up => (Sign::Ok, Token::Ok),
        Health::Unknown => (Sign::Unknown, Token::Muted),
        Health::Degraded => (Sign::Warn, Token::Warn),
        Health::Down => (Sign::Fail, Token::Danger),
    };
    s(sign, health.word(), token)
}

pub(crate) fn link(state: LinkState) -> Status {
    let (sign, token) = match state {
        LinkState::Connecting | LinkState::CatchingUp => (Sign::Running, Token::Info),
        LinkState::Live => (Sign::Ok, Token::Ok),
        LinkState::Stale => (Sign::Warn, Token::Warn),
        LinkState::Down => (Sign::Fail, Token::Danger),
    };
    s(sign, state.word(), token)
}
