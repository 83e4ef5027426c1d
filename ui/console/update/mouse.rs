//! The mouse, while the console has it. A click selects; on a key that is written on the screen it is that key, so what
//! asks first when its key is pressed asks here, too, and a question's yes counts no sooner. The wheel scrolls.

use ratatui::layout::Position;

use super::*;
use crate::console::app::{Hit, Tab};
use crate::console::keys::Command;
use crate::console::msg::Mouse;

pub(super) fn happened(app: &mut App, mouse: Mouse) -> Vec<Effect> {
    app.touched();
    match mouse {
        Mouse::Wheel { column, row, lines } => {
            wheel_over(app, Position::new(column, row));
            navigate::step(app, navigate::Step::Lines(lines.into()))
        }
        Mouse::Click { column, row } => click(app, Position::new(column, row)),
    }
}

/// What was drawn there, the lowest first.
fn hits(app: &App, at: Position) -> Vec<(ratatui::layout::Rect, Hit)> {
    let here = app.hits.iter().filter(|(area, _)| area.contains(at));
    here.copied().collect()
}

/// The pane under the wheel is the one that it scrolls.
fn wheel_over(app: &mut App, at: Position) {
    if app.overlay.is_some() || !app.details.is_empty() || app.tab != Tab::Overview {
        return;
    }
    for (_, hit) in hits(app, at) {
        if let Hit::Pane(pane) = hit {
            app.focus = pane;
        }
    }
}

fn click(app: &mut App, at: Position) -> Vec<Effect> {
    let hits = hits(app, at);
    let over = app.overlay.is_some();
    let focused = app.pane();
    let mut effects = vec![];
    for (area, hit) in &hits {
        match *hit {
            Hit::Key(key) => return key::pressed(app, key, false),
            Hit::Item(row) if over => return item(app, row),
            _ if over => {}
            Hit::Item(_) => {}
            Hit::Tab(tab) => navigate::tab(app, tab),
            Hit::Pane(pane) => {
                if app.tab == Tab::Overview {
                    app.focus = pane;
                }
            }
            Hit::Rows(pane) => {
                let at = usize::from(at.y - area.y);
                let opens = app.with_list(pane, |list, known| {
                    let row = list.offset + at;
                    let opens = list.position(known) == Some(row);
                    if row < list.rows.len() {
                        list.pick(known, row);
                    }
                    opens
                });
                app.decided = None;
                if opens && focused == pane {
                    effects = navigate::open(app);
                }
            }
        }
    }
    if let Some(Overlay::Ask(question)) = &mut app.overlay {
        // a click beside it was meant for something else
        ask::disturbed(question, app.now.mono);
    }
    effects
}

/// A row of what lies over the screen: selected, and where it was already, done what its key does.
fn item(app: &mut App, row: usize) -> Vec<Effect> {
    let (selected, command) = match &mut app.overlay {
        Some(Overlay::Palette(palette)) => (&mut palette.selected, Command::Run),
        Some(Overlay::Copy(list)) => (&mut list.selected, Command::CopyThis),
        Some(Overlay::Committee(editor)) => (&mut editor.selected, Command::Toggle),
        _ => return vec![],
    };
    if std::mem::replace(selected, row) != row {
        return vec![];
    }
    let scene = app.scene();
    key::run(app, scene, command)
}
