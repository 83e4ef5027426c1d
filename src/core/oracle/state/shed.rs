//! What leaves memory of a case that stays: its actions and ceremonies that are over, but for the newest. An operator
//! that is away for months lets a case fail 288 times a day, and none of that may stay for ever.
//!
//! Everything else of them is in the journal, and pages read it there. What the core decides from a case's past does not
//! leave with it: what can be counted is counted in the case ([`Case::attempts`], [`Case::unstarted`], [`Case::overtaken`],
//! [`Case::avoid`], [`Case::spent`]), nonces, keys and what operators did are kept beside the cases, and what only the
//! thing itself tells stays whole, as `rests_on_action` and `rests_on_ceremony` say.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::oracle::ways::{REFUSED_AT_MOST, is_settled};
use crate::oracle::{Action, ActionState, Family, Record};
use crate::types::{ActionId, CaseId, FailureKind, NonceStatus, RequestId, SafeText};

use super::{Case, Ceremony, Durable, Resume, Sending, Step};

/// So many actions, and so many ceremonies, of a case stay when they are over.
pub const OVER_KEPT: usize = 16;

#[cfg(not(test))]
fn over_kept() -> usize {
    OVER_KEPT
}

#[cfg(test)]
thread_local! {
    /// So many stay in what this thread folds: in lives few things are tried sixteen times.
    pub(in crate::oracle) static OVER: std::cell::Cell<usize> = const { std::cell::Cell::new(OVER_KEPT) };
}

#[cfg(test)]
fn over_kept() -> usize {
    OVER.get()
}

/// How much of a case in memory is in the journal alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Shed {
    pub actions: u64,
    pub ceremonies: u64,
    pub transactions: u64,
}

impl Durable {
    /// A record was taken into account. Where it began something, the oldest of what is over leaves.
    pub(super) fn shed(&mut self, record: &Record) {
        match record {
            Record::ActionProposed { action, .. } => self.shed_actions(action.case),
            Record::CeremonyStarted { case, .. } => self.shed_ceremonies(*case),
            _ => {}
        }
    }

    fn shed_actions(&mut self, id: CaseId) {
        let Some(case) = self.cases.get(&id) else { return };
        let own = self.actions.range(ActionId::all_of(id));
        let over: Vec<ActionId> = own
            .filter(|(_, action)| action.state.is_over())
            .map(|(id, _)| *id)
            .collect();
        let Some(most) = over.len().checked_sub(over_kept()).filter(|n| *n > 0) else {
            return;
        };
        let stay = self.rests_on_action(case);
        for action in over.into_iter().take(most).filter(|id| !stay.contains(id)) {
            self.actions.remove(&action);
            let sent = u64::from(self.sendings.remove(&action).is_some());
            self.retired.sheds(id, |shed| {
                shed.actions += 1;
                shed.transactions += sent;
            });
        }
    }

    fn shed_ceremonies(&mut self, id: CaseId) {
        let Some(case) = self.cases.get(&id) else { return };
        let own = self.ceremonies.iter().filter(|(_, c)| c.case == id);
        let over = own.filter(|(_, c)| c.ended.is_some());
        let mut over: Vec<(u64, RequestId)> = over.map(|(request, c)| (c.moved_by, *request)).collect();
        let Some(most) = over.len().checked_sub(over_kept()).filter(|n| *n > 0) else {
            return;
        };
        over.sort_unstable();
        let leave = over.into_iter().take(most).map(|(_, request)| request);
        let leave: Vec<_> = leave
            .filter(|request| !rests_on_ceremony(case, *request, &self.ceremonies[request]))
            .collect();
        for request in leave {
            self.ceremonies.remove(&request);
            self.retired.sheds(id, |shed| shed.ceremonies += 1);
            if planted!(SumForgotten) {
                self.with(id, |c| c.attempts = c.attempts.saturating_sub(1));
            }
        }
    }

    /// Actions that are over and on which it rests what a case does next.
    ///
    /// | stays | because |
    /// | --- | --- |
    /// | the one that its step names | the case goes on with it |
    /// | the newest that is no ceremony | an exit that a reorganisation takes back is offered again under its approval |
    /// | how the newest effects with the present key failed | what SSV refused is tried [`REFUSED_AT_MOST`] times, and proposed to another committee |
    /// | a transaction that may take effect, or did | its key is used, and a log is told from a stranger's by its hash |
    fn rests_on_action(&self, case: &Case) -> BTreeSet<ActionId> {
        if planted!(PastForgotten) {
            return BTreeSet::new();
        }
        let own = || self.actions.range(ActionId::all_of(case.id)).rev();
        let is_effect = |action: &Action| action.proposal.payload.family() != Family::Ceremony;
        let newest_effect = own().find(|(_, action)| is_effect(action)).map(|(id, _)| *id);
        let failures = self.failures(case).take(REFUSED_AT_MOST).map(|(id, _)| id);
        let settled_without = |sending: &Sending| {
            let included = matches!(sending.status, NonceStatus::Included { success: true, .. });
            is_settled(&sending.status) && !included
        };
        let sent = self.sendings.range(ActionId::all_of(case.id));
        let effective = sent.filter(|(_, s)| !settled_without(s)).map(|(id, _)| *id);
        let now = match &case.step {
            Step::DecideCeremony(id) | Step::DecideEffect(id) | Step::Execute(id) => Some(*id),
            Step::Halted {
                resume: Resume::Offer(id),
                ..
            } => Some(*id),
            _ => None,
        };
        let alone = now.into_iter().chain(newest_effect).chain(failures);
        alone.chain(effective).collect()
    }

    /// How the newest effect with the present key failed.
    pub(in crate::oracle) fn newest_failure(&self, case: &Case) -> Option<(ActionId, &SafeText)> {
        self.failures(case).next()
    }

    /// How effects with the present key failed, the newest first: the newest [`REFUSED_AT_MOST`] at least, however long ago.
    pub(in crate::oracle) fn failures(
        &self,
        case: &Case,
    ) -> impl Iterator<Item = (ActionId, &SafeText)> + use<'_> {
        let made = case
            .ceremony
            .and_then(|made| self.ceremonies.get(&made)?.ended.as_ref());
        let made = made.map(|(at, _)| *at);
        let actions = self.actions.range(ActionId::all_of(case.id)).rev();
        actions.filter_map(move |(id, action)| match &action.state {
            ActionState::Failed { reason } if made.is_some_and(|made| action.proposed_at >= made) => {
                Some((*id, reason))
            }
            _ => None,
        })
    }
}

/// Whether what a case does next rests on a ceremony of it that is over: it made what the case has, the case attends to
/// it, or nobody found out what it made, so that a key of it may still turn up and must be condemned by name. Each of
/// the last kind was given up by a person's hand, or with its case.
fn rests_on_ceremony(case: &Case, request: RequestId, ceremony: &Ceremony) -> bool {
    let attended = matches!(case.step, Step::RunCeremony(r) | Step::Register(Some(r)) if r == request);
    let unknown = matches!(&ceremony.ended, Some((_, Err(failure))) if failure.kind == FailureKind::Unknown);
    !planted!(PastForgotten) && (case.ceremony == Some(request) || attended || unknown)
}

#[cfg(test)]
mod tests;
