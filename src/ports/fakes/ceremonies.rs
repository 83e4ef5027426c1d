//! A DKG backend that does what a test says.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use tokio::sync::mpsc;

use crate::ports::{
    Ceremonies, CeremonyCapabilities, CeremonyUpdate, CommitteeSize, Consent, ExitSigning, Failed,
    OperatorHealth, Presence, RegistrationSigning, RelayHealth, ReleaseMix, Renewal, ReshareSize, SharesKept,
    Verified,
};
use crate::types::{
    BackendName, CaseId, CeremonyFailure, CeremonyPlan, CeremonyStep, Examined, FailureKind, Follows,
    OperatorId, RequestId, SafeText, StepId, Transcript, TranscriptError,
};

/// What `run` and `find` give.
type End = Result<Verified, Box<Failed>>;

/// Like no real backend: committees of three, two steps, the registration within the key generation, and nobody who
/// relays.
#[derive(Debug)]
pub(crate) struct FakeCeremonies {
    pub(crate) capabilities: CeremonyCapabilities,
    /// Why no plan is accepted, if none is.
    pub(crate) refuses: Option<SafeText>,
    /// Answers for operators; all others answer at once and tell no version.
    pub(crate) health: BTreeMap<OperatorId, OperatorHealth>,
    /// Operators answer nothing, ever.
    pub(crate) hangs: bool,
    /// Ends of the ceremonies to come, in order; a failure when there is none left.
    pub(crate) ends: Mutex<VecDeque<End>>,
    /// Ceremonies that were run (`true`) or looked for.
    pub(crate) begun: Mutex<Vec<(RequestId, bool)>>,
}

impl Default for FakeCeremonies {
    fn default() -> Self {
        let committees = vec![CommitteeSize {
            operators: 3,
            threshold: 2,
        }];
        Self {
            capabilities: CeremonyCapabilities {
                backend: BackendName::new("fake"),
                title: "Fake".into(),
                committees,
                registration: RegistrationSigning::Within {
                    renewal: Renewal::ByCeremony,
                },
                shares: SharesKept::HandedBack,
                exits: ExitSigning::Impossible,
                consent: Consent::OwnerSignature,
                reshare_size: ReshareSize::Any,
                oldest_release: None,
                releases: ReleaseMix::Any,
            },
            refuses: None,
            health: BTreeMap::new(),
            hangs: false,
            ends: Mutex::default(),
            begun: Mutex::default(),
        }
    }
}

impl FakeCeremonies {
    fn end(&self, request: RequestId, plan: &CeremonyPlan, start: bool) -> End {
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        begun.push((request, start));
        let mut ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        ends.pop_front().unwrap_or_else(|| {
            let rows = plan.participants().into_iter();
            Err(Box::new(Failed {
                failure: CeremonyFailure {
                    kind: FailureKind::Unknown,
                    round: None,
                    culprits: Vec::new(),
                    reason: "the test told no end".into(),
                    blames: Vec::new(),
                },
                progress: rows.map(|id| (id, Default::default())).collect(),
                transcript: Transcript::new(
                    self.capabilities.backend.clone(),
                    1,
                    r#"{"backend":"fake","format":1}"#.to_owned(),
                ),
                is_evidence: false,
            }))
        })
    }
}

#[async_trait]
impl Ceremonies for FakeCeremonies {
    fn capabilities(&self) -> &CeremonyCapabilities {
        &self.capabilities
    }

    fn accepts(&self, _: &CeremonyPlan) -> Result<(), SafeText> {
        self.refuses.clone().map_or(Ok(()), Err)
    }

    fn reads_key(&self, _: &str) -> Result<(), SafeText> {
        Ok(())
    }

    /// Everybody greets, and the first of the committee concludes.
    fn steps(&self, plan: &CeremonyPlan) -> Vec<CeremonyStep> {
        let step = |id: &'static str, senders| CeremonyStep {
            id: StepId::new(id),
            title: id.into(),
            short: Vec::new(),
            senders,
            follows: Follows::All,
        };
        vec![
            step("greet", plan.participants()),
            step("conclude", plan.committee().iter().take(1).copied().collect()),
        ]
    }

    async fn operators(&self, ids: &[OperatorId]) -> Vec<OperatorHealth> {
        if self.hangs {
            return std::future::pending().await;
        }
        let well = |id: &OperatorId| OperatorHealth {
            id: *id,
            answers: crate::ports::Answer::Yes(Presence {
                version: None,
                latency: std::time::Duration::ZERO,
            }),
        };
        let of = |id: &OperatorId| self.health.get(id).cloned().unwrap_or_else(|| well(id));
        ids.iter().map(of).collect()
    }

    async fn relay(&self) -> Option<RelayHealth> {
        None
    }

    async fn run(
        &self,
        request: RequestId,
        _: CaseId,
        plan: &CeremonyPlan,
        _: mpsc::Sender<CeremonyUpdate>,
    ) -> End {
        self.end(request, plan, true)
    }

    async fn find(
        &self,
        request: RequestId,
        _: CaseId,
        plan: &CeremonyPlan,
        _: mpsc::Sender<CeremonyUpdate>,
    ) -> End {
        self.end(request, plan, false)
    }

    fn verify_transcript(&self, transcript: &Transcript) -> Result<Examined, TranscriptError> {
        Err(TranscriptError::Backend(transcript.backend().clone()))
    }
}
