//! A topic as a messenger tells it, read while it comes. Strangers make the lists of others long: RockX's messenger tells
//! all of them, with names and addresses of any length. So of the subscribers only those are kept that are asked for, and a
//! list may be far longer than what is held of it.

use std::collections::BTreeMap;

use super::http::CallError;
use crate::dkg::rockx::wire::{Decode, GoMap, Subscriber, Topic};
use crate::http::Call;
use crate::types::SafeText;

/// Longest list in bytes. Who is found before it ends is found.
const LIST: usize = 64 << 20;
/// Longest entry in bytes: a longer one is nobody who is asked for. Our messenger's have less than 1 KiB.
const ENTRY: usize = 8 << 10;
/// Longest rest in bytes: the topic's name.
const OUTLINE: usize = 4 << 10;
/// Read of an answer that is none.
const WORDS: usize = 16 << 10;

/// The topic `name` with those of its subscribers whose names are `wanted`; none where the messenger does not know it.
///
/// # Errors
/// It gives no answer in time, or another one.
pub(super) async fn read(call: Call, name: &str, wanted: &[String]) -> Result<Option<Topic>, CallError> {
    let mut response = call.open().await?;
    let status = response.status();
    if status != 200 {
        let (words, whole) = response.read_head(WORDS).await;
        whole?;
        let text = SafeText::from_bytes(&words);
        return match status {
            404 => Ok(None),
            _ => Err(CallError::Unexpected { status, text }),
        };
    }
    let mut reading = Parser::of(wanted);
    let mut length = 0;
    while let Some(piece) = response.chunk().await? {
        length += piece.len();
        if length > LIST {
            if !reading.has_all() {
                return Err(CallError::TooLong(LIST));
            }
            reading.close();
            break;
        }
        reading.take(&piece)?;
    }
    reading.end(name).map(Some)
}

/// What was read so far. Everything two levels deep is an entry of the subscribers; the rest is the outline.
struct Parser<'a> {
    wanted: &'a [String],
    found: BTreeMap<String, Subscriber>,
    outline: Vec<u8>,
    entry: Vec<u8>,
    depth: usize,
    quoted: bool,
    escaped: bool,
}

impl<'a> Parser<'a> {
    fn of(wanted: &'a [String]) -> Self {
        Self {
            wanted,
            found: BTreeMap::new(),
            outline: Vec::new(),
            entry: Vec::new(),
            depth: 0,
            quoted: false,
            escaped: false,
        }
    }

    fn has_all(&self) -> bool {
        self.wanted.iter().all(|name| self.found.contains_key(name))
    }

    fn take(&mut self, piece: &[u8]) -> Result<(), CallError> {
        piece.iter().try_for_each(|byte| self.take_byte(*byte))
    }

    fn take_byte(&mut self, byte: u8) -> Result<(), CallError> {
        if self.quoted {
            self.quoted = self.escaped || byte != b'"';
            self.escaped = !self.escaped && byte == b'\\';
            return self.keep(byte);
        }
        match byte {
            b'"' => {
                self.quoted = true;
                self.keep(byte)
            }
            b'{' | b'[' => {
                self.keep(byte)?;
                self.depth += 1;
                Ok(())
            }
            b'}' | b']' => {
                if self.depth == 2 {
                    self.end_entry()?;
                    self.depth = 1;
                    self.keep(byte)
                } else {
                    self.keep(byte)?;
                    self.depth = self.depth.saturating_sub(1);
                    Ok(())
                }
            }
            b',' if self.depth == 2 => self.end_entry(),
            _ => self.keep(byte),
        }
    }

    fn keep(&mut self, byte: u8) -> Result<(), CallError> {
        if self.depth < 2 {
            self.outline.push(byte);
            return match self.outline.len() > OUTLINE {
                true => Err(unreadable(format!(
                    "a text that is no topic, or one with a part left out: {OUTLINE} bytes of it are of no subscriber"
                ))),
                false => Ok(()),
            };
        }
        // one byte more tells that it was too long
        if self.entry.len() <= ENTRY {
            self.entry.push(byte);
        }
        Ok(())
    }

    fn end_entry(&mut self) -> Result<(), CallError> {
        let entry = std::mem::take(&mut self.entry);
        if entry.len() > ENTRY || entry.iter().all(u8::is_ascii_whitespace) {
            return Ok(());
        }
        let object = [b"{", &entry[..], b"}"].concat();
        let GoMap(entry): GoMap<Subscriber, String> = GoMap::from_json(&object).map_err(unreadable)?;
        let entry = entry.into_iter().flatten();
        self.found
            .extend(entry.filter(|(name, _)| self.wanted.contains(name)));
        Ok(())
    }

    /// No more is read.
    fn close(&mut self) {
        self.outline.extend(std::iter::repeat_n(b'}', self.depth.min(2)));
        (self.depth, self.quoted) = (0, false);
    }

