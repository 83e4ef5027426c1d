//! How checks fade. A check says what was so when it was made. It fades when it is older than [`STALE_AFTER`], and, where
//! it rests on the execution chain, as soon as no endpoint answers or the head stands still. What has faded is stale:
//! neither pass nor fail, nor unknown. It is made again before anybody's approval rests on it, and no rule takes it for a
//! pass.
//!
//! Age is what the monotonic clock says, or the wall clock where that says more: a machine that slept has a monotonic
//! clock that did not move.

use std::time::Duration;

use super::checks::{Rests, rests_on};
use super::people::not_refreshed_yet;
use super::{Action, ActionState, Decider, State};
use crate::types::{ActionId, CaseId, Check, CheckStatus, Root, SafeText, UnixMillis, in_words, refreshing};

/// A check that was made longer ago is stale: five slots of 12 s. What waits is looked at again at each new block, or
/// every 15 s, so that nothing gets this old while somebody answers.
pub const STALE_AFTER: Duration = Duration::from_secs(60);

/// The checks that are stale for another reason than those of the execution chain.
const BESIDE_THE_CHAIN: &str = "those that do not rest on the execution chain";

/// What is held because nobody could take it.
pub const HELD: &str = "held: no endpoint answers";

/// How the execution chain is seen at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reach {
    /// Endpoints answer, and their head moves.
    #[default]
    Followed,
    /// Endpoints answer, and their head has not moved for longer than is usual.
    Still,
    /// No endpoint answers.
    Lost,
}

/// How the chain is seen, and when it was last seen no more.
#[derive(Debug, Clone, Copy, Default)]
#[cfg_attr(test, derive(PartialEq))]
pub(super) struct Sight {
    pub(super) reach: Reach,
    /// Since when it is seen so, by the wall clock.
    since: Option<UnixMillis>,
    /// When it was last followed again after it had not been: milliseconds of the monotonic clock.
    followed_again_up_ms: Option<u64>,
}

impl Sight {
    /// When it was first seen so, where that is known.
    pub(super) fn since_mut(&mut self) -> Option<&mut UnixMillis> {
        self.since.as_mut()
    }

    pub(super) fn turn_to(&mut self, reach: Reach, at: UnixMillis, up_ms: u64) {
        if self.reach == reach {
            return;
        }
        if Reach::Followed == reach {
            self.followed_again_up_ms = Some(up_ms);
        }
        self.reach = reach;
        self.since = Some(at);
    }
}

/// When the checks of an action were made.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(test, derive(PartialEq))]
pub(super) struct Look {
    /// When the desk was asked, and when it answered; milliseconds of the monotonic clock.
    pub(super) asked_up_ms: u64,
    pub(super) up_ms: u64,
    pub(super) at: UnixMillis,
    /// The newest block that was known when the desk was asked.
    pub(super) block: Option<u64>,
}

/// A person's approval of what has faded: it counts once the same checks were made again and say the same.
#[derive(Debug, Clone)]
#[cfg_attr(test, derive(PartialEq))]
pub(super) struct Approving {
    pub(super) by: Decider,
    /// What was shown.
    pub(super) digest: Root,
    /// What was typed, where the action demands it.
    pub(super) phrase: Option<String>,
    /// The checks as they were shown: none may be worse when it counts.
    pub(super) shown: Vec<Check>,
    /// It is as old as that, whenever it counts.
    pub(super) given: Given,
    /// When what was signed elsewhere is over, milliseconds of the monotonic clock.
    pub(super) signed_until_up_ms: Option<u64>,
}

/// An approval that ended without counting.
#[derive(Debug, Clone)]
#[cfg_attr(test, derive(PartialEq))]
pub(super) struct Ended {
    pub(super) by: Decider,
    /// When and why.
    pub(super) words: SafeText,
}

/// When somebody approved something, by both clocks.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(test, derive(PartialEq))]
pub(super) struct Given {
    pub(super) at: UnixMillis,
    /// Milliseconds of the monotonic clock.
    pub(super) up_ms: u64,
}

/// Why an approval that waited for stale checks counts no more.
pub(super) enum Overdue {
    /// What was signed elsewhere was good until then.
    Signature(UnixMillis),
    /// The wall clock was set back since: how long the signature would be good cannot be said any more.
    SetBack,
    /// It waited for so long.
    Waited(Duration),
}

/// How long an approval of what has faded waits for its checks, ms. What a person saw longer ago than that, they look at
/// again; where an approval is good for less, it waits for less.
pub const REFRESHING_FOR_MS: u64 = 600_000;

/// Approvals that were given and count once stale checks were made again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refreshing {
    /// Whose they are.
    pub by: SafeText,
    /// When the last of them was given.
    pub at: UnixMillis,
    /// When the first of them counts no more.
    pub until: UnixMillis,
    /// Nobody else has to approve: it acts by itself then.
    pub is_enough: bool,
    /// What they wait for; none while nobody has looked.
    pub why: Option<SafeText>,
}

