//! How records change the state. Replaying all of them restores it.

use crate::oracle::{HistoryEntry, Record};
use crate::types::{CaseId, UnixMillis};

use super::*;

impl State {
    /// Takes a record into account. `seq` is its number in the journal. Replaying all records restores the state.
    pub fn apply(&mut self, seq: u64, at: UnixMillis, record: &Record) {
        self.live.next_seq = seq + 1;
        if let Record::CaseOpened { case, cause } = record {
            self.case_opened(at, *case, cause);
        }
        if let Some(case) = record.case(self).and_then(|id| self.cases.get_mut(&id)) {
            case.history.push(HistoryEntry {
                at,
                text: record.sentence(),
                record: seq,
            });
        }
        match record {
            Record::EngineStarted { .. } | Record::Note { .. } | Record::CaseOpened { .. } => {}
            Record::CauseLost { case } => self.with(*case, |c| c.orphaned = true),
            Record::CauseFound { case, cause } => self.with(*case, |c| {
                c.orphaned = false;
                c.cause = cause.clone();
            }),
            Record::ActionProposed {
                action,
                proposal,
                digest,
            } => self.action_proposed(at, *action, proposal, *digest),
            Record::ActionChanged {
                action,
                proposal,
                digest,
            } => self.action_changed(*action, proposal, *digest),
            Record::Decided { action, decision } => self.decided(at, *action, decision),
            Record::ActionVoided { action, reason } => self.action_voided(at, *action, reason),
            Record::CeremonyStarted {
                request,
                case,
                action,
                role,
                attempt,
                plan,
                backend,
            } => {
                let run = (plan, backend);
                self.ceremony_started(at, *request, *case, *action, (*role, *attempt), run);
            }
            Record::CeremonyVerified {
                request,
                result,
                checks,
                transcript,
            } => self.ceremony_verified(at, *request, result, checks, transcript.as_ref()),
            Record::CeremonyFailed {
                request,
                failure,
                transcript,
            } => self.ceremony_failed(at, *request, failure, transcript.as_ref()),
            Record::CeremonyUnknown {
                request,
                reason,
                transcript,
            } => self.ceremony_unknown(at, *request, reason, transcript.as_ref()),
            Record::CeremonyDeclaredLost { request, by } => self.ceremony_given_up(at, *request, by),
            Record::KeyCondemned { validator, reason } => {
                self.condemned.insert(*validator, reason.clone());
            }
            Record::CommitteeChosen { case, committee, .. } => {
                self.with(*case, |c| c.chosen = Some(committee.clone()));
            }
            Record::TransactionSigned { action, transaction } => {
                self.transaction_signed(at, *action, transaction);
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
            Record::CaseHalted { case, reason } => self.case_halted(at, *case, reason),
            Record::CaseRetried { case, .. } => self.case_retried(at, *case),
            Record::Paused { case, by } => self.pause(at, *case, by),
            Record::Resumed { case, .. } => self.resume(*case),
            Record::AccountSeen { account, nonce } | Record::AccountAccepted { account, nonce } => {
                self.account_looked_at(*account, *nonce);
            }
            Record::AccountStrange { account, next, .. } => self.account_strange(*account, *next),
            Record::PoolServed {
                case,
                transaction,
                log,
                ..
            } => self.pool_served(*case, *transaction, *log),
            Record::PoolNotServed { case, .. } => self.pool_not_served(*case),
            Record::CaseClosed { case, outcome } => self.case_closed(at, *case, outcome),
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
}
