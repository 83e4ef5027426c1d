//! A DKG backend, as unlike RockX as the port allows: all of its four operators must sign, it signs the SSV registration
//! within the key generation, needs nobody between its operators, and cannot sign exits. Its operators are numbers in this
//! process, which outlive an oracle; its arithmetic is real.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use alloy::primitives::keccak256;
use async_trait::async_trait;
use casimir_dkg::beacon::roots::deposit_signing_root;
use casimir_dkg::dkg::threshold::{SecretPolynomial, SecretScalar, combine, partial_sign};
use casimir_dkg::ports::{
    Answer, Ceremonies, CeremonyCapabilities, CeremonyUpdate, CommitteeSize, ExitSigning, Failed,
    OperatorHealth, Presence, RegistrationSigning, Relay, RelayHealth, ReshareConsent, ReshareSize,
    SharesKept, Verified,
};
use casimir_dkg::types::{
    BackendName, BlsSignature, CeremonyFailure, CeremonyPlan, CeremonyResult, CeremonyStep, Examined,
    FailureKind, Follows, KeygenOutput, OperatorId, OperatorProgress, OperatorState, RequestId, SafeText,
    StepId, Transcript, TranscriptError, UnixMillis,
};
use rand::rngs::OsRng;
use tokio::sync::mpsc;

use super::transcript;

pub(super) const NAME: BackendName = BackendName::new("toy");
/// 32 ETH in gwei.
pub(super) const DEPOSIT_GWEI: u64 = 32_000_000_000;

#[derive(Debug)]
pub(crate) struct ToyBackend {
    can: CeremonyCapabilities,
    /// What came of every ceremony that was run.
    made: Mutex<BTreeMap<RequestId, (CeremonyPlan, KeygenOutput)>>,
    /// The operators carry a ceremony out, and whoever began it hears nothing of them.
    pub(crate) is_silent: AtomicBool,
}

impl Default for ToyBackend {
    fn default() -> Self {
        Self {
            can: CeremonyCapabilities {
                backend: NAME,
                title: "the toy".into(),
                committees: vec![CommitteeSize {
                    operators: 4,
                    threshold: 4,
                }],
                registration: RegistrationSigning::WithinKeygen,
                shares: SharesKept::HandedBack,
                exits: ExitSigning::Impossible,
                reshare: ReshareConsent::OwnerSignature,
                reshare_size: ReshareSize::Any,
                relay: Relay::Nobody,
                oldest_release: None,
            },
            made: Mutex::default(),
            is_silent: AtomicBool::new(false),
        }
    }
}

fn progress(plan: &CeremonyPlan) -> BTreeMap<OperatorId, OperatorProgress> {
    let now = UnixMillis::now();
    let row = |id| {
        let row = OperatorProgress {
            state: OperatorState::Done,
            seen: ["deal", "sign"].map(|step| (StepId::new(step), now)).into(),
            note: "dealt and signed".into(),
        };
        (id, row)
    };
    plan.participants().into_iter().map(row).collect()
}

fn failed(kind: FailureKind, request: RequestId, plan: &CeremonyPlan, reason: &str) -> Box<Failed> {
    Box::new(Failed {
        failure: CeremonyFailure {
            kind,
            round: None,
            culprits: Vec::new(),
            reason: reason.into(),
            blames: Vec::new(),
        },
        progress: BTreeMap::new(),
        transcript: transcript::write(request, plan, None),
        is_evidence: false,
    })
}

