//! Actions: effects that leave this machine and matter.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{ActionKind, Decision, Payload, Verdict};
use crate::types::{ActionId, Check, CheckStatus, Root, SafeText, UnixMillis};

/// How a fact's value is drawn and copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FactKind {
    /// Words.
    Text,
    /// An address, in full.
    Address,
    /// A key, hash or root, in full.
    Hex,
    /// An amount with its unit.
    Amount,
    /// Something that the reader should stop at.
    Warning,
}

/// A labelled value that the approver needs, in full.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// What it is.
    pub label: String,
    /// The whole value.
    pub value: SafeText,
    /// How to draw it.
    pub kind: FactKind,
}

impl Fact {
    /// A fact of the given kind.
    pub fn new(label: &str, kind: FactKind, value: impl ToString) -> Self {
        Self {
            label: label.to_owned(),
            value: SafeText::new(&value.to_string()),
            kind,
        }
    }
}

/// What the engine would do next in a case, with everything a decider needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// Which kind of action.
    pub kind: ActionKind,
    /// One plain sentence.
    pub title: SafeText,
    /// Values in full.
    pub facts: Vec<Fact>,
    /// Named preconditions. A failed one blocks approval.
    pub checks: Vec<Check>,
    pub payload: Payload,
}

/// Version of [`Proposal::digest`], in its tag.
pub const DIGEST: u32 = 1;

impl Proposal {
    /// SHA-256 over a version tag, the action's id and the JSON of kind, risk, payload and the checks' names and
    /// verdicts. The reasons of checks stay outside: they name blocks and balances that move without meaning.
    #[must_use]
    pub fn digest(&self, id: ActionId) -> Root {
        let checks: Vec<_> = self.checks.iter().map(|c| (&c.name, c.status)).collect();
        let body = serde_json::to_vec(&(id, self.kind, self.kind.risk(), &self.payload, checks))
            .expect("plain data serialises");
        let mut hash = Sha256::new();
        hash.update(format!("casimir-dkg action v{DIGEST}\0"));
        hash.update(body);
        Root(hash.finalize().into())
    }

    /// The checks that block approval.
    pub fn failed_checks(&self) -> impl Iterator<Item = &Check> {
        self.checks.iter().filter(|c| c.status == CheckStatus::Fail)
    }
}

/// Where an action stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum ActionState {
    /// Waits for a decision.
    Proposed,
    /// Approved; the last checks before it leaves are running, or it waits for a pause to end.
    Approved,
    /// Under way: signed, sent, or running.
    Executing,
    /// The effect is a fact.
    Done,
    /// A decider said no.
    Rejected,
    /// It was tried and did not work.
    Failed { reason: SafeText },
    /// What it was for is gone or has changed; it cannot be decided any more.
    Void { reason: SafeText },
    /// It may or may not have taken effect; being found out. Never stored: [`super::action_state`] tells it from what
    /// is known at the moment.
    Unknown {
        /// What is not known, and why.
        reason: SafeText,
    },
}

impl ActionState {
    /// A word for tables.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Proposed => "waiting",
            Self::Approved => "approved",
            Self::Executing => "executing",
            Self::Done => "done",
            Self::Rejected => "rejected",
            Self::Failed { .. } => "failed",
            Self::Void { .. } => "void",
            Self::Unknown { .. } => "unknown",
        }
    }

    /// No longer moves.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(
            self,
            Self::Done | Self::Rejected | Self::Failed { .. } | Self::Void { .. }
        )
    }
}

/// One action, with its present state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    pub id: ActionId,
    pub proposal: Proposal,
    /// Digest of payload, risk and check verdicts as shown; an approval must name it.
    pub digest: Root,
    /// When it was proposed.
    pub proposed_at: UnixMillis,
    /// Present state.
    #[serde(flatten)]
    pub state: ActionState,
    /// The decision, once made.
    pub decision: Option<Decision>,
}

impl Action {
    /// Whether a decider may approve it now; otherwise why not.
    ///
    /// # Errors
    /// A sentence for the person who asked.
    pub fn approvable(&self) -> Result<(), String> {
        match &self.state {
            ActionState::Proposed => {}
            other => {
                return Err(format!(
                    "{} is {}, it waits for no decision",
                    self.id,
                    other.word()
                ));
            }
        }
        let failed: Vec<_> = self.proposal.failed_checks().map(|c| c.name.as_str()).collect();
        if failed.is_empty() {
            Ok(())
        } else {
            Err(format!("failed checks: {}", failed.join(", ")))
        }
    }

    /// Whether it was approved (it may have failed afterwards).
    #[must_use]
    pub fn was_approved(&self) -> bool {
        self.decision
            .as_ref()
            .is_some_and(|d| d.verdict == Verdict::Approve)
    }

    /// The phrase that an irreversible action demands, e.g. `exit validator 17`; `None` for other risks.
    #[must_use]
    pub fn phrase(&self) -> Option<String> {
        self.proposal.kind.definition().phrase(self)
    }
}
