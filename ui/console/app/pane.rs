//! Panes and tabs.

/// A live list of one kind of thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Pane {
    Approvals,
    Events,
    Ceremonies,
    Transactions,
    Exits,
    Validators,
    Logs,
}

impl Pane {
    pub(crate) const ALL: [Pane; 7] = [
        Pane::Approvals,
        Pane::Events,
        Pane::Ceremonies,
        Pane::Transactions,
        Pane::Exits,
        Pane::Validators,
        Pane::Logs,
    ];

    /// Title of the pane and of its tab.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Pane::Approvals => "approvals",
            Pane::Events => "pool events",
            Pane::Ceremonies => "ceremonies",
            Pane::Transactions => "transactions",
            Pane::Exits => "exits",
            Pane::Validators => "validators",
            Pane::Logs => "logs",
        }
    }

    /// Short name for narrow tab bars.
    pub(crate) fn short(self) -> &'static str {
        match self {
            Pane::Events => "events",
            Pane::Transactions => "tx",
            other => other.title(),
        }
    }
}

/// A tab: the overview, or one pane on the whole screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tab {
    Overview,
    Only(Pane),
}

impl Tab {
    /// Tabs in the order of their number keys.
    pub(crate) fn all() -> [Tab; 8] {
        let [a, b, c, d, e, f, g] = Pane::ALL.map(Tab::Only);
        [Tab::Overview, a, b, c, d, e, f, g]
    }

    /// The tab of a number key, 1 to 8.
    pub(crate) fn numbered(number: u8) -> Option<Tab> {
        Tab::all().get(usize::from(number).checked_sub(1)?).copied()
    }

    /// The tab `steps` further, around the end.
    pub(crate) fn step(self, steps: isize) -> Tab {
        let all = Tab::all();
        let at = all.iter().position(|t| *t == self).unwrap_or(0);
        let at = (at as isize + steps).rem_euclid(all.len() as isize);
        all[at as usize]
    }
}