fn keygen(plan: &CeremonyPlan) -> Option<KeygenOutput> {
    let CeremonyPlan::Keygen {
        committee,
        threshold,
        withdrawal_credentials,
        fork_version,
        registration,
    } = plan
    else {
        return None;
    };
    let secret = SecretPolynomial::random(SecretScalar::random(&mut OsRng), *threshold, &mut OsRng);
    let validator = secret.secret().public_key();
    let sign = |message: &[u8]| -> BlsSignature {
        let partials = committee
            .iter()
            .map(|id| (*id, partial_sign(&secret.share(*id), message)))
            .collect();
        combine(&validator, message, *threshold, &partials).unwrap()
    };
    let deposit = deposit_signing_root(&validator, withdrawal_credentials, DEPOSIT_GWEI, *fork_version);
    let owner_nonce = registration
        .as_ref()
        .map(|r| keccak256(format!("{}:{}", r.owner, r.nonce)));
    Some(KeygenOutput {
        validator,
        deposit_signature: sign(&deposit.0),
        share_public_keys: committee
            .iter()
            .map(|id| (*id, secret.share(*id).public_key()))
            .collect(),
        encrypted_shares: committee.iter().map(|id| (*id, vec![7; 256])).collect(),
        registration: owner_nonce.map(|message| sign(message.as_slice())), handed_back: BTreeMap::new(), })
}

#[async_trait]
impl Ceremonies for ToyBackend {
    fn capabilities(&self) -> &CeremonyCapabilities {
        &self.can
    }

    fn accepts(&self, plan: &CeremonyPlan) -> Result<(), SafeText> {
        match plan {
            CeremonyPlan::Keygen {
                registration: Some(_),
                ..
            } => Ok(()),
            _ => Err("the toy generates keys, registration included, and nothing else".into()),
        }
    }

    fn reads_key(&self, _: &str) -> Result<(), SafeText> {
        Ok(())
    }

    fn steps(&self, plan: &CeremonyPlan) -> Vec<CeremonyStep> {
        let step = |id: &'static str, follows| CeremonyStep {
            id: StepId::new(id),
            title: id.into(),
            short: Vec::new(),
            senders: plan.participants(),
            follows,
        };
        vec![step("deal", Follows::Enough), step("sign", Follows::All)]
    }

    async fn operators(&self, ids: &[OperatorId]) -> Vec<OperatorHealth> {
        let well = |id: &OperatorId| OperatorHealth {
            id: *id,
            answers: Answer::Yes(Presence {
                version: Some("1.0.0".into()),
                latency: std::time::Duration::from_millis(1),
            }),
        };
        ids.iter().map(well).collect()
    }

    async fn relay(&self) -> Option<RelayHealth> {
        None
    }

    async fn run(
        &self,
        request_id: RequestId,
        plan: &CeremonyPlan,
        updates: mpsc::Sender<CeremonyUpdate>,
    ) -> Result<Verified, Box<Failed>> {
        let Some(output) = keygen(plan) else {
            let why = "not a key generation";
            return Err(failed(FailureKind::NotStarted, request_id, plan, why));
        };
        let made = (plan.clone(), output);
        self.made().insert(request_id, made);
        if self.is_silent.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        self.find(request_id, plan, updates).await
    }

    /// The operators forget nothing: what they do not know of never was.
    async fn find(
        &self,
        request_id: RequestId,
        plan: &CeremonyPlan,
        updates: mpsc::Sender<CeremonyUpdate>,
    ) -> Result<Verified, Box<Failed>> {
        let known = self.made().get(&request_id).cloned();
        let Some((_, output)) = known.filter(|(ordered, _)| ordered == plan) else {
            let why = "no operator knows of it";
            return Err(failed(FailureKind::Lost, request_id, plan, why));
        };
        let picture = CeremonyUpdate {
            request_id,
            at: UnixMillis::now(),
            step: None,
            deadline: None,
            operators: progress(plan),
            note: "dealt and signed".into(),
        };
        let _ = updates.send(picture).await;
        Ok(Verified {
            checks: transcript::checks(plan, &output),
            progress: progress(plan),
            transcript: transcript::write(request_id, plan, Some(&output)),
            result: CeremonyResult::Keygen(output),
        })
    }

    fn verify_transcript(&self, transcript: &Transcript) -> Result<Examined, TranscriptError> {
        transcript::examine(transcript)
    }
}

impl ToyBackend {
    fn made(&self) -> std::sync::MutexGuard<'_, BTreeMap<RequestId, (CeremonyPlan, KeygenOutput)>> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The ceremonies that were run.
    pub(crate) fn begun(&self) -> Vec<RequestId> {
        self.made().keys().copied().collect()
    }
}
