//! Actions: effects that leave this machine and matter.

use std::time::Duration;

use alloy::primitives::U256;
use serde::{Deserialize, Serialize};

use super::{ActionKind, Decider, Decision, Payload, Verdict};
use crate::types::{
    ActionId, Check, CheckStatus, DEPOSIT_WEI, PersonSignature, Root, SafeText, UnixMillis, action_digest,
    payload_digest,
};

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
    pub label: String,
    /// Never shortened: whoever approves compares it.
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
    pub kind: ActionKind,
    /// One plain sentence.
    pub title: SafeText,
    /// Values in full.
    pub facts: Vec<Fact>,
    /// Named preconditions. A failed one blocks approval.
    pub checks: Vec<Check>,
    pub payload: Payload,
}

impl Proposal {
    /// What decisions bind: what would leave. [`payload_digest`] says over what it is taken.
    #[must_use]
    pub fn digest(&self, id: ActionId) -> Root {
        payload_digest(id, &self.kind, &self.kind.risk(), &self.payload)
    }

    /// Whether a digest of this version, or of one that journals have, is of this.
    #[must_use]
    pub fn is_named_by(&self, id: ActionId, digest: Root) -> bool {
        digest == self.digest(id) || digest == self.digest_1(id)
    }

    /// Version 1 had the names and verdicts of the checks in it as well.
    fn digest_1(&self, id: ActionId) -> Root {
        let checks: Vec<_> = self.checks.iter().map(|c| (&c.name, c.status)).collect();
        action_digest(1, &(id, self.kind, self.kind.risk(), &self.payload, checks))
    }

    /// Names of the checks that are not known.
    #[must_use]
    pub fn unknown_checks(&self) -> Vec<String> {
        let unknown = self.checks.iter().filter(|c| c.status == CheckStatus::Unknown);
        unknown.map(|check| check.name.clone()).collect()
    }

    /// Whether every check says the same in both, whatever the reasons.
    #[must_use]
    pub fn is_checked_as(&self, other: &Self) -> bool {
        Check::all_say_the_same(&self.checks, &other.checks)
    }

    /// What it moves or commits, in wei, beside fees: the 32 ether of a validator, and what a transaction sends.
    #[must_use]
    pub fn amount_wei(&self) -> U256 {
        let sent = match &self.payload {
            Payload::Transaction(tx) => tx.value_wei,
            Payload::Ceremony(_) | Payload::Exit(_) => U256::ZERO,
        };
        let stake = self.kind.commits_a_stake().then(|| U256::from(DEPOSIT_WEI));
        sent.saturating_add(stake.unwrap_or_default())
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

/// Something else would leave than was proposed at first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anew {
    /// When that last changed.
    pub at: UnixMillis,
    /// The digest until then.
    pub was: Root,
}

/// One action, with its present state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    pub id: ActionId,
    pub proposal: Proposal,
    /// Digest of what would leave; an approval must name it.
    pub digest: Root,
    /// When it was proposed.
    pub proposed_at: UnixMillis,
    /// Where what would leave has changed since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anew: Option<Anew>,
    /// Present state.
    #[serde(flatten)]
    pub state: ActionState,
    /// The decision, once made.
    pub decision: Option<Decision>,
    /// Approvals of people while it takes another one, oldest first; those before the last one, once it is decided.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub endorsements: Vec<Decision>,
    /// Signatures of people's own keys that were taken for it: each counts once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub spent: Vec<PersonSignature>,
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
        let failed = self.proposal.failed_checks();
        let failed: Vec<_> = failed.map(|c| format!("{} ({})", c.name, c.reason)).collect();
        if failed.is_empty() {
            Ok(())
        } else {
            Err(format!("failed checks: {}", failed.join(", ")))
        }
    }

    /// Since when it stands so: since it was decided last, or else since it was proposed.
    #[must_use]
    pub fn since(&self) -> UnixMillis {
        let decided = self.decision.as_ref().map(|decision| decision.at);
        decided.unwrap_or(self.proposed_at)
    }

    /// What was decided on it, oldest first.
    pub fn decisions(&self) -> impl Iterator<Item = &Decision> {
        self.endorsements.iter().chain(&self.decision)
    }

    /// When the first of those decided who approved it.
    #[must_use]
    pub fn approved_since(&self) -> Option<UnixMillis> {
        self.decisions().map(|decision| decision.at).min()
    }

    /// Until when its approval is good: where it takes another person, that one has to come until then. No signature
    /// counts for longer than it says itself.
    #[must_use]
    pub fn approved_until(&self, approval_expires_ms: u64) -> Option<UnixMillis> {
        let good_for = Duration::from_millis(approval_expires_ms);
        let until = self.approved_since()?.plus(good_for);
        let signed = self.decisions().filter_map(|given| given.decider.expires());
        signed.chain([until]).min()
    }

    /// Whose signature counts no more, where its time `is_over`.
    pub(in crate::oracle) fn signed_until(&self, is_over: impl Fn(UnixMillis) -> bool) -> Option<&Decider> {
        let mut given = self.decisions().map(|decision| &decision.decider);
        given.find(|by| by.expires().is_some_and(&is_over))
    }

    /// Unknown checks that its approval lets pass.
    #[must_use]
    pub fn accepts_unknown(&self) -> Vec<String> {
        let said = self.decision.as_ref().and_then(|d| d.unknown.clone());
        said.unwrap_or_else(|| self.proposal.unknown_checks())
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
