//! Why something closed by itself, in the place where it stood: who looks up from the keyboard looks there.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::{note, noted_panel, share, shorten};
use crate::console::app::{App, Closed};
use crate::console::keys::{Command, Group};
use crate::console::theme::Token;
use crate::console::widgets::text::{clean, wrap};

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, app: &App, closed: &Closed) -> Rect {
    let width = usize::from(area.width.saturating_sub(4));
    let styled = |token, text: &str| -> Vec<_> {
        let line = |line| Line::from(Span::styled(line, app.style(token)));
        wrap(&clean(text), width).into_iter().map(line).collect()
    };
    let mut lines = styled(Token::Warn, &closed.why);
    lines.extend(styled(Token::Text, &closed.unused));
    lines.push(keys(app));
    let [rest, docked] = share(area, lines.len());
    shorten(app, &mut lines, docked, 1);
    noted_panel(frame, docked, app, "closed", note(app, rest), lines);
    rest
}

/// The only key that is heard.
fn keys(app: &App) -> Line<'static> {
    let key = app.settings.keys.label(Group::Closed, Command::Close);
    Line::from(vec![
        Span::styled(key, app.style(Token::KeyHint)),
        Span::styled(" go on; no other key is heard until then", app.style(Token::Text)),
    ])
}
