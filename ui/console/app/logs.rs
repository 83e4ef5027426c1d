//! The log of this process: which of its lines are shown, and how far they are scrolled. A long line takes several rows,
//! so positions are a line's number and a row of it.

use std::collections::VecDeque;

use tracing::Level;

use crate::console::widgets::text;
use crate::log::{Entry, MOST};

/// `18:04:05 ERROR `: what stands before a line's words, and in front of the rows that it goes on in.
pub(crate) const INDENT: usize = 15;

const LEVELS: [Level; 5] = [Level::ERROR, Level::WARN, Level::INFO, Level::DEBUG, Level::TRACE];

/// How far to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Going {
    /// So many rows down.
    Rows(isize),
    /// So many windows down.
    Windows(isize),
    Oldest,
    Newest,
}

/// A row of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct At {
    /// Where the line is among those that are shown.
    line: usize,
    row: usize,
}

#[derive(Debug)]
pub(crate) struct Logs {
    entries: VecDeque<Entry>,
    /// Number of the oldest that is here: numbers stay while lines go.
    first: u64,
    level: Level,
    /// Number of the line and its row at the lower edge; none: the newest stay in view.
    bottom: Option<(u64, usize)>,
    /// The line on which the search stands.
    found: Option<u64>,
    /// Columns and rows of the pane at the last draw.
    pub(crate) columns: usize,
    pub(crate) height: usize,
}

impl Default for Logs {
    fn default() -> Self {
        Self {
            entries: VecDeque::new(),
            first: 0,
            level: Level::INFO,
            bottom: None,
            found: None,
            columns: 80,
            height: 10,
        }
    }
}

/// The words of a line, as they are shown and searched.
pub(crate) fn words(entry: &Entry) -> String {
    format!("{}: {}", entry.target, entry.text.trim_start())
}

fn has(entry: &Entry, needle: &str) -> bool {
    needle.is_empty() || words(entry).to_lowercase().contains(needle)
}

impl Logs {
    /// Takes lines in; the oldest go.
    pub(crate) fn take(&mut self, new: Vec<Entry>) {
        self.entries.extend(new);
        let over = self.entries.len().saturating_sub(MOST);
        self.entries.drain(..over);
        self.first += over as u64;
    }

    /// Less important lines too.
    pub(crate) fn more(&mut self) {
        self.set(1);
    }

    /// Only more important ones.
    pub(crate) fn less(&mut self) {
        self.set(-1);
    }

    fn set(&mut self, step: isize) {
        let at = LEVELS.iter().position(|l| *l == self.level).unwrap_or(2);
        self.level = LEVELS[at.saturating_add_signed(step).min(LEVELS.len() - 1)];
    }

    /// `info`
    pub(crate) fn level_name(&self) -> String {
        self.level.to_string().to_lowercase()
    }

    /// How many lines there are, and how many of them are shown.
    pub(crate) fn counts(&self, filter: &str) -> (usize, usize) {
        (self.entries.len(), self.shown(filter).len())
    }

    /// Whether what is on the screen stays there while lines come.
    pub(crate) fn is_held(&self) -> bool {
        self.bottom.is_some()
    }

    /// Numbers of the lines that pass level and filter, oldest first.
    fn shown(&self, filter: &str) -> Vec<u64> {
        let filter = filter.to_lowercase();
        let numbered = (self.first..).zip(&self.entries);
        let shown = numbered.filter(|(_, entry)| entry.level <= self.level && has(entry, &filter));
        shown.map(|(number, _)| number).collect()
    }

    fn entry(&self, number: u64) -> Option<&Entry> {
        let at = usize::try_from(number.checked_sub(self.first)?).ok()?;
        self.entries.get(at)
    }

    /// The rows that a line takes.
    pub(crate) fn rows(&self, entry: &Entry) -> Vec<String> {
        text::wrap(
            &text::clean(&words(entry)),
            self.columns.saturating_sub(INDENT).max(8),
        )
    }

    fn height_of(&self, shown: &[u64], line: usize) -> usize {
        let entry = shown.get(line).and_then(|number| self.entry(*number));
        entry.map_or(1, |entry| self.rows(entry).len())
    }

    fn last(&self, shown: &[u64]) -> At {
        let line = shown.len().saturating_sub(1);
        At {
            line,
            row: self.height_of(shown, line).saturating_sub(1),
        }
    }

