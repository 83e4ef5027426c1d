//! What people ask of the engine, and its answers. No request says who asks: the seat it comes from does.

use std::fmt;

use alloy::primitives::Address;
use serde::{Deserialize, Serialize};

use super::Mode;
use crate::types::{
    ActionId, BlsPublicKey, CaseId, Check, Nth, OperatorId, PersonKey, PoolId, RequestId, Root, SafeText,
    Severity, SignedStatement, UnixMillis,
};

/// What a pause is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    All,
    Case(CaseId),
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("everything"),
            Self::Case(case) => case.fmt(f),
        }
    }
}

/// What a person asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "ask")]
pub enum Request {
    /// Let an action pass.
    Approve {
        action: ActionId,
        /// The digest that was shown.
        digest: Root,
        /// What was typed, where the action demands a phrase.
        phrase: Option<String>,
    },
    /// Let an action pass, by what a person signed on another machine. Whoever brings it is nobody in it.
    ApproveSigned { signed: Box<SignedStatement> },
    /// Stop an action. Its case goes on only when a person retries it.
    Reject {
        action: ActionId,
        /// The digest that was shown.
        digest: Root,
        /// The person's words, kept in the journal.
        reason: SafeText,
    },
    /// Take an approval back while nothing of it has left. The action is proposed anew; in mode auto its case is paused.
    TakeBack { action: ActionId },
    /// Take up a case again that was rejected, failed or refused; or look again at once.
    Retry { case: CaseId },
    /// Give up a ceremony whose outcome is unknown: whatever it made is never used.
    DeclareLost { request: RequestId },
    /// Let nothing leave this machine any more.
    Pause { scope: Scope },
    /// End a pause.
    Resume { scope: Scope },
    /// Take over an account that had done things before this journal began. Until then nothing leaves this machine.
    Adopt { account: Address },
    /// Open a reshare by hand for a staked pool.
    RequestReshare { pool: PoolId },
    /// Choose the committee of a keygen or reshare that waits for its decision. The action is proposed anew.
    SetCommittee {
        action: ActionId,
        /// The committee that will hold the key, ascending.
        committee: Vec<OperatorId>,
    },
    /// Give a case up: what it made is never used, and nothing but a retry takes it up again. Refused while something of
    /// it may take effect.
    GiveUp {
        case: CaseId,
        /// The person's words, kept in the journal.
        reason: SafeText,
    },
    /// Give up the key of a deposit that was not sent, and have another committee make another one.
    RedoKey { case: CaseId },
    /// Open an exit by hand for a staked pool whose validator is active.
    RequestExit { pool: PoolId },
    /// Have somebody else decide from now on. Less than auto holds at once and over restarts.
    SwitchMode {
        mode: Mode,
        /// What was typed: mode auto demands its name.
        word: Option<String>,
    },
}

/// In few words, as `approve deposit/1#2`. What a person wrote is not in them.
impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Approve { action, .. } => write!(f, "approve {action}"),
            Self::ApproveSigned { signed } => write!(f, "approve {}", signed.statement.action),
            Self::Reject { action, .. } => write!(f, "reject {action}"),
            Self::TakeBack { action } => write!(f, "take back {action}"),
            Self::Retry { case } => write!(f, "retry {case}"),
            Self::DeclareLost { request } => write!(f, "declare {request} lost"),
            Self::Pause { scope } => write!(f, "pause {scope}"),
            Self::Resume { scope } => write!(f, "resume {scope}"),
            Self::Adopt { account } => write!(f, "adopt {account}"),
            Self::RequestReshare { pool } => write!(f, "reshare of pool {pool}"),
            Self::SetCommittee { action, .. } => write!(f, "committee of {action}"),
            Self::GiveUp { case, .. } => write!(f, "give up {case}"),
            Self::RedoKey { case } => write!(f, "another key for {case}"),
            Self::RequestExit { pool } => write!(f, "exit of pool {pool}"),
            Self::SwitchMode { mode, .. } => write!(f, "mode {mode}"),
        }
    }
}

/// A request was taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// A sentence for the person.
    pub message: SafeText,
}

/// A request was not taken, or nobody knows whether it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case", tag = "refused", content = "why")]
pub enum Refused {
    /// What would be sent is not what was shown any more.
    #[error("changed since it was shown: look again before you decide ({0})")]
    Stale(SafeText),
    /// Somebody decided before.
    #[error("already decided by {by} at {at}", at = at.to_utc())]
    AlreadyDecided { by: SafeText, at: UnixMillis },
    /// It cannot be done now, and why.
    #[error("{0}")]
    NotNow(SafeText),
    /// The mode forbids it.
    #[error("{0}")]
    Mode(SafeText),
    /// The seat may look and not decide.
    #[error("{0}")]
    Role(SafeText),
    /// The engine has stopped or its journal cannot be written.
    #[error("{0}")]
    Unavailable(SafeText),
    /// It was sent and may have taken effect: no answer came, and why. This is no refusal.
    #[error("not known whether it was taken: look at `status` ({0})")]
    NotKnown(SafeText),
}

impl Refused {
    /// What became of a request, as a person is told; whatever shows it says it in these words.
    #[must_use]
    pub fn in_full(&self) -> String {
        match self {
            Self::NotKnown(_) => self.to_string(),
            _ => format!("refused: {self}"),
        }
    }
}

/// The answer to a request.
pub type Reply = Result<Accepted, Refused>;

/// One thing that happened, for headless output and the console's event feed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Transition {
    pub at: UnixMillis,
    /// Journal sequence number.
    pub record: u64,
    /// Which case, if one.
    pub case: Option<CaseId>,
    /// Stable kind in kebab case, e.g. `case-opened`, `decided`, `transaction-included`.
    pub kind: String,
    /// One sentence.
    pub text: SafeText,
    #[serde(default)]
    pub severity: Severity,
    /// What it is about, as far as it is about such things.
    #[serde(default)]
    pub about: Box<Particulars>,
}

/// What programs need of a transition without reading its sentence. What does not apply is left out.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Particulars {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pool: Option<PoolId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<ActionId>,
    /// Kind of the action, as rules of the policy name it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action_kind: Option<String>,
    /// Digest of the action, as decisions name it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<Root>,
    /// Who decided, paused or chose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<SafeText>,
    /// Which of how many approvals it is, where it takes more than one person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approval: Option<Nth>,
    /// The person's own key, where that signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<PersonKey>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ceremony: Option<RequestId>,
    /// Hash of a transaction.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hash: Option<Root>,
    /// Nonce of a transaction.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nonce: Option<u64>,
    /// Fee in wei, as a decimal string: the most that it may cost before it is in a block, what it cost from then on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fee_wei: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validator: Option<BlsPublicKey>,
    /// Checks that are not pass.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<Check>,
    /// Why, where something did not go as it was meant to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<SafeText>,
    /// What a person can do now; empty where nobody has to do anything.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub can_do: Vec<SafeText>,
}
