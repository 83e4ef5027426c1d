//! State of one list: selection by id, filter, and the window that is on the screen.

use casimir_dkg::view::Snapshot;

use super::{Pane, RowId, rows};

/// One list.
#[derive(Debug, Clone)]
pub(crate) struct List {
    pub(crate) pane: Pane,
    pub(crate) selected: Option<RowId>,
    /// Substring, matched without regard to case.
    pub(crate) filter: String,
    /// Indices into the snapshot that pass the filter.
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
            filter: String::new(),
            rows: Vec::new(),
            offset: 0,
            height: 0,
        }
    }

    /// Applies the filter to a snapshot. The selection stays on its id; when that row is gone, it goes to the row that
    /// took its place.
    pub(crate) fn refresh(&mut self, snapshot: &Snapshot, position: Option<usize>) {
        let needle = self.filter.to_lowercase();
        self.rows = (0..rows::count(snapshot, self.pane))
            .filter(|i| {
                needle.is_empty()
                    || rows::haystack(snapshot, self.pane, *i)
                        .to_lowercase()
                        .contains(&needle)
            })
            .collect();
        if self.position(snapshot).is_none() {
            let at = position.unwrap_or(0).min(self.rows.len().saturating_sub(1));
            self.selected = self.rows.get(at).and_then(|i| rows::id(snapshot, self.pane, *i));
        }
    }

    /// Where the selected row is now, among the rows that pass the filter.
    pub(crate) fn position(&self, snapshot: &Snapshot) -> Option<usize> {
        let selected = self.selected?;
        self.rows
            .iter()
            .position(|i| rows::id(snapshot, self.pane, *i) == Some(selected))
    }

    /// Selects by position.
    pub(crate) fn select(&mut self, snapshot: &Snapshot, at: usize) {
        let at = at.min(self.rows.len().saturating_sub(1));
        self.selected = self.rows.get(at).and_then(|i| rows::id(snapshot, self.pane, *i));
    }

    /// Moves the window so that the selected row is in it; `height` rows are visible.
    pub(crate) fn scroll_to(&mut self, snapshot: &Snapshot, height: usize) {
        self.height = height;
        let at = self.position(snapshot).unwrap_or(0);
        let last = self.rows.len().saturating_sub(height);
        let lowest = (at + 1).saturating_sub(height);
        self.offset = self.offset.clamp(lowest.min(at), at.max(lowest)).min(last);
    }
}