    /// The row at the lower edge. A line that is not shown any more hands over to the one before it.
    fn lowest(&self, shown: &[u64]) -> At {
        let Some((number, row)) = self.bottom else {
            return self.last(shown);
        };
        match shown.binary_search(&number) {
            Ok(line) => At {
                line,
                row: row.min(self.height_of(shown, line).saturating_sub(1)),
            },
            Err(after) => {
                let line = after.saturating_sub(1);
                let row = self.height_of(shown, line).saturating_sub(1);
                At { line, row }.max(self.full(shown))
            }
        }
    }

    /// The highest that the lower edge can be with a full window.
    fn full(&self, shown: &[u64]) -> At {
        self.down(shown, At { line: 0, row: 0 }, self.height.saturating_sub(1))
    }

    fn up(&self, shown: &[u64], mut at: At, mut rows: usize) -> At {
        while rows > at.row && at.line > 0 {
            rows -= at.row + 1;
            at.line -= 1;
            at.row = self.height_of(shown, at.line).saturating_sub(1);
        }
        at.row = at.row.saturating_sub(rows);
        at
    }

    fn down(&self, shown: &[u64], mut at: At, mut rows: usize) -> At {
        loop {
            let left = self.height_of(shown, at.line).saturating_sub(at.row + 1);
            if rows <= left {
                at.row += rows;
                return at;
            }
            if at.line + 1 >= shown.len() {
                return self.last(shown);
            }
            rows -= left + 1;
            at = At {
                line: at.line + 1,
                row: 0,
            };
        }
    }

    /// Scrolls. At the end the newest lines stay in view as they come.
    pub(crate) fn go(&mut self, filter: &str, going: Going) {
        let shown = self.shown(filter);
        let page = self.height.saturating_sub(1).max(1);
        let from = self.lowest(&shown);
        let to = match going {
            Going::Newest => self.last(&shown),
            Going::Oldest => At { line: 0, row: 0 },
            Going::Rows(n) if n < 0 => self.up(&shown, from, n.unsigned_abs()),
            Going::Rows(n) => self.down(&shown, from, n.unsigned_abs()),
            Going::Windows(n) if n < 0 => self.up(&shown, from, n.unsigned_abs() * page),
            Going::Windows(n) => self.down(&shown, from, n.unsigned_abs() * page),
        };
        self.hold(&shown, to);
    }

    /// Puts a row at the lower edge, but never so high that the window is not full.
    fn hold(&mut self, shown: &[u64], at: At) {
        let at = at.max(self.full(shown));
        self.bottom = match shown.get(at.line) {
            Some(number) if at < self.last(shown) => Some((*number, at.row)),
            _ => None,
        };
    }

    /// The next line that has it, or the one before, around the end; which of how many it is. The first time it is the
    /// newest above the lower edge.
    pub(crate) fn find(&mut self, filter: &str, needle: &str, steps: isize) -> Option<(usize, usize)> {
        let (shown, needle) = (self.shown(filter), needle.to_lowercase());
        let is_hit = |number: &u64| self.entry(*number).is_some_and(|entry| has(entry, &needle));
        let hits: Vec<u64> = shown.iter().copied().filter(is_hit).collect();
        let last = hits.len().checked_sub(1)?;
        let at = match self.found {
            Some(number) if steps > 0 => hits.iter().position(|hit| *hit > number).unwrap_or(0),
            Some(number) => hits.iter().rposition(|hit| *hit < number).unwrap_or(last),
            None => {
                let edge = shown.get(self.lowest(&shown).line).copied().unwrap_or(u64::MAX);
                hits.iter().rposition(|hit| *hit <= edge).unwrap_or(last)
            }
        };
        let number = hits[at];
        self.found = Some(number);
        let line = shown.binary_search(&number).unwrap_or(0);
        let row = self.height_of(&shown, line).saturating_sub(1);
        self.hold(&shown, At { line, row });
        Some((at + 1, hits.len()))
    }

    /// Another search begins.
    pub(crate) fn forget_found(&mut self) {
        self.found = None;
    }

    /// What the pane shows: lines with the rows of them that are in the window, from above.
    pub(crate) fn window(&self, filter: &str) -> Vec<(&Entry, Vec<String>, usize)> {
        let shown = self.shown(filter);
        let mut left = self.height;
        let mut out = Vec::new();
        let lowest = self.lowest(&shown);
        for line in (0..=lowest.line).rev() {
            let Some(entry) = shown.get(line).and_then(|number| self.entry(*number)) else {
                break;
            };
            let mut rows = self.rows(entry);
            if line == lowest.line {
                rows.truncate(lowest.row + 1);
            }
            let skipped = rows.len().saturating_sub(left);
            left -= rows.len() - skipped;
            rows.drain(..skipped);
            out.push((entry, rows, skipped));
            if left == 0 {
                break;
            }
        }
        out.reverse();
        out
    }
}

