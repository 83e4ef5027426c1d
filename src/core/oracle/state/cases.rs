//! How the records of cases change the state: opened, halted, taken up again, served by others, closed.

use std::collections::{BTreeMap, BTreeSet};

use crate::oracle::{Cause, CeremonyRole, ExitOffers, Forecast};
use crate::types::{CaseId, LogRef, Root, UnixMillis};

use super::ceremonies::given_up;
use super::*;

impl Durable {
    pub(super) fn case_opened(&mut self, at: UnixMillis, id: CaseId, cause: &Cause) {
        let case = Case {
            id,
            cause: cause.clone(),
            opened_at: at,
            orphaned: false,
            paused: None,
            step: Step::PlanCeremony,
            since: at,
            moved_by: self.newest,
            actions: 0,
            attempts: 0,
            forgiven: 0,
            chosen_by_rule: 0,
            unstarted: 0,
            overtaken: Overtaken::default(),
            registration_attempts: 0,
            keygen: None,
            reshare: None,
            exit: None,
            ceremony: None,
            registration: None,
            given_up: false,
            spent: BTreeSet::new(),
            chosen: None,
            avoid: BTreeSet::new(),
            last_failure: None,
            failed_for: None,
            served_by: None,
            served_too: Vec::new(),
            phase: None,
            seen: BTreeMap::new(),
            index: None,
            by_rules: None,
            by_state: Forecast::default(),
            followed: None,
            offers: ExitOffers::default(),
            history: Vec::new(),
            left_out: 0,
        };
        self.cases.insert(id, case);
    }

    pub(super) fn case_halted(&mut self, at: UnixMillis, id: CaseId, reason: &SafeText) {
        let resume = self
            .cases
            .get(&id)
            .map_or(Resume::PlanCeremony, |case| self.resume_of(case));
        let reason = reason.clone();
        self.go(id, at, Step::Halted { reason, resume });
    }

    /// Where a retry of a case that is halted at its present step goes on.
    fn resume_of(&self, case: &Case) -> Resume {
        match &case.step {
            Step::Register(_) => Resume::Register,
            Step::DecideEffect(action) | Step::Execute(action) => self
                .family_of(*action)
                .map_or(Resume::PlanEffect, |family| family.taken_up_at(*action)),
            Step::PlanEffect | Step::AwaitTurn => Resume::PlanEffect,
            Step::Halted { resume, .. } => *resume,
            Step::PlanCeremony
            | Step::DecideCeremony(_)
            | Step::RunCeremony(_)
            | Step::Follow
            | Step::Closed { .. } => Resume::PlanCeremony,
        }
    }

    pub(super) fn case_retried(&mut self, at: UnixMillis, id: CaseId) {
        self.with(id, |c| {
            c.registration_attempts = 0;
            c.unstarted = 0;
            c.overtaken = Overtaken::default();
            c.offers.refusals = 0;
            if let Some(wait) = &mut c.offers.deferred {
                wait.until = wait.until.min(at);
            }
        });
        if self.cases.get(&id).is_some_and(|c| c.given_up) {
            self.taken_up_again(at, id);
        }
        if let Some(Step::Halted { resume, .. }) = self.cases.get(&id).map(|c| &c.step) {
            let resume = *resume;
            self.offer_again(resume);
            self.go(id, at, resume.step());
        }
    }

    pub(super) fn case_given_up(&mut self, at: UnixMillis, id: CaseId, by: &SafeText, reason: &SafeText) {
        self.with(id, |c| {
            c.given_up = true;
            c.paused = None;
        });
        let outcome = SafeText::new(&format!("given up by {by}: {reason}"));
        self.go(id, at, Step::Closed { outcome });
        self.retire(id);
    }

    /// Its request is in the chain, again or still. Where the case was over because it was not, it begins anew.
    pub(super) fn cause_found(&mut self, at: UnixMillis, id: CaseId, cause: &Cause) {
        let was_gone = self.cases.get(&id).is_some_and(Case::is_gone);
        self.with(id, |c| {
            c.orphaned = false;
            c.cause = cause.clone();
        });
        if was_gone {
            self.with(id, Case::forget_key);
            self.is_open_again(id);
            self.go(id, at, Step::PlanCeremony);
        }
    }

    /// Open again, it must not leave memory with those that are over.
    fn is_open_again(&mut self, id: CaseId) {
        self.closed.retain(|closed| *closed != id);
    }

    /// From where it was given up: with another key, or with what the operators made of the one that its validator has.
    fn taken_up_again(&mut self, at: UnixMillis, id: CaseId) {
        self.with(id, |c| c.given_up = false);
        self.is_open_again(id);
        let made = self
            .cases
            .get(&id)
            .filter(|c| c.exit.is_some() || c.reshare.is_some());
        let step = match made {
            Some(_) => Step::PlanEffect,
            None => Step::PlanCeremony,
        };
        self.with(id, Case::forget_key);
        self.go(id, at, step);
    }