impl Refreshing {
    /// `approved by ada, refreshing its checks (…)`
    #[must_use]
    pub fn words(&self) -> String {
        refreshing(&self.by, self.why.as_ref())
    }
}

/// Checks of an action that have faded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faded {
    /// Their names, in the order of the proposal.
    pub checks: Vec<String>,
    pub why: SafeText,
}

impl State {
    /// What has faded of the checks that a waiting action shows; none where all of them are as good as new, or nothing
    /// is decided on them any more.
    #[must_use]
    pub fn faded(&self, action: &Action) -> Option<Faded> {
        if action.state != ActionState::Proposed {
            return None;
        }
        let look = self.volatile.looks_at.get(&action.id);
        let (old, of_chain) = (self.old(look), self.out_of_sight(look));
        if old.is_none() && of_chain.is_none() {
            return None;
        }
        let fades = |name: &str| match rests_on(name) {
            Rests::Here => false,
            Rests::Chain => true,
            Rests::Beacon | Rests::Others => old.is_some(),
        };
        let (shown, _) = self.shown(action);
        let checks = shown.checks.iter().filter(|c| c.status != CheckStatus::Unknown);
        let checks: Vec<_> = checks
            .filter(|c| fades(&c.name))
            .map(|c| c.name.clone())
            .collect();
        let is_of_chain = |name: &String| rests_on(name) == Rests::Chain;
        let (any_of_chain, all_of_chain) = (checks.iter().any(is_of_chain), checks.iter().all(is_of_chain));
        // what operators say is not stale because no endpoint answers
        let why = match (of_chain.filter(|_| any_of_chain), old) {
            (Some(of_chain), Some(old)) if !all_of_chain => {
                format!("{of_chain}; {}", old.replacen("they", BESIDE_THE_CHAIN, 1))
            }
            (Some(of_chain), _) => of_chain,
            (None, old) => old?,
        };
        (!checks.is_empty()).then(|| Faded {
            checks,
            why: SafeText::new(&why),
        })
    }

    /// When the checks of an action were last made by this process.
    #[must_use]
    pub fn checked_at(&self, action: ActionId) -> Option<UnixMillis> {
        self.volatile.looks_at.get(&action).map(|look| look.at)
    }

    /// The newest block that was known when it was asked to make them: they rest on that one or a newer one.
    #[must_use]
    pub fn checked_block(&self, action: ActionId) -> Option<u64> {
        self.volatile.looks_at.get(&action).and_then(|look| look.block)
    }

    /// Approvals that wait until what has faded is made again. What is decided or void waits for none.
    fn waiting_approvals(&self, id: ActionId) -> Option<&[Approving]> {
        let action = self.actions.get(&id)?;
        let waiting = self.volatile.approving.get(&id)?;
        (action.state == ActionState::Proposed).then_some(waiting)
    }

    /// Whether approvals wait that no journal keeps.
    #[must_use]
    pub fn forgets_at_a_stop(&self) -> bool {
        !self.volatile.approving.is_empty()
    }

    /// Whose approvals of it wait for stale checks, in the order in which they were given.
    pub fn approved_by(&self, action: ActionId) -> impl Iterator<Item = &Decider> {
        let waiting = self.waiting_approvals(action).unwrap_or_default();
        waiting.iter().map(|approving| &approving.by)
    }

    /// Who approved what has faded, and waits until it is made again.
    #[must_use]
    pub fn approving(&self, action: ActionId) -> Option<SafeText> {
        let names: Vec<_> = self.approved_by(action).map(ToString::to_string).collect();
        (!names.is_empty()).then(|| SafeText::new(&names.join(" and ")))
    }

    /// The same with until when they wait, and whether they are enough.
    #[must_use]
    pub fn refreshing(&self, id: ActionId) -> Option<Refreshing> {
        let action = self.actions.get(&id)?;
        let waiting = self.waiting_approvals(id)?;
        let given = action.endorsements.len() + waiting.len();
        Some(Refreshing {
            by: self.approving(id)?,
            at: waiting.iter().map(|approving| approving.given.at).max()?,
            until: waiting.iter().map(|approving| self.lapses_at(approving)).min()?,
            is_enough: given >= usize::from(self.settings.policy.demand(&action.proposal).people),
            why: self.held_up_by(action),
        })
    }

    /// Why approvals of an action that waits for a decision ended without counting, and when: of each person the last one.
    #[must_use]
    pub fn approvals_ended(&self, id: ActionId) -> Vec<SafeText> {
        let waits = |action: &&Action| action.state == ActionState::Proposed;
        let waits = self.actions.get(&id).filter(waits).is_some();
        let ended = self.volatile.approvals_ended.get(&id).filter(|_| waits);
        ended
            .into_iter()
            .flatten()
            .map(|ended| ended.words.clone())
            .collect()
    }

    /// Whether somebody approved what had faded within the last minute, and it does not count yet.
    pub(super) fn was_just_approved(&self, id: ActionId) -> bool {
        let is_new = |approving: &Approving| {
            let Given { at, up_ms } = approving.given;
            !self.is_older(STALE_AFTER, at, up_ms)
        };
        let waiting = self.waiting_approvals(id).into_iter().flatten();
        // each is asked: each notes when it gets old
        waiting.filter(|approving| is_new(approving)).count() > 0
    }

