//! Panes: live lists of one kind of thing each. A pane is described once, in its own file, and listed in [`TABLE`]; tab
//! bar, number keys, filter, selection, details and copying follow from that.

mod approvals;
mod ceremonies;
mod events;
mod exits;
mod handle;
mod logs;
#[cfg(test)]
mod toy;
mod transactions;
mod validators;

use std::fmt;

use casimir_dkg::view::{ListKind, RowId};
use ratatui::Frame;
use ratatui::layout::Rect;

use crate::console::app::{App, Known, Stack};
use crate::console::widgets::page::Page;
use crate::console::widgets::table::{Cell, Column};

pub(crate) use handle::Pane;

pub(crate) const APPROVALS: Pane = Pane(&approvals::Approvals);
pub(crate) const EVENTS: Pane = Pane(&events::Events);
pub(crate) const CEREMONIES: Pane = Pane(&ceremonies::Ceremonies);
pub(crate) const TRANSACTIONS: Pane = Pane(&transactions::Transactions);
pub(crate) const EXITS: Pane = Pane(&exits::Exits);
pub(crate) const VALIDATORS: Pane = Pane(&validators::Validators);
pub(crate) const LOGS: Pane = Pane(&logs::Logs);

/// Every pane, in the order of the tabs. The overview is arranged by hand, in `overview`.
pub(crate) const TABLE: &[Pane] = &[
    APPROVALS,
    EVENTS,
    CEREMONIES,
    TRANSACTIONS,
    EXITS,
    VALIDATORS,
    LOGS,
];

/// What a pane is called: in its frame, and in narrow and in very narrow tab bars.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Names {
    pub(crate) title: &'static str,
    pub(crate) short: &'static str,
    pub(crate) shortest: &'static str,
}

impl Names {
    pub(super) const fn of(title: &'static str) -> Self {
        Self {
            title,
            short: title,
            shortest: title,
        }
    }
}

/// How much a row matters to whoever looks, the most first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Standing {
    /// Waits for a person.
    Waits,
    /// Is under way.
    Runs,
    /// Is neither under way nor over.
    Open,
    Over,
}

/// Where a row stands in one of the orders of its pane. What is asked for first comes first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    Number(i128),
    Word(String),
}

impl Place {
    /// What is larger, newer or worse comes first.
    pub(super) fn down(number: impl Into<i128>) -> Self {
        Self::Number(-number.into())
    }

    /// What is smaller or older comes first.
    pub(super) fn up(number: impl Into<i128>) -> Self {
        Self::Number(number.into())
    }

    pub(super) fn word(word: impl ToString) -> Self {
        Self::Word(word.to_string())
    }
}

/// A pane, described.
pub(crate) trait Describe: fmt::Debug + Sync + 'static {
    /// What a row is about.
    type Row;

    fn names(&self) -> Names;

    /// Says what will be here, while there is nothing.
    fn empty(&self) -> &'static str;

    /// `alone`: the pane has the screen to itself.
    fn columns(&self, alone: bool) -> &'static [Column];

    /// Where its rows are; [`Describe::shows`] chooses among them.
    fn rows<'a>(&self, known: Known<'a>) -> Stack<'a, Self::Row>;

    fn shows(&self, _: &Self::Row) -> bool {
        true
    }

    fn id(&self, row: &Self::Row) -> RowId;

    /// While nobody has picked a row, the selection is on the one that matters most.
    fn standing(&self, _: &Self::Row) -> Standing {
        Standing::Over
    }

    /// What the list can be sorted by, beside the order in which things matter.
    fn sorts(&self) -> &'static [&'static str] {
        &[]
    }

    /// Where a row stands in the order of that number.
    fn place(&self, _: &Self::Row, _: usize) -> Place {
        Place::up(0)
    }

    /// The text that a filter is matched against: what the row shows, and its ids in full.
    fn search(&self, row: &Self::Row) -> String;

    /// One for each column.
    fn cells(&self, app: &App, row: &Self::Row, alone: bool) -> Vec<Cell>;

    /// What Enter opens.
    fn opens(&self, row: &Self::Row) -> RowId {
        self.id(row)
    }

    /// The page of details of a row: builds it, and returns its title. The first pane of the table that has the row and
    /// a page for it is asked.
    fn page(&self, _: &mut Page<'_>, _: &App, _: &Self::Row) -> Option<String> {
        None
    }

    /// Label and value of what is worth copying in full, the most likely one first.
    fn copyable(&self, _: &Self::Row) -> Vec<(String, String)> {
        Vec::new()
    }

    /// The list of the engine that has more of these than the snapshot.
    fn kind(&self) -> Option<ListKind> {
        None
    }

    /// A number beside the title in the tab bar; 0 is not shown.
    fn badge(&self, _: &App) -> usize {
        0
    }

    /// Lines that are drawn beneath the list, about the selected row.
    fn height_beneath(&self, _: &Self::Row) -> u16 {
        0
    }

    fn draw_beneath(&self, _: &mut Frame<'_>, _: Rect, _: &App, _: &Self::Row) {}
}
