//! How records change what is durable.

use crate::oracle::record::Subject;
use crate::oracle::ways::is_settled;
use crate::oracle::{HistoryEntry, Record, Switched};
use crate::types::{ActionId, CaseId, RequestId, RequestKind, UnixMillis};

use super::{Case, Durable, Step};

impl Durable {
    /// Takes a record into account. `seq` is its number in the journal. Replaying all records restores what is durable.
    pub fn apply(&mut self, seq: u64, at: UnixMillis, record: &Record) {
        self.apply_whole(seq, at, record);
        self.shed(record);
    }

    /// The same, and nothing of a case leaves while the case does not: pages of what is old are made of this.
    pub fn apply_whole(&mut self, seq: u64, at: UnixMillis, record: &Record) {
        self.newest = seq;
        self.reckoning.told(at, record);
        if let Record::CaseOpened { case, cause } = record {
            self.case_opened(at, *case, cause);
        }
        if let Some(case) = record.case(self).and_then(|id| self.cases.get_mut(&id)) {
            case.tell(HistoryEntry {
                at,
                text: record.sentence(),
                record: seq,
            });
        }
        match record.subject() {
            Subject::Case(case) => self.apply_to_case(at, case, record),
            Subject::Action(action) => self.apply_to_action(at, action, record),
            Subject::Ceremony(request) => self.apply_to_ceremony(at, request, record),
            Subject::Everything => self.apply_to_everything(at, record),
        }
        if let Some(id) = record.case(self) {
            match self.cases.get(&id) {
                Some(case) if !case.is_closed() => self.open.insert(id),
                _ => self.open.remove(&id),
            };
        }
    }

    fn apply_to_case(&mut self, at: UnixMillis, case: CaseId, record: &Record) {
        match record {
            Record::CauseLost { .. } => self.cause_lost(case),
            Record::CauseFound { cause, .. } => self.cause_found(at, case, cause),
            Record::CommitteeChosen { committee, .. } => {
                self.with(case, |c| c.chosen = Some(committee.clone()));
            }
            Record::ValidatorPhaseSeen { phase, validator, .. } => {
                self.with(case, |c| c.followed = validator.or(c.followed));
                self.validator_phase(at, case, *phase);
            }
            Record::ValidatorForecast {
                index,
                basis,
                forecast,
                ..
            } => self.validator_forecast(case, *index, *basis, *forecast),
            Record::CaseHalted { reason, .. } => self.case_halted(at, case, reason),
            Record::CaseRetried { .. } => self.case_retried(at, case),
            Record::Paused { by, .. } => self.pause(at, Some(case), by),
            Record::Resumed { .. } => self.resume(Some(case)),
            Record::PoolServed { transaction, log, .. } => self.pool_served(case, *transaction, *log),
            Record::PoolNotServed { transaction, .. } => self.pool_not_served(at, case, *transaction),
            Record::CaseGivenUp { by, reason, .. } => self.case_given_up(at, case, by, reason),
            Record::KeyRedone {
                is_blameless,
                is_by_rule,
                ..
            } => self.key_redone(at, case, *is_blameless, *is_by_rule),
            Record::CaseClosed { outcome, .. } => self.case_closed(at, case, outcome),
            // opened already, or nothing but a line in its file
            _ => {}
        }
    }

    fn apply_to_action(&mut self, at: UnixMillis, action: ActionId, record: &Record) {
        match record {
            Record::ActionProposed { proposal, digest, .. } => {
                self.action_proposed(at, action, proposal, *digest);
            }
            Record::ActionChanged { proposal, digest, .. } => {
                self.action_changed(at, action, proposal, *digest);
            }
            Record::Decided { decision, .. } => self.decided(at, action, decision),
            Record::Endorsed { decision, .. } => self.endorsed(action, decision),
            Record::EndorsementsLost { .. } => self.endorsements_lost(action),
            Record::ActionVoided { reason, .. } => self.action_voided(at, action, reason),
            Record::TransactionSigned { transaction, .. } => self.transaction_signed(at, action, transaction),
            Record::TransactionAccepted { .. } => {
                if let Some(sending) = self.sendings.get_mut(&action) {
                    sending.accepted = true;
                }
            }
            Record::TransactionStatus { status, .. } if !is_settled(status) && self.prepared_anew(action) => {
                self.go(action.case, at, Step::PlanEffect);
            }
            Record::TransactionStatus { status, .. } => self.transaction_status(at, action, status),
            Record::ExitPublished {
                verdicts, standing, ..
            } => self.exit_published(at, action, verdicts, standing.as_ref()),
            Record::ExitDeferred { until, reason, .. } => self.exit_deferred(at, action, *until, reason),
            _ => {}
        }
    }

    fn apply_to_ceremony(&mut self, at: UnixMillis, request: RequestId, record: &Record) {
        match record {
            Record::CeremonyStarted {
                case,
                action,
                role,
                attempt,
                plan,
                backend,
                ..
            } => {
                let run = (plan, backend);
                self.ceremony_started(at, request, *case, *action, (*role, *attempt), run);
            }
            Record::CeremonyVerified {
                result,
                checks,
                transcript,
                ..
            } => self.ceremony_verified(at, request, result, checks, transcript.as_ref()),
            Record::CeremonyFailed {
                failure, transcript, ..
            } => self.ceremony_failed(at, request, failure, transcript.as_ref()),
            Record::CeremonyUnknown {
                reason, transcript, ..
            } => self.ceremony_unknown(at, request, reason, transcript.as_ref()),
            Record::CeremonyDeclaredLost { by, .. } => self.ceremony_given_up(at, request, by),
            _ => {}
        }
    }

    fn apply_to_everything(&mut self, at: UnixMillis, record: &Record) {
        match record {
            Record::JournalUpgraded { cursor, .. } => self.upgraded(at, *cursor),
            Record::EventsRead { upto } => self.events_read(at, *upto),
            Record::KeyCondemned { validator, reason } => {
                self.condemned.insert(*validator, reason.clone());
            }
            Record::Paused { by, .. } => self.pause(at, None, by),
            Record::Resumed { .. } => self.resume(None),
            Record::ModeSwitched { to, by, .. } => {
                let (to, by) = (*to, by.clone());
                self.switched = Some(Switched { to, by, at });
            }
            Record::PeopleDemanded(rules) => self.people = rules.clone(),
            Record::AccountSeen { account, nonce } => self.account_looked_at(*account, *nonce),
            Record::AccountAccepted { account, nonce } => self.account_accepted(*account, *nonce),
            Record::AccountAdopted { account, nonce, .. } => self.account_adopted(*account, *nonce),
            Record::AccountStrange { account, next, .. } => self.account_strange(*account, *next),
            _ => {}
        }
    }

    /// A defect of tests: the first transaction of a reshare may still be in a block, and counts as lost.
    fn prepared_anew(&self, action: ActionId) -> bool {
        let first = || self.sendings.range(ActionId::all_of(action.case)).count() == 1;
        planted!(PreparedAnew) && action.case.kind == RequestKind::Reshare && first()
    }

    pub(super) fn with(&mut self, case: CaseId, change: impl FnOnce(&mut Case)) {
        if let Some(case) = self.cases.get_mut(&case) {
            change(case);
        }
    }

    pub(super) fn go(&mut self, case: CaseId, at: UnixMillis, step: Step) {
        let newest = self.newest;
        self.with(case, |c| {
            c.moved_by = newest;
            if c.step != step {
                c.step = step;
                c.since = at;
            }
        });
    }
}
