//! From evidence to a verdict. Pure, and shared by the live initiator and the offline check of a transcript.

use std::collections::BTreeMap;

use super::ceremony::list;
use super::contradict::{contradictions, other_key};
use super::judge::{self, Standing, verify_outputs};
use super::record::{Evidence, Fault, Record, culprits_of};
use super::tracker::Gate;
use crate::dkg::rockx::wire::{DataStore, Decode, SignedOutput};
use crate::dkg::threshold;
use crate::dkg::transcript::Source;
use crate::dkg::verify::Verification;
use crate::types::{
    Blame, CeremonyFailure, CeremonyKind, CeremonyPlan, CeremonyResult, Check, CheckStatus, FailureKind,
    OperatorId, Round, SafeText,
};

/// A result that passed every check.
#[derive(Debug, Clone)]
pub(crate) struct Accepted {
    pub(crate) source: Source,
    pub(crate) result: CeremonyResult,
    pub(crate) checks: Vec<Check>,
}

/// A failure without accusations.
pub(crate) fn failure(
    kind: FailureKind,
    round: Option<Round>,
    culprits: Vec<OperatorId>,
    reason: impl Into<SafeText>,
) -> CeremonyFailure {
    CeremonyFailure {
        kind,
        round,
        culprits,
        reason: reason.into(),
        blames: Vec::new(),
    }
}

/// Verifies `outputs` as the result of the ceremony.
///
/// # Errors
/// `Refused`, with every check that failed in its reason.
pub(crate) fn accept(
    evidence: &Evidence,
    outputs: &BTreeMap<OperatorId, SignedOutput>,
    source: Source,
) -> Result<Accepted, CeremonyFailure> {
    accept_verified(evidence, verify_outputs(evidence, outputs), source)
}

/// As [`accept`], with the verification of the outputs already made.
pub(crate) fn accept_verified(
    evidence: &Evidence,
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
pub(crate) fn judge_stored(evidence: &Evidence, raw: &[u8]) -> Option<Result<Accepted, CeremonyFailure>> {
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

impl Record {
    /// Operators that certainly did not start, so the ceremony cannot end.
    pub(crate) fn stillborn_failure(&self, not_started: &BTreeMap<OperatorId, SafeText>) -> CeremonyFailure {
        let culprits: Vec<OperatorId> = not_started.keys().copied().collect();
        let nobody = culprits.len() == self.plan().participants().len();
        let whys: Vec<String> = not_started
            .iter()
            .map(|(id, why)| format!("operator {id}: {why}"))
            .collect();
        failure(
            if nobody {
                FailureKind::NotStarted
            } else {
                FailureKind::Timeout
            },
            Some(Round::Started),
            culprits,
            format!("did not start: {}", whys.join("; ")),
        )
    }

    /// Whether `not_started` leaves too few for the ceremony to end.
    pub(crate) fn is_stillborn(&self, not_started: &BTreeMap<OperatorId, SafeText>) -> bool {
        if self.plan().kind() == CeremonyKind::Sign {
            self.plan().committee().len() - not_started.len() < self.threshold()
        } else {
            not_started.keys().any(|id| !self.has_sent(*id))
        }
    }

    /// The dealings of a reshare do not add up to the validator key.
    pub(crate) fn other_key_failure(&self) -> Option<CeremonyFailure> {
        let found = other_key(&self.evidence)?;
        Some(failure(
            FailureKind::Refused,
            Some(Round::Round1),
            Vec::new(),
            format!(
                "the old operators' dealings add up to {found}, not to the validator key: one of {} has dealt something \
                 else than its share",
                list(&super::plan::senders(self.plan(), Round::Round1))
            ),
        ))
    }

    /// There should be a stored result, and there is none.
    pub(crate) fn nothing_stored(&self) -> CeremonyFailure {
        failure(
            FailureKind::Refused,
            Some(Round::Output),
            Vec::new(),
            "the messenger has stored no outputs",
        )
    }

    /// Somebody was proven to break the protocol.
    pub(crate) fn blamed_failure(&self) -> CeremonyFailure {
        let proven: Vec<Blame> = self.blames_standing(Standing::Proven).collect();
        let mut culprits = self.tracker.culprits();
        culprits.extend(proven.iter().filter_map(|blame| blame.culprit));
        culprits.sort_unstable();
        culprits.dedup();
        let whys: Vec<String> = self
            .faults()
            .iter()
            .map(Fault::to_string)
            .chain(proven.iter().map(|blame| blame.reason.to_string()))
            .collect();
        CeremonyFailure {
            kind: FailureKind::Blamed,
            round: self.faults().first().and_then(|fault| fault.round),
            culprits,
            reason: whys.join("; ").into(),
            blames: self.blames(),
        }
    }

    fn blames(&self) -> Vec<Blame> {
        judge::blames(&self.evidence)
            .into_iter()
            .map(|(blame, _)| blame)
            .collect()
    }

    pub(crate) fn blames_standing(&self, wanted: Standing) -> impl Iterator<Item = Blame> {
        judge::blames(&self.evidence)
            .into_iter()
            .filter(move |(_, standing)| *standing == wanted)
            .map(|(blame, _)| blame)
    }

    /// The round's time is over. Who sent nothing is the cause, unless somebody stopped the others by an accusation
    /// that its own evidence refutes.
    pub(crate) fn expired_failure(
        &self,
        gate: &Gate,
        not_started: &BTreeMap<OperatorId, SafeText>,
    ) -> CeremonyFailure {
        if !self.tracker.culprits().is_empty() {
            // a signing ceremony goes on without a bad signer, until others are missing too
            let mut failure = self.blamed_failure();
            failure.culprits.extend(&gate.missing);
            failure.culprits.sort_unstable();
            failure.culprits.dedup();
            failure.reason = format!(
                "{}; {}: nothing in time from operator {}",
                failure.reason,
                gate.round,
                list(&gate.missing)
            )
            .into();
            return failure;
        }
        let faults = contradictions(&self.evidence);
        if !faults.is_empty() {
            let whys: Vec<String> = faults.iter().map(Fault::to_string).collect();
            return CeremonyFailure {
                kind: FailureKind::Blamed,
                round: faults.first().and_then(|fault| fault.round),
                culprits: culprits_of(&faults),
                reason: whys.join("; ").into(),
                blames: self.blames(),
            };
        }
        let lies: Vec<Blame> = self.blames_standing(Standing::False).collect();
        if !lies.is_empty() {
            let mut liars: Vec<OperatorId> = lies.iter().map(|blame| blame.blamer).collect();
            liars.sort_unstable();
            liars.dedup();
            let whys: Vec<String> = lies.iter().map(|blame| blame.reason.to_string()).collect();
            return CeremonyFailure {
                kind: FailureKind::Blamed,
                round: Some(gate.round),
                culprits: liars,
                reason: whys.join("; ").into(),
                blames: self.blames(),
            };
        }
        let mut reason = format!(
            "{}: nothing in time from operator {}",
            gate.round,
            list(&gate.missing)
        );
        for (id, why) in not_started {
            reason.push_str(&format!("; operator {id} did not start: {why}"));
        }
        if self.messages().is_empty() {
            reason.push_str("; no message at all was observed, so the observer's address may be out of the messenger's reach");
        }
        CeremonyFailure {
            kind: FailureKind::Timeout,
            round: Some(gate.round),
            culprits: gate.missing.clone(),
            reason: reason.into(),
            blames: self.blames(),
        }
    }
}
