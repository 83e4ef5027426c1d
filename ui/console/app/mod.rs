//! The model: all that the console knows. It is changed by `update` alone and read by the screens.

mod changes;
mod detail;
mod list;
mod overlay;
mod pane;
mod pending;
pub(crate) mod rows;
mod subject;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use casimir_dkg::types::{ActionId, Root};
use casimir_dkg::view::{Mode, Snapshot, Transition};
use ratatui::layout::{Rect, Size};

use super::ExitReason;
use super::keys::{KeyMap, Scene};
use super::msg::Now;
use super::theme::{Theme, Token};
use super::widgets::log::LogPane;

pub(crate) use changes::changes;
pub(crate) use detail::{Detail, Target};
pub(crate) use list::List;
pub(crate) use overlay::{Ask, CopyList, Editor, Field, FieldKind, Overlay};
pub(crate) use pane::{Pane, Tab};
pub(crate) use pending::{Pending, Subject};
pub(crate) use rows::RowId;

/// What does not change while the console runs.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) keys: KeyMap,
    pub(crate) theme: Theme,
    /// No glyph outside ASCII.
    pub(crate) ascii: bool,
    pub(crate) animations: bool,
    /// Tell the user when an action begins to wait.
    pub(crate) notify: bool,
    /// How long after a question was painted its yes is dead.
    pub(crate) grace: Duration,
    pub(crate) read_only: bool,
    pub(crate) allow_suspend: bool,
}

/// A message at the bottom that goes away by itself.
#[derive(Debug, Clone)]
pub(crate) struct Toast {
    pub(crate) text: String,
    pub(crate) token: Token,
    pub(crate) until: Duration,
}

/// The console is about to end and waits for the engine.
#[derive(Debug, Clone)]
pub(crate) struct Leaving {
    pub(crate) reason: ExitReason,
    pub(crate) ticket: u64,
    pub(crate) deadline: Duration,
}

/// A place on the screen that the mouse can click.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hit {
    Tab(Tab),
    /// Rows of a list, the first visible one on top.
    Rows(Pane),
    Pane(Pane),
}

/// The model.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) settings: Settings,
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) now: Now,
    pub(crate) size: Size,
    pub(crate) tab: Tab,
    /// The focused pane of the overview.
    pub(crate) focus: Pane,
    pub(crate) lists: [List; Pane::ALL.len()],
    pub(crate) details: Vec<Detail>,
    pub(crate) overlay: Option<Overlay>,
    pub(crate) toast: Option<Toast>,
    pub(crate) pending: Vec<Pending>,
    pub(crate) next_ticket: u64,
    /// The newest thing that happened, and when it came.
    pub(crate) news: Option<(Duration, Transition)>,
    pub(crate) missed: u64,
    /// Actions for which the bell has rung.
    pub(crate) announced: HashSet<(ActionId, Root)>,
    pub(crate) mouse: bool,
    pub(crate) leaving: Option<Leaving>,
    pub(crate) engine_gone: bool,
    pub(crate) interrupted: bool,
    pub(crate) logs: LogPane,
    /// Filled by the last draw.
    pub(crate) hits: Vec<(Rect, Hit)>,
}

impl App {
    pub(crate) fn new(
        settings: Settings,
        snapshot: Arc<Snapshot>,
        now: Now,
        size: Size,
        mouse: bool,
    ) -> Self {
        let announced = snapshot.waiting().map(|a| (a.id, a.digest)).collect();
        let mut lists = Pane::ALL.map(List::new);
        for list in &mut lists {
            list.refresh(&snapshot, None);
        }
        Self {
            settings,
            snapshot,
            now,
            size,
            tab: Tab::Overview,
            focus: Pane::Approvals,
            lists,
            details: Vec::new(),
            overlay: None,
            toast: None,
            pending: Vec::new(),
            next_ticket: 1,
            news: None,
            missed: 0,
            announced,
            mouse,
            leaving: None,
            engine_gone: false,
            interrupted: false,
            logs: LogPane::default(),
            hits: Vec::new(),
        }
    }

    /// What has the keyboard.
    pub(crate) fn scene(&self) -> Scene {
        match &self.overlay {
            Some(Overlay::Help { .. }) => Scene::Help,
            Some(Overlay::Quit { .. }) => Scene::Quit,
            Some(Overlay::Ask(_)) => Scene::Ask,
            Some(Overlay::Input(_)) => Scene::Input,
            Some(Overlay::Copy(_)) => Scene::Copy,
            Some(Overlay::Committee(_)) => Scene::Committee,
            None if !self.details.is_empty() => Scene::Detail,
            None if self.pane() == Pane::Logs => Scene::Logs,
            None => Scene::List,
        }
    }

    /// The pane that has the focus.
    pub(crate) fn pane(&self) -> Pane {
        match self.tab {
            Tab::Overview => self.focus,
            Tab::Only(pane) => pane,
        }
    }

    pub(crate) fn list(&self, pane: Pane) -> &List {
        &self.lists[pane as usize]
    }

    pub(crate) fn list_mut(&mut self, pane: Pane) -> &mut List {
        &mut self.lists[pane as usize]
    }

    /// Nothing can be decided here: asked for, or the engine observes only.
    pub(crate) fn read_only(&self) -> bool {
        self.settings.read_only || self.snapshot.mode == Mode::Observe
    }

    /// Shows a message at the bottom for a while.
    pub(crate) fn say(&mut self, token: Token, text: impl Into<String>) {
        let text = text.into();
        // long enough to be read
        let seconds = (4 + text.len() as u64 / 30).min(12);
        self.toast = Some(Toast {
            text,
            token,
            until: self.now.mono + Duration::from_secs(seconds),
        });
    }

    /// A number for the next request.
    pub(crate) fn ticket(&mut self) -> u64 {
        self.next_ticket += 1;
        self.next_ticket - 1
    }

    pub(crate) fn style(&self, token: Token) -> ratatui::style::Style {
        self.settings.theme.get(token)
    }

    /// Some ceremony runs or some request is on its way: what moves may move.
    pub(crate) fn busy(&self) -> bool {
        self.leaving.is_some()
            || self.snapshot.ceremonies.iter().any(|c| c.ended.is_none())
            || self.pending.iter().any(|p| p.reply.is_none())
    }
}
