//! Several like actions on one page: which are marked, and what the page shows of them.

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

    /// What is told of all of them with the same value, in the order of the first.
    pub(crate) fn shared(&self) -> Vec<Told> {
        let Some((first, rest)) = self.actions.split_first() else {
            return Vec::new();
        };
        let rest: Vec<_> = rest.iter().map(told).collect();
        let mut all = told(first);
        all.retain(|one| rest.iter().all(|other| other.contains(one)));
        all
    }

    /// Whether something is said of each operator, which the page of each action has and this one has not.
    pub(crate) fn leaves_operators_out(&self) -> bool {
        let mut facts = self.actions.iter().flat_map(|action| &action.facts);
        facts.any(is_of_an_operator)
    }

    /// What is told of an action and not of all of them.
    pub(crate) fn own(&self, action: &ActionView) -> Vec<Told> {
        let shared = self.shared();
        let mut all = told(action);
        all.retain(|one| !shared.contains(one));
        all
    }
}

/// A label with its whole value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) label: String,
    pub(crate) value: String,
    /// The reader should stop at it.
    pub(crate) warns: bool,
}

/// What is told of an action. A fact without a label goes on with the one before, and must not be parted from it: a
/// committee of four would read as one operator.
fn told(action: &ActionView) -> Vec<Told> {
    let mut out: Vec<Told> = Vec::new();
    for fact in action.facts.iter().filter(|fact| !is_of_an_operator(fact)) {
        match out.last_mut() {
            Some(before) if fact.label.is_empty() => {
                before.value = format!("{}, {}", before.value, fact.value);
                before.warns |= fact.kind == FactKind::Warning;
            }
            _ => out.push(Told {
                label: fact.label.clone(),
                value: fact.value.to_string(),
                warns: fact.kind == FactKind::Warning,
            }),
        }
    }
    out
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
        if let Some(worse) = action.worse() {
            return Err(format!(
                "{}: it is approved alone, or with another committee",
                worse.brief()
            ));
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
        if let Some(words) = self.my_approval(action) {
            return Err(words);
        }
        let sent = |p: &super::Pending| p.approves && p.counts() && p.subject == Subject::Action(action.id);
        if self.pending.iter().any(sent) {
            return Err(format!(
                "{} was approved already; waiting for the engine",
                action.id
            ));
        }
        if !action.takes_approval() {
            return Err(format!("{} is {}", action.id, action.standing()));
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
        if is_now && seen.takes_approval() && !self.was_read(seen) {
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
