//! The toy's transcripts: what was ordered and what came of it, under a digest. What they prove follows from them alone.

use std::collections::BTreeMap;

use alloy::primitives::keccak256;

use casimir_dkg::beacon::roots::deposit_signing_root;
use casimir_dkg::dkg::threshold::{interpolates_to, verify};
use casimir_dkg::types::{
    BackendName, BlsPublicKey, BlsSignature, CeremonyPlan, CeremonyResult, Check, Examined, OperatorId,
    RequestId, Root, Transcript, TranscriptError, Verification,
};
use serde::{Deserialize, Serialize};

use super::backend::{DEPOSIT_GWEI, NAME};

const FORMAT: u32 = 1;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    backend: BackendName,
    format: u32,
    request_id: RequestId,
    plan: CeremonyPlan,
    /// None: it gave no key.
    output: Option<CeremonyResult>,
    /// keccak256 of the JSON of the three before it, as one list.
    digest: Root,
}

fn digest(request: RequestId, plan: &CeremonyPlan, output: Option<&CeremonyResult>) -> Root {
    Root(keccak256(serde_json::to_vec(&(request, plan, output)).unwrap()).0)
}

pub(super) fn write(request: RequestId, plan: &CeremonyPlan, output: Option<&CeremonyResult>) -> Transcript {
    let document = Document {
        backend: NAME,
        format: FORMAT,
        request_id: request,
        plan: plan.clone(),
        output: output.cloned(),
        digest: digest(request, plan, output),
    };
    Transcript::new(NAME, FORMAT, serde_json::to_string(&document).unwrap())
}

pub(super) fn examine(transcript: &Transcript) -> Result<Examined, TranscriptError> {
    if *transcript.backend() != NAME {
        return Err(TranscriptError::Backend(transcript.backend().clone()));
    }
    if transcript.format() != FORMAT {
        return Err(TranscriptError::Format {
            found: transcript.format(),
            known: FORMAT,
        });
    }
    let document: Document = serde_json::from_str(transcript.document())?;
    let (request_id, output) = (document.request_id, document.output);
    let again = digest(request_id, &document.plan, output.as_ref());
    let mut checks = vec![Check::of(
        "transcript-digest",
        again == document.digest,
        format!("computed again as {again}"),
    )];
    checks.extend(
        output
            .iter()
            .flat_map(|output| self::checks(&document.plan, output)),
    );
    Ok(Examined {
        request_id,
        digest: document.digest,
        verification: Verification::new(checks, output),
        held_for: None,
        operators: BTreeMap::new(),
        steps: Vec::new(),
        progress: BTreeMap::new(),
    })
}

/// What a result must be like: its shares give the key, and the key signed what the plan names.
pub(super) fn checks(plan: &CeremonyPlan, result: &CeremonyResult) -> Vec<Check> {
    match (plan, result) {
        (
            CeremonyPlan::Keygen {
                threshold,
                withdrawal_credentials,
                fork_version,
                ..
            },
            CeremonyResult::Keygen(output),
        ) => {
            let key = &output.validator;
            let deposit = deposit_signing_root(key, withdrawal_credentials, DEPOSIT_GWEI, *fork_version);
            let deposit = verify(key, &deposit.0, &output.deposit_signature);
            vec![
                shares(&output.share_public_keys, *threshold, key),
                Check::of("deposit-signature", deposit, "of 32 ETH, under the key"),
                registered(plan, key, output.registration.as_ref()),
            ]
        }
        (
            CeremonyPlan::Reshare {
                validator, threshold, ..
            },
            CeremonyResult::Reshare(output),
        ) => vec![
            shares(&output.share_public_keys, *threshold, validator),
            registered(plan, validator, output.registration.as_ref()),
        ],
        (
            CeremonyPlan::Sign {
                validator,
                signing_root,
                ..
            },
            CeremonyResult::Sign { signature },
        ) => {
            let holds = verify(validator, &signing_root.0, signature);
            vec![Check::of("registration-signature", holds, "under the key")]
        }
        _ => vec![Check::fail("plan", "of another plan than the result")],
    }
}

fn shares(keys: &BTreeMap<OperatorId, BlsPublicKey>, threshold: u8, key: &BlsPublicKey) -> Check {
    match interpolates_to(keys, threshold, key) {
        Ok(()) => Check::pass("share-keys-interpolate", "all shares give the key"),
        Err(why) => Check::fail("share-keys-interpolate", why.to_string()),
    }
}

fn registered(plan: &CeremonyPlan, key: &BlsPublicKey, signature: Option<&BlsSignature>) -> Check {
    let both = plan.registration().zip(signature);
    let holds = both.is_some_and(|(message, signature)| verify(key, &message.root().0, signature));
    Check::of(
        "registration-signature",
        holds,
        "of owner and nonce, under the key",
    )
}
