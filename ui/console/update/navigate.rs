//! Moving: panes, rows, pages, and into and out of detail views.

use casimir_dkg::view::RowId;

use super::*;
use crate::console::app::{Detail, Going, Tab, Target};
use crate::console::keys::Command;
use crate::console::screens::overview;
use crate::console::screens::panes::LOGS;

/// How far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Lines(isize),
    Pages(isize),
    Top,
    Bottom,
}

impl Step {
    /// What a command of the group that moves means.
    pub(super) fn of(command: Command) -> Self {
        match command {
            Command::Up => Self::Lines(-1),
            Command::Down => Self::Lines(1),
            Command::PageUp => Self::Pages(-1),
            Command::PageDown => Self::Pages(1),
            Command::Top => Self::Top,
            _ => Self::Bottom,
        }
    }

    fn is_downwards(self) -> bool {
        match self {
            Step::Lines(n) | Step::Pages(n) => n > 0,
            Step::Top => false,
            Step::Bottom => true,
        }
    }

    /// From `at`, in a list of `len` rows of which `page` are visible.
    fn apply(self, at: usize, len: usize, page: usize) -> usize {
        let page = isize::try_from(page.max(2) - 1).unwrap_or(1);
        let to = match self {
            Step::Lines(n) => at.saturating_add_signed(n),
            Step::Pages(n) => at.saturating_add_signed(n * page),
            Step::Top => 0,
            Step::Bottom => usize::MAX,
        };
        to.min(len.saturating_sub(1))
    }
}

/// Moves whatever has the keyboard. At the end of a list what is older is read.
pub(super) fn step(app: &mut App, step: Step) -> Vec<Effect> {
    let pane = app.pane();
    match &mut app.overlay {
        // drawing knows how long the help is at this width
        Some(Overlay::Help(help)) => help.scroll = step.apply(help.scroll, 1_000, 10),
        Some(Overlay::Messages { scroll }) => *scroll = step.apply(*scroll, 10_000, 10),
        Some(Overlay::Palette(palette)) => palette.selected = step.apply(palette.selected, 1_000, 10),
        Some(Overlay::Copy(list)) => list.selected = step.apply(list.selected, list.values.len(), 5),
        Some(Overlay::Committee(editor)) => {
            editor.selected = step.apply(editor.selected, app.snapshot.operators.len(), 10);
        }
        Some(Overlay::Batch(batch)) => {
            batch.scroll = step.apply(batch.scroll, batch.max_scroll + 1, batch.height);
        }
        Some(_) => {}
        None if !app.details.is_empty() => {
            if let Some(detail) = app.details.last_mut() {
                detail.scroll = step.apply(detail.scroll, detail.max_scroll + 1, detail.height);
            }
        }
        None if pane == LOGS => {
            let going = match step {
                Step::Lines(n) => Going::Rows(n),
                Step::Pages(n) => Going::Windows(n),
                Step::Top => Going::Oldest,
                Step::Bottom => Going::Newest,
            };
            let filter = app.list(LOGS).filter.clone();
            app.logs.go(&filter, going);
        }
        None => {
            app.decided = None;
            let at_the_end = app.with_list(pane, |list, known| {
                let at = list.position(known).unwrap_or(0);
                let to = step.apply(at, list.rows.len(), list.height);
                list.pick(known, to);
                to + 1 >= list.rows.len()
            });
            if at_the_end && step.is_downwards() {
                return read::on(app, pane);
            }
        }
    }
    vec![]
}

/// Goes to a tab and leaves detail views.
pub(super) fn tab(app: &mut App, tab: Tab) {
    app.tab = tab;
    app.details.clear();
    app.forget_found();
}

/// Goes to the tab of a number key, where there is one.
pub(super) fn numbered(app: &mut App, number: u8) {
    match Tab::numbered(&app.settings.panes, number) {
        Some(to) => tab(app, to),
        None => {
            let last = Tab::all(&app.settings.panes).count();
            app.say(
                Token::Info,
                format!("there is no pane {number}: 1 is the overview, 2 to {last} are the panes"),
            );
        }
    }
}

