//! The log pane: tui-logger's widget without its mover thread, which would wake the process a hundred times a second.
//! Lines are moved when a frame is drawn.

use std::fmt;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use tui_logger::{ExtLogRecord, LevelFilter, LogFormatter, TuiLoggerWidget, TuiWidgetEvent, TuiWidgetState};

use super::text;
use crate::console::app::App;
use crate::console::theme::{Theme, Token};

/// What the pane keeps between draws.
pub(crate) struct LogPane {
    state: TuiWidgetState,
    level: LevelFilter,
    /// Lines are taken from the process-wide log. Tests of other panes leave it alone.
    pub(crate) live: bool,
}

impl Default for LogPane {
    fn default() -> Self {
        let level = LevelFilter::Info;
        Self {
            state: TuiWidgetState::new().set_default_display_level(level),
            level,
            live: false,
        }
    }
}

impl fmt::Debug for LogPane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogPane")
            .field("level", &self.level)
            .finish_non_exhaustive()
    }
}

const LEVELS: [LevelFilter; 5] = [
    LevelFilter::Error,
    LevelFilter::Warn,
    LevelFilter::Info,
    LevelFilter::Debug,
    LevelFilter::Trace,
];

impl LogPane {
    /// Makes room for bursts. Call once, before lines are written.
    pub(crate) fn prepare() {
        tui_logger::set_hot_buffer_depth(10_000);
        tui_logger::set_buffer_depth(20_000);
    }

    fn set(&mut self, step: isize) {
        let at = LEVELS.iter().position(|l| *l == self.level).unwrap_or(2);
        self.level = LEVELS[at.saturating_add_signed(step).min(LEVELS.len() - 1)];
        let state = std::mem::take(&mut self.state);
        self.state = state.set_default_display_level(self.level);
    }

    pub(crate) fn more(&mut self) {
        self.set(1);
    }

    pub(crate) fn less(&mut self) {
        self.set(-1);
    }

    pub(crate) fn scroll(&mut self, up: bool) {
        self.state.transition(if up {
            TuiWidgetEvent::PrevPageKey
        } else {
            TuiWidgetEvent::NextPageKey
        });
    }

    /// Back to the newest line.
    pub(crate) fn follow(&mut self) {
        self.state.transition(TuiWidgetEvent::EscapeKey);
    }

    /// `info and worse`
    pub(crate) fn level_name(&self) -> String {
        self.level.to_string().to_lowercase()
    }
}

/// Draws the newest lines, or those that were scrolled to.
pub(crate) fn draw(frame: &mut Frame<'_>, area: Rect, app: &App, needle: &str) {
    if !app.logs.live || area.width < Lines::LEAST || area.height == 0 {
        return;
    }
    tui_logger::move_events();
    let formatter = Lines {
        theme: app.settings.theme.clone(),
        ascii: app.settings.ascii,
        needle: needle.to_lowercase(),
    };
    let widget = TuiLoggerWidget::default()
        .formatter(Box::new(formatter))
        .state(&app.logs.state);
    frame.render_widget(widget, area);
}

/// Lines of one record.
struct Lines {
    theme: Theme,
    ascii: bool,
    needle: String,
}

impl Lines {
    const LEAST: u16 = 24;
}

impl LogFormatter for Lines {
    fn min_width(&self) -> u16 {
        Self::LEAST
    }

    fn format(&self, width: usize, record: &ExtLogRecord) -> Vec<Line<'_>> {
        let (word, token) = match record.level {
            log::Level::Error => ("ERROR", Token::Danger),
            log::Level::Warn => ("WARN ", Token::Warn),
            log::Level::Info => ("info ", Token::Info),
            log::Level::Debug => ("debug", Token::Muted),
            log::Level::Trace => ("trace", Token::Muted),
        };
        let time = record.timestamp.strftime("%H:%M:%S").to_string();
        let target = record
            .target()
            .strip_prefix("casimir_dkg::")
            .unwrap_or(record.target());
        let body = format!(
            "{}: {}",
            text::clean(target),
            text::clean(record.msg().trim_start())
        );
        let hit = !self.needle.is_empty() && body.to_lowercase().contains(&self.needle);
        let body_token = if hit { Token::Match } else { Token::Text };
        let indent = time.len() + word.len() + 2;
        text::wrap(&body, width.saturating_sub(indent).max(8))
            .into_iter()
            .enumerate()
            .map(|(i, line)| {
                let line = text::fit(&line, width.saturating_sub(indent), self.ascii).into_owned();
                let body = Span::styled(line, self.theme.get(body_token));
                if i == 0 {
                    Line::from(vec![
                        Span::styled(format!("{time} "), self.theme.get(Token::Muted)),
                        Span::styled(format!("{word} "), self.theme.get(token)),
                        body,
                    ])
                } else {
                    Line::from(vec![Span::raw(" ".repeat(indent)), body])
                }
            })
            .collect()
    }
}
