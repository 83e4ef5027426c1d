//! How records change the state. Replaying all of them restores it.

use std::collections::{BTreeMap, BTreeSet};

use crate::oracle::{
    Action, ActionKind, ActionState, CeremonyRole, Decider, ExitOffers, Forecast, HistoryEntry, Record,
    RuleUse, Verdict,
};
use crate::types::{ActionId, CaseId, NonceStatus, RequestKind, SafeText, UnixMillis};

use super::ceremonies::given_up;
use super::*;

impl State {
    /// Takes a record into account. `seq` is its number in the journal. Replaying all records restores the state.
    pub fn apply(&mut self, seq: u64, at: UnixMillis, record: &Record) {
        self.live.next_seq = seq + 1;
        if let Some(case) = record_case(record, self).and_then(|id| self.cases.get_mut(&id)) {
            case.history.push(HistoryEntry {
                at,
                text: record.sentence(),
                record: seq,
            });
        }
        match record {
            Record::EngineStarted { .. } | Record::Note { .. } => {}
            Record::CaseOpened { case, cause } => {
                let mut new = Case {
                    id: *case,
                    cause: cause.clone(),
                    opened_at: at,
                    orphaned: false,
                    paused: None,
                    step: Step::PlanCeremony,
                    since: at,
                    actions: 0,
                    attempts: 0,
                    registration_attempts: 0,
                    keygen: None,
                    reshare: None,
                    exit: None,
                    ceremony: None,
                    registration: None,
                    chosen: None,
                    avoid: BTreeSet::new(),
                    last_failure: None,
                    served_by: None,
                    phase: None,
                    seen: BTreeMap::new(),
                    index: None,
                    by_rules: None,
                    by_state: Forecast::default(),
                    followed: None,
                    offers: ExitOffers::default(),
                    history: Vec::new(),
                };
                new.history.push(HistoryEntry {
                    at,
                    text: record.sentence(),
                    record: seq,
                });
                self.cases.insert(*case, new);
            }
            Record::CauseLost { case } => self.with(*case, |c| c.orphaned = true),
            Record::CauseFound { case, cause } => self.with(*case, |c| {
                c.orphaned = false;
                c.cause = cause.clone();
            }),
            Record::ActionProposed {
                action,
                proposal,
                digest,
            } => {
                let new = Action {
                    id: *action,
                    proposal: (**proposal).clone(),
                    digest: *digest,
                    refreshed_at: None,
                    proposed_at: at,
                    state: ActionState::Proposed,
                    decision: None,
                };
                let step = if is_ceremony(proposal.kind) {
                    Step::DecideCeremony(*action)
                } else {
                    Step::DecideEffect(*action)
                };
                self.actions.insert(*action, new);
                self.with(action.case, |c| c.actions = c.actions.max(action.number));
                self.go(action.case, at, step);
            }
            Record::ActionChanged {
                action,
                proposal,
                digest,
            } => {
                if let Some(a) = self.actions.get_mut(action) {
                    a.proposal = (**proposal).clone();
                    a.digest = *digest;
                    a.refreshed_at = None;
                }
            }
            Record::Decided { action, decision } => {
                let Some(a) = self.actions.get_mut(action) else {
                    return;
                };
                a.decision = Some(decision.clone());
                let resume = resume_of(a.proposal.kind);
                match &decision.verdict {
                    Verdict::Approve => {
                        a.state = ActionState::Approved;
                        if let Decider::Rule { name } = &decision.decider {
                            self.rule_uses.push(RuleUse {
                                rule: name.clone(),
                                at,
                            });
                        }
                    }
                    Verdict::Reject { reason } => {
                        a.state = ActionState::Rejected;
                        let reason = SafeText::new(&format!("rejected by {}: {reason}", decision.decider));
                        self.go(action.case, at, Step::Halted { reason, resume });
                    }
                }
            }
            Record::ActionVoided { action, reason } => {
                let Some(a) = self.actions.get_mut(action) else {
                    return;
                };
                a.state = ActionState::Void {
                    reason: reason.clone(),
                };
                let step = plan_step(resume_of(a.proposal.kind));
                self.with(action.case, |c| c.offers.deferred = None);
                self.go(action.case, at, step);
            }
            Record::CeremonyStarted {
                request,
                case,
                action,
                role,
                attempt,
                plan,
                backend,
            } => {
                let new = Ceremony {
                    case: *case,
                    role: *role,
                    attempt: *attempt,
                    plan: plan.clone(),
                    backend: backend.clone(),
                    started_at: at,
                    doubt: None,
                    ended: None,
                    checks: Vec::new(),
                    transcript: None,
                };
                self.ceremonies.insert(*request, new);
                if let Some(a) = action.and_then(|id| self.actions.get_mut(&id)) {
                    a.state = ActionState::Executing;
                }
                match role {
                    CeremonyRole::Main => {
                        self.with(*case, |c| c.attempts = *attempt);
                        self.go(*case, at, Step::RunCeremony(*request));
                    }
                    CeremonyRole::Registration => {
                        self.with(*case, |c| c.registration_attempts = *attempt);
                        self.go(*case, at, Step::Register(Some(*request)));
                    }
                }
            }
            Record::CeremonyVerified {
                request,
                result,
                checks,
                transcript,
            } => {
                self.ceremony_verified(at, *request, result, checks, transcript.as_ref());
            }
            Record::CeremonyFailed {
                request,
                failure,
                transcript,
            } => self.ceremony_failed(at, *request, failure, transcript.as_ref()),
            Record::CeremonyUnknown {
                request,
                reason,
                transcript,
            } => {
                if let Some(c) = self.ceremonies.get_mut(request) {
                    c.transcript = transcript.clone().or(c.transcript.take());
                    let since = c.doubt.as_ref().map_or(at, |d| d.since);
                    let reason = reason.clone();
                    c.doubt = Some(Doubt { since, reason });
                }
            }
            Record::CeremonyDeclaredLost { request, by } => {
                let failure = given_up(&format!("declared lost by {by}"));
                self.ceremony_failed(at, *request, &failure, None);
            }
            Record::KeyCondemned { validator, reason } => {
                self.condemned.insert(*validator, reason.clone());
            }
            Record::CommitteeChosen { case, committee, .. } => {
                self.with(*case, |c| c.chosen = Some(committee.clone()));
            }
            Record::TransactionSigned { action, transaction } => {
                if let Some(a) = self.actions.get_mut(action) {
                    a.state = ActionState::Executing;
                }
                self.sendings
                    .entry(*action)
                    .and_modify(|s| {
                        s.versions.push(transaction.clone());
                        s.unmined_since = None;
                    })
                    .or_insert_with(|| Sending {
                        versions: vec![transaction.clone()],
                        signed_at: at,
                        accepted: false,
                        status: NonceStatus::Missing,
                        unmined_since: None,
                        note: SafeText::default(),
                    });
                self.go(action.case, at, Step::Execute(*action));
            }
            Record::TransactionAccepted { action, .. } => {
                if let Some(s) = self.sendings.get_mut(action) {
                    s.accepted = true;
                }
            }
            Record::TransactionStatus { action, status } => self.transaction_status(at, *action, status),
            Record::ExitPublished {
                action,
                verdicts,
                standing,
            } => self.exit_published(at, *action, verdicts, standing.as_ref()),
            Record::ExitDeferred {
                action,
                until,
                reason,
            } => self.exit_deferred(at, *action, *until, reason),
            Record::ValidatorPhaseSeen {
                case,
                phase,
                validator,
                ..
            } => {
                self.with(*case, |c| c.followed = validator.or(c.followed));
                self.validator_phase(at, *case, *phase);
            }
            Record::ValidatorForecast {
                case,
                index,
                basis,
                forecast,
            } => self.validator_forecast(*case, *index, *basis, *forecast),
            Record::CaseHalted { case, reason } => {
                let resume = self
                    .cases
                    .get(case)
                    .map_or(Resume::PlanCeremony, resume_from_step);
                self.go(
                    *case,
                    at,
                    Step::Halted {
                        reason: reason.clone(),
                        resume,
                    },
                );
            }
            Record::CaseRetried { case, .. } => {
                self.with(*case, |c| {
                    c.registration_attempts = 0;
                    c.offers.refusals = 0;
                    if let Some(wait) = &mut c.offers.deferred {
                        wait.until = wait.until.min(at);
                    }
                });
                if let Some(Step::Halted { resume, .. }) = self.cases.get(case).map(|c| &c.step) {
                    let resume = *resume;
                    self.offer_again(resume);
                    self.go(*case, at, plan_step(resume));
                }
            }
            Record::Paused { case: Some(case), by } => self.with(*case, |c| c.paused = Some(by.clone())),
            Record::Paused { case: None, by } => self.paused = Some((by.clone(), at)),
            Record::Resumed { case: Some(case), .. } => self.with(*case, |c| c.paused = None),
            Record::Resumed { case: None, .. } => self.paused = None,
            Record::AccountSeen { account, nonce } | Record::AccountAccepted { account, nonce } => {
                let known = self.accounts.entry(*account).or_insert(Account {
                    floor: *nonce,
                    told: None,
                });
                known.floor = known.floor.max(*nonce);
                known.told = None;
            }
            Record::AccountStrange { account, next, .. } => {
                if let Some(known) = self.accounts.get_mut(account) {
                    known.told = Some(*next);
                }
            }
            Record::PoolServed {
                case,
                transaction,
                log,
                ..
            } => {
                let (transaction, log) = (*transaction, *log);
                self.with(*case, |c| c.served_by = Some(Served { transaction, log }));
            }
            Record::PoolNotServed { case, .. } => {
                self.live.waiting.remove(case);
                self.with(*case, |c| c.served_by = None);
            }
            Record::CaseClosed { case, outcome } => {
                // nobody looks any more for what nobody needs
                let open = |c: &&mut Ceremony| c.case == *case && c.ended.is_none() && c.doubt.is_some();
                for ceremony in self.ceremonies.values_mut().filter(open) {
                    ceremony.ended = Some((at, Err(given_up("its case was closed before it was found out"))));
                }
                self.go(
                    *case,
                    at,
                    Step::Closed {
                        outcome: outcome.clone(),
                    },
                );
            }
        }
    }

