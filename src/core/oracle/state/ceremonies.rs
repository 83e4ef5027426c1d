//! How the ends of ceremonies change the state.

use crate::oracle::{ActionState, CeremonyRole, Registration, cases};
use crate::types::{
    BackendName, CaseId, CeremonyFailure, CeremonyPlan, CeremonyResult, Check, FailureKind, Root, UnixMillis,
};

use super::*;

impl Durable {
    /// Whether the case attends to this ceremony: one that ends after its case went on moves nothing.
    pub(super) fn attends(&self, case: CaseId, request: RequestId) -> bool {
        let step = self.cases.get(&case).map(|c| &c.step);
        matches!(step, Some(Step::RunCeremony(r) | Step::Register(Some(r))) if *r == request)
    }

    pub(super) fn ceremony_started(
        &mut self,
        at: UnixMillis,
        request: RequestId,
        case: CaseId,
        action: Option<ActionId>,
        (role, attempt): (CeremonyRole, u32),
        (plan, backend): (&CeremonyPlan, &BackendName),
    ) {
        let ceremony = Ceremony {
            case,
            role,
            attempt,
            plan: plan.clone(),
            backend: backend.clone(),
            started_at: at,
            moved_by: self.newest,
            doubt: None,
            ended: None,
            checks: Vec::new(),
            transcript: None,
        };
        self.ceremonies.insert(request, ceremony);
        if let Some(action) = action {
            self.set_action(action, ActionState::Executing);
        }
        match role {
            CeremonyRole::Main => {
                self.with(case, |c| c.attempts = attempt);
                self.go(case, at, Step::RunCeremony(request));
            }
            CeremonyRole::Registration => {
                self.with(case, |c| c.registration_attempts = attempt);
                self.go(case, at, Step::Register(Some(request)));
            }
        }
    }

    pub(super) fn ceremony_unknown(
        &mut self,
        at: UnixMillis,
        request: RequestId,
        reason: &SafeText,
        transcript: Option<&(SafeText, Root)>,
    ) {
        let newest = self.newest;
        let Some(ceremony) = self.ceremonies.get_mut(&request) else {
            return;
        };
        ceremony.moved_by = newest;
        ceremony.transcript = transcript.cloned().or(ceremony.transcript.take());
        let before = ceremony.doubt.as_ref();
        ceremony.doubt = Some(Doubt {
            since: before.map_or(at, |doubt| doubt.since),
            reason: reason.clone(),
            told: before.map_or(0, |doubt| doubt.told).saturating_add(1),
            told_at: at,
        });
    }

    pub(super) fn ceremony_given_up(&mut self, at: UnixMillis, request: RequestId, by: &SafeText) {
        let failure = given_up(&format!("declared lost by {by}"));
        self.ceremony_failed(at, request, &failure, None);
    }

    pub(super) fn ceremony_verified(
        &mut self,
        at: UnixMillis,
        request: RequestId,
        result: &CeremonyResult,
        checks: &[Check],
        transcript: Option<&(SafeText, Root)>,
    ) {
        let newest = self.newest;
        let Some(ceremony) = self.ceremonies.get_mut(&request) else {
            return;
        };
        ceremony.moved_by = newest;
        let before = ceremony.ended.replace((at, Ok(result.clone())));
        ceremony.checks = checks.to_vec();
        ceremony.transcript = transcript.cloned();
        let (id, role, plan) = (ceremony.case, ceremony.role, ceremony.plan.clone());
        let work = ceremony.work().filter(|_| before.is_none());
        if let Some((at, work)) = work {
            self.tally.take(at, work);
        }
        if !self.attends(id, request) {
            return;
        }
        self.with(id, |c| (c.unstarted, c.failed_for) = (0, None));
        if role == CeremonyRole::Main {
            self.finish_action_of(id, &ActionState::Done);
            self.with(id, |c| {
                c.ceremony = Some(request);
                c.last_failure = None;
            });
        }
        if let Some(within) = registration_within(&plan, result) {
            self.with(id, |c| c.registration = Some(within));
        }
        match (result, role) {
            (CeremonyResult::Keygen(output), _) => self.with(id, |c| c.keygen = Some(output.clone())),
            (CeremonyResult::Reshare(output), _) => self.with(id, |c| c.reshare = Some(output.clone())),
            (CeremonyResult::Sign { signature }, CeremonyRole::Main) => {
                self.with(id, |c| c.exit = Some((plan, *signature)));
            }
            (CeremonyResult::Sign { signature }, CeremonyRole::Registration) => {
                if let CeremonyPlan::Sign {
                    what: crate::types::SignPurpose::OwnerNonce { nonce, .. },
                    ..
                } = &plan
                {
                    let registration = Registration {
                        nonce: *nonce,
                        signature: *signature,
                    };
                    self.with(id, |c| {
                        c.registration = Some(registration);
                        c.registration_attempts = 0;
                    });
                }
            }
        }
        let step = match role {
            CeremonyRole::Main => cases::kind(id.kind).ceremony().definition().leads_to(),
            CeremonyRole::Registration => Step::PlanEffect,
        };
        self.go(id, at, step);
    }

