//! A table of typed columns that builds only the rows on the screen, so its cost does not depend on how many there are.

use std::borrow::Cow;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::sign::Sign;
use super::text;
use crate::console::theme::{Theme, Token};

#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    pub(crate) title: &'static str,
    pub(crate) width: Width,
    pub(crate) right: bool,
    /// When the table is too narrow, columns go in this order, highest first; 0 stays to the end.
    pub(crate) drop: u8,
}

/// How wide a column is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Width {
    Fixed(u16),
    /// What is left, at least this.
    Rest(u16),
}

pub(crate) const fn fixed(title: &'static str, width: u16, drop: u8) -> Column {
    Column {
        title,
        width: Width::Fixed(width),
        right: false,
        drop,
    }
}

/// A column of fixed width, aligned to the right: numbers.
pub(crate) const fn number(title: &'static str, width: u16, drop: u8) -> Column {
    Column {
        title,
        width: Width::Fixed(width),
        right: true,
        drop,
    }
}

/// The column that takes the rest.
pub(crate) const fn rest(title: &'static str, least: u16, drop: u8) -> Column {
    Column {
        title,
        width: Width::Rest(least),
        right: false,
        drop,
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Cell {
    pub(crate) text: String,
    pub(crate) token: Token,
    /// Leave out the middle instead of the end when it does not fit.
    pub(crate) middle: bool,
}

impl Cell {
    pub(crate) fn new(token: Token, text: impl ToString) -> Self {
        Self {
            text: text.to_string(),
            token,
            middle: false,
        }
    }

    /// A hash or key: its two ends are what people compare.
    pub(crate) fn hex(text: impl ToString) -> Self {
        Self {
            text: text.to_string(),
            token: Token::Value,
            middle: true,
        }
    }
}

/// What a table shows of a list.
pub(crate) struct Table<'a> {
    pub(crate) columns: &'a [Column],
    /// First row on the screen, and how many rows there are.
    pub(crate) offset: usize,
    pub(crate) len: usize,
    pub(crate) selected: Option<usize>,
    /// The table has the keyboard.
    pub(crate) focus: bool,
    pub(crate) theme: &'a Theme,
    pub(crate) ascii: bool,
}

/// Widens columns to what is wanted, from the first on, for as long as there is something to spare.
pub(crate) fn grow(widths: &mut [usize], wanted: &[usize], spare: &mut usize) {
    for (width, wanted) in widths.iter_mut().zip(wanted) {
        let more = wanted.saturating_sub(*width).min(*spare);
        *width += more;
        *spare -= more;
    }
}

/// Takes up to `missing` from columns that are wider than what is in them and tells how
/// much that is.
fn take(widths: &mut [usize], wanted: &[usize], of: impl Iterator<Item = usize>, missing: usize) -> usize {
    let mut taken = 0;
    for n in of {
        let less = widths[n].saturating_sub(wanted[n]).min(missing - taken);
        widths[n] -= less;
        taken += less;
    }
    taken
}

/// Rows that fit under the header line.
pub(crate) fn rows_in(area: Rect) -> usize {
    usize::from(area.height.saturating_sub(1))
}

impl Table<'_> {
    /// Draws the header line and the rows that `row` makes, one call for each visible row.
    pub(crate) fn draw(&self, frame: &mut Frame<'_>, area: Rect, row: impl Fn(usize) -> Vec<Cell>) {
        if area.width < 3 || area.height == 0 {
            return;
        }
        let visible = (self.offset..self.len).take(rows_in(area));
        let rows: Vec<(usize, Vec<Cell>)> = visible.map(|index| (index, row(index))).collect();
        let placed = self.place(area.width - 1, &rows);
        let titles = placed
            .iter()
            .map(|(i, _, _)| Cell::new(Token::Muted, self.columns[*i].title))
            .collect::<Vec<_>>();
        self.line(frame, area, 0, &placed, titles.iter(), None);
        for (y, (index, cells)) in rows.iter().enumerate() {
            assert_eq!(cells.len(), self.columns.len());
            let chosen = placed.iter().filter_map(|(i, _, _)| cells.get(*i));
            let mark = (self.selected == Some(*index)).then_some(self.focus);
            self.line(frame, area, y as u16 + 1, &placed, chosen, mark);
        }
    }

    /// Columns that fit: index, left edge, width. The first column is left to the selection's mark. What is wider than its
    /// column takes of the space that others leave: words first, and what can be told by its two ends last.
    fn place(&self, width: u16, rows: &[(usize, Vec<Cell>)]) -> Vec<(usize, u16, u16)> {
        let mut shown: Vec<usize> = (0..self.columns.len()).collect();
        let least = |i: &usize| match self.columns[*i].width {
            Width::Fixed(w) | Width::Rest(w) => w,
        };
        let needed = |shown: &[usize]| shown.iter().map(|i| least(i) + 2).sum::<u16>().saturating_sub(2);
        // a column goes where what is in them does not fit, and not for the room that the others would leave empty
        let tight = |i: &usize| match self.columns[*i].width {
            Width::Fixed(w) => w.min(u16::try_from(self.needs(*i, rows)).unwrap_or(w)),
            Width::Rest(w) => w,
        };
        let tight: Vec<u16> = (0..self.columns.len()).map(|i| tight(&i)).collect();
        let takes = |shown: &[usize]| shown.iter().map(|i| tight[*i] + 2).sum::<u16>().saturating_sub(2);
        while takes(&shown) > width && shown.len() > 1 {
            let first_to_go = shown
                .iter()
                .enumerate()
                .max_by_key(|(at, i)| (self.columns[**i].drop, *at))
                .map(|(at, _)| at);
            match first_to_go {
                Some(at) => shown.remove(at),
                None => break,
            };
        }
        let stretches = |i: &usize| matches!(self.columns[*i].width, Width::Rest(_));
        let fits = needed(&shown) <= width;
        let begin = |i: &usize| if fits { least(i) } else { tight[*i] };
        let mut widths: Vec<usize> = shown.iter().map(|i| usize::from(begin(i))).collect();
        let needed = |shown: &[usize]| shown.iter().map(|i| begin(i) + 2).sum::<u16>().saturating_sub(2);
        let mut spare = usize::from(width.saturating_sub(needed(&shown)));
        let wants = |middle: bool, rests: bool| {
            let wants = |i: &usize| match stretches(i) == rests {
                true => self.wanted(*i, middle, rows),
                false => 0,
            };
            shown.iter().map(wants).collect::<Vec<_>>()
        };
        for (middle, rests) in [(false, false), (false, true), (true, true), (true, false)] {
            grow(&mut widths, &wants(middle, rests), &mut spare);
        }
        let wanted: Vec<usize> = shown.iter().map(|i| self.needs(*i, rows)).collect();
        let is_short = |n: &usize| stretches(&shown[*n]) && widths[*n] < wanted[*n];
        if let Some(short) = (0..shown.len()).find(is_short) {
            let fixed = (0..shown.len()).filter(|n| !stretches(&shown[*n]));
            let missing = wanted[short] - widths[short];
            widths[short] += take(&mut widths, &wanted, fixed, missing);
        }
        let rests = shown.iter().filter(|i| stretches(i)).count().max(1);
        let mut x = 0;
        shown
            .into_iter()
            .zip(widths)
            .map(|(i, w)| {
                let extra = if stretches(&i) { spare / rests } else { 0 };
                let w = (u16::try_from(w + extra).unwrap_or(u16::MAX)).min(width.saturating_sub(x));
                let left = x;
                x += w + 2;
                (i, left, w)
            })
            .collect()
    }

    /// How wide a column is in which nothing is cut, its title included.
    fn needs(&self, column: usize, rows: &[(usize, Vec<Cell>)]) -> usize {
        let cells = [false, true].map(|middle| self.wanted(column, middle, rows));
        cells
            .into_iter()
            .fold(text::width(self.columns[column].title), usize::max)
    }

    /// How wide the cells of a column are that are cut in the middle, or those that are not.
    fn wanted(&self, column: usize, middle: bool, rows: &[(usize, Vec<Cell>)]) -> usize {
        let cells = rows.iter().filter_map(|(_, cells)| cells.get(column));
        let cells = cells.filter(|cell| cell.middle == middle);
        let widest = cells.map(|cell| text::width(&text::clean(&cell.text))).max();
        widest.unwrap_or(0)
    }

    /// One line; `mark` is there for the selected row and says whether the table has the keyboard.
    fn line<'c>(
        &self,
        frame: &mut Frame<'_>,
        area: Rect,
        y: u16,
        placed: &[(usize, u16, u16)],
        cells: impl Iterator<Item = &'c Cell>,
        mark: Option<bool>,
    ) {
        let y = area.y + y;
        let buffer = frame.buffer_mut();
        let selection = match mark {
            Some(true) => self.theme.get(Token::Selection),
            _ => Style::new(),
        };
        if mark.is_some() {
            let style = self.theme.get(Token::TitleFocus);
            buffer.set_stringn(area.x, y, Sign::Here.glyph(self.ascii), 1, style);
        }
        for ((i, left, width), cell) in placed.iter().zip(cells) {
            let width = usize::from(*width);
            let clean = text::clean(&cell.text);
            let fitted: Cow<'_, str> = if cell.middle {
                text::middle(&clean, width, self.ascii)
            } else {
                text::fit(&clean, width, self.ascii)
            };
            let pad = width - text::width(&fitted).min(width);
            let indent = if self.columns[*i].right { pad as u16 } else { 0 };
            let style = self.theme.get(cell.token);
            buffer.set_stringn(area.x + 1 + left + indent, y, &fitted, width, style);
        }
        if mark == Some(true) {
            let row = Rect::new(area.x + 1, y, area.width - 1, 1);
            buffer.set_style(row, selection);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::theme::Depth;

    const COLUMNS: &[Column] = &[fixed("id", 8, 0), fixed("key", 9, 1), rest("what", 10, 0)];

    fn drawn(columns: u16) -> String {
        drawn_with(COLUMNS, columns)
    }

    fn drawn_with(of: &[Column], columns: u16) -> String {
        let theme = Theme::choose(None, None, Depth::Mono).unwrap();
        let table = Table {
            columns: of,
            offset: 0,
            len: 2,
            selected: None,
            focus: false,
            theme: &theme,
            ascii: false,
        };
        let area = Rect::new(0, 0, columns, 3);
        let mut terminal = ratatui::Terminal::new(ratatui::backend::TestBackend::new(columns, 3)).unwrap();
        let row = |n: usize| {
            vec![
                Cell::new(Token::Text, ["deposit/12345#17", "exit/1"][n]),
                Cell::hex("0x0123456789abcdef0123"),
                Cell::new(Token::Text, ["Deposit 32 ETH", "Leave"][n]),
            ]
        };
        terminal.draw(|frame| table.draw(frame, area, row)).unwrap();
        terminal.backend().to_string()
    }

    #[test]
    fn a_column_is_as_wide_as_what_is_in_it_where_there_is_room() {
        let narrow = drawn(32);
        assert!(narrow.contains("deposit…"), "{narrow}");
        // words are whole before a key is
        let wider = drawn(46);
        assert!(
            wider.contains("deposit/12345#17") && wider.contains("Deposit 32 ETH") && wider.contains('…'),
            "{wider}"
        );
        let wide = drawn(70);
        assert!(
            wide.contains("0x0123456789abcdef0123") && !wide.contains('…'),
            "{wide}"
        );
    }

    #[test]
    fn what_columns_do_not_need_is_left_to_the_words_that_would_be_cut() {
        const WIDE: &[Column] = &[fixed("id", 22, 0), fixed("key", 12, 0), rest("what", 8, 0)];
        let drawn = drawn_with(WIDE, 48);
        assert!(drawn.contains("Deposit 32 ETH"), "{drawn}");
        assert!(drawn.contains("deposit/12345#17"), "{drawn}");
    }

    /// The room that a column asks for at least is no reason to leave out another one, where nothing stands in it.
    #[test]
    fn no_column_goes_for_room_that_another_one_leaves_empty() {
        const WIDE: &[Column] = &[fixed("id", 30, 0), fixed("key", 9, 4), rest("what", 8, 0)];
        let drawn = drawn_with(WIDE, 45);
        assert!(
            drawn.contains("0x") && drawn.contains("deposit/12345#17"),
            "{drawn}"
        );
        let narrow = drawn_with(WIDE, 34);
        assert!(
            !narrow.contains("0x") && narrow.contains("deposit/12345#17"),
            "{narrow}"
        );
    }

    #[test]
    fn what_needs_no_more_stays_where_it_is() {
        let short = |columns: u16| {
            let lines = drawn(columns);
            lines.lines().next().unwrap_or_default().find("what")
        };
        assert_eq!(short(100), short(120), "the rest column takes what is left over");
    }
}
