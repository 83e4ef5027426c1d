//! Makes log lines safe to print and to read: what others sent may hold terminal commands, URLs may hold keys.

use std::borrow::Cow;
use std::io::{self, Write};

use casimir_dkg::types::{RedactedUrl, SafeText};

/// How the line is going to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// By people: cut at [`SafeText::MAX_CHARS`].
    Text,
    /// By programs: must stay valid JSON.
    Json,
}

/// A writer that scrubs every line. `tracing` writes whole events.
pub(crate) struct Scrub<W> {
    inner: W,
    form: Form,
}

impl<W> Scrub<W> {
    pub(crate) fn new(inner: W, form: Form) -> Self {
        Self { inner, form }
    }
}

impl<W: Write> Write for Scrub<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        let body = text.strip_suffix('\n').unwrap_or(&text);
        let mut line = scrub(body, self.form);
        if body.len() < text.len() {
            line.push('\n');
        }
        self.inner.write_all(line.as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// One line, made safe.
pub(crate) fn scrub(line: &str, form: Form) -> String {
    let line = redact_urls(line);
    match form {
        Form::Text => SafeText::new(&line).as_str().to_owned(),
        Form::Json => line
            .chars()
            .fold(String::with_capacity(line.len()), |mut out, c| {
                // JSON writers escape C0 only
                if c.is_ascii() && !c.is_ascii_control()
                    || SafeText::new(c.encode_utf8(&mut [0; 4])).as_str().chars().eq([c])
                {
                    out.push(c);
                } else {
                    for unit in c.encode_utf16(&mut [0; 2]) {
                        out.push_str(&format!("\\u{unit:04x}"));
                    }
                }
                out
            }),
    }
}

/// Every `scheme://…` without user, password, query and keys in the path. The types do this where the text is made;
/// this is the second line, for errors of libraries that repeat the URL they were given.
fn redact_urls(line: &str) -> Cow<'_, str> {
    if !line.contains("://") {
        return Cow::Borrowed(line);
    }
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find("://") {
        let scheme = rest[..at]
            .rfind(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '+' | '-' | '.'))
            .map_or(0, |before| {
                before + rest[before..].chars().next().map_or(1, char::len_utf8)
            });
        let end = rest[at..]
            .find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>' | '(' | ')' | '`' | '\\'))
            .map_or(rest.len(), |n| at + n);
        out.push_str(&rest[..scheme]);
        out.push_str(&RedactedUrl::new(&rest[scheme..end]).to_string());
        rest = &rest[end..];
    }
    out.push_str(rest);
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_and_url_secrets_do_not_pass() {
        let line = "peer said \x1b]0;owned\x07 via https://user:hunter2@rpc.example/v3/0123456789abcdef0123456789abcdef?key=s3cret (timeout)";
        for form in [Form::Text, Form::Json] {
            let safe = scrub(line, form);
            assert!(!safe.contains('\x1b') && !safe.contains('\x07'), "{safe:?}");
            assert!(
                !safe.contains("hunter2") && !safe.contains("s3cret") && !safe.contains("0123456789abcdef"),
                "{safe}"
            );
            assert!(safe.contains("https://rpc.example/v3/… (timeout)"), "{safe}");
        }
    }

    #[test]
    fn json_stays_json() {
        let line =
            serde_json::json!({"message": "a\u{202e}b\u{9b}c\u{1b}d", "url": "ws://h:1/x"}).to_string();
        let safe = scrub(&line, Form::Json);
        let back: serde_json::Value = serde_json::from_str(&safe).unwrap();
        assert_eq!(back["message"], "a\u{202e}b\u{9b}c\u{1b}d");
        assert!(safe.is_ascii());
    }

    #[test]
    fn a_line_is_written_once_and_bounded() {
        let mut out = Scrub::new(Vec::new(), Form::Text);
        let long = format!("{}\n", "x".repeat(5_000_000));
        assert_eq!(out.write(long.as_bytes()).unwrap(), long.len());
        assert!(out.inner.len() < 3 * SafeText::MAX_CHARS && out.inner.ends_with(b"\n"));
    }
}
