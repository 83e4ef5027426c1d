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
