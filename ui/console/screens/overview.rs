//! The overview: what to press next, and every pane that fits, side by side where it is wide.
//!
//! ```text
//! next: a opens deposit/1#1: operators make a key; a deposit takes two decisions
//! ╭ approvals ─────────────────╮╭ ceremonies ──────────────╮
//! ╰────────────────────────────╯│ operator × round, live     │
//! ╭ pool events ───────────────╮╰────────────────────────────╯
//! │                            │╭ transactions ──────────────╮
//! │                            │╰────────────────────────────╯
//! │                            │╭ exits ─────────────────────╮
//! ╰────────────────────────────╯╰────────────────────────────╯
//! ╭ logs ────────────────────────────────────────────────────╮
//! ╰──────────────────────────────────────────────────────────╯
//! ```

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect, Size};

use super::next;
use super::pane;
use super::panes::{APPROVALS, CEREMONIES, EVENTS, EXITS, LOGS, Pane, TRANSACTIONS};
use crate::console::app::App;

/// The panes that a terminal of that size shows, in the order of Tab.
pub(crate) fn panes(size: Size) -> Vec<Pane> {
    // header, tabs, what is next, status line and footer take 6 to 8 rows
    let content = Rect::new(0, 0, size.width, size.height.saturating_sub(7));
    arrange(content).into_iter().map(|(pane, _)| pane).collect()
}

/// Where each pane goes.
pub(crate) fn arrange(area: Rect) -> Vec<(Pane, Rect)> {
    if area.width < 110 {
        return narrow(area);
    }
    let (area, bottom) = if area.height >= 28 {
        let [area, bottom] = Layout::vertical([Constraint::Fill(1), Constraint::Length(8)]).areas(area);
        (area, Some(bottom))
    } else {
        (area, None)
    };
    let [left, right] = Layout::horizontal([Constraint::Percentage(50), Constraint::Fill(1)]).areas(area);
    let [approvals, events] = Layout::vertical([Constraint::Percentage(36), Constraint::Fill(1)]).areas(left);
    let mut out = vec![(APPROVALS, approvals), (EVENTS, events)];
    if right.height >= 18 {
        let [ceremonies, transactions, exits] = Layout::vertical([
            Constraint::Fill(1),
            Constraint::Percentage(28),
            Constraint::Length(5),
        ])
        .areas(right);
        out.extend([
            (CEREMONIES, ceremonies),
            (TRANSACTIONS, transactions),
            (EXITS, exits),
        ]);
    } else {
        let [ceremonies, transactions] =
            Layout::vertical([Constraint::Fill(1), Constraint::Percentage(40)]).areas(right);
        out.extend([(CEREMONIES, ceremonies), (TRANSACTIONS, transactions)]);
    }
    out.extend(bottom.map(|bottom| (LOGS, bottom)));
    out
}

fn narrow(area: Rect) -> Vec<(Pane, Rect)> {
    let panes: &[(Pane, u16)] = match area.height {
        0..15 => &[(APPROVALS, 1), (EVENTS, 1)],
        15..24 => &[(APPROVALS, 2), (EVENTS, 3), (CEREMONIES, 2)],
        _ => &[(APPROVALS, 2), (EVENTS, 3), (CEREMONIES, 3), (TRANSACTIONS, 2)],
    };
    let heights = panes.iter().map(|(_, share)| Constraint::Fill(*share));
    let areas = Layout::vertical(heights).split(area);
    panes
        .iter()
        .zip(areas.iter())
        .map(|((pane, _), area)| (*pane, *area))
        .collect()
}

/// Draws them.
pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, app: &mut App) {
    let [line, area] = Layout::vertical([Constraint::Length(1), Constraint::Fill(1)]).areas(area);
    next::draw(frame, line, app);
    let places = arrange(area);
    if !places.iter().any(|(pane, _)| *pane == app.focus) {
        app.focus = APPROVALS;
    }
    for (which, area) in places {
        pane::draw(frame, area, app, which, which == app.focus);
    }
}