#[cfg(test)]
mod tests {
    use casimir_dkg::types::UnixMillis;

    use super::*;

    fn logs(lines: &[&str]) -> Logs {
        let mut logs = Logs {
            columns: INDENT + 20,
            height: 3,
            ..Logs::default()
        };
        let entry = |text: &&str| Entry {
            at: UnixMillis(0),
            level: if text.contains("bad") {
                Level::WARN
            } else {
                Level::INFO
            },
            target: "t".to_owned(),
            text: (*text).to_owned(),
        };
        logs.take(lines.iter().map(entry).collect());
        logs
    }

    fn seen(logs: &Logs, filter: &str) -> Vec<String> {
        let window = logs.window(filter);
        window.into_iter().flat_map(|(_, rows, _)| rows).collect()
    }

    #[test]
    fn it_scrolls_by_rows_and_holds_while_lines_come() {
        let mut logs = logs(&["1", "2", "3 is long enough to be wrapped", "4", "5"]);
        assert_eq!(seen(&logs, ""), ["to be wrapped", "t: 4", "t: 5"]);
        logs.go("", Going::Rows(-1));
        let held = ["t: 3 is long enough", "to be wrapped", "t: 4"];
        assert_eq!(seen(&logs, ""), held);
        logs.take(vec![logs.entries[0].clone()]);
        assert_eq!(seen(&logs, ""), held, "a new line moves nothing");
        logs.go("", Going::Rows(-1));
        logs.go("", Going::Rows(-1));
        assert_eq!(seen(&logs, ""), ["t: 1", "t: 2", "t: 3 is long enough"]);
        logs.go("", Going::Rows(-3));
        assert_eq!(seen(&logs, "").len(), 3, "the window stays full");
        logs.go("", Going::Windows(1));
        assert_eq!(seen(&logs, ""), ["t: 3 is long enough", "to be wrapped", "t: 4"]);
        logs.go("", Going::Newest);
        assert!(!logs.is_held());
        logs.go("", Going::Rows(-1));
        logs.go("", Going::Rows(1));
        assert!(!logs.is_held(), "at the end it follows again");
        logs.go("", Going::Oldest);
        assert_eq!(seen(&logs, "")[0], "t: 1");
    }

    #[test]
    fn level_and_filter_leave_lines_out() {
        let mut logs = logs(&["pool 1", "bad pool 2", "Pool 3", "other"]);
        assert_eq!(seen(&logs, "pool"), ["t: pool 1", "t: bad pool 2", "t: Pool 3"]);
        assert_eq!(logs.counts("pool"), (4, 3));
        logs.less();
        assert_eq!(seen(&logs, "pool"), ["t: bad pool 2"]);
        assert_eq!(logs.level_name(), "warn");
        logs.more();
        assert!(seen(&logs, "no such words").is_empty());
        // a line that held the window and is filtered away hands over to the one before it
        logs.go("", Going::Rows(-1));
        assert_eq!(seen(&logs, "bad"), ["t: bad pool 2"]);
    }

    #[test]
    fn a_search_goes_from_line_to_line_and_around_the_end() {
        let mut logs = logs(&["pool 1", "a", "b", "c", "pool 2", "d", "e", "f"]);
        assert_eq!(logs.find("", "POOL", 1), Some((2, 2)), "the newest first");
        assert!(seen(&logs, "").contains(&"t: pool 2".to_owned()));
        assert_eq!(logs.find("", "pool", 1), Some((1, 2)));
        assert!(seen(&logs, "").contains(&"t: pool 1".to_owned()));
        assert_eq!(logs.find("", "pool", -1), Some((2, 2)));
        assert_eq!(logs.find("", "nowhere", 1), None);
        assert_eq!(logs.find("d", "pool", 1), None, "only what is shown is searched");
    }

    #[test]
    fn the_oldest_lines_go_and_numbers_stay() {
        let mut logs = logs(&["0"]);
        let line = logs.entries[0].clone();
        logs.take(vec![line.clone(); MOST - 1]);
        logs.go("", Going::Oldest);
        logs.take(vec![line; 10]);
        assert_eq!((logs.entries.len(), logs.first), (MOST, 10));
        assert_eq!(
            seen(&logs, "").len(),
            3,
            "what was at the edge is gone, the window is not empty"
        );
    }
}
