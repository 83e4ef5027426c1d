//! A pane without its row's type, so that all of them fit into one table. Rows are numbered as the pane has them.

use std::fmt;
use std::ops::Deref;

use casimir_dkg::view::{ListKind, RowId};
use ratatui::Frame;
use ratatui::layout::Rect;

use super::{Describe, Names, Standing};
use crate::console::app::{App, Known};
use crate::console::widgets::page::Page;
use crate::console::widgets::table::{Cell, Column};

/// One pane of the table. Two are the same when their titles are.
#[derive(Clone, Copy)]
pub(crate) struct Pane(pub(super) &'static dyn AnyPane);

impl Deref for Pane {
    type Target = dyn AnyPane;

    fn deref(&self) -> &Self::Target {
        self.0
    }
}

impl PartialEq for Pane {
    fn eq(&self, other: &Self) -> bool {
        self.title() == other.title()
    }
}

impl Eq for Pane {}

impl fmt::Debug for Pane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pane({})", self.title())
    }
}

impl Pane {
    /// Title of the pane and of its tab.
    pub(crate) fn title(self) -> &'static str {
        self.names().title
    }
}

/// What [`Describe`] says, row by number.
pub(crate) trait AnyPane: Sync {
    fn names(&self) -> Names;
    fn empty(&self) -> &'static str;
    fn columns(&self, alone: bool) -> &'static [Column];
    fn kind(&self) -> Option<ListKind>;
    fn badge(&self, app: &App) -> usize;

    /// How many rows there are, unfiltered.
    fn count(&self, known: Known<'_>) -> usize;
    /// Numbers of the rows that contain a text, without regard to case.
    fn matching(&self, known: Known<'_>, needle: &str) -> Vec<usize>;
    fn sorts(&self) -> &'static [&'static str];
    /// Puts rows into the order of that number, or the other way round.
    fn order(&self, known: Known<'_>, rows: &mut [usize], by: usize, turned: bool);
    fn id(&self, known: Known<'_>, row: usize) -> Option<RowId>;
    fn standing(&self, known: Known<'_>, row: usize) -> Option<Standing>;
    /// Where among these rows the one with this id is.
    fn position(&self, known: Known<'_>, rows: &[usize], id: RowId) -> Option<usize>;
    /// What Enter opens on the row with this id.
    fn opens(&self, known: Known<'_>, id: RowId) -> Option<RowId>;
    fn cells(&self, app: &App, row: usize, alone: bool) -> Vec<Cell>;
    fn height_beneath(&self, known: Known<'_>, row: usize) -> u16;
    fn draw_beneath(&self, frame: &mut Frame<'_>, area: Rect, app: &App, row: usize);
    /// The page of the row with this id, where the pane has both; its title.
    fn page(&self, page: &mut Page<'_>, app: &App, id: RowId) -> Option<String>;
    fn copyable(&self, known: Known<'_>, id: RowId) -> Vec<(String, String)>;
}

impl<T: Describe> AnyPane for T {
    fn names(&self) -> Names {
        Describe::names(self)
    }

    fn empty(&self) -> &'static str {
        Describe::empty(self)
    }

    fn columns(&self, alone: bool) -> &'static [Column] {
        Describe::columns(self, alone)
    }

    fn kind(&self) -> Option<ListKind> {
        Describe::kind(self)
    }

    fn badge(&self, app: &App) -> usize {
        Describe::badge(self, app)
    }

    fn count(&self, known: Known<'_>) -> usize {
        let rows = self.rows(known);
        rows.iter().filter(|row| self.shows(row)).count()
    }

    fn matching(&self, known: Known<'_>, needle: &str) -> Vec<usize> {
        let needle = needle.to_lowercase();
        let wanted = |row: &T::Row| {
            self.shows(row) && (needle.is_empty() || self.search(row).to_lowercase().contains(&needle))
        };
        let rows = self.rows(known);
        let wanted = rows.iter().enumerate().filter(|(_, row)| wanted(row));
        wanted.map(|(number, _)| number).collect()
    }

    fn sorts(&self) -> &'static [&'static str] {
        Describe::sorts(self)
    }

    fn order(&self, known: Known<'_>, rows: &mut [usize], by: usize, turned: bool) {
        let all = self.rows(known);
        rows.sort_by_cached_key(|row| all.get(*row).map(|row| Describe::place(self, row, by)));
        if turned {
            rows.reverse();
        }
    }

    fn id(&self, known: Known<'_>, row: usize) -> Option<RowId> {
        self.rows(known).get(row).map(|row| Describe::id(self, row))
    }

    fn standing(&self, known: Known<'_>, row: usize) -> Option<Standing> {
        self.rows(known).get(row).map(|row| Describe::standing(self, row))
    }

    fn position(&self, known: Known<'_>, rows: &[usize], id: RowId) -> Option<usize> {
        let all = self.rows(known);
        let is_it = |row: &usize| all.get(*row).is_some_and(|row| Describe::id(self, row) == id);
        rows.iter().position(is_it)
    }

    fn opens(&self, known: Known<'_>, id: RowId) -> Option<RowId> {
        find(self, known, id).map(|row| Describe::opens(self, row))
    }

    fn cells(&self, app: &App, row: usize, alone: bool) -> Vec<Cell> {
        let row = self.rows(app.known()).get(row);
        row.map_or_else(Vec::new, |row| Describe::cells(self, app, row, alone))
    }

    fn height_beneath(&self, known: Known<'_>, row: usize) -> u16 {
        let row = self.rows(known).get(row);
        row.map_or(0, |row| Describe::height_beneath(self, row))
    }

    fn draw_beneath(&self, frame: &mut Frame<'_>, area: Rect, app: &App, row: usize) {
        if let Some(row) = self.rows(app.known()).get(row) {
            Describe::draw_beneath(self, frame, area, app, row);
        }
    }

    fn page(&self, page: &mut Page<'_>, app: &App, id: RowId) -> Option<String> {
        let row = find(self, app.known(), id)?;
        Describe::page(self, page, app, row)
    }

    fn copyable(&self, known: Known<'_>, id: RowId) -> Vec<(String, String)> {
        find(self, known, id).map_or_else(Vec::new, |row| Describe::copyable(self, row))
    }
}

fn find<'a, T: Describe>(pane: &T, known: Known<'a>, id: RowId) -> Option<&'a T::Row> {
    pane.rows(known)
        .everything()
        .find(|row| Describe::id(pane, row) == id)
}
