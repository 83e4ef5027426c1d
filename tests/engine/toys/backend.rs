//! A DKG backend, as unlike RockX as the port allows: all of its four operators must sign, it signs the SSV registration
//! within key generations and reshares, needs nobody between its operators, leaves nothing with them, does nothing with a
//! key that exists without its owner's signature, and cannot sign exits. Its operators are numbers in this process, which
//! outlive an oracle; its arithmetic is real.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use alloy::primitives::{Address, B256, Signature, keccak256};
use async_trait::async_trait;
use casimir_dkg::beacon::roots::deposit_signing_root;
use casimir_dkg::dkg::threshold::{
    SecretPolynomial, SecretScalar, combine, interpolate_secret, partial_sign,
};
use casimir_dkg::ports::{
    Answer, Ceremonies, CeremonyCapabilities, CeremonyUpdate, CommitteeSize, Consent, ExitSigning, Failed,
    OperatorHealth, Presence, RegistrationSigning, RelayHealth, ReleaseMix, Renewal, ReshareSize, SharesKept,
    Verified,
};
use casimir_dkg::types::{
    BackendName, BlsPublicKey, BlsSignature, BroughtAlong, CaseId, CeremonyFailure, CeremonyPlan,
    CeremonyResult, CeremonyStep, Examined, FailureKind, Follows, KeygenOutput, OperatorId, OperatorProgress,
    OperatorState, OwnerNonce, RequestId, ReshareOutput, SafeText, SignPurpose, StepId, Transcript,
    TranscriptError, UnixMillis,
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
    made: Mutex<BTreeMap<RequestId, (CeremonyPlan, CeremonyResult)>>,
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
                registration: RegistrationSigning::Within {
                    renewal: Renewal::ByCeremony,
                },
                shares: SharesKept::HandedBack,
                exits: ExitSigning::Impossible,
                consent: Consent::OwnerSignature,
                reshare_size: ReshareSize::Any,
                oldest_release: None,
                releases: ReleaseMix::Same,
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

/// A key, dealt to a committee of whom all must sign.
struct Dealt {
    validator: BlsPublicKey,
    polynomial: SecretPolynomial,
    committee: Vec<OperatorId>,
    threshold: u8,
}

impl Dealt {
    fn new(secret: SecretScalar, committee: &[OperatorId], threshold: u8) -> Self {
        let polynomial = SecretPolynomial::random(secret, threshold, &mut OsRng);
        Self {
            validator: polynomial.secret().public_key(),
            polynomial,
            committee: committee.to_vec(),
            threshold,
        }
    }

    fn sign(&self, message: &[u8]) -> BlsSignature {
        let partial = |id: &OperatorId| (*id, partial_sign(&self.polynomial.share(*id), message));
        let partials = self.committee.iter().map(partial).collect();
        combine(&self.validator, message, self.threshold, &partials).unwrap()
    }

    fn each<T>(&self, of: impl Fn(OperatorId, SecretScalar) -> T) -> BTreeMap<OperatorId, T> {
        let one = |id: &OperatorId| (*id, of(*id, self.polynomial.share(*id)));
        self.committee.iter().map(one).collect()
    }

    fn handed_back(&self) -> BTreeMap<OperatorId, Vec<u8>> {
        self.each(|id, share| masked(id, share.to_be_bytes().as_slice()))
    }
}

/// Only the operator can read, or write, what it hands back.
fn masked(id: OperatorId, share: &[u8]) -> Vec<u8> {
    let mask = keccak256(format!("the toy's operator {id}"));
    share.iter().zip(mask).map(|(byte, mask)| byte ^ mask).collect()
}

/// The key that was brought along, by what all of its holders handed back.
fn unmasked(brought: &BroughtAlong) -> Option<SecretScalar> {
    let share = |(id, bytes): (&OperatorId, &Vec<u8>)| {
        let share = SecretScalar::from_be_bytes(&masked(*id, bytes)).ok()?;
        Some((*id, share))
    };
    let shares: Option<BTreeMap<_, _>> = brought.handed_back.iter().map(share).collect();
    interpolate_secret(&shares?).ok()
}

fn carried_out(plan: &CeremonyPlan) -> Option<CeremonyResult> {
    match plan {
        CeremonyPlan::Keygen {
            committee,
            threshold,
            withdrawal_credentials,
            fork_version,
            registration,
        } => {
            let key = Dealt::new(SecretScalar::random(&mut OsRng), committee, *threshold);
            let validator = key.validator;
            let deposit =
                deposit_signing_root(&validator, withdrawal_credentials, DEPOSIT_GWEI, *fork_version);
            Some(CeremonyResult::Keygen(KeygenOutput {
                validator,
                deposit_signature: key.sign(&deposit.0),
                share_public_keys: key.each(|_, share| share.public_key()),
                encrypted_shares: key.each(|_, _| vec![7; 256]),
                registration: registration.as_ref().map(|r| key.sign(&r.root().0)),
                handed_back: key.handed_back(),
            }))
        }
        CeremonyPlan::Reshare {
            new,
            threshold,
            registration,
            brought,
            ..
        } => {
            let key = Dealt::new(unmasked(brought.as_ref()?)?, new, *threshold);
            Some(CeremonyResult::Reshare(ReshareOutput {
                validator: key.validator,
                share_public_keys: key.each(|_, share| share.public_key()),
                encrypted_shares: key.each(|_, _| vec![8; 256]),
                registration: registration.as_ref().map(|r| key.sign(&r.root().0)),
                handed_back: key.handed_back(),
            }))
        }
        CeremonyPlan::Sign {
            committee,
            threshold,
            signing_root,
            brought,
            ..
        } => {
            let key = Dealt::new(unmasked(brought.as_ref()?)?, committee, *threshold);
            let signature = key.sign(&signing_root.0);
            Some(CeremonyResult::Sign { signature })
        }
    }
}

/// What the owner signs to have a plan carried out: everything in it but the signature.
pub(crate) fn order(plan: &CeremonyPlan) -> B256 {
    let mut plan = plan.clone();
    if let CeremonyPlan::Reshare { brought, .. } | CeremonyPlan::Sign { brought, .. } = &mut plan
        && let Some(brought) = brought
    {
        brought.owner_signature = None;
    }
    keccak256(serde_json::to_vec(&plan).unwrap())
}

/// Who must have agreed to the plan of something that is done with a key that exists, and what is brought along for it.
fn of_a_key(plan: &CeremonyPlan) -> Option<(Address, &BroughtAlong)> {
    let (owner, brought) = match plan {
        CeremonyPlan::Reshare {
            registration: Some(OwnerNonce { owner, .. }),
            brought,
            ..
        }
        | CeremonyPlan::Sign {
            what: SignPurpose::OwnerNonce { owner, .. },
            brought,
            ..
        } => (owner, brought),
        _ => return None,
    };
    Some((owner.parse().ok()?, brought.as_deref()?))
}

#[async_trait]
impl Ceremonies for ToyBackend {
    fn capabilities(&self) -> &CeremonyCapabilities {
        &self.can
    }

    fn accepts(&self, plan: &CeremonyPlan) -> Result<(), SafeText> {
        if let CeremonyPlan::Keygen {
            registration: Some(_),
            ..
        } = plan
        {
            return Ok(());
        }
        let Some((owner, brought)) = of_a_key(plan) else {
            return Err("the toy signs a registration with all it does, and keeps nothing of a key".into());
        };
        let signature = brought.owner_signature.as_deref();
        let signed = signature.and_then(|bytes| Signature::from_raw(bytes).ok());
        let signer = signed.and_then(|signed| signed.recover_address_from_prehash(&order(plan)).ok());
        match self.can.consent {
            Consent::OwnerSignature if signer != Some(owner) => {
                Err(format!("{owner} has not signed the order").into())
            }
            Consent::OwnerSignature | Consent::Nobody => Ok(()),
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
        case: CaseId,
        plan: &CeremonyPlan,
        updates: mpsc::Sender<CeremonyUpdate>,
    ) -> Result<Verified, Box<Failed>> {
        let result = self.accepts(plan).ok().and_then(|()| carried_out(plan));
        let Some(result) = result else {
            let why = "no operator takes part in that";
            return Err(failed(FailureKind::NotStarted, request_id, plan, why));
        };
        let made = (plan.clone(), result);
        self.made().insert(request_id, made);
        if self.is_silent.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        self.find(request_id, case, plan, updates).await
    }

    /// The operators forget nothing: what they do not know of never was.
    async fn find(
        &self,
        request_id: RequestId,
        _: CaseId,
        plan: &CeremonyPlan,
        updates: mpsc::Sender<CeremonyUpdate>,
    ) -> Result<Verified, Box<Failed>> {
        let known = self.made().get(&request_id).cloned();
        let Some((_, result)) = known.filter(|(ordered, _)| ordered == plan) else {
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
            checks: transcript::checks(plan, &result),
            progress: progress(plan),
            transcript: transcript::write(request_id, plan, Some(&result)),
            result,
        })
    }

    fn verify_transcript(&self, transcript: &Transcript) -> Result<Examined, TranscriptError> {
        transcript::examine(transcript)
    }
}

impl ToyBackend {
    /// The same, whose operators do without the owner's signature.
    pub(crate) fn without_consent() -> Self {
        let mut toy = Self::default();
        toy.can.consent = Consent::Nobody;
        toy
    }

    fn made(&self) -> std::sync::MutexGuard<'_, BTreeMap<RequestId, (CeremonyPlan, CeremonyResult)>> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The plans of the ceremonies that were run, in no order.
    pub(crate) fn plans(&self) -> Vec<CeremonyPlan> {
        self.made().values().map(|(plan, _)| plan.clone()).collect()
    }

    /// The ceremonies that were run.
    pub(crate) fn begun(&self) -> Vec<RequestId> {
        self.made().keys().copied().collect()
    }
}
