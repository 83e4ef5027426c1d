//! A page of a detail view: headings, labelled values in full, lists of checks, bytes. Built for a width, then scrolled.

use casimir_dkg::types::Check;
use casimir_dkg::view::CheckMark;
use ratatui::text::{Line, Span};

use super::status::{self, Status};
use super::text::{clean, width, wrap};
use crate::console::app::App;
use crate::console::theme::Token;

/// Widest label.
const LABEL: usize = 24;

/// A page that is being built.
#[derive(Debug)]
pub(crate) struct Page<'a> {
    app: &'a App,
    width: usize,
    rows: usize,
    lines: Vec<Line<'static>>,
    /// How many lines must have been on the screen before it is decided.
    front: usize,
    /// Where something begins that must be seen, and what it is called.
    named: Vec<(usize, String)>,
}

impl<'a> Page<'a> {
    pub(crate) fn new(app: &'a App, width: u16) -> Self {
        Self {
            app,
            width: usize::from(width).max(10),
            rows: 0,
            lines: Vec::new(),
            front: 0,
            named: Vec::new(),
        }
    }

    /// It is shown in a window of so many rows.
    pub(crate) fn in_rows(self, rows: usize) -> Self {
        Self { rows, ..self }
    }

    /// Rows of its window; 0 where nobody told.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// The finished lines.
    pub(crate) fn into_lines(self) -> Vec<Line<'static>> {
        self.lines
    }

    /// What was written so far must be seen before anything here is decided.
    pub(crate) fn end_front(&mut self) {
        self.front = self.lines.len();
    }

    /// The same of the first so many lines, where that is more.
    pub(crate) fn end_front_at(&mut self, lines: usize) {
        self.front = self.front.max(lines);
    }

    /// What is written next is called so, for whoever has not seen it yet.
    pub(crate) fn name(&mut self, name: &str) {
        self.named.push((self.lines.len(), name.to_owned()));
    }

    /// Where what has a name begins.
    pub(crate) fn named(&self) -> Vec<(usize, String)> {
        self.named.clone()
    }

    /// Lines that must be seen.
    pub(crate) fn front(&self) -> usize {
        self.front
    }

    /// Lines so far.
    pub(crate) fn len(&self) -> usize {
        self.lines.len()
    }

    pub(crate) fn width(&self) -> usize {
        self.width
    }

    fn span(&self, token: Token, text: impl Into<String>) -> Span<'static> {
        let text: String = text.into();
        Span::styled(clean(&text).into_owned(), self.app.style(token))
    }

    pub(crate) fn push(&mut self, line: Line<'static>) {
        self.lines.push(line);
    }

    pub(crate) fn gap(&mut self) {
        if self.lines.last().is_some_and(|l| l.width() > 0) {
            self.lines.push(Line::default());
        }
    }

    /// A heading, with an empty line before it.
    pub(crate) fn heading(&mut self, text: &str) {
        self.gap();
        self.text(Token::TitleFocus, text);
    }

    /// A paragraph.
    pub(crate) fn text(&mut self, token: Token, text: &str) {
        for line in wrap(&clean(text), self.width) {
            let span = self.span(token, line);
            self.lines.push(Line::from(span));
        }
    }

    /// A paragraph behind a sign.
    pub(crate) fn item(&mut self, sign: &str, token: Token, text: &str) {
        for (i, line) in wrap(&clean(text), self.width.saturating_sub(2))
            .into_iter()
            .enumerate()
        {
            let lead = if i == 0 {
                format!("{sign} ")
            } else {
                "  ".to_owned()
            };
            let spans = vec![self.span(token, lead), self.span(token, line)];
            self.lines.push(Line::from(spans));
        }
    }

    /// A label and the whole value, wrapped under itself.
    pub(crate) fn field(&mut self, label: &str, token: Token, value: impl ToString) {
        self.labelled(self.label(), label, token, &value.to_string());
    }

    /// So much room do these labels want in front of their values: none of them is cut where the page has it.
    pub(crate) fn room_for<'l>(&self, least: usize, labels: impl Iterator<Item = &'l str>) -> usize {
        let widest = labels.map(|label| width(&clean(label))).max().unwrap_or(0);
        // values need more of the page than what they are called
        least.max(widest.min(self.width * 2 / 5))
    }

    /// The room for a label of [`field`](Self::field).
    pub(crate) fn label(&self) -> usize {
        LABEL.min(self.width / 3)
    }

    /// The same, with so much room for the label.
    pub(crate) fn labelled(&mut self, room: usize, label: &str, token: Token, value: &str) {
        let label = clean(label).into_owned();
        // no label is cut: what does not fit in front of its value pushes that, or stands above it
        let value = clean(value).into_owned();
        let above = width(&label) > room;
        if above && width(&label) + 2 + width(&value) <= self.width {
            let spans = vec![
                self.span(Token::Muted, format!("{label}  ")),
                self.span(token, value),
            ];
            return self.lines.push(Line::from(spans));
        }
        if above {
            for line in wrap(&label, self.width) {
                let span = self.span(Token::Muted, line);
                self.lines.push(Line::from(span));
            }
        }
        let label = if above { String::new() } else { label };
        let pad = room - width(&label) + 2;
        let lines = wrap(&value, self.width.saturating_sub(room + 2));
        for (i, line) in lines.into_iter().enumerate() {
            let lead = if i == 0 {
                format!("{label}{}", " ".repeat(pad))
            } else {
                " ".repeat(room + 2)
            };
            let spans = vec![self.span(Token::Muted, lead), self.span(token, line)];
            self.lines.push(Line::from(spans));
        }
    }

    /// A row of a table; each cell is filled up to its width.
    pub(crate) fn cells(&mut self, cells: &[((Token, String), usize)]) {
        let spans = cells.iter().map(|((token, text), room)| {
            let text = clean(text);
            let pad = room.saturating_sub(width(&text));
            self.span(*token, format!("{text}{}", " ".repeat(pad)))
        });
        let line = Line::from(spans.collect::<Vec<_>>());
        self.lines.push(line);
    }

    pub(crate) fn status(&mut self, label: &str, status: Status, more: &str) {
        let glyph = status.sign.glyph(self.app.settings.ascii);
        self.field(label, status.token, format!("{glyph} {}{more}", status.word));
    }

    /// Named checks: the failed first, then the unknown, then the stale, then the rest. Returns how many lines the page has
    /// up to the last that does not pass.
    pub(crate) fn checks(&mut self, checks: &[Check], mark: impl Fn(&Check) -> CheckMark) -> usize {
        let mut sorted: Vec<_> = checks.iter().collect();
        sorted.sort_by_key(|c| mark(c));
        let label = self.room_for(LABEL, checks.iter().map(|check| check.name.as_str()));
        let mut worst = self.lines.len();
        for check in sorted {
            self.check(check, mark(check), label);
            if mark(check) != CheckMark::Pass {
                worst = self.lines.len();
            }
        }
        worst
    }

    fn check(&mut self, check: &Check, mark: CheckMark, label: usize) {
        let ascii = self.app.settings.ascii;
        let status = status::check(mark);
        let lead = format!("{} {:<8}", status.sign.glyph(ascii), status.word);
        let name = clean(&check.name).into_owned();
        let indent = 10 + label + 2;
        if self.width < indent + 20 || width(&name) > label {
            for (i, name) in wrap(&name, self.width.saturating_sub(10)).into_iter().enumerate() {
                let lead = if i == 0 { lead.clone() } else { " ".repeat(10) };
                let spans = vec![self.span(status.token, lead), self.span(Token::Text, name)];
                self.lines.push(Line::from(spans));
            }
            for line in wrap(&clean(check.reason.as_str()), self.width - 4) {
                let spans = vec![Span::raw("    "), self.span(Token::Muted, line)];
                self.lines.push(Line::from(spans));
            }
            return;
        }
        for (i, line) in wrap(&clean(check.reason.as_str()), self.width - indent)
            .into_iter()
            .enumerate()
        {
            let spans = if i == 0 {
                let name = format!("{name}{}", " ".repeat(label - width(&name) + 2));
                vec![
                    self.span(status.token, lead.clone()),
                    self.span(Token::Text, name),
                    self.span(Token::Muted, line),
                ]
            } else {
                vec![Span::raw(" ".repeat(indent)), self.span(Token::Muted, line)]
            };
            self.lines.push(Line::from(spans));
        }
    }

    /// Bytes in hex, with offsets, as many to a line as fit.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        let per_line = match self.width {
            0..46 => 8,
            46..84 => 16,
            _ => 32,
        };
        for (i, chunk) in bytes.chunks(per_line).enumerate() {
            let mut groups = String::with_capacity(per_line * 3);
            for part in chunk.chunks(4) {
                groups.push_str(&hex::encode(part));
                groups.push(' ');
            }
            let spans = vec![
                self.span(Token::Muted, format!("{:06x}  ", i * per_line)),
                self.span(Token::Value, groups.trim_end()),
            ];
            self.lines.push(Line::from(spans));
        }
    }
}
