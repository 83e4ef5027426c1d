//! Text from outside, made harmless once, where it enters.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Text that can be printed on a terminal, in a log and in a file without surprise: no control characters (C0, DEL,
/// C1), no bidirectional controls, no zero-width or other invisible format characters, at most [`SafeText::MAX_CHARS`]
/// characters. What was removed is shown as `\u{..}`, so that two different inputs do not look alike.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct SafeText(String);

impl SafeText {
    /// Longer input is cut here and ends in `…`.
    pub const MAX_CHARS: usize = 2_000;

    /// Makes `text` safe. Newlines and tabs become spaces.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let mut out = String::with_capacity(text.len().min(Self::MAX_CHARS * 4));
        for (n, c) in text.chars().enumerate() {
            if n == Self::MAX_CHARS {
                out.push('…');
                break;
            }
            match c {
                '\n' | '\t' | '\r' => out.push(' '),
                c if is_hostile(c) => out.extend(c.escape_unicode()),
                c => out.push(c),
            }
        }
        Self(out)
    }

    /// Makes bytes safe; bytes that are not UTF-8 become U+FFFD.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Self {
        // 4 bytes a character at most, so nothing beyond this can be shown anyway
        let head = &bytes[..bytes.len().min(4 * (Self::MAX_CHARS + 1))];
        Self::new(&String::from_utf8_lossy(head))
    }

    /// The text, safe to show: control characters were escaped when it was made.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The bytes of a text without the mark (U+FEFF) that some editors put before it. Every file that people may have had in an
/// editor is read so.
#[must_use]
pub fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes)
}

/// Controls, invisible format characters and direction overrides, by Unicode's general categories Cc and Cf (the
/// ranges of the latter that exist in practice), line and paragraph separators, and the tag and variation blocks.
fn is_hostile(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{00ad}' | '\u{034f}' | '\u{0600}'..='\u{0605}' | '\u{061c}' | '\u{06dd}' | '\u{070f}'
            | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180e}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}')
}

impl fmt::Display for SafeText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for SafeText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl From<&str> for SafeText {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<String> for SafeText {
    fn from(text: String) -> Self {
        Self::new(&text)
    }
}

impl Serialize for SafeText {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for SafeText {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Ok(Self::new(&String::deserialize(d)?))
    }
}

/// A URL whose user, password, query and long path segments (API keys) are never printed.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RedactedUrl(String);

impl RedactedUrl {
    /// Keeps `url` as given; only [`RedactedUrl::expose`] shows it whole.
    pub fn new(url: impl Into<String>) -> Self {
        Self(url.into())
    }

    /// The whole URL, for the HTTP client only.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RedactedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, rest) = self.0.split_once("://").unwrap_or(("", &self.0));
        let rest = rest.split(['?', '#']).next().unwrap_or_default();
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let mut shown = if scheme.is_empty() {
            host.to_owned()
        } else {
            format!("{scheme}://{host}")
        };
        for segment in path.split('/').filter(|s| !s.is_empty()) {
            // API keys in paths are long; route names are short
            shown.push('/');
            shown.push_str(if segment.len() > 20 { "…" } else { segment });
        }
        f.pad(SafeText::new(&shown).as_str())
    }
}

impl fmt::Debug for RedactedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Words of somebody else in double quotes, `"1 finney"`: hostile characters, quotes and backslashes in them are escaped as
/// in TOML and Rust, so that it is plain where they end. Cut like [`SafeText`].
#[must_use]
pub fn quoted(text: &str) -> String {
    let mut out = String::from('"');
    for (n, c) in text.chars().enumerate() {
        if n == SafeText::MAX_CHARS {
            out.push('…');
            break;
        }
        match c {
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            '"' | '\\' => out.extend(['\\', c]),
            c if is_hostile(c) => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Names of which no two are equal: where several are, each gets its number among them, `https://node/… (1)`.
#[must_use]
pub fn told_apart(names: &[SafeText]) -> Vec<SafeText> {
    let number = |(n, name): (usize, &SafeText)| {
        let earlier = names[..n].iter().filter(|other| *other == name).count();
        if earlier == 0 && !names[n + 1..].contains(name) {
            return name.clone();
        }
        SafeText::new(&format!("{name} ({})", earlier + 1))
    };
    names.iter().enumerate().map(number).collect()
}

/// A number with what it counts: `1 operator`, `2 operators`. For nouns that take an `s`.
#[must_use]
pub fn counted(n: usize, noun: &str) -> String {
    let s = if n == 1 { "" } else { "s" };
    format!("{n} {noun}{s}")
}

/// Numbers in words: `4, 7, 10 or 13` with the last word `or`; empty text for none.
#[must_use]
pub fn listed(numbers: impl IntoIterator<Item: ToString>, last_word: &str) -> String {
    let words: Vec<String> = numbers.into_iter().map(|n| n.to_string()).collect();
    match words.split_last() {
        Some((only, [])) => only.clone(),
        Some((last, others)) => format!("{} {last_word} {last}", others.join(", ")),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_characters_become_visible() {
        let text = SafeText::new("a\x1b]52;c;x\x07b\u{202e}c\u{200b}d\u{9b}31m\ne");
        assert_eq!(
            text.as_str(),
            "a\\u{1b}]52;c;x\\u{7}b\\u{202e}c\\u{200b}d\\u{9b}31m e"
        );
        assert!(SafeText::new(&"x".repeat(10_000_000)).as_str().chars().count() <= SafeText::MAX_CHARS + 1);
        assert_eq!(SafeText::from_bytes(b"ok\xff").as_str(), "ok\u{fffd}");
    }

    #[test]
    fn equal_names_get_their_numbers() {
        let names = ["a", "b", "a", "c", "a"].map(SafeText::new);
        let apart: Vec<_> = told_apart(&names).iter().map(ToString::to_string).collect();
        assert_eq!(apart, ["a (1)", "b", "a (2)", "c", "a (3)"]);
    }

    #[test]
    fn quoted_words_end_where_they_end() {
        assert_eq!(quoted("1 finney"), r#""1 finney""#);
        assert_eq!(
            quoted("a \"b\"\\ c\n\x1b[31m\u{202e}"),
            r#""a \"b\"\\ c\n\u{1b}[31m\u{202e}""#
        );
        assert_eq!(
            quoted(&"x".repeat(10_000)).chars().count(),
            SafeText::MAX_CHARS + 3
        );
    }

    #[test]
    fn urls_do_not_show_their_secrets() {
        let url = RedactedUrl::new(
            "https://user:hunter2@rpc.example:8545/v3/0123456789abcdef0123456789abcdef?key=s3cret",
        );
        let shown = format!("{url} {url:?}");
        assert!(
            !shown.contains("hunter2") && !shown.contains("s3cret") && !shown.contains("0123456789abcdef")
        );
        assert!(shown.contains("https://rpc.example:8545/v3/…"), "{shown}");
    }

    #[test]
    fn one_thing_takes_no_s() {
        let words = [0, 1, 2].map(|n| counted(n, "operator"));
        assert_eq!(words, ["0 operators", "1 operator", "2 operators"]);
    }
}
