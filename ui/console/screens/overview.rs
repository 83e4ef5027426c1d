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
    arrange(content, 0).into_iter().map(|(pane, _)| pane).collect()
}

/// Where each pane goes. Where `waiting` rows are more than the approvals have room for, they take it from the panes
/// beneath: what waits is never out of sight while something else has room to spare.
pub(crate) fn arrange(area: Rect, waiting: usize) -> Vec<(Pane, Rect)> {
    if area.width < 110 {
        return narrow(area, waiting);
    }
    let (area, bottom) = if area.height >= 28 {
        let [area, bottom] = Layout::vertical([Constraint::Fill(1), Constraint::Length(8)]).areas(area);
        (area, Some(bottom))
    } else {
        (area, None)
    };
    let [left, right] = Layout::horizontal([Constraint::Percentage(50), Constraint::Fill(1)]).areas(area);
    let split = |first| Layout::vertical([first, Constraint::Fill(1)]).areas(left);
    let [mut approvals, mut events] = split(Constraint::Percentage(36));
    let most = left.height.saturating_sub(LEAST.max(left.height / 3));
    if let Some(rows) = grown(approvals.height, waiting, most) {
        [approvals, events] = split(Constraint::Length(rows));
    }
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

/// Two borders, the heading, and a row or two.
const LEAST: u16 = 5;

/// How high the approvals become for what waits, at most `most`; none where they are high enough.
fn grown(height: u16, waiting: usize, most: u16) -> Option<u16> {
    let wanted = u16::try_from(waiting).unwrap_or(u16::MAX).saturating_add(3);
    Some(wanted.min(most)).filter(|rows| *rows > height)
}

fn narrow(area: Rect, waiting: usize) -> Vec<(Pane, Rect)> {
    let panes: &[(Pane, u16)] = match area.height {
        0..15 => &[(APPROVALS, 1), (EVENTS, 1)],
        15..24 => &[(APPROVALS, 2), (EVENTS, 3), (CEREMONIES, 2)],
        _ => &[(APPROVALS, 2), (EVENTS, 3), (CEREMONIES, 3), (TRANSACTIONS, 2)],
    };
    let mut heights: Vec<Constraint> = panes.iter().map(|(_, share)| Constraint::Fill(*share)).collect();
    let mut areas = Layout::vertical(&heights).split(area);
    let others = (panes.len() as u16 - 1) * LEAST.min(area.height / 3);
    if let Some(rows) = grown(areas[0].height, waiting, area.height.saturating_sub(others)) {
        heights[0] = Constraint::Length(rows);
        areas = Layout::vertical(&heights).split(area);
    }
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
    let waiting = app.list(APPROVALS).rows.len().min(app.snapshot.waiting().count());
    let places = arrange(area, waiting);
    if !places.iter().any(|(pane, _)| *pane == app.focus) {
        app.focus = APPROVALS;
    }
    for (which, area) in places {
        pane::draw(frame, area, app, which, which == app.focus);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows_of_approvals(width: u16, height: u16, waiting: usize) -> usize {
        // as `panes` reckons
        let places = arrange(Rect::new(0, 0, width, height - 7), waiting);
        let others = places.iter().skip(1);
        assert!(
            others.into_iter().all(|(_, place)| place.height >= 4),
            "{places:?}"
        );
        usize::from(places[0].1.height.saturating_sub(3))
    }

    #[test]
    fn what_waits_takes_rows_from_what_lies_beneath_until_that_has_the_least() {
        for (size, room) in [((80, 24), 4), ((100, 30), 5), ((120, 40), 13), ((160, 45), 17)] {
            let (width, height) = size;
            for waiting in 0..30 {
                let rows = rows_of_approvals(width, height, waiting);
                assert!(rows >= waiting.min(room), "{size:?}: {rows} of {waiting}");
            }
            // and the panes stay the same, so that Tab goes where it went
            let of = |waiting| arrange(Rect::new(0, 0, width, height - 7), waiting);
            let panes = |waiting| of(waiting).into_iter().map(|(pane, _)| pane).collect::<Vec<_>>();
            assert_eq!(panes(0), panes(30));
        }
    }
}
