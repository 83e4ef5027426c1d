//! How the ends of ceremonies change the state.

use crate::oracle::{ActionState, CeremonyRole, Registration};
use crate::types::{
    CaseId, CeremonyFailure, CeremonyPlan, CeremonyResult, Check, FailureKind, KeygenOutput, OwnerNonce,
    Root, UnixMillis,
};

use super::*;

impl State {
    /// Whether the case attends to this ceremony: one that ends after its case went on moves nothing.
    pub(super) fn attends(&self, case: CaseId, request: RequestId) -> bool {
        let step = self.cases.get(&case).map(|c| &c.step);
        matches!(step, Some(Step::RunCeremony(r) | Step::Register(Some(r))) if *r == request)
    }

    pub(super) fn ceremony_verified(
        &mut self,
        at: UnixMillis,
        request: RequestId,
        result: &CeremonyResult,
        checks: &[Check],
        transcript: Option<&(SafeText, Root)>,
    ) {
        let Some(ceremony) = self.ceremonies.get_mut(&request) else {
            return;
        };
        ceremony.ended = Some((at, Ok(result.clone())));
        ceremony.checks = checks.to_vec();
        ceremony.transcript = transcript.cloned();
        let (id, role, plan) = (ceremony.case, ceremony.role, ceremony.plan.clone());
        if !self.attends(id, request) {
            return;
        }
        if role == CeremonyRole::Main {
            self.finish_action_of(id, ActionState::Done);
            self.with(id, |c| {
                c.ceremony = Some(request);
                c.last_failure = None;
            });
        }
        match (result, role) {
            (CeremonyResult::Keygen(output), _) => {
                let registration = registration_within(&plan, output);
                self.with(id, |c| {
                    c.keygen = Some(output.clone());
                    c.registration = registration.or(c.registration.take());
                });
                self.go(id, at, Step::AwaitTurn);
            }
            (CeremonyResult::Reshare(output), _) => {
                self.with(id, |c| c.reshare = Some(output.clone()));
                self.go(id, at, Step::Register(None));
            }
            (CeremonyResult::Sign { signature }, CeremonyRole::Main) => {
                self.with(id, |c| c.exit = Some((plan, *signature)));
                self.go(id, at, Step::PlanEffect);
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
                self.go(id, at, Step::PlanEffect);
            }
        }
    }

    pub(super) fn ceremony_failed(
        &mut self,
        at: UnixMillis,
        request: RequestId,
        failure: &CeremonyFailure,
        transcript: Option<&(SafeText, Root)>,
    ) {
        let Some(ceremony) = self.ceremonies.get_mut(&request) else {
            return;
        };
        ceremony.ended = Some((at, Err(failure.clone())));
        ceremony.transcript = transcript.cloned().or(ceremony.transcript.take());
        let (id, role) = (ceremony.case, ceremony.role);
        if !self.attends(id, request) {
            return;
        }
        self.with(id, |c| {
            c.avoid.extend(failure.culprits.iter().copied());
            c.last_failure = Some(failure.reason.clone());
        });
        match role {
            CeremonyRole::Main => {
                self.finish_action_of(
                    id,
                    ActionState::Failed {
                        reason: failure.reason.clone(),
                    },
                );
                self.with(id, |c| c.chosen = None);
                self.go(id, at, Step::PlanCeremony);
            }
            CeremonyRole::Registration => self.go(id, at, Step::Register(None)),
        }
    }
}

/// The SSV registration, where it was signed within the key generation.
fn registration_within(plan: &CeremonyPlan, output: &KeygenOutput) -> Option<Registration> {
    let CeremonyPlan::Keygen {
        registration: Some(OwnerNonce { nonce, .. }),
        ..
    } = plan
    else {
        return None;
    };
    Some(Registration {
        nonce: *nonce,
        signature: output.registration?,
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
