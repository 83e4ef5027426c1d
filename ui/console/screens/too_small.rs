//! A terminal too small for the screens still says what must not be overlooked.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::LEAST;
use crate::console::app::App;
use crate::console::theme::Token;
use crate::console::widgets::text::{clean, fit};

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, app: &App) {
    if area.height == 0 {
        return;
    }
    let waiting = app.waiting_for_a_person();
    let text = format!(
        "{waiting} waiting {} {} needs {}x{}",
        app.snapshot.mode.to_string().to_uppercase(),
        clean(app.snapshot.network.name.as_str()),
        LEAST.0,
        LEAST.1
    );
    let token = if waiting > 0 { Token::Badge } else { Token::Text };
    let fitted = fit(&text, usize::from(area.width), app.settings.ascii).into_owned();
    let row = Rect { height: 1, ..area };
    frame.render_widget(Line::from(Span::styled(fitted, app.style(token))), row);
}
