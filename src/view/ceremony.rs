//! Ceremonies: the matrix of operators and steps.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::types::{
    BlsPublicKey, CaseId, CeremonyFailure, CeremonyKind, CeremonyStep, Check, FailureKind, OperatorId,
    OperatorProgress, RequestId, Root, SafeText, UnixMillis,
};

/// How a ceremony ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "outcome")]
pub enum CeremonyEnd {
    /// Verified result.
    Verified {
        validator: BlsPublicKey,
    },
    Failed(CeremonyFailure),
}

/// One ceremony: the matrix of operators and steps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CeremonyView {
    pub id: RequestId,
    /// The case it serves.
    pub case: CaseId,
    /// Keygen, reshare or sign.
    pub kind: CeremonyKind,
    /// What a signing ceremony signs, in words; empty otherwise.
    pub what: SafeText,
    /// 1 for the first try of this step of the case.
    pub attempt: u32,
    /// Shares that are needed to sign, t of n.
    pub threshold: u8,
    /// The steps, in order, each with those who send its message: the matrix' columns. Empty when its backend is not
    /// there to tell.
    pub steps: Arc<[CeremonyStep]>,
    /// Rows of the matrix.
    pub operators: BTreeMap<OperatorId, OperatorProgress>,
    /// Members of the old committee of a reshare; empty otherwise.
    pub old_committee: Vec<OperatorId>,
    /// Members of the committee that will hold the key.
    pub committee: Vec<OperatorId>,
    /// When it was started.
    pub started_at: UnixMillis,
    /// The deadline of the present round.
    pub deadline: Option<UnixMillis>,
    /// Its outcome is unknown and looked for: since when, and why.
    pub doubt: Option<(UnixMillis, SafeText)>,
    /// When and how it ended.
    pub ended: Option<(UnixMillis, CeremonyEnd)>,
    /// Verification, check by check, once it ended.
    pub checks: Vec<Check>,
    /// The newest transcript: file name in the state directory, and SHA-256 as journaled.
    pub transcript: Option<(SafeText, Root)>,
}

impl CeremonyView {
    /// How it stands, in a word or two for tables.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match &self.ended {
            None if self.doubt.is_some() => "unknown",
            None => "running",
            Some((_, CeremonyEnd::Verified { .. })) => "verified",
            Some((_, CeremonyEnd::Failed(failure))) => match failure.kind {
                FailureKind::NotStarted => "not started",
                FailureKind::Timeout => "timed out",
                FailureKind::Blamed => "blamed",
                FailureKind::Refused => "refused",
                FailureKind::Lost => "lost",
                FailureKind::Unknown => "unknown",
            },
        }
    }

    /// No longer moves.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.ended.is_some()
    }
}
