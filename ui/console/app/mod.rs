//! The model: all that the console knows. It is changed by `update` alone and read by the screens.

mod batch;
mod changes;
mod detail;
mod known;
mod list;
mod logs;
mod messages;
mod older;
mod overlay;
mod palette;
mod past;
mod pending;
mod remembered;
mod subject;
mod tab;
mod why_not;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use casimir_dkg::types::{ActionId, Root, UnixMillis};
use casimir_dkg::view::{ActionView, Mode, RowId, Seated, Snapshot, Transition};
use ratatui::layout::{Rect, Size};

use super::ExitReason;
use super::keys::{Key, KeyMap, Scene};
use super::msg::Now;
use super::screens::panes::{self, Pane};
use super::theme::{Theme, Token};

pub(crate) use batch::{Batch, Mark, Told};
pub(crate) use changes::changes;
pub(crate) use detail::{Detail, Target};
pub(crate) use known::{Known, Stack};
pub(crate) use list::List;
pub(crate) use logs::{Going, INDENT, Logs, words};
pub(crate) use messages::{Message, Messages};
pub(crate) use older::{Older, Reading};
pub(crate) use overlay::{Ask, Closed, CopyList, Editor, Field, FieldKind, Help, Meant, Overlay, Window};
pub(crate) use palette::{Entry, Palette, entries};
pub(crate) use past::{Past, moment};
pub(crate) use pending::{Pending, Subject};
pub(crate) use remembered::{Remembered, place};
pub(crate) use tab::Tab;

/// What does not change while the console runs.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) keys: KeyMap,
    /// In the order of the tabs.
    pub(crate) panes: Vec<Pane>,
    pub(crate) theme: Theme,
    /// What it can be switched to by name, itself first.
    pub(crate) themes: Vec<(String, Theme)>,
    /// No glyph outside ASCII.
    pub(crate) ascii: bool,
    pub(crate) animations: bool,
    /// Tell the user when an action begins to wait.
    pub(crate) notify: bool,
    /// How long after a question was painted its yes is dead.
    pub(crate) grace: Duration,
    pub(crate) read_only: bool,
    pub(crate) allow_suspend: bool,
    /// Whoever sits here, as the journal names them.
    pub(crate) you: String,
    /// The engine is another process's, and goes on without this console.
    pub(crate) attached: Option<Seated>,
    /// What leaving ends, where that is more than the engine of this process.
    pub(crate) leaving: Option<String>,
    /// The levers of a show's director, a line each; none where there is no show.
    pub(crate) levers: Vec<String>,
}

/// A message at the bottom that goes away by itself.
#[derive(Debug, Clone)]
pub(crate) struct Toast {
    pub(crate) text: String,
    pub(crate) token: Token,
    pub(crate) until: Duration,
}

/// What the director of a show said last, below everything else.
#[derive(Debug, Clone)]
pub(crate) struct Caption {
    pub(crate) words: String,
    /// None: until the next one.
    pub(crate) until: Option<Duration>,
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
    /// What is written there is done by this key.
    Key(Key),
    /// A row of what lies over the screen, by its number in the list.
    Item(usize),
}