    pub(super) fn ceremony_failed(
        &mut self,
        at: UnixMillis,
        request: RequestId,
        failure: &CeremonyFailure,
        transcript: Option<&(SafeText, Root)>,
    ) {
        let newest = self.newest;
        let Some(ceremony) = self.ceremonies.get_mut(&request) else {
            return;
        };
        ceremony.moved_by = newest;
        let before = ceremony.ended.replace((at, Err(failure.clone())));
        ceremony.transcript = transcript.cloned().or(ceremony.transcript.take());
        let (id, role) = (ceremony.case, ceremony.role);
        let failed_for = failed_for(ceremony.plan.committee(), failure);
        let work = ceremony.work().filter(|_| before.is_none());
        if let Some((at, work)) = work {
            self.tally.take(at, work);
        }
        self.proven.extend(proven(failure).map(|operator| (operator, at)));
        if !self.attends(id, request) {
            return;
        }
        let started = failure.kind != FailureKind::NotStarted;
        self.with(id, |c| {
            c.unstarted = if started { 0 } else { c.unstarted + 1 };
            let counted = match role {
                CeremonyRole::Main => &mut c.attempts,
                CeremonyRole::Registration => &mut c.registration_attempts,
            };
            *counted -= u32::from(!started).min(*counted);
            c.avoid.extend(failure.culprits.iter().copied());
            c.last_failure = Some(failure.reason.clone());
            c.failed_for = failed_for;
        });
        match role {
            CeremonyRole::Main => {
                let reason = failure.reason.clone();
                if !started {
                    self.refund(id);
                }
                self.finish_action_of(id, &ActionState::Failed { reason });
                self.with(id, |c| c.chosen = None);
                self.go(id, at, Step::PlanCeremony);
            }
            CeremonyRole::Registration => self.go(id, at, Step::Register(None)),
        }
    }
}

/// Whom the evidence of a failed ceremony names. Who was only late is not among them.
fn proven(failure: &CeremonyFailure) -> impl Iterator<Item = OperatorId> {
    let by_evidence = failure
        .culprits
        .iter()
        .filter(|_| failure.kind == FailureKind::Blamed);
    let judged = failure.blames.iter().filter(|blame| blame.proven);
    by_evidence
        .copied()
        .chain(judged.filter_map(|blame| blame.culprit))
}

/// Those of a committee for whom its ceremony failed; `None` where that is nobody, or is not known.
fn failed_for(committee: &[OperatorId], failure: &CeremonyFailure) -> Option<FailedFor> {
    let members = committee.iter().filter(|id| failure.culprits.contains(id));
    let operators: Vec<_> = members.copied().collect();
    (!operators.is_empty()).then(|| FailedFor {
        committee: committee.to_vec(),
        operators,
    })
}

/// The SSV registration, where it was signed within the key generation or the reshare.
fn registration_within(plan: &CeremonyPlan, result: &CeremonyResult) -> Option<Registration> {
    let signature = match result {
        CeremonyResult::Keygen(output) => output.registration,
        CeremonyResult::Reshare(output) => output.registration,
        CeremonyResult::Sign { .. } => None,
    };
    Some(Registration {
        nonce: plan.registration()?.nonce,
        signature: signature?,
    })
}

/// The end of a ceremony whose outcome nobody waits for any more.
pub(super) fn given_up(why: &str) -> CeremonyFailure {
    CeremonyFailure {
        kind: FailureKind::Unknown,
        round: None,
        culprits: Vec::new(),
        reason: SafeText::new(why),
        blames: Vec::new(),
    }
}
