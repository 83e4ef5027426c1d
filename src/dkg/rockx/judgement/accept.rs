//! Whether there is a result: from the outputs that the messenger stored, from those that were observed, or combined here
//! from partial signatures.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::contradict::contradictions;
use super::evidence::{CeremonyEvidence, Fault, culprits_of};
use super::fail::failure;
use super::judge::verify_outputs;
use super::record::Record;
use super::words::list;
use crate::dkg::rockx::round::Round;
use crate::dkg::rockx::wire::{DataStore, Decode, SignedOutput};
use crate::dkg::threshold;
use crate::types::{
    CeremonyFailure, CeremonyPlan, CeremonyResult, Check, CheckStatus, FailureKind, OperatorId, Verification,
};

/// Where a result came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// Signed outputs of all operators, as the messenger stored them.
    Messenger,
    /// Signed outputs of all operators, as observed; the messenger did not store them.
    Observed,
    /// Combined by us from valid partial signatures: the signing ceremony itself did not end.
    Combined,
}

/// A result that passed every check.
#[derive(Debug, Clone)]
pub(crate) struct Accepted {
    pub(crate) source: Source,
    pub(crate) result: CeremonyResult,
    pub(crate) checks: Vec<Check>,
}

/// Verifies `outputs` as the result of the ceremony.
///
/// # Errors
/// `Refused`, with every check that failed in its reason.
pub(crate) fn accept(
    evidence: &CeremonyEvidence,
    outputs: &BTreeMap<OperatorId, SignedOutput>,
    source: Source,
) -> Result<Accepted, CeremonyFailure> {
    accept_verified(evidence, verify_outputs(evidence, outputs), source).map_err(|mut refused| {
        refused.culprits.extend(told_twice(evidence, outputs));
        refused.culprits.sort_unstable();
        refused.culprits.dedup();
        refused
    })
}

/// Whose output here is another one than it was heard to say: it has signed both.
fn told_twice(
    evidence: &CeremonyEvidence,
    outputs: &BTreeMap<OperatorId, SignedOutput>,
) -> impl Iterator<Item = OperatorId> {
    let observed = &evidence.observed.outputs;
    let twice = outputs.iter().filter(|(id, output)| {
        let differs = output.signer == **id && observed.get(id).is_some_and(|heard| heard != *output);
        differs && evidence.keys.get(id).is_some_and(|key| output.verify(key))
    });
    twice.map(|(id, _)| *id)
}

/// As [`accept`], with the verification of the outputs already made.
pub(crate) fn accept_verified(
    evidence: &CeremonyEvidence,
    Verification { mut checks, result }: Verification,
    source: Source,
) -> Result<Accepted, CeremonyFailure> {
    checks.push(source_check(source));
    let failed: Vec<String> = checks
        .iter()
        .filter(|check| check.status == CheckStatus::Fail)
        .map(|check| format!("{}: {}", check.name, check.reason))
        .collect();
    match result {
        Some(result) => Ok(Accepted {
            source,
            result,
            checks,
        }),
        None => {
            let mut reasons = failed;
            let faults = contradictions(evidence);
            reasons.extend(faults.iter().map(Fault::to_string));
            Err(failure(
                FailureKind::Refused,
                Some(Round::Output),
                culprits_of(&faults),
                if reasons.is_empty() {
                    "the outputs give no result".to_owned()
                } else {
                    reasons.join("; ")
                },
            ))
        }
    }
}

/// Where the result was taken from. Whether the messenger's is what was observed is another check.
fn source_check(source: Source) -> Check {
    const NAME: &str = "result-source";
    match source {
        Source::Messenger => Check::pass(NAME, "stored by the messenger"),
        Source::Observed => Check::unknown(
            NAME,
            "the messenger gave no result; taken from the operators' signed outputs as observed",
        ),
        Source::Combined => Check::unknown(
            NAME,
            "the ceremony did not end, so no operator signed a result; combined here from partial signatures",
        ),
    }
}

/// Combines valid partial signatures when the ceremony itself does not end: `t` of them are the signature.
///
/// # Errors
/// Fewer than the threshold, or together not a signature of the validator key.
pub(crate) fn combine(record: &Record) -> Result<Accepted, CeremonyFailure> {
    let CeremonyPlan::Sign {
        validator,
        threshold,
        signing_root,
        share_public_keys,
        ..
    } = record.plan()
    else {
        return Err(failure(
            FailureKind::Refused,
            None,
            Vec::new(),
            "not a signing ceremony",
        ));
    };
    let signature =
        threshold::combine(validator, &signing_root.0, *threshold, record.partials()).map_err(|error| {
            failure(
                FailureKind::Refused,
                Some(Round::Preparation),
                Vec::new(),
                error.to_string(),
            )
        })?;
    let signers: Vec<OperatorId> = record
        .partials()
        .keys()
        .copied()
        .take(usize::from(*threshold))
        .collect();
    let checks = vec![
        Check::pass("signature", format!("valid for {signing_root} under {validator}")),
        Check::pass(
            "combined-here",
            format!("from the partial signatures of {}", list(&signers)),
        ),
        partials_check(record, share_public_keys.is_empty()),
        source_check(Source::Combined),
    ];
    Ok(Accepted {
        source: Source::Combined,
        result: CeremonyResult::Sign { signature },
        checks,
    })
}

/// Names the signers of bad partial signatures. The result is none the worse for them, so this does not fail.
fn partials_check(record: &Record, keys_unknown: bool) -> Check {
    const NAME: &str = "partial-signatures";
    let bad = record.tracker.culprits();
    if keys_unknown {
        Check::unknown(
            NAME,
            "the committee's share keys are not known, so none was verified by itself",
        )
    } else if bad.is_empty() {
        Check::pass(
            NAME,
            format!("{} valid under their share keys", record.partials().len()),
        )
    } else {
        Check::pass(
            NAME,
            format!(
                "{} valid under their share keys; left out: {}",
                record.partials().len(),
                list(&bad)
            ),
        )
    }
}

/// Judges what the messenger stored; `None` when it holds no outputs.
pub(crate) fn judge_stored(
    evidence: &CeremonyEvidence,
    raw: &[u8],
) -> Option<Result<Accepted, CeremonyFailure>> {
    match DataStore::from_json(raw) {
        Ok(store) => Some(accept(evidence, &store.dkg_outputs.0?, Source::Messenger)),
        Err(error) => Some(Err(failure(
            FailureKind::Refused,
            Some(Round::Output),
            Vec::new(),
            format!("the messenger's result: {error}"),
        ))),
    }
}