/// The model.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) settings: Settings,
    pub(crate) snapshot: Arc<Snapshot>,
    /// Present while the snapshot is one of the past.
    pub(crate) past: Option<Past>,
    /// The ticket of the question for one.
    pub(crate) past_asked: Option<u64>,
    pub(crate) now: Now,
    pub(crate) size: Size,
    pub(crate) tab: Tab,
    /// The focused pane of the overview.
    pub(crate) focus: Pane,
    /// The panes that the overview had at its last draw; none before.
    pub(crate) shown: Vec<Pane>,
    /// One for each pane.
    lists: Vec<List>,
    /// What was read beyond the snapshot.
    pub(crate) older: Older,
    /// The action that was decided while it was selected in the approvals: when something follows, that is selected.
    pub(crate) decided: Option<ActionId>,
    /// What a batch is made of, in the order in which it was marked.
    pub(crate) marked: Vec<Mark>,
    /// Actions that wait and whose summaries were on the screen in full, as they were then.
    pub(crate) read: Vec<ActionView>,
    pub(crate) details: Vec<Detail>,
    pub(crate) overlay: Option<Overlay>,
    /// What the key that takes back stood for on the screen at the last draw.
    pub(crate) undo_shown: Option<ActionId>,
    pub(crate) toast: Option<Toast>,
    /// What was said at the bottom, whole, after it is gone from there.
    pub(crate) messages: Messages,
    /// At the last draw some line did not have all of its text.
    pub(crate) cut: bool,
    pub(crate) caption: Option<Caption>,
    pub(crate) pending: Vec<Pending>,
    pub(crate) next_ticket: u64,
    /// The newest thing that happened, and when it came.
    pub(crate) news: Option<(Duration, Transition)>,
    pub(crate) missed: u64,
    /// Actions for which the bell has rung.
    pub(crate) announced: HashSet<(ActionId, Root)>,
    pub(crate) mouse: bool,
    /// Which of the themes it has.
    pub(crate) theme: usize,
    /// The theme was chosen here, now or in an earlier run.
    pub(crate) theme_chosen: bool,
    /// What is searched for on pages and in the log; empty: nothing.
    pub(crate) search: String,
    /// The line of the page on which the search stands.
    pub(crate) found: Option<usize>,
    /// Which of how many places that is.
    pub(crate) found_at: Option<(usize, usize)>,
    pub(crate) leaving: Option<Leaving>,
    /// When the subject became another one without a key.
    pub(crate) moved: Option<Duration>,
    pub(crate) engine_gone: bool,
    /// For how long the engine has not answered, where that is long.
    pub(crate) silent: Option<Duration>,
    pub(crate) interrupted: bool,
    pub(crate) logs: Logs,
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
        let announced = snapshot.for_a_person().map(|a| (a.id, a.digest)).collect();
        let lists = settings.panes.iter().copied().map(List::new).collect();
        let mut app = Self {
            settings,
            snapshot,
            past: None,
            past_asked: None,
            now,
            size,
            tab: Tab::Overview,
            focus: panes::APPROVALS,
            shown: Vec::new(),
            lists,
            older: Older::default(),
            decided: None,
            marked: Vec::new(),
            read: Vec::new(),
            details: Vec::new(),
            overlay: None,
            undo_shown: None,
            toast: None,
            messages: Messages::default(),
            cut: false,
            caption: None,
            pending: Vec::new(),
            next_ticket: 1,
            news: None,
            missed: 0,
            announced,
            mouse,
            theme: 0,
            theme_chosen: false,
            search: String::new(),
            found: None,
            found_at: None,
            leaving: None,
            moved: None,
            engine_gone: false,
            silent: None,
            interrupted: false,
            logs: Logs::default(),
            hits: Vec::new(),
        };
        app.refresh_lists(|_| None);
        app
    }

    /// What is known, for looking things up.
    pub(crate) fn known(&self) -> Known<'_> {
        Known {
            snapshot: &self.snapshot,
            older: &self.older,
        }
    }

    /// What has the keyboard.
    pub(crate) fn scene(&self) -> Scene {
        match &self.overlay {
            Some(Overlay::Help(_)) => Scene::Help,
            Some(Overlay::Messages { .. }) => Scene::Messages,
            Some(Overlay::Palette(_)) => Scene::Palette,
            Some(Overlay::Quit { .. }) => Scene::Quit,
            Some(Overlay::Ask(_)) => Scene::Ask,
            Some(Overlay::Input(_)) => Scene::Input,
            Some(Overlay::Copy(_)) => Scene::Copy,
            Some(Overlay::Committee(_)) => Scene::Committee,
            Some(Overlay::Batch(_)) => Scene::Batch,
            Some(Overlay::Closed(_)) => Scene::Closed,
            None => self.scene_beneath(),
        }
    }

    /// What would have the keyboard without anything over it.
    pub(crate) fn scene_beneath(&self) -> Scene {
        if !self.details.is_empty() {
            Scene::Detail
        } else if self.pane() == panes::LOGS {
            Scene::Logs
        } else {
            Scene::List
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
        &self.lists[self.place(pane)]
    }

    fn place(&self, pane: Pane) -> usize {
        let place = self.settings.panes.iter().position(|p| *p == pane);
        place.expect("every pane that is drawn or selected is in the settings")
    }

    /// Changes a list, with what is known at hand.
    pub(crate) fn with_list<T>(&mut self, pane: Pane, change: impl FnOnce(&mut List, Known<'_>) -> T) -> T {
        let place = self.place(pane);
        let known = Known {
            snapshot: &self.snapshot,
            older: &self.older,
        };
        change(&mut self.lists[place], known)
    }

    /// Takes what is known now into every list; `position` says where each one's selection was.
    pub(crate) fn refresh_lists(&mut self, position: impl Fn(Pane) -> Option<usize>) {
        let known = Known {
            snapshot: &self.snapshot,
            older: &self.older,
        };
        for list in &mut self.lists {
            list.refresh(known, position(list.pane));
        }
    }

    /// A person is there: from now on selections do not move among equals.
    pub(crate) fn touched(&mut self) {
        for list in &mut self.lists {
            list.untouched = false;
        }
    }

    /// What is selected in each list, and whether a person has picked it.
    pub(crate) fn selections(&self) -> Vec<(Pane, Option<RowId>, bool)> {
        let selection = |list: &List| (list.pane, list.selected, list.picked);
        self.lists.iter().map(selection).collect()
    }

    /// Where each list's selection is.
    pub(crate) fn positions(&self) -> Vec<(Pane, Option<usize>)> {
        let position = |list: &List| (list.pane, list.position(self.known()));
        self.lists.iter().map(position).collect()
    }

    /// The moment that the screen shows: in the past nothing is as old as it is now.
    pub(crate) fn clock(&self) -> UnixMillis {
        match self.past {
            Some(_) => self.snapshot.at,
            None => self.now.wall,
        }
    }

    /// Nothing can be decided here: asked for, or the engine observes only, or this is the past.
    pub(crate) fn read_only(&self) -> bool {
        self.settings.read_only || self.past.is_some() || self.snapshot.mode == Mode::Observe
    }

    /// How many actions wait for a person. Of the past it is not known what a rule was about to decide.
    pub(crate) fn waiting_for_a_person(&self) -> usize {
        match self.past {
            Some(_) => self.snapshot.waiting().count(),
            None => self.snapshot.for_a_person().count(),
        }
    }

    /// Shows a message at the bottom for a while.
    pub(crate) fn say(&mut self, token: Token, text: impl Into<String>) {
        let text = text.into();
        self.tell(self.now.wall, token, text.clone());
        // long enough to be read
        let seconds = (4 + text.len() as u64 / 30).min(12);
        self.toast = Some(Toast {
            text,
            token,
            until: self.now.mono + Duration::from_secs(seconds),
        });
    }

    /// Keeps what one line says, so that it can be read whole and later.
    pub(crate) fn tell(&mut self, at: UnixMillis, token: Token, text: String) {
        self.messages.take(Message { at, token, text });
    }

    /// Another page or another search: it stands nowhere yet.
    pub(crate) fn forget_found(&mut self) {
        (self.found, self.found_at) = (None, None);
        self.logs.forget_found();
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