    /// The topic, which must be the one of this name.
    fn end(self, name: &str) -> Result<Topic, CallError> {
        if self.quoted || self.depth > 0 {
            return Err(unreadable("a topic that was cut off: its text ends too soon"));
        }
        let topic = Topic::from_json(&self.outline).map_err(unreadable)?;
        if topic.name != name {
            let text = format!("a topic named «{}»", SafeText::new(&topic.name)).into();
            return Err(CallError::Unexpected { status: 200, text });
        }
        Ok(Topic {
            subscribers: self.found.into(),
            ..topic
        })
    }
}

fn unreadable(error: impl std::fmt::Display) -> CallError {
    CallError::Unexpected {
        status: 200,
        text: error.to_string().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted() -> Vec<String> {
        ["1", "20", "observer-x"].map(str::to_owned).into()
    }

    fn read(text: &str, piece: usize) -> Result<Vec<(String, String)>, CallError> {
        let wanted = wanted();
        let mut reading = Parser::of(&wanted);
        for piece in text.as_bytes().chunks(piece) {
            reading.take(piece)?;
        }
        let topic = reading.end("default")?;
        let found = topic.subscribers.iter();
        Ok(found
            .map(|(name, s)| (name.clone(), s.srv_addr.clone()))
            .collect())
    }

    fn entry(name: &str, address: &str) -> String {
        format!(r#""{name}":{{"name":"{name}","srv_addr":"{address}"}}"#)
    }

    #[test]
    fn those_who_are_asked_for_are_found_wherever_they_stand_and_whatever_stands_between() {
        let junk = [
            entry("junk", r#"http://a/\"},{\\"#),
            entry("0", &"x".repeat(3 * ENTRY)),
            entry(&"n".repeat(ENTRY), ""),
            r#""deep":{"name":"deep","srv_addr":"","more":{"1":{"name":"1","srv_addr":"http://no"}}}"#
                .to_owned(),
        ];
        let all = [
            &junk[..2],
            &[entry("1", "http://one")],
            &junk[2..],
            &[entry("20", "http://twenty")],
            &junk[..],
        ]
        .concat()
        .join(" ,\n");
        let found = [("1", "http://one"), ("20", "http://twenty")];
        let found = found.map(|(name, at)| (name.to_owned(), at.to_owned()));
        for text in [
            format!(r#"{{"Name":"default","Subscribers":{{{all}}}}}"#),
            format!("{{ \"Subscribers\" : {{ {all} }} ,\n \"Name\":\"default\" }}"),
        ] {
            for piece in [1, 7, 4096, text.len()] {
                assert_eq!(read(&text, piece).unwrap(), found, "{piece}");
            }
        }
        for nobody in ["{}", "null"] {
            let text = format!(r#"{{"Name":"default","Subscribers":{nobody}}}"#);
            assert_eq!(read(&text, 5).unwrap(), []);
        }
    }

    #[test]
    fn a_list_that_is_read_no_further_is_a_topic_with_those_who_were_found() {
        let wanted = wanted();
        let mut reading = Parser::of(&wanted);
        let one = entry("1", "http://one");
        reading
            .take(format!(r#"{{"Name":"default","Subscribers":{{{one},"2":{{"na"#).as_bytes())
            .unwrap();
        assert!(!reading.has_all());
        reading.close();
        let topic = reading.end("default").unwrap();
        assert_eq!(topic.subscribers.len(), 1);
    }

    /// Both were «more than 4096 bytes» of an answer that may have millions.
    #[test]
    fn a_text_that_was_cut_off_is_told_from_one_that_is_no_topic() {
        let one = entry("1", "http://one");
        let whole = format!(r#"{{"Name":"default","Subscribers":{{{one},{one}}}}}"#);
        for cut in [1, 9, 40, 60, whole.len() - 1] {
            let words = read(&whole[..cut], 7).unwrap_err().to_string();
            assert!(
                words.contains("cut off") && !words.contains("bytes"),
                "{cut}: {words}"
            );
        }
        let page = format!("<html>{}</html>", "x".repeat(OUTLINE));
        // with its beginning left out the entries stand where the outline does
        let without = format!("}},{}", [&*one; 500].join(","));
        for text in [page, without] {
            let words = read(&text, 7).unwrap_err().to_string();
            assert!(words.contains("a text that is no topic"), "{words}");
        }
    }

    #[test]
    fn what_is_no_topic_or_another_one_tells_nobody() {
        let one = entry("1", "http://one");
        for text in [
            "",
            "<html>",
            "null",
            "[]",
            r#"{"Subscribers":{}}"#,
            r#"{"Name":"other","Subscribers":{}}"#,
            r#"{"Name":"default","Subscribers":{"1":5}}"#,
            &format!(r#"{{"Name":"other","Subscribers":{{{one}}}}}"#),
            &format!(r#"{{"Name":"default","Subscribers":{{{one}"#),
            &format!(r#"{{"Name":"default","Subscribers":{{{one}}}"#),
            &format!(r#"{{"Name":"default","x":"{}"}}"#, "x".repeat(OUTLINE)),
        ] {
            let read = read(text, 3);
            assert!(read.is_err(), "{text}: {read:?}");
        }
    }
}
