//! Screens: each draws one thing from the model.
//!
//! ```text
//!  header      network, mode, badge · chain, endpoints · alarm
//!  tabs        1 overview  2 approvals (2)  3 pool events …
//!  ┌ content ─────────────────────────────────────────────┐
//!  │ panes, or one pane, or a detail view                   │   questions and text fields dock at its lower edge
//!  └────────────────────────────────────────────────────────┘
//!  caption     in a show: what its director says
//!  status      newest message, request or event
//!  footer      keys that mean something here
//! ```

mod caption;
pub(crate) mod copyable;
mod detail;
mod matrix;
pub(in crate::console) mod next;
mod overlay;
pub(crate) mod overview;
mod pane;
pub(crate) mod panes;
mod said;
mod search;
mod stages;
mod too_small;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout};
use ratatui::widgets::Block;

use super::app::{App, Tab};
use super::theme::Token;
use super::widgets::{footer, header, statusline, tabs};

/// Least size at which the screens are drawn.
pub(crate) const LEAST: (u16, u16) = (60, 16);

/// Draws the whole screen. Only scroll positions and click areas of the model change.
pub(crate) fn draw(frame: &mut Frame<'_>, app: &mut App) {
    let area = frame.area();
    app.hits.clear();
    frame.render_widget(Block::new().style(app.style(Token::Text)), area);
    if area.width < LEAST.0 || area.height < LEAST.1 {
        too_small::draw(frame, area, app);
        return;
    }
    app.cut = said::is_cut(app, area);
    let head = header::lines(app, area.width);
    let caption = caption::lines(app, area);
    let layout = Layout::vertical([
        Constraint::Length(head.len() as u16),
        Constraint::Length(1),
        Constraint::Fill(1),
        Constraint::Length(caption.len() as u16),
        Constraint::Length(1),
        Constraint::Length(1),
    ]);
    let [
        header_area,
        tabs_area,
        content,
        caption_area,
        status_area,
        footer_area,
    ] = layout.areas(area);
    for (row, line) in header_area.rows().zip(head) {
        frame.render_widget(line, row);
    }
    tabs::draw(frame, tabs_area, app);
    let content = overlay::dock(frame, content, app);
    if !app.details.is_empty() {
        detail::draw(frame, content, app);
    } else {
        match app.tab {
            Tab::Overview => overview::draw(frame, content, app),
            Tab::Only(which) => pane::draw(frame, content, app, which, true),
        }
    }
    overlay::float(frame, content, app);
    for (row, line) in caption_area.rows().zip(caption) {
        frame.render_widget(line, row);
    }
    statusline::draw(frame, status_area, app);
    footer::draw(frame, footer_area, app);
}
