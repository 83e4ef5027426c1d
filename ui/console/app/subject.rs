//! What a command is about: the selected row, or the thing whose detail view is open.

use casimir_dkg::types::{ActionId, CaseId, UnixMillis};
use casimir_dkg::view::{
    ActionState, ActionView, CaseView, RowId, Snapshot, ValidatorView, Wait, WaitReason, Way, WayOn,
};

use super::{App, Target};
use crate::console::keys::{Command, Group};
use crate::summary;

impl App {
    /// The row in question.
    pub(crate) fn subject(&self) -> Option<RowId> {
        match self.details.last() {
            Some(detail) => match detail.target {
                Target::Row(id) => Some(id),
                Target::Status | Target::Charts => None,
            },
            None => self.list(self.pane()).selected,
        }
    }

    /// The case that the subject belongs to.
    pub(crate) fn subject_case(&self) -> Option<CaseId> {
        Some(match self.subject()? {
            RowId::Action(id) | RowId::Transaction(id) => id.case,
            RowId::Case(id) | RowId::Exit(id) => id,
            RowId::Ceremony(id) => self.known().ceremony(id)?.case,
            RowId::Validator(_) => return None,
        })
    }

    /// What pause keeps an action from leaving when it is approved, in words; none where nothing does, or it is over.
    pub(crate) fn pause_of(&self, action: &ActionView) -> Option<String> {
        if !matches!(action.state, ActionState::Proposed | ActionState::Approved) {
            return None;
        }
        let case = action.id.case;
        if let Some(pause) = &self.snapshot.paused {
            return Some(format!(
                "everything is paused by {}: nothing leaves before it is resumed",
                pause.by
            ));
        }
        let case_is_paused = self.known().case(case).is_some_and(|case| case.paused);
        case_is_paused.then(|| format!("{case} is paused: nothing of it leaves before it is resumed"))
    }

    /// Since when a case stands as it is shown: a pause has a beginning of its own.
    pub(crate) fn stands_since(&self, case: &CaseView) -> UnixMillis {
        let is_pause = |wait: &&Wait| wait.case == Some(case.id) && wait.reason == WaitReason::CasePaused;
        let pause = self.snapshot.waits.iter().find(is_pause).filter(|_| case.paused);
        pause.map_or(case.since, |pause| pause.since)
    }

    /// The action that the subject is, or that matters in its case.
    pub(crate) fn subject_action(&self) -> Option<&ActionView> {
        let known = self.known();
        let id = match self.subject()? {
            RowId::Action(id) => id,
            RowId::Case(case) | RowId::Exit(case) => known.case(case)?.action?,
            _ => return None,
        };
        known.action(id)
    }

    pub(crate) fn subject_validator(&self) -> Option<&ValidatorView> {
        match self.subject()? {
            RowId::Validator(key) => self.snapshot.validators.iter().find(|v| v.public_key == key),
            _ => None,
        }
    }

    /// A way on that a case has and that can be gone now.
    ///
    /// # Errors
    /// Why not, for the person who asked.
    pub(crate) fn way_of(&self, case: CaseId, way: Way) -> Result<WayOn, String> {
        let Some(view) = self.known().case(case) else {
            return Err(format!("{case} is not in the newest state"));
        };
        let Some(on) = view.way(way) else {
            let no = match way {
                Way::RedoKey => format!("no other key can be made for {case} now"),
                Way::GiveUp => format!("{case} cannot be given up now"),
                other => format!("{other} is no way on for {case} now"),
            };
            return Err(format!("{no}: {}", view.sentence));
        };
        on.can.check().map_err(ToString::to_string)?;
        Ok(on.clone())
    }

    /// The action whose approval the key would take back.
    pub(crate) fn undoable(&self) -> Option<&ActionView> {
        let list = || self.list(self.pane()).picked;
        let is_meant = !self.details.is_empty() || list();
        undone_first(&self.snapshot, self.subject_action(), is_meant)
    }

    /// What the key would take back, where that is nothing of what is in front: its label names it.
    pub(crate) fn undoable_elsewhere(&self) -> Option<ActionId> {
        let in_front = self.subject_action().map(|action| action.id);
        let taken = self.undoable()?.id;
        (Some(taken) != in_front).then_some(taken)
    }

    /// Whether whoever sits here approved it: then it takes another person.
    pub(crate) fn is_approved_by_me(&self, action: &ActionView) -> bool {
        let you = self.settings.you.as_str();
        let people = action.people.as_ref().filter(|_| action.is_proposed());
        people.is_some_and(|people| people.is_approved_by(you))
    }

    /// Whether an approval of it by whoever sits here can be given.
    pub(crate) fn takes_mine(&self, action: &ActionView) -> bool {
        action.takes_approval() && self.my_approval(action).is_none()
    }