    /// What approvals that were given wait for: what the desk says that it cannot look at, what is stale, or what is not
    /// known again.
    pub(super) fn held_up_by(&self, action: &Action) -> Option<SafeText> {
        let stale = || self.faded(action).map(|faded| faded.why);
        // nobody is asked meanwhile: what the desk said last is old
        let lost = self.is_cut_off().then(stale).flatten();
        lost.or_else(|| self.volatile.heard.get(&action.id.case).cloned())
            .or_else(stale)
            .or_else(|| not_refreshed_yet(self, action.id).map(|why| SafeText::new(&why)))
    }

    /// How long an approval waits for stale checks.
    #[must_use]
    pub fn refreshing_for_ms(&self) -> u64 {
        REFRESHING_FOR_MS.min(self.settings.approval_expires_ms)
    }

    /// When an approval that waits for stale checks counts no more by the monotonic clock, ms.
    pub(super) fn lapses_up_ms(&self, approving: &Approving) -> u64 {
        let waits_until = approving.given.up_ms.saturating_add(self.refreshing_for_ms());
        let signed_until = approving.signed_until_up_ms.unwrap_or(u64::MAX);
        waits_until.min(signed_until)
    }

    /// The same by the wall clock: what was signed elsewhere says until when it is good.
    pub(super) fn lapses_at(&self, approving: &Approving) -> UnixMillis {
        let Given { at, up_ms } = approving.given;
        let good_for = self.lapses_up_ms(approving).saturating_sub(up_ms);
        let waits_until = at.plus(Duration::from_millis(good_for));
        let expires = approving.by.expires();
        expires.map_or(waits_until, |expires| expires.min(waits_until))
    }

    /// Why an approval that waits for stale checks counts no more, where its time is over by the clock that says more.
    pub(super) fn overdue(&self, approving: &Approving) -> Option<Overdue> {
        let live = &self.volatile;
        let Given { at, up_ms } = approving.given;
        let good_for = Duration::from_millis(self.refreshing_for_ms());
        let has_waited = self.is_older(good_for, at, up_ms);
        let signed_until = approving.by.expires().filter(|expires| {
            let by_run = approving.signed_until_up_ms;
            live.has_come(*expires) || by_run.is_some_and(|up_ms| live.has_run(up_ms))
        });
        let good_by_wall = approving
            .by
            .expires()
            .map(|expires| expires.since(at).as_millis());
        let good_by_run = approving
            .signed_until_up_ms
            .map(|until| until.saturating_sub(up_ms));
        let is_set_back = good_by_wall != good_by_run.map(u128::from);
        signed_until
            .map(Overdue::Signature)
            .or_else(|| is_set_back.then_some(Overdue::SetBack))
            .or_else(|| has_waited.then_some(Overdue::Waited(good_for)))
    }

    /// Whether no execution endpoint answers, so that nothing can leave.
    #[must_use]
    pub fn is_cut_off(&self) -> bool {
        self.volatile.sight.reach == Reach::Lost
    }

    /// How many checks of waiting actions were stale at the last input; it moves with time alone.
    #[must_use]
    pub fn stale_checks(&self) -> usize {
        self.volatile.agenda.stale()
    }

    /// How many checks of a case's waiting action are stale by now.
    pub(super) fn stale_checks_of(&self, id: CaseId) -> usize {
        let newest = self
            .cases
            .get(&id)
            .filter(|case| !case.is_closed())
            .map(|case| ActionId {
                case: id,
                number: case.actions,
            });
        let action = newest.and_then(|id| self.actions.get(&id));
        let faded = action.and_then(|action| self.faded(action));
        faded.map_or(0, |faded| faded.checks.len())
    }

    /// Why checks are too old, whatever they rest on.
    fn old(&self, look: Option<&Look>) -> Option<String> {
        let Some(look) = look else {
            return Some("they were made before this program started".to_owned());
        };
        let too_old = self.is_older(STALE_AFTER, look.at, look.up_ms);
        too_old.then(|| format!("they are older than {}", in_words(STALE_AFTER)))
    }

    /// Why what rests on the execution chain cannot be relied on, however new it is.
    fn out_of_sight(&self, look: Option<&Look>) -> Option<String> {
        let Sight {
            reach,
            since,
            followed_again_up_ms,
        } = self.volatile.sight;
        let since = since.map_or_else(String::new, |at| format!(" since {}", at.to_utc()));
        match reach {
            Reach::Lost => Some(format!("no endpoint answers{since}")),
            Reach::Still => Some(format!("the head stands still{since}")),
            Reach::Followed => {
                let before = followed_again_up_ms
                    .zip(look)
                    .is_some_and(|(up, look)| look.asked_up_ms < up);
                before.then(|| "the chain was out of sight after they were made".to_owned())
            }
        }
    }
}

#[cfg(test)]
mod tests;