    pub(super) fn with(&mut self, case: CaseId, change: impl FnOnce(&mut Case)) {
        if let Some(case) = self.cases.get_mut(&case) {
            change(case);
        }
    }

    pub(super) fn go(&mut self, case: CaseId, at: UnixMillis, step: Step) {
        self.live.waiting.remove(&case);
        self.live.not_before.remove(&EffectKey::Prepare(case));
        self.with(case, |c| {
            if c.step != step {
                c.step = step;
                c.since = at;
            }
        });
    }

    pub(super) fn finish_action_of(&mut self, case: CaseId, state: ActionState) {
        let executing = self.actions.range_mut(
            ActionId { case, number: 0 }..=ActionId {
                case,
                number: u32::MAX,
            },
        );
        for (_, action) in executing {
            if action.state == ActionState::Executing && is_ceremony(action.proposal.kind) {
                action.state = state.clone();
            }
        }
    }
}

fn is_ceremony(kind: ActionKind) -> bool {
    matches!(
        kind,
        ActionKind::Keygen | ActionKind::Reshare | ActionKind::SignExit
    )
}

fn resume_of(kind: ActionKind) -> Resume {
    if is_ceremony(kind) {
        Resume::PlanCeremony
    } else {
        Resume::PlanEffect
    }
}

