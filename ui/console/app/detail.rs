//! Detail views: a stack over the panes.

use casimir_dkg::view::{ActionView, RowId};

/// What a detail view is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    Row(RowId),
    /// Network, endpoints, operators, journal.
    Status,
    /// What is measured again and again.
    Charts,
}

/// One detail view.
#[derive(Debug, Clone)]
pub(crate) struct Detail {
    pub(crate) target: Target,
    pub(crate) scroll: usize,
    /// Lines of the page beyond the window, at the last draw.
    pub(crate) max_scroll: usize,
    /// Rows of the window at the last draw.
    pub(crate) height: usize,
    /// Lines of the page that must have been on the screen before it is decided, at the last draw.
    pub(crate) front: usize,
    /// Where in them something begins, and what it is called.
    pub(crate) named: Vec<(usize, String)>,
    /// The first so many lines were on the screen.
    pub(crate) read: usize,
    /// For which width lines are counted.
    pub(crate) width: u16,
    /// Bytes and long prose are open.
    pub(crate) unfolded: bool,
    /// Lines that have what is searched for, at the last draw.
    pub(crate) hits: Vec<usize>,
    /// It was painted at least once: before that nothing in it can be decided.
    pub(crate) drawn: bool,
    /// For an action: as the user first saw it, or last said to have seen it.
    pub(crate) seen: Option<Box<ActionView>>,
}

impl Detail {
    pub(crate) fn new(target: Target, seen: Option<&ActionView>) -> Self {
        Self {
            target,
            scroll: 0,
            max_scroll: 0,
            height: 0,
            front: 0,
            named: Vec::new(),
            read: 0,
            width: 0,
            unfolded: false,
            hits: Vec::new(),
            drawn: false,
            seen: seen.cloned().map(Box::new),
        }
    }

    /// What is on the screen now was seen, where it follows on what was seen before.
    pub(crate) fn looked_at(&mut self) {
        self.drawn = true;
        if self.scroll <= self.read {
            self.read = self.read.max(self.scroll + self.height);
        }
    }

    /// Whether everything that must be seen was on the screen.
    pub(crate) fn is_front_read(&self) -> bool {
        self.read >= self.front
    }

    /// What must be seen and was not on the screen to its end: names, each once.
    pub(crate) fn unseen(&self) -> Vec<&str> {
        let ends = self.named.iter().skip(1).map(|(at, _)| *at).chain([self.front]);
        let unseen = self.named.iter().zip(ends).filter(|(_, end)| self.read < *end);
        let mut names: Vec<&str> = unseen.map(|((_, name), _)| name.as_str()).collect();
        names.dedup();
        names
    }

    /// It is another page from here on.
    pub(crate) fn restart(&mut self) {
        (self.scroll, self.read) = (0, 0);
    }
}
