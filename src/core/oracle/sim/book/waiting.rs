//! Approvals of what was stale: none counts that was taken back or is too old, nor for what is worse than it was shown.

use std::collections::BTreeMap;

use super::Book;
use crate::oracle::*;
use crate::types::*;

/// What a person approved, and the process took to count once stale checks are made again.
#[derive(Debug)]
struct Waiting {
    by: Decider,
    /// As the journal had them then.
    checks: Vec<Check>,
    /// When it was given; not known since a clock moved.
    at: Option<UnixMillis>,
    /// The same moment by the monotonic clock, ms.
    up_ms: u64,
}

/// All that wait, in this process.
#[derive(Debug, Default)]
pub(super) struct Waits {
    of: BTreeMap<ActionId, Vec<Waiting>>,
    /// What is approved by the command that is dealt with, and its checks.
    offered: Option<(ActionId, Vec<Check>)>,
}

/// What a command approves.
fn approved_by(input: &Input) -> Option<ActionId> {
    match input {
        Input::Command {
            command: Command::Approve { action, .. },
            ..
        } => Some(*action),
        Input::Command {
            command: Command::ApproveSigned { signed, .. },
            ..
        } => Some(signed.statement.action),
        _ => None,
    }
}

impl Book {
    /// What comes in, before it is dealt with.
    pub(super) fn told_of_approvals(&mut self, input: &Input) {
        let offered = approved_by(input).and_then(|id| {
            let told = self.actions.get(&id)?;
            Some((id, told.proposal.checks.clone()))
        });
        self.waits.offered = offered;
        if let Input::Command {
            command: Command::TakeBack(action),
            ..
        } = input
        {
            self.waits.of.remove(action);
        }
    }

    /// One durable record.
    pub(super) fn ends_approvals(&mut self, record: &Record) {
        match record {
            Record::ModeSwitched {
                to: Mode::Observe, ..
            } => self.waits.of.clear(),
            Record::ClockMoved { .. } => {
                let all = self.waits.of.values_mut().flatten();
                all.for_each(|waiting| waiting.at = None);
            }
            _ => {}
        }
    }

    /// A stop forgets them.
    pub(super) fn forgets_approvals(&mut self) {
        self.waits = Waits::default();
    }

    /// What the process took and does not count yet.
    pub(in crate::oracle::sim) fn takes_to_wait(&mut self, state: &State, at: UnixMillis) {
        let Some((id, checks)) = self.waits.offered.take() else {
            return;
        };
        let waiting = state.volatile.approving.get(&id).into_iter().flatten();
        let Some(new) = waiting.last().filter(|waiting| waiting.given.at == at) else {
            return;
        };
        let known = self.waits.of.entry(id).or_default();
        known.retain(|other| !other.by.is_same(&new.by));
        known.push(Waiting {
            by: new.by.clone(),
            checks,
            at: Some(at),
            up_ms: self.up_ms,
        });
    }

    /// A person's approval counts: the command that is dealt with gave it, or it waited, and then nothing is worse than it
    /// was when it was given.
    pub(super) fn counts(&mut self, state: &State, at: UnixMillis, id: ActionId, decision: &Decision) {
        let known = self.waits.of.entry(id).or_default();
        let waited = known
            .iter()
            .position(|waiting| waiting.by.is_same(&decision.decider));
        let waited = waited.map(|nth| known.remove(nth));
        if self
            .waits
            .offered
            .as_ref()
            .is_some_and(|(offered, _)| *offered == id)
        {
            assert_eq!(decision.at, at, "{id}: an approval is older than its command");
            return;
        }
        let by = &decision.decider;
        let waited = waited.unwrap_or_else(|| panic!("{by} approved {id} unasked"));
        let age = self.up_ms - waited.up_ms;
        let good_for = REFRESHING_FOR_MS.min(state.settings.approval_expires_ms);
        assert!(
            age <= good_for,
            "{id}: the approval by {by} counts after {age} ms"
        );
        if let Some(given) = waited.at {
            assert_eq!(decision.at, given, "{id}: the approval by {by} got younger");
        }
        // what was signed elsewhere names what may be unknown
        if by.key().is_some() {
            return;
        }
        for check in &self.actions[&id].proposal.checks {
            let was = waited.checks.iter().find(|was| was.name == check.name);
            let is_worse = match check.status {
                CheckStatus::Pass => false,
                CheckStatus::Unknown => was.is_none_or(|was| was.status == CheckStatus::Pass),
                CheckStatus::Fail => true,
            };
            assert!(
                !is_worse,
                "{id}: the approval by {by} counts and {} is worse",
                check.name
            );
        }
    }
}
