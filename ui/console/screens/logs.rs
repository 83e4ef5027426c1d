//! The log.

use ratatui::Frame;
use ratatui::layout::Rect;

use crate::console::app::{App, Pane};
use crate::console::widgets::log;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, app: &App) {
    let needle = app.list(Pane::Logs).filter.clone();
    log::draw(frame, area, app, &needle);
}
