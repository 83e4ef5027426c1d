//! Detail views: a stack over the panes.

use casimir_dkg::view::{ActionView, RowId};

/// What a detail view is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    Row(RowId),
    /// Network, endpoints, operators, journal.
    Status,
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
            drawn: false,
            seen: seen.cloned().map(Box::new),
        }
    }
}