/// The focused pane on the whole screen, and back.
pub(super) fn zoom(app: &mut App) {
    match app.tab {
        Tab::Overview => app.tab = Tab::Only(app.focus),
        Tab::Only(pane) => {
            app.tab = Tab::Overview;
            if overview::panes(app.size).contains(&pane) {
                app.focus = pane;
            }
        }
    }
}

/// The next pane of the overview, or the next tab.
pub(super) fn next(app: &mut App, steps: isize) {
    if !app.details.is_empty() {
        return app.say(Token::Info, "a page is open: esc goes back to the panes");
    }
    match app.tab {
        Tab::Overview => {
            let panes = match app.shown.is_empty() {
                true => overview::panes(app.size),
                false => app.shown.clone(),
            };
            let at = panes.iter().position(|p| *p == app.focus).unwrap_or(0) as isize;
            let len = panes.len().max(1) as isize;
            if let Some(pane) = panes.get((at + steps).rem_euclid(len) as usize) {
                app.focus = *pane;
            }
        }
        other => app.tab = other.step(&app.settings.panes, steps),
    }
}

/// Opens the selected row; in a detail view goes to what it points to.
pub(super) fn open(app: &mut App) -> Vec<Effect> {
    let Some(subject) = app.subject() else {
        let why = match app.details.last() {
            Some(_) => "this page points to nothing; esc goes back",
            None => "nothing here to open",
        };
        app.say(Token::Info, why);
        return vec![];
    };
    let target = if app.details.is_empty() {
        app.decided = None;
        app.with_list(app.pane(), |list, _| list.picked = true);
        app.pane().opens(app.known(), subject)
    } else {
        follow(app, subject)
    };
    match target {
        Some(target) => push(app, Target::Row(target)),
        None => {
            app.say(Token::Info, "nothing further to go to");
            vec![]
        }
    }
}

/// What matters most behind a thing: the waiting action, then the ceremony, then the case.
fn follow(app: &App, subject: RowId) -> Option<RowId> {
    let known = app.known();
    match subject {
        RowId::Case(id) | RowId::Exit(id) => {
            let case = known.case(id)?;
            case.action
                .map(RowId::Action)
                .or(case.ceremony.map(RowId::Ceremony))
        }
        RowId::Transaction(action) => Some(RowId::Action(action)),
        RowId::Action(action) => Some(RowId::Case(action.case)),
        RowId::Ceremony(id) => Some(RowId::Case(known.ceremony(id)?.case)),
        RowId::Validator(key) => {
            let pool = app.subject_validator()?.pool;
            let cases = known.cases_of(pool);
            let case = cases.iter().find(|case| case.validator == Some(key))?;
            Some(RowId::Case(case.id))
        }
    }
}

/// Opens the status page.
pub(super) fn status(app: &mut App) -> Vec<Effect> {
    push(app, Target::Status)
}

/// Opens the page of charts.
pub(super) fn charts(app: &mut App) -> Vec<Effect> {
    push(app, Target::Charts)
}

/// Opens a detail view, unless it is the one on top. Going back and forth between two does not pile them up.
pub(super) fn push(app: &mut App, target: Target) -> Vec<Effect> {
    if app.details.last().is_some_and(|d| d.target == target) {
        app.say(Token::Info, "this page is open already; esc goes back");
        return vec![];
    }
    let beneath = app.details.len().checked_sub(2).map(|i| app.details[i].target);
    if beneath == Some(target) {
        app.details.pop();
        return vec![];
    }
    let seen = match target {
        Target::Row(RowId::Action(id)) => app.known().action(id),
        _ => None,
    };
    let detail = Detail::new(target, seen);
    app.forget_found();
    app.details.push(detail);
    read::opened(app)
}

/// Closes what is on top.
pub(super) fn close(app: &mut App) {
    match app.overlay.take() {
        Some(Overlay::Input(field)) => field::cancelled(app, field),
        Some(_) => {}
        None => {
            app.details.pop();
            app.forget_found();
        }
    }
}