fn plan_step(resume: Resume) -> Step {
    match resume {
        Resume::PlanCeremony => Step::PlanCeremony,
        Resume::Register => Step::Register(None),
        Resume::PlanEffect => Step::PlanEffect,
        Resume::Offer(action) => Step::DecideEffect(action),
    }
}

fn resume_from_step(case: &Case) -> Resume {
    match &case.step {
        Step::Register(_) => Resume::Register,
        Step::DecideEffect(action) | Step::Execute(action) if action.case.kind == RequestKind::Exit => {
            Resume::Offer(*action)
        }
        Step::PlanEffect | Step::DecideEffect(_) | Step::Execute(_) | Step::AwaitTurn => Resume::PlanEffect,
        Step::Halted { resume, .. } => *resume,
        _ => Resume::PlanCeremony,
    }
}

/// The case that a record is about.
pub(super) fn record_case(record: &Record, state: &State) -> Option<CaseId> {
    match record {
        Record::CaseOpened { case, .. }
        | Record::CauseLost { case }
        | Record::CauseFound { case, .. }
        | Record::CommitteeChosen { case, .. }
        | Record::ValidatorPhaseSeen { case, .. }
        | Record::ValidatorForecast { case, .. }
        | Record::CaseHalted { case, .. }
        | Record::CaseRetried { case, .. }
        | Record::CaseClosed { case, .. }
        | Record::PoolServed { case, .. }
        | Record::PoolNotServed { case, .. }
        | Record::CeremonyStarted { case, .. } => Some(*case),
        Record::ActionProposed { action, .. }
        | Record::ActionChanged { action, .. }
        | Record::Decided { action, .. }
        | Record::ActionVoided { action, .. }
        | Record::TransactionSigned { action, .. }
        | Record::TransactionAccepted { action, .. }
        | Record::TransactionStatus { action, .. }
        | Record::ExitPublished { action, .. }
        | Record::ExitDeferred { action, .. } => Some(action.case),
        Record::CeremonyVerified { request, .. }
        | Record::CeremonyFailed { request, .. }
        | Record::CeremonyUnknown { request, .. }
        | Record::CeremonyDeclaredLost { request, .. } => state.ceremonies.get(request).map(|c| c.case),
        Record::Paused { case, .. } | Record::Resumed { case, .. } | Record::Note { case, .. } => *case,
        Record::EngineStarted { .. }
        | Record::KeyCondemned { .. }
        | Record::AccountSeen { .. }
        | Record::AccountStrange { .. }
        | Record::AccountAccepted { .. } => None,
    }
}
