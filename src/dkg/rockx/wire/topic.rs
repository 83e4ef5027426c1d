//! The messenger's topics.

use std::collections::BTreeMap;

use super::codec::{Encode, go_struct};
use super::collections::{GoList, GoMap, MapKey};

go_struct! {
    /// Body of `POST /topics`.
    pub struct CreateTopic {
        /// The request id in hex, or `default`.
        topic_name: String = "topic_name";
        /// Operator ids in decimal.
        subscribers: GoList<String> = "subscribers";
    }
}

go_struct! {
    /// Body of `POST /register_node`, and a topic's entry for a subscriber.
    pub struct Subscriber {
        /// Operator id in decimal, or the name of an observer.
        name: String = "name";
        /// Base URL; `/consume` is appended.
        srv_addr: String = "srv_addr";
    }
}

go_struct! {
    /// A topic as the messenger reports it.
    pub struct Topic {
        name: String = "Name";
        /// By subscriber name.
        subscribers: GoMap<Subscriber, String> = "Subscribers";
    }
}

/// Names come from outside: they are escaped like any text.
impl MapKey for String {
    fn to_text(&self) -> String {
        let mut quoted = Vec::new();
        self.encode(&mut quoted);
        let text = String::from_utf8(quoted).unwrap_or_default();
        text.get(1..text.len() - 1).unwrap_or_default().to_owned()
    }

    fn from_text(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }
}

/// The text of a [`Topic`] with its subscribers (name and base URL) in the order in which they are given: whoever reads no
/// further than a bound reads the first ones.
pub(in crate::dkg::rockx) fn topic_text<'a>(
    name: &str,
    subscribers: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Vec<u8> {
    let mut out = br#"{"Name":"#.to_vec();
    name.to_owned().encode(&mut out);
    out.extend_from_slice(br#","Subscribers":{"#);
    for (n, (name, address)) in subscribers.into_iter().enumerate() {
        if n > 0 {
            out.push(b',');
        }
        let subscriber = Subscriber {
            name: name.to_owned(),
            srv_addr: address.to_owned(),
        };
        subscriber.name.encode(&mut out);
        out.push(b':');
        subscriber.encode(&mut out);
    }
    out.extend_from_slice(b"}}");
    out
}

impl Topic {
    /// A topic of this name with these subscribers.
    pub fn new(name: impl Into<String>, subscribers: impl IntoIterator<Item = Subscriber>) -> Self {
        let subscribers: BTreeMap<String, Subscriber> =
            subscribers.into_iter().map(|s| (s.name.clone(), s)).collect();
        Self {
            name: name.into(),
            subscribers: subscribers.into(),
        }
    }
}
