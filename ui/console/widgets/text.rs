//! Text in cells: harmless, cut and wrapped by what it takes on the screen, not by its length in memory.

use std::borrow::Cow;

use casimir_dkg::types::SafeText;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Columns that the text takes.
pub(crate) fn width(text: &str) -> usize {
    text.width()
}

/// The last line of defence: everything that is drawn goes through here once more. Text without anything to remove is
/// not copied.
pub(crate) fn clean(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|b| (0x20..0x7f).contains(&b)) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(SafeText::new(text).as_str().to_owned())
    }
}

/// The text cut to `columns`; what was cut is shown by an ellipsis.
pub(crate) fn fit(text: &str, columns: usize, ascii: bool) -> Cow<'_, str> {
    if width(text) <= columns {
        return Cow::Borrowed(text);
    }
    let mark = if ascii { "~" } else { "…" };
    let mut out = head(text, columns.saturating_sub(1)).to_owned();
    if columns > 0 {
        out.push_str(mark);
    }
    Cow::Owned(out)
}

/// A long value with its middle left out, so that both ends can be compared.
pub(crate) fn middle(text: &str, columns: usize, ascii: bool) -> Cow<'_, str> {
    if width(text) <= columns || columns < 5 || !text.is_ascii() {
        return fit(text, columns, ascii);
    }
    let mark = if ascii { "~" } else { "…" };
    let back = (columns - 1) / 2;
    let front = columns - 1 - back;
    Cow::Owned(format!("{}{mark}{}", &text[..front], &text[text.len() - back..]))
}

/// As much of the beginning as `columns` hold.
fn head(text: &str, columns: usize) -> &str {
    let mut used = 0;
    for (at, c) in text.char_indices() {
        used += c.width().unwrap_or(0);
        if used > columns {
            return &text[..at];
        }
    }
    text
}

/// Lines of at most `columns`, broken between words where there are words, else anywhere.
pub(crate) fn wrap(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(1);
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split(' ') {
        let room = columns.saturating_sub(width(&line));
        let gap = usize::from(!line.is_empty());
        if width(word) + gap <= room {
            if gap == 1 {
                line.push(' ');
            }
            line.push_str(word);
            continue;
        }
        if !line.is_empty() {
            lines.push(std::mem::take(&mut line));
        }
        let mut rest = word;
        while width(rest) > columns {
            let part = match head(rest, columns) {
                // a character wider than the line: it goes alone, or this would never end
                "" => &rest[..rest.chars().next().map_or(0, char::len_utf8)],
                part => part,
            };
            lines.push(part.to_owned());
            rest = &rest[part.len()..];
        }
        line = rest.to_owned();
    }
    if !line.is_empty() || lines.is_empty() {
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_by_columns() {
        assert_eq!(fit("pool 3", 6, false), "pool 3");
        assert_eq!(fit("pool 3", 5, false), "pool…");
        assert_eq!(fit("東京都", 4, false), "東…");
        assert_eq!(fit("pool", 0, false), "");
        assert_eq!(middle("0x0123456789abcdef", 9, false), "0x01…cdef");
        assert_eq!(middle("0x0123456789abcdef", 9, true), "0x01~cdef");
    }

    #[test]
    fn wrapping_loses_nothing() {
        assert_eq!(wrap("a bb ccc", 4), ["a bb", "ccc"]);
        assert_eq!(wrap("0123456789", 4), ["0123", "4567", "89"]);
        assert_eq!(wrap("x 0123456789", 4), ["x", "0123", "4567", "89"]);
        assert_eq!(wrap("", 4), [""]);
        assert_eq!(wrap("東京", 1), ["東", "京", ""].map(str::to_owned)[..2].to_vec());
        for columns in 0..20 {
            let text = "one 東京 0xabcdefabcdefabcdef two";
            assert_eq!(
                wrap(text, columns).concat().replace(' ', ""),
                text.replace(' ', "")
            );
        }
    }

    #[test]
    fn cleaning_escapes_what_a_terminal_would_obey() {
        assert_eq!(clean("plain"), "plain");
        assert_eq!(clean("a\x1b[31mb\u{202e}"), "a\\u{1b}[31mb\\u{202e}");
    }
}
