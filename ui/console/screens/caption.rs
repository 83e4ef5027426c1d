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

/// What is said.
pub(super) fn words(app: &App) -> Option<&str> {
    app.caption.as_ref().map(|caption| caption.words.as_str())
}

/// Whether it takes more lines than it gets, or gets none on this page.
pub(super) fn is_cut(app: &App, area: Rect) -> bool {
    words(app).is_some() && !(1..=MOST).contains(&whole(app, area).len())
}

/// All of its lines; none where the page needs the room.
fn whole(app: &App, area: Rect) -> Vec<String> {
    let has_room = app.details.is_empty() || area.height >= ROOM;
    let Some(words) = words(app).filter(|_| has_room) else {
        return Vec::new();
    };
    wrap(&clean(words), usize::from(area.width).saturating_sub(2))
}

/// The lines on a screen of this size; none where nothing is said.
pub(super) fn lines(app: &App, area: Rect) -> Vec<Line<'static>> {
    let columns = usize::from(area.width).saturating_sub(2);
    let mut lines = whole(app, area);
    if lines.len() > MOST {
        let rest = lines.split_off(MOST - 1).join(" ");
        lines.push(fit(&rest, columns, app.settings.ascii).into_owned());
    }
    let style = app.style(Token::Info);
    let line = |line: String| Line::from(Span::styled(format!(" {line}"), style));
    lines.into_iter().map(line).collect()
}
