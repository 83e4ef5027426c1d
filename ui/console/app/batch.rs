//! Several like actions on one page: which are marked, and what the page shows of them.

use std::collections::BTreeSet;
use std::time::Duration;

use casimir_dkg::types::{ActionId, Root};
use casimir_dkg::view::{ActionView, Fact, FactKind, Risk};
use tui_input::Input;

use super::{App, Subject};

/// A mark is for what was shown when it was made: an action that changes loses it.
pub(crate) type Mark = (ActionId, Root);

/// The page of a batch.
#[derive(Debug, Clone)]
pub(crate) struct Batch {
    /// As they are shown, in the order in which they wait.
    pub(crate) actions: Vec<ActionView>,
    /// What was marked and could not be approved by itself either, and why.
    pub(crate) left_out: Vec<(ActionId, String)>,
    /// The typed count.
    pub(crate) input: Input,
    pub(crate) problem: Option<String>,
    /// When the page was first painted. `None`: not on the screen yet.
    pub(crate) quiet_since: Option<Duration>,
    pub(crate) scroll: usize,
    /// Lines beyond the window, and the window's height, at the last draw.
    pub(crate) max_scroll: usize,
    pub(crate) height: usize,
    pub(crate) width: u16,
    /// The first so many lines were on the screen.
    read: usize,
}

impl Batch {
    fn new(actions: Vec<ActionView>, left_out: Vec<(ActionId, String)>) -> Self {
        Self {
            actions,
            left_out,
            input: Input::default(),
            problem: None,
            quiet_since: None,
            scroll: 0,
            max_scroll: 0,
            height: 0,
            width: 0,
            read: 0,
        }
    }

    /// What is on the screen now was seen, where it follows on what was seen before.
    pub(crate) fn looked_at(&mut self, mono: Duration) {
        self.quiet_since.get_or_insert(mono);
        if self.scroll <= self.read {
            self.read = self.read.max(self.scroll + self.height);
        }
    }

    /// Drawn for another width: lines are counted anew.
    pub(crate) fn fit(&mut self, width: u16) {
        if self.width != width {
            (self.width, self.read) = (width, 0);
        }
    }

    /// Whether every line of the page was on the screen.
    pub(crate) fn is_read(&self) -> bool {
        self.read >= self.max_scroll + self.height
    }

    /// Goes to the first line that was not on the screen; the last one that was stays, so that the reader finds the place.
    pub(crate) fn seek_unread(&mut self) {
        self.scroll = self.read.saturating_sub(1).min(self.max_scroll);
    }

    /// Whether typed digits count at `mono`: those that arrive within `grace` were meant for something else.
    pub(crate) fn ready(&self, mono: Duration, grace: Duration) -> bool {
        let since = self.quiet_since;
        since.is_some_and(|since| mono.saturating_sub(since) >= grace)
    }

    /// The labels of facts that all of them have with the same value, in the order of the first.
    pub(crate) fn shared(&self) -> Vec<&Fact> {
        let Some((first, rest)) = self.actions.split_first() else {
            return Vec::new();
        };
        let everywhere = |fact: &&Fact| rest.iter().all(|action| action.facts.contains(fact));
        let told = first.facts.iter().filter(|fact| !is_of_an_operator(fact));
        told.filter(everywhere).collect()
    }

    /// Whether something is said of each operator, which the page of each action has and this one has not.
    pub(crate) fn leaves_operators_out(&self) -> bool {
        let mut facts = self.actions.iter().flat_map(|action| &action.facts);
        facts.any(is_of_an_operator)
    }

    /// The facts of an action that not all of them have.
    pub(crate) fn own<'a>(&self, action: &'a ActionView) -> Vec<&'a Fact> {
        let shared: BTreeSet<_> = self
            .shared()
            .iter()
            .map(|f| (&f.label, f.value.as_str()))
            .collect();
        let is_own = |fact: &&Fact| !shared.contains(&(&fact.label, fact.value.as_str()));
        let told = action.facts.iter().filter(|fact| !is_of_an_operator(fact));
        told.filter(is_own).collect()
    }
}

/// How one operator stands: its times differ from action to action by chance, and would bury what differs in earnest. What
/// speaks against one is a warning, and stays.
fn is_of_an_operator(fact: &Fact) -> bool {
    let number = fact.label.strip_prefix("operator ");
    fact.kind != FactKind::Warning && number.is_some_and(|number| number.parse::<u64>().is_ok())
}

impl App {
    /// Whether the action is marked, as it is now.
    pub(crate) fn is_marked(&self, action: &ActionView) -> bool {
        self.marked.contains(&(action.id, action.digest))
    }

    /// Whether the action could be approved together with others: what would be refused alone is refused here, too.
    ///
    /// # Errors
    /// Why not.
    pub(crate) fn can_be_batched(&self, action: &ActionView) -> Result<(), String> {
        self.can_be_sent(action)?;
        if action.risk == Risk::Irreversible || action.phrase.is_some() {
            return Err("it cannot be undone by anybody: it is approved alone, by its phrase".to_owned());
        }
        if action.risk > Risk::Routine && !self.was_read(action) {
            return Err(format!(
                "it is {}: open it and have its summary on the screen in full first",
                action.risk.word()
            ));
        }
        Ok(())
    }

    /// Whether an approval of it would be taken.
    ///
    /// # Errors
    /// Why not.
    pub(crate) fn can_be_sent(&self, action: &ActionView) -> Result<(), String> {
        let sent = |p: &super::Pending| p.approves && p.counts() && p.subject == Subject::Action(action.id);
        if self.pending.iter().any(sent) {
            return Err(format!(
                "{} was approved already; waiting for the engine",
                action.id
            ));
        }
        if !action.waits() {
            return Err(format!("{} is {}", action.id, action.state.word()));
        }
        action.can_approve.check().map_err(ToString::to_string)
    }

    /// Whether its summary was on the screen in full, as it is now.
    fn was_read(&self, action: &ActionView) -> bool {
        let read = self.read.iter().find(|read| read.id == action.id);
        read.is_some_and(|read| read.is_shown_as(action))
    }

    /// The page on top was on the screen: where that was all of its summary, as it is now, it is remembered.
    pub(crate) fn remember_read(&mut self) {
        let Some(detail) = self
            .details
            .last()
            .filter(|detail| detail.front > 0 && detail.is_front_read())
        else {
            return;
        };
        let Some(seen) = detail.seen.as_deref() else {
            return;
        };
        let is_now = self
            .known()
            .action(seen.id)
            .is_some_and(|now| seen.is_shown_as(now));
        if is_now && seen.waits() && !self.was_read(seen) {
            let seen = seen.clone();
            self.read.retain(|read| read.id != seen.id);
            self.read.push(seen);
        }
    }

    /// The page of what is marked.
    pub(crate) fn batch(&self) -> Batch {
        let (mut fit, mut left_out) = (Vec::new(), Vec::new());
        for (id, digest) in &self.marked {
            match self.snapshot.action(*id) {
                Some(action) if action.digest == *digest => match self.can_be_batched(action) {
                    Ok(()) => fit.push(action.clone()),
                    Err(why) => left_out.push((*id, why)),
                },
                Some(_) => left_out.push((*id, "it changed since it was marked".to_owned())),
                None => left_out.push((*id, "it is gone".to_owned())),
            }
        }
        let place = |action: &ActionView| self.snapshot.actions.iter().position(|a| a.id == action.id);
        fit.sort_by_key(place);
        Batch::new(fit, left_out)
    }
}
