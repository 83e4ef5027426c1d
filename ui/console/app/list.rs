//! State of one list: selection by id, filter, and the window that is on the screen.

use casimir_dkg::view::RowId;

use super::Known;
use crate::console::screens::panes::{APPROVALS, Pane, Standing};

#[derive(Debug, Clone)]
pub(crate) struct List {
    pub(crate) pane: Pane,
    pub(crate) selected: Option<RowId>,
    /// A person chose the selected row: it stays. Else the selection follows what matters.
    pub(crate) picked: bool,
    /// Nobody has pressed a key yet: in the approvals, the first that waits takes the selection, even among equals.
    pub(crate) untouched: bool,
    /// Where the selected row was last: looked at first, since it is there nearly always.
    last_at: usize,
    /// Substring, matched without regard to case.
    pub(crate) filter: String,
    /// Which of the pane's orders it has, and whether the other way round; none: that in which things matter.
    pub(crate) sort: Option<(usize, bool)>,
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
            picked: false,
            untouched: true,
            last_at: 0,
            filter: String::new(),
            sort: None,
            count: 0,
            rows: Vec::new(),
            offset: 0,
            height: 0,
        }
    }

    /// Applies the filter to what is known. A picked row stays selected; when it is gone, the row that took its place is,
    /// at `position`. Where nobody has picked one, the row that matters most is.
    pub(crate) fn refresh(&mut self, known: Known<'_>, position: Option<usize>) {
        self.count = self.pane.count(known);
        self.rows = self.pane.matching(known, &self.filter);
        if let Some((by, turned)) = self.sort {
            self.pane.order(known, &mut self.rows, by, turned);
        }
        match self.position(known) {
            Some(at) => self.last_at = at,
            None => self.select(known, position.unwrap_or(0)),
        }
        if !self.picked {
            self.follow(known);
        }
    }

    /// Selects what matters most: what waits, else what is under way, else the first row, which is the newest. What waits
    /// or is under way keeps the selection until it does no longer, so that it does not jump among equals under a person's
    /// eyes. Before the first key that is nobody's: what was prepared first by chance is not where a newcomer begins.
    fn follow(&mut self, known: Known<'_>) {
        let standing = |row: &usize| self.pane.standing(known, *row).unwrap_or(Standing::Over);
        let Some((best, at)) = best(self.rows.iter().map(standing)) else {
            return;
        };
        let now = self.position(known).map(|at| standing(&self.rows[at]));
        let nobody_reads = self.untouched && self.pane == APPROVALS && best == Standing::Waits;
        if now != Some(best) || best > Standing::Runs || nobody_reads {
            self.select(known, at);
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

    /// Selects by position, for a person.
    pub(crate) fn pick(&mut self, known: Known<'_>, at: usize) {
        self.select(known, at);
        self.picked = true;
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

/// The best standing, and where it is first.
fn best(standings: impl Iterator<Item = Standing>) -> Option<(Standing, usize)> {
    let mut found: Option<(Standing, usize)> = None;
    for (at, standing) in standings.enumerate() {
        if found.is_none_or(|(best, _)| standing < best) {
            found = Some((standing, at));
        }
        if standing == Standing::Waits {
            break;
        }
    }
    found
}
