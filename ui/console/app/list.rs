//! State of one list: selection by id, filter, and the window that is on the screen.

use casimir_dkg::view::RowId;

use super::Known;
use crate::console::screens::panes::Pane;

/// One list.
#[derive(Debug, Clone)]
pub(crate) struct List {
    pub(crate) pane: Pane,
    pub(crate) selected: Option<RowId>,
    /// Where the selected row was last: looked at first, since it is there nearly always.
    last_at: usize,
    /// Substring, matched without regard to case.
    pub(crate) filter: String,
    /// How many rows there are, unfiltered.
    pub(crate) count: usize,
    /// Numbers of the pane's rows that pass the filter.
    pub(crate) rows: Vec<usize>,
    /// First visible row.
    pub(crate) offset: usize,
    /// Rows visible at the last draw.
    pub(crate) height: usize,
}

impl List {
    pub(crate) fn new(pane: Pane) -> Self {
        Self {
            pane,
            selected: None,
            last_at: 0,
            filter: String::new(),
            count: 0,
            rows: Vec::new(),
            offset: 0,
            height: 0,
        }
    }

    /// Applies the filter to what is known. The selection stays on its id; when that row is gone, it goes to the row that
    /// took its place, at `position`.
    pub(crate) fn refresh(&mut self, known: Known<'_>, position: Option<usize>) {
        self.count = self.pane.count(known);
        self.rows = self.pane.matching(known, &self.filter);
        match self.position(known) {
            Some(at) => self.last_at = at,
            None => self.select(known, position.unwrap_or(0)),
        }
    }

    /// Where the selected row is now, among the rows that pass the filter.
    pub(crate) fn position(&self, known: Known<'_>) -> Option<usize> {
        let selected = self.selected?;
        let last = self.rows.get(self.last_at);
        if last.is_some_and(|row| self.pane.id(known, *row) == Some(selected)) {
            return Some(self.last_at);
        }
        self.pane.position(known, &self.rows, selected)
    }

    /// Selects by position.
    pub(crate) fn select(&mut self, known: Known<'_>, at: usize) {
        let at = at.min(self.rows.len().saturating_sub(1));
        self.selected = self.rows.get(at).and_then(|row| self.pane.id(known, *row));
        self.last_at = at;
    }

    /// Moves the window so that the selected row is in it; `height` rows are visible.
    pub(crate) fn scroll_to(&mut self, known: Known<'_>, height: usize) {
        self.height = height;
        let at = self.position(known).unwrap_or(0);
        let last = self.rows.len().saturating_sub(height);
        let lowest = (at + 1).saturating_sub(height);
        self.offset = self.offset.clamp(lowest.min(at), at.max(lowest)).min(last);
    }
}
