//! Ceremonies: a DKG backend, that is a program at the operators, the protocol that they speak, and what the oracle has
//! to know of both.
//!
//! A backend tells what it can as data ([`CeremonyCapabilities`]), which plans it takes and why not, and the steps of a
//! plan ([`CeremonyStep`]). It runs ceremonies, finds those again that an earlier process began, and verifies their transcripts.
//! What differs between backends is never asked by name.

mod capabilities;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::Answer;
use crate::types::{
    CaseId, CeremonyFailure, CeremonyPlan, CeremonyResult, CeremonyStep, Check, Examined, OperatorId,
    OperatorProgress, RequestId, SafeText, StepId, Transcript, TranscriptError, UnixMillis,
};

pub use capabilities::{
    CeremonyCapabilities, CommitteeSize, Consent, ExitSigning, NoRelease, RegistrationSigning, Release,
    ReleaseMix, ReleaseVerdict, Renewal, ReshareSize, SharesKept,
};

/// A DKG backend.
#[async_trait]
pub trait Ceremonies: Send + Sync + fmt::Debug {
    /// What it can do, and what it demands.
    fn capabilities(&self) -> &CeremonyCapabilities;

    /// Whether a ceremony with this plan could be carried out at all, whoever is there.
    ///
    /// # Errors
    /// Why not, in words.
    fn accepts(&self, plan: &CeremonyPlan) -> Result<(), SafeText>;

    /// Whether an operator with this public key can take part.
    ///
    /// # Errors
    /// Why the text is no key of this backend.
    fn reads_key(&self, key: &str) -> Result<(), SafeText>;

    /// The steps of this plan, in order. They follow from the plan alone, so that a journaled plan has them again.
    fn steps(&self, plan: &CeremonyPlan) -> Vec<CeremonyStep>;

    /// Asks these operators how they are, all at the same time. One answer for each id, in the order of `ids`.
    async fn operators(&self, ids: &[OperatorId]) -> Vec<OperatorHealth>;

    /// Asks whatever relays between the operators how it is; `None` where the backend itself brings every message.
    async fn relay(&self) -> Option<RelayHealth>;

    /// Which of these operators whoever relays does not know (yet): nothing would be delivered to them. Never a no. `None`
    /// where nobody has to be known to anybody.
    async fn unregistered(&self, _ids: &[OperatorId]) -> Option<Answer<Vec<OperatorId>>> {
        None
    }

    /// Runs a ceremony to its verified result. The caller has journaled `request_id`, and never uses it again. Its transcript
    /// names `case` where the backend's form has room for that. `updates`
    /// gets whole pictures; when it is full, one is left out. Dropping the future abandons the ceremony: the operators go
    /// on without us.
    ///
    /// # Errors
    /// See [`FailureKind`](crate::types::FailureKind). After `NotStarted` no operator began anything; after everything else
    /// a key may exist somewhere, and must never be used.
    async fn run(
        &self,
        request_id: RequestId,
        case: CaseId,
        plan: &CeremonyPlan,
        updates: mpsc::Sender<CeremonyUpdate>,
    ) -> Result<Verified, Box<Failed>>;

    /// Finds out what became of a ceremony that an earlier process began, without beginning anything.
    ///
    /// # Errors
    /// As [`Ceremonies::run`]; `Unknown` when nothing can be found out, never `NotStarted`.
    async fn find(
        &self,
        request_id: RequestId,
        case: CaseId,
        plan: &CeremonyPlan,
        updates: mpsc::Sender<CeremonyUpdate>,
    ) -> Result<Verified, Box<Failed>>;

    /// Checks a transcript of this backend, offline.
    ///
    /// # Errors
    /// It is not a transcript of this backend, or of a version that it does not read.
    fn verify_transcript(&self, transcript: &Transcript) -> Result<Examined, TranscriptError>;
}

/// How one operator is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorHealth {
    pub id: OperatorId,
    /// Whether it answers, so that a ceremony can be begun with it. No: there is nobody to ask, by evidence. Silence is not
    /// known, and so is whatever may be the network's fault or ours; nothing begins without a *yes*.
    pub answers: Answer<Presence>,
}

/// How whatever relays between the operators is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelayHealth {
    /// Which one it is, without its secrets.
    pub name: SafeText,
    /// Whether it answers. Silence and refusals are not known, and nothing begins without a *yes*.
    pub answers: Answer<Presence>,
}

/// Somebody who answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presence {
    /// The version that it tells: empty text in unstamped builds, `None` when it does not tell.
    pub version: Option<SafeText>,
    /// Time to its answer.
    pub latency: Duration,
}

impl OperatorHealth {
    /// The answer, if there is one.
    #[must_use]
    pub fn presence(&self) -> Option<&Presence> {
        match &self.answers {
            Answer::Yes(presence) => Some(presence),
            Answer::No(_) | Answer::NotKnown(_) => None,
        }
    }

    /// The version that it tells; empty when it tells none.
    #[must_use]
    pub fn version(&self) -> &str {
        let told = self.presence().and_then(|presence| presence.version.as_ref());
        told.map_or("", SafeText::as_str)
    }

    /// What is wrong, in words; empty when nothing is.
    #[must_use]
    pub fn trouble(&self) -> SafeText {
        trouble(&self.answers)
    }
}

impl RelayHealth {
    /// What is wrong, in words; empty when nothing is.
    #[must_use]
    pub fn trouble(&self) -> SafeText {
        match &self.answers {
            Answer::Yes(_) => SafeText::default(),
            other => trouble(other),
        }
    }
}

fn trouble(answers: &Answer<Presence>) -> SafeText {
    match answers {
        Answer::Yes(Presence { version: None, .. }) => "does not tell its version".into(),
        Answer::Yes(_) => SafeText::default(),
        Answer::No(evidence) => evidence.words.clone(),
        Answer::NotKnown(why) => why.words().clone(),
    }
}

/// Where a running ceremony stands: a whole picture, so that a lost update does no harm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CeremonyUpdate {
    pub request_id: RequestId,
    /// When this was true.
    pub at: UnixMillis,
    /// The step that the ceremony waits for; `None` when every message was seen.
    pub step: Option<StepId>,
    /// When that step must be complete.
    pub deadline: Option<UnixMillis>,
    /// Rows of the matrix.
    pub operators: BTreeMap<OperatorId, OperatorProgress>,
    /// What happened last, in words.
    pub note: SafeText,
}

/// A ceremony with a verified result.
#[derive(Debug, Clone)]
pub struct Verified {
    pub result: CeremonyResult,
    /// Every check that was made; none has failed.
    pub checks: Vec<Check>,
    /// Last state of each operator; a signer of a bad partial signature is `Blamed` here.
    pub progress: BTreeMap<OperatorId, OperatorProgress>,
    /// The proof, to be kept.
    pub transcript: Transcript,
}

/// A ceremony without a result.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{failure}")]
pub struct Failed {
    /// How, and who caused it.
    pub failure: CeremonyFailure,
    /// Last state of each operator.
    pub progress: BTreeMap<OperatorId, OperatorProgress>,
    /// The evidence, also when nothing was started.
    pub transcript: Transcript,
    /// `false`: a look for an earlier ceremony that saw nothing. Its transcript proves nothing and need not be kept.
    pub is_evidence: bool,
}

impl From<Box<Failed>> for CeremonyFailure {
    fn from(failed: Box<Failed>) -> Self {
        failed.failure
    }
}
