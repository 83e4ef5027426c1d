//! The toy's transcripts: what was ordered and what came of it, under a digest. What they prove follows from them alone.

use alloy::primitives::keccak256;
use std::collections::BTreeMap;

use casimir_dkg::beacon::roots::deposit_signing_root;
use casimir_dkg::dkg::threshold::{interpolates_to, verify};
use casimir_dkg::types::{
    BackendName, CeremonyPlan, CeremonyResult, Check, Examined, KeygenOutput, OwnerNonce, RequestId, Root,
    Transcript, TranscriptError, Verification,
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
    output: Option<KeygenOutput>,
    /// keccak256 of the JSON of the three before it, as one list.
    digest: Root,
}

fn digest(request: RequestId, plan: &CeremonyPlan, output: Option<&KeygenOutput>) -> Root {
    Root(keccak256(serde_json::to_vec(&(request, plan, output)).unwrap()).0)
}

pub(super) fn write(request: RequestId, plan: &CeremonyPlan, output: Option<&KeygenOutput>) -> Transcript {
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
        verification: Verification::new(checks, output.map(CeremonyResult::Keygen)),
        operators: BTreeMap::new(),
        steps: Vec::new(),
        progress: BTreeMap::new(),
    })
}

/// What a result must be like: its shares give the key, and the key signed the deposit and the registration of the plan.
pub(super) fn checks(plan: &CeremonyPlan, output: &KeygenOutput) -> Vec<Check> {
    let CeremonyPlan::Keygen {
        threshold,
        withdrawal_credentials,
        fork_version,
        registration: Some(OwnerNonce { owner, nonce }),
        ..
    } = plan
    else {
        return vec![Check::fail("plan", "the toy carries out no such plan")];
    };
    let key = &output.validator;
    let shares = interpolates_to(&output.share_public_keys, *threshold, key);
    let deposit = deposit_signing_root(key, withdrawal_credentials, DEPOSIT_GWEI, *fork_version);
    let deposit = verify(key, &deposit.0, &output.deposit_signature);
    let message = keccak256(format!("{owner}:{nonce}"));
    let registered = |signature| verify(key, message.as_slice(), signature);
    let registration = output.registration.as_ref().is_some_and(registered);
    vec![
        match shares {
            Ok(()) => Check::pass("share-keys-interpolate", "all shares give the key"),
            Err(why) => Check::fail("share-keys-interpolate", why.to_string()),
        },
        Check::of("deposit-signature", deposit, "of 32 ETH, under the key"),
        Check::of(
            "registration-signature",
            registration,
            "of owner and nonce, under the key",
        ),
    ]
}
