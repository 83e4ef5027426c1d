//! What was said in one line and is over: the status line shows the newest, cut at the edge, and here all of it stays for a
//! while.

use std::collections::VecDeque;

use casimir_dkg::types::UnixMillis;

use crate::console::theme::Token;

/// More are not looked through by anybody; the journal and the log have what happened.
const MOST: usize = 200;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) at: UnixMillis,
    pub(crate) token: Token,
    pub(crate) text: String,
}

/// The newest messages, the newest first.
#[derive(Debug, Default)]
pub(crate) struct Messages(VecDeque<Message>);

impl Messages {
    /// Takes one in. What is said again at once is no other message.
    pub(crate) fn take(&mut self, message: Message) {
        let again = |newest: &&mut Message| newest.text == message.text && newest.token == message.token;
        if let Some(newest) = self.0.front_mut().filter(again) {
            newest.at = message.at;
            return;
        }
        self.0.truncate(MOST - 1);
        self.0.push_front(message);
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Message> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(n: u64, text: &str) -> Message {
        Message {
            at: UnixMillis(n),
            token: Token::Info,
            text: text.to_owned(),
        }
    }

    #[test]
    fn the_newest_come_first_repeats_are_one_and_there_is_an_end() {
        let mut messages = Messages::default();
        messages.take(said(1, "one"));
        messages.take(said(2, "two"));
        messages.take(said(3, "two"));
        let all: Vec<_> = messages.iter().cloned().collect();
        assert_eq!(all, [said(3, "two"), said(1, "one")]);
        for n in 0..1_000 {
            messages.take(said(n, &n.to_string()));
        }
        assert_eq!(messages.iter().count(), MOST);
        assert_eq!(messages.iter().next(), Some(&said(999, "999")));
    }
}
