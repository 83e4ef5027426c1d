//! What the screen says in one line, whole: the line is cut where the terminal ends, the text is not.

use ratatui::layout::Rect;

use super::{caption, next};
use crate::console::app::{App, Tab};
use crate::console::theme::Token;
use crate::console::widgets::{header, statusline};

/// Whether some line on a screen of this size does not have all of its text.
pub(super) fn is_cut(app: &App, area: Rect) -> bool {
    let columns = usize::from(area.width);
    let overview = app.details.is_empty() && app.tab == Tab::Overview;
    overview && next::is_cut(app, columns)
        || header::is_cut(app, columns)
        || statusline::is_cut(app, columns)
        || caption::is_cut(app, area)
}

/// What stands now, each with the place that says it. What came and went is among the messages.
pub(super) fn standing(app: &App) -> Vec<(&'static str, Token, String)> {
    let mut out = vec![("next", Token::Text, next::words(app))];
    out.extend(header::leaving(app).map(|text| ("leaves", Token::Warn, text)));
    let alarms = header::alarms(app);
    out.extend(alarms.into_iter().map(|(token, text)| ("alarm", token, text)));
    out.extend(statusline::standing(app).map(|(token, text)| ("status", token, text)));
    out.extend(caption::words(app).map(|text| ("director", Token::Info, text.to_owned())));
    out
}
