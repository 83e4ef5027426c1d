//! The overview: what to press next, and every pane that fits, side by side where it is wide.
//!
//! ```text
//! next: a opens deposit/1#1: operators make a key; its deposit is decided next
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
    arrange(content, size.height, 0)
        .into_iter()
        .map(|(pane, _)| pane)
        .collect()
}

/// Where each pane goes. Where `waiting` rows are more than the approvals have room for, they take it from the panes
/// beneath: what waits is never out of sight while something else has room to spare. `screen` is how high the whole screen
/// is: captions and alarms come and go, and panes must not with them.
pub(crate) fn arrange(area: Rect, screen: u16, waiting: usize) -> Vec<(Pane, Rect)> {
    // a box that is open leaves few rows, and what waits needs them
    if area.width < 110 || area.height < LEAST + SEEN + 3 {
        return narrow(area, screen, waiting);
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

/// Two borders, the heading, and one row.
const ONE_ROW: u16 = 4;
/// So many rows of what waits are worth more than a pane beneath.
const SEEN: u16 = 3;

fn narrow(area: Rect, screen: u16, waiting: usize) -> Vec<(Pane, Rect)> {
    let panes: &[(Pane, u16)] = match screen {
        0..22 => &[(APPROVALS, 1), (EVENTS, 1)],
        22..31 => &[(APPROVALS, 2), (EVENTS, 3), (CEREMONIES, 2)],
        _ => &[(APPROVALS, 2), (EVENTS, 3), (CEREMONIES, 3), (TRANSACTIONS, 2)],
    };
    let wanted = u16::try_from(waiting).unwrap_or(u16::MAX);
    let left = |panes: usize, least: u16| area.height.saturating_sub((panes as u16 - 1) * least);
    // where not even a row of each is left, what waits needs the room of the last
    let fits = |panes: &usize| left(*panes, ONE_ROW) >= wanted.min(SEEN) + 3;
    let panes = &panes[..(1..=panes.len()).rev().find(fits).unwrap_or(1)];
    let shares = panes.iter().map(|(_, share)| Constraint::Fill(*share));
    let mut areas = Layout::vertical(shares).split(area);
    let most = match left(panes.len(), LEAST) {
        most if most >= wanted.saturating_add(3) => most,
        _ => left(panes.len(), ONE_ROW),
    };
    if let Some(rows) = grown(areas[0].height, waiting, most) {
        areas = Layout::vertical(beneath(panes, rows, area.height)).split(area);
    }
    panes
        .iter()
        .zip(areas.iter())
        .map(|((pane, _), area)| (*pane, *area))
        .collect()
}

/// The first pane takes `rows`; of the rest each has a row, and its share of what is left.
fn beneath(panes: &[(Pane, u16)], rows: u16, height: u16) -> Vec<Constraint> {
    let others = &panes[1..];
    let rest = height - rows;
    let each = ONE_ROW.min(rest / (others.len() as u16).max(1));
    let spare = rest - each * others.len() as u16;
    let all: u16 = others.iter().map(|(_, share)| share).sum();
    let mut heights: Vec<u16> = others
        .iter()
        .map(|(_, share)| each + spare * share / all)
        .collect();
    let given: u16 = heights.iter().sum();
    if let Some(first) = heights.first_mut() {
        *first += rest - given;
    }
    let heights = std::iter::once(rows).chain(heights);
    heights.map(Constraint::Length).collect()
}

/// Draws them.
pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, app: &mut App) {
    let [line, area] = Layout::vertical([Constraint::Length(1), Constraint::Fill(1)]).areas(area);
    next::draw(frame, line, app);
    let waiting = app.list(APPROVALS).rows.len().min(app.snapshot.waiting().count());
    let places = arrange(area, frame.area().height, waiting);
    app.shown = places.iter().map(|(pane, _)| *pane).collect();
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
        let places = arrange(Rect::new(0, 0, width, height - 7), height, waiting);
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
            let of = |waiting| arrange(Rect::new(0, 0, width, height - 7), height, waiting);
            let panes = |waiting| of(waiting).into_iter().map(|(pane, _)| pane).collect::<Vec<_>>();
            assert_eq!(panes(0), panes(30));
        }
    }

    /// A caption of up to four lines and an alarm take their rows from the content.
    #[test]
    fn captions_and_alarms_take_no_pane_away_and_no_row_that_waits_while_another_pane_has_two() {
        for (width, height, most) in [(80, 24, 5), (60, 16, 4), (100, 30, 5)] {
            for taken in 0..=most {
                let area = Rect::new(0, 0, width, height - 7 - taken);
                for waiting in 0..12_u16 {
                    let places = arrange(area, height, waiting.into());
                    let rows = |place: &Rect| place.height.saturating_sub(3);
                    let seen = rows(&places[0].1);
                    let all = panes(Size::new(width, height)).len();
                    let one_more = area.height.saturating_sub(places.len() as u16 * ONE_ROW);
                    assert!(
                        places.len() == all || one_more < waiting.min(SEEN) + 3,
                        "{width}x{height}: {places:?}"
                    );
                    let spare = places[1..].iter().any(|(_, place)| rows(place) > 1);
                    assert!(
                        seen >= waiting || !spare,
                        "{width}x{height}, {taken} taken: {seen} of {waiting}, {places:?}"
                    );
                    assert!(
                        seen >= waiting.min(SEEN).min(area.height.saturating_sub(3)),
                        "{width}x{height}, {taken} taken: {seen} of {waiting}"
                    );
                }
            }
        }
        // an open box beneath, on a wide screen
        for height in 4..30 {
            let places = arrange(Rect::new(0, 0, 120, height), 40, 3);
            let seen = places[0].1.height.saturating_sub(3);
            assert!(seen >= 3.min(height.saturating_sub(3)), "{height}: {places:?}");
        }
        // three lines of a caption at 80x24, and nothing waits
        assert_eq!(arrange(Rect::new(0, 0, 80, 14), 24, 0).len(), 3);
    }
}
