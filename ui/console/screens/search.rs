//! What is searched for, on pages and in the help.

use ratatui::text::Line;

use crate::console::app::App;
use crate::console::theme::Token;

/// Marks the lines that have it, and says which they are.
pub(super) fn mark(app: &App, lines: &mut [Line<'static>]) -> Vec<usize> {
    let needle = app.search.to_lowercase();
    if needle.is_empty() {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (n, line) in lines.iter_mut().enumerate() {
        if line.to_string().to_lowercase().contains(&needle) {
            found.push(n);
            for span in &mut line.spans {
                span.style = span.style.patch(app.style(Token::Match));
            }
        }
    }
    found
}