    /// Another committee is to make another key. Where there is none yet, the one that failed makes room.
    pub(super) fn key_redone(&mut self, at: UnixMillis, id: CaseId, is_blameless: bool, is_by_rule: bool) {
        self.with(id, |c| {
            let made = c.keygen.as_ref();
            let made = made.map(|key| key.share_public_keys.keys().copied().collect());
            let failed = || c.failed_for.as_ref().map(|failed| failed.committee.clone());
            c.spent.extend(made.or_else(failed).filter(|_| !is_blameless));
            c.forget_key();
            (c.chosen, c.failed_for) = (None, None);
            c.forgiven = c.attempts;
            c.unstarted = 0;
            c.chosen_by_rule += u32::from(is_by_rule);
        });
        self.go(id, at, Step::PlanCeremony);
    }

    pub(super) fn pause(&mut self, at: UnixMillis, case: Option<CaseId>, by: &SafeText) {
        match case {
            Some(case) => self.with(case, |c| c.paused = Some(by.clone())),
            None => self.paused = Some((by.clone(), at)),
        }
    }

    pub(super) fn resume(&mut self, case: Option<CaseId>) {
        match case {
            Some(case) => self.with(case, |c| c.paused = None),
            None => self.paused = None,
        }
    }

    pub(super) fn cause_lost(&mut self, id: CaseId) {
        let Some(case) = self.cases.get_mut(&id) else {
            return;
        };
        case.orphaned = true;
        if let Cause::Event { log, .. } = case.cause {
            self.is_unread_again(log);
        }
    }

    pub(super) fn pool_served(&mut self, case: CaseId, transaction: Root, log: Option<LogRef>) {
        self.with(case, |c| {
            let before = c.served_by.replace(Served { transaction, log });
            c.served_too.extend(before);
        });
    }

    /// One report does not stand; another one may. A case that was closed by it begins anew: what it had made was given up
    /// with it.
    pub(super) fn pool_not_served(&mut self, at: UnixMillis, case: CaseId, transaction: Root) {
        let closed = self.cases.get(&case).is_some_and(|c| !c.listens());
        let gone = self.cases.get(&case).into_iter().flat_map(Case::reports);
        let gone = gone.filter(|served| served.transaction == transaction);
        let logs: Vec<_> = gone.filter_map(|served| served.log).collect();
        logs.into_iter().for_each(|log| self.is_unread_again(log));
        self.with(case, |c| {
            let stands = |served: &Served| served.transaction != transaction;
            c.served_too.retain(stands);
            c.served_by = c.served_by.filter(stands).or_else(|| c.served_too.pop());
            if closed {
                (c.keygen, c.ceremony, c.registration) = (None, None, None);
                // the contract's state denies them all
                (c.served_by, c.served_too) = (None, Vec::new());
            }
        });
        if closed {
            self.is_open_again(case);
            let step = self.where_it_was_left(at, case);
            self.go(case, at, step);
        }
    }

    /// A case that was closed left what ran: its key generation is waited for again, and a registration of the key that it
    /// had is of no use.
    fn where_it_was_left(&mut self, at: UnixMillis, case: CaseId) -> Step {
        let mut step = Step::PlanCeremony;
        let newest = self.newest;
        let running = |c: &Ceremony| c.case == case && c.ended.is_none();
        for (request, ceremony) in self.ceremonies.iter_mut().filter(|(_, c)| running(c)) {
            match ceremony.role {
                CeremonyRole::Main => step = Step::RunCeremony(*request),
                CeremonyRole::Registration => {
                    let over = given_up("its case was closed while it ran");
                    ceremony.ended = Some((at, Err(over)));
                    ceremony.moved_by = newest;
                }
            }
        }
        step
    }

    pub(super) fn case_closed(&mut self, at: UnixMillis, case: CaseId, outcome: &SafeText) {
        // nobody looks any more for what nobody needs
        let newest = self.newest;
        let open = |c: &&mut Ceremony| c.case == case && c.ended.is_none() && c.doubt.is_some();
        for ceremony in self.ceremonies.values_mut().filter(open) {
            ceremony.ended = Some((at, Err(given_up("its case was closed before it was found out"))));
            ceremony.moved_by = newest;
        }
        let outcome = outcome.clone();
        self.go(case, at, Step::Closed { outcome });
        self.retire(case);
    }
}

impl Case {
    /// The key that it made is not its own any more, nor what was made for that key.
    fn forget_key(&mut self) {
        if self.keygen.take().is_some() {
            self.ceremony = None;
            self.registration = None;
            self.registration_attempts = 0;
            self.chosen = None;
            (self.last_failure, self.failed_for) = (None, None);
        }
    }
}

impl Resume {
    /// The step at which a case is taken up again.
    pub(super) fn step(self) -> Step {
        match self {
            Self::PlanCeremony => Step::PlanCeremony,
            Self::Register => Step::Register(None),
            Self::PlanEffect => Step::PlanEffect,
            Self::Offer(action) => Step::DecideEffect(action),
        }
    }
}
