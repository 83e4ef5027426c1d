//! The caption of a show: what its director says, in as many lines as it takes.

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::console::app::App;
use crate::console::theme::Token;
use crate::console::widgets::text::{clean, fit, wrap};

/// More of it would hide what it is about.
const MOST: usize = 4;

/// A page begins with what has to be read before deciding; on a lower screen it needs all the room.
const ROOM: u16 = 30;

/// The lines on a screen of this size; none where nothing is said.
pub(super) fn lines(app: &App, area: Rect) -> Vec<Line<'static>> {
    let Some(caption) = &app.caption else {
        return Vec::new();
    };
    if !app.details.is_empty() && area.height < ROOM {
        return Vec::new();
    }
    let columns = usize::from(area.width).saturating_sub(2);
    let mut lines = wrap(&clean(&caption.words), columns);
    if lines.len() > MOST {
        let rest = lines.split_off(MOST - 1).join(" ");
        lines.push(fit(&rest, columns, app.settings.ascii).into_owned());
    }
    let style = app.style(Token::Info);
    let line = |line: String| Line::from(Span::styled(format!(" {line}"), style));
    lines.into_iter().map(line).collect()
}
