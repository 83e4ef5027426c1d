//! Tabs: the overview, and each pane on the whole screen.

use crate::console::screens::panes::Pane;

/// A tab: the overview, or one pane on the whole screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tab {
    Overview,
    Only(Pane),
}

impl Tab {
    /// Tabs in the order of their number keys.
    pub(crate) fn all(panes: &[Pane]) -> impl Iterator<Item = Tab> {
        std::iter::once(Tab::Overview).chain(panes.iter().copied().map(Tab::Only))
    }

    /// The tab of a number key, from 1 on.
    pub(crate) fn numbered(panes: &[Pane], number: u8) -> Option<Tab> {
        Tab::all(panes).nth(usize::from(number).checked_sub(1)?)
    }

    /// The tab `steps` further, around the end.
    pub(crate) fn step(self, panes: &[Pane], steps: isize) -> Tab {
        let all: Vec<Tab> = Tab::all(panes).collect();
        let at = all.iter().position(|t| *t == self).unwrap_or(0);
        let at = (at as isize + steps).rem_euclid(all.len() as isize);
        all[at as usize]
    }

    pub(crate) fn title(self) -> &'static str {
        match self {
            Tab::Overview => "overview",
            Tab::Only(pane) => pane.title(),
        }
    }
}