    /// What becomes of the approval that whoever sits here has given, in words; none where there is none, or where what is
    /// shown now can be approved in the place of one that waits.
    pub(crate) fn my_approval(&self, action: &ActionView) -> Option<String> {
        let people = action
            .people
            .as_ref()
            .filter(|_| self.is_approved_by_me(action))?;
        if action.takes_anew(&self.settings.you) {
            return None;
        }
        let id = action.id;
        Some(
            match people
                .refreshing
                .iter()
                .any(|by| by.to_string() == self.settings.you)
            {
                true if action.is_refreshing() => format!("you approved {id}, which waits for stale checks"),
                true => format!(
                    "you approved {id}, {people}: it waits for stale checks, and takes another person"
                ),
                false => format!("you approved {id}, {people}: it takes another person"),
            },
        )
    }

    /// What the key would take back, said beside an action: `u takes the approval back`.
    pub(crate) fn takes_back(&self, beside: ActionId) -> Option<String> {
        let key = self.settings.keys.label(Group::Work, Command::TakeBack);
        let action = self.undoable().filter(|_| !key.is_empty())?;
        let id = action.id;
        Some(match id == beside {
            true => format!("{key} takes {} back", action.its_approvals()),
            false => format!("{key} takes that of {id} back"),
        })
    }

    /// Whether another action waits that could be approved together with this one.
    fn has_like(&self, action: &ActionView) -> bool {
        let mut others = self.snapshot.waiting().filter(|other| other.id != action.id);
        action.phrase.is_none() && others.any(|other| other.kind == action.kind)
    }

    /// Whether the footer offers this way: on the page that says what it costs.
    fn offers_way(&self, way: Way) -> bool {
        match self.details.last().map(|detail| detail.target) {
            Some(Target::Row(RowId::Case(case))) => self.way_of(case, way).is_ok(),
            _ => false,
        }
    }

    /// Whether the key that approves opens something else that waits.
    pub(crate) fn leads_on(&self) -> bool {
        let takes = self
            .subject_action()
            .is_some_and(|action| self.takes_mine(action));
        !takes && self.past.is_none() && self.waits_for_me().next().is_some()
    }

    /// What waits, without what whoever sits here has approved.
    pub(crate) fn waits_for_me(&self) -> impl Iterator<Item = &ActionView> {
        let waiting = self.snapshot.waiting();
        waiting.filter(|action| self.my_approval(action).is_none())
    }

    /// Whether the footer offers the command now. The command itself explains why not.
    pub(crate) fn offers(&self, command: Command) -> bool {
        let proposed = || self.subject_action().filter(|a| a.is_proposed());
        let approvable = || self.subject_action().filter(|a| self.takes_mine(a));
        match command {
            // where the row in question is decided it leads on to what waits
            Command::Approve => approvable().is_some() || self.leads_on(),
            Command::Reject => proposed().is_some(),
            Command::Mark => approvable().is_some_and(|a| self.has_like(a)),
            Command::Batch => !self.marked.is_empty(),
            Command::Committee => proposed().is_some_and(|a| a.committee.is_some()),
            Command::Retry | Command::Pause => self.subject_case().is_some(),
            Command::Reshare | Command::Exit => self.subject_validator().is_some(),
            Command::TakeBack => self.undoable().is_some(),
            Command::RedoKey => self.offers_way(Way::RedoKey),
            Command::GiveUp => self.offers_way(Way::GiveUp),
            Command::Copy | Command::Open => self.subject().is_some() || self.details.last().is_some(),
            Command::Follow => self.subject().is_some(),
            Command::Unfold => matches!(self.subject(), Some(RowId::Action(_))),
            Command::Search => {
                !self.details.is_empty() || self.overlay.is_some() || self.pane() == super::panes::LOGS
            }
            Command::Messages => self.cut,
            Command::NextPane => self.details.is_empty(),
            Command::Director => !self.settings.levers.is_empty(),
            Command::PageDown => match &self.overlay {
                Some(super::Overlay::Batch(batch)) => batch.scroll < batch.max_scroll,
                _ => true,
            },
            Command::Zoom => self.tab == super::Tab::Overview,
            // a key that would not count yet is not offered
            Command::Yes => match &self.overlay {
                Some(super::Overlay::Ask(ask)) => ask.ready(self.now.mono, self.settings.grace),
                _ => true,
            },
            _ => true,
        }
    }
}

/// What one key takes back. Of what is in front, that which was opened or picked is meant; where the selection only follows
/// what matters, something that counts down is gone first.
fn undone_first<'a>(
    snapshot: &'a Snapshot,
    in_front: Option<&'a ActionView>,
    is_meant: bool,
) -> Option<&'a ActionView> {
    let in_front = in_front.and_then(|action| Some((action, action.undo?)));
    match in_front {
        Some((action, undo)) if is_meant || undo.until.is_some() || summary::leaving(snapshot).is_empty() => {
            Some(action)
        }
        _ => summary::approved_last(snapshot),
    }
}
