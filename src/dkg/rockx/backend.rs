//! RockX as a DKG backend.
//!
//! # What counts as *no*
//!
//! | question | *yes* | *no* | *not known* |
//! |---|---|---|---|
//! | does this operator, does the messenger answer? | 200 and a message to `/ping` | the operator is not in the directory: there is nobody to ask | no connection, no answer in time, another status, another body. It keeps a ceremony from starting, and accuses nobody |
//! | who is not registered at the messenger? | those whom its topic `default` does not name | | every other answer |
//! | which version does it have? | the text of `/version` | | no such answer; the empty text of an unstamped build |
//! | is the request id new? | the messenger answers 404 for the topic and for the result | it has one of them | every other answer: nothing is started |
//! | did the operator start? | 200, or an error that says `started already`; our own node, told again after a connection that broke, says `was used before` | every other answer; no connection, so it has not seen the message | the message was sent, and no whole answer came |
//! | is there a result? | outputs of everybody that pass every check; for a signature, `t` valid partial ones | a message of its sender's own hand that breaks the protocol (`Blamed`); outputs that do not verify (`Refused`); a round whose deadline passed while the messenger answered (`Timeout`); 404 for topic and result in one look, from what answers `/ping` as a messenger does (`Lost`) | the messenger does not answer, or something else answers in its place, or it has lost the topic alone, or nobody can be named because the beginning was not seen (`Unknown`) |
//!
//! `find` asks the last question again for a ceremony that an earlier process began.

use std::collections::BTreeMap;

use async_trait::async_trait;
use tokio::sync::mpsc;

use super::initiator::{Initiator, InitiatorConfig, InitiatorError};
use super::{committee, plan, round, transcript};
use crate::dkg::rockx::keys::OperatorPublicKey;
use crate::ports::{
    Answer, Ceremonies, CeremonyCapabilities, CeremonyUpdate, CommitteeSize, Consent, ExitSigning, Failed,
    OperatorHealth, RegistrationSigning, RelayHealth, Release, ReleaseMix, ReshareSize, SharesKept, Verified,
};
use crate::types::{
    BackendName, CaseId, CeremonyPlan, CeremonyStep, Examined, OperatorId, OperatorRecord, RequestId,
    SafeText, Transcript, TranscriptError,
};

/// The operators run RockX's node or ours; a messenger relays between them.
#[derive(Debug, Clone)]
pub struct RockX {
    initiator: Initiator,
    capabilities: CeremonyCapabilities,
}

impl RockX {
    /// Opens the observer's listener. Nothing is sent to anybody.
    ///
    /// # Errors
    /// See [`InitiatorError`].
    pub async fn start(config: InitiatorConfig) -> Result<Self, InitiatorError> {
        Ok(Self {
            initiator: Initiator::start(config).await?,
            capabilities: capabilities(),
        })
    }

    /// Operators with the keys that were not known at the start. The first that are told stay.
    pub(crate) fn learn(&self, operators: BTreeMap<OperatorId, OperatorRecord>) {
        self.initiator.learn(operators);
    }
}

/// What RockX can do, and what it demands.
#[must_use]
pub fn capabilities() -> CeremonyCapabilities {
    let size = |(operators, threshold)| CommitteeSize { operators, threshold };
    CeremonyCapabilities {
        backend: BackendName::ROCKX,
        title: "RockX".into(),
        committees: committee::SIZES.map(size).to_vec(),
        registration: RegistrationSigning::OwnCeremony,
        shares: SharesKept::AtOperators,
        exits: ExitSigning::ByCeremony,
        consent: Consent::Nobody,
        reshare_size: ReshareSize::Same,
        // earlier releases sign in another domain: every message of theirs would count as forged
        oldest_release: Some(Release(0, 2, 7)),
        releases: ReleaseMix::Any,
    }
}

#[async_trait]
impl Ceremonies for RockX {
    fn capabilities(&self) -> &CeremonyCapabilities {
        &self.capabilities
    }

    fn accepts(&self, plan: &CeremonyPlan) -> Result<(), SafeText> {
        plan::validate(plan)
    }

    fn reads_key(&self, key: &str) -> Result<(), SafeText> {
        OperatorPublicKey::parse(key)
            .map(drop)
            .map_err(|error| SafeText::new(&error.to_string()))
    }

    fn steps(&self, plan: &CeremonyPlan) -> Vec<CeremonyStep> {
        round::steps(plan)
    }

    async fn operators(&self, ids: &[OperatorId]) -> Vec<OperatorHealth> {
        self.initiator.preflight(ids).await
    }

    async fn relay(&self) -> Option<RelayHealth> {
        Some(self.initiator.preflight_messenger().await)
    }

    async fn unregistered(&self, ids: &[OperatorId]) -> Option<Answer<Vec<OperatorId>>> {
        Some(self.initiator.unregistered(ids).await)
    }

    async fn run(
        &self,
        request_id: RequestId,
        case: CaseId,
        plan: &CeremonyPlan,
        updates: mpsc::Sender<CeremonyUpdate>,
    ) -> Result<Verified, Box<Failed>> {
        self.initiator.of(case).run(request_id, plan, updates).await
    }

    async fn find(
        &self,
        request_id: RequestId,
        case: CaseId,
        plan: &CeremonyPlan,
        updates: mpsc::Sender<CeremonyUpdate>,
    ) -> Result<Verified, Box<Failed>> {
        self.initiator.of(case).find(request_id, plan, updates).await
    }

    fn verify_transcript(&self, transcript: &Transcript) -> Result<Examined, TranscriptError> {
        transcript::examine(transcript)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::ReleaseVerdict;
    use crate::types::{ForkVersion, OwnerNonce, Root};

    #[test]
    fn committees_and_releases_are_those_of_the_protocol() {
        let can = capabilities();
        assert_eq!(can.sizes(), "4, 7, 10 and 13");
        let thresholds: Vec<_> = (0..=14).filter_map(|n| can.threshold_of(n)).collect();
        assert_eq!(thresholds, [3, 5, 7, 9]);
        assert_eq!(can.judge_release("0.2.13"), ReleaseVerdict::Fine);
        assert_eq!(can.judge_release("0.2.6"), ReleaseVerdict::TooOld);
        assert_eq!(can.judge_release(""), ReleaseVerdict::Untold);
    }

    #[tokio::test]
    async fn a_registration_within_a_key_generation_is_refused() {
        let backend = RockX::start(InitiatorConfig::new("http://127.0.0.1:9", Default::default()))
            .await
            .unwrap();
        let plan = |registration| CeremonyPlan::Keygen {
            committee: (1..=4).map(OperatorId).collect(),
            threshold: 3,
            withdrawal_credentials: Root([1; 32]),
            fork_version: ForkVersion::default(),
            registration,
        };
        assert_eq!(backend.accepts(&plan(None)), Ok(()));
        let owner = OwnerNonce {
            owner: "0x1d2f14d2DDfee594b4093d42E4bC1b0eA55E8aa7".into(),
            nonce: 0,
        };
        let why = backend.accepts(&plan(Some(owner))).unwrap_err();
        assert!(why.as_str().contains("registration"), "{why}");
    }
}
