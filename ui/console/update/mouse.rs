//! The mouse, while the console has it: it selects and scrolls, and decides nothing.

use ratatui::layout::Position;

use super::*;
use crate::console::app::{Hit, Tab};
use crate::console::msg::Mouse;

pub(super) fn happened(app: &mut App, mouse: Mouse) -> Vec<Effect> {
    match mouse {
        Mouse::WheelUp => return navigate::step(app, navigate::Step::Lines(-3)),
        Mouse::WheelDown => return navigate::step(app, navigate::Step::Lines(3)),
        Mouse::Click { column, row } if app.overlay.is_none() => click(app, Position::new(column, row)),
        Mouse::Click { .. } => {}
    }
    vec![]
}

fn click(app: &mut App, at: Position) {
    let hits: Vec<_> = app
        .hits
        .iter()
        .filter(|(area, _)| area.contains(at))
        .copied()
        .collect();
    for (area, hit) in hits {
        match hit {
            Hit::Tab(tab) => navigate::tab(app, tab),
            Hit::Pane(pane) => {
                if app.tab == Tab::Overview {
                    app.focus = pane;
                }
            }
            Hit::Rows(pane) => {
                app.decided = None;
                app.with_list(pane, |list, known| {
                    let row = list.offset + usize::from(at.y - area.y);
                    if row < list.rows.len() {
                        list.pick(known, row);
                    }
                });
            }
        }
    }
}
