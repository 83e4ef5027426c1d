//! The frame of a pane: title, a mark where the keyboard is, and what the filter leaves.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::symbols::border;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, BorderType};

use super::text::clean;
use crate::console::app::App;
use crate::console::theme::Token;

const ASCII: border::Set<'_> = border::Set {
    top_left: "+",
    top_right: "+",
    bottom_left: "+",
    bottom_right: "+",
    vertical_left: "|",
    vertical_right: "|",
    horizontal_top: "-",
    horizontal_bottom: "-",
};

/// Draws the frame and returns what is inside.
pub(crate) fn draw(
    frame: &mut Frame<'_>,
    area: Rect,
    app: &App,
    title: Line<'_>,
    notes: Line<'_>,
    focus: bool,
) -> Rect {
    let border = if focus { Token::BorderFocus } else { Token::Border };
    let block = Block::bordered().border_style(app.style(border));
    let block = if app.settings.ascii {
        block.border_set(ASCII)
    } else {
        block.border_type(BorderType::Rounded)
    };
    let block = block.title_top(title).title_bottom(notes.right_aligned());
    let inner = block.inner(area);
    frame.render_widget(block, area);
    inner
}

/// A pane's title. The focused one carries a mark: bold and colour are not enough everywhere.
pub(crate) fn title(app: &App, name: &str, count: Option<usize>, focus: bool) -> Line<'static> {
    let token = if focus { Token::TitleFocus } else { Token::Title };
    let mark = match (focus, app.settings.ascii) {
        (true, true) => " > ",
        (true, false) => " ▸ ",
        (false, _) => " ",
    };
    let mut spans = vec![Span::styled(format!("{mark}{} ", clean(name)), app.style(token))];
    if let Some(count) = count {
        spans.push(Span::styled(format!("{count} "), app.style(Token::Muted)));
    }
    Line::from(spans)
}
