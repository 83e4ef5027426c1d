//! `[messenger]`: the command `messenger`.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::config::reader::{Reader, words};
use crate::config::schema::Key;

pub(in crate::config) const KEYS: &[Key] = &[
    Key::new(
        "messenger.listen",
        "an address and port",
        "Where `messenger` listens.",
    )
    .default("0.0.0.0:3000"),
    Key::new(
        "messenger.data_dir",
        "a path",
        "Where registrations, topics and undelivered messages survive a restart; without it messenger in the state directory.",
    ),
    Key::new(
        "messenger.takeover",
        "refuse or allow",
        "Whether a name may be registered anew while its old address still answers, as RockX allows.",
    )
    .default("refuse"),
];

/// What a registration of a known name with another address does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takeover {
    /// It is refused.
    Refuse,
    /// It replaces the address.
    Allow,
}

words!(Takeover { "refuse" => Takeover::Refuse, "allow" => Takeover::Allow });

/// The command `messenger`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessengerConfig {
    /// Plain HTTP; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where registrations, topics and undelivered messages are kept.
    pub data_dir: PathBuf,
    /// Whether addresses may be taken over.
    pub takeover: Takeover,
}

pub(in crate::config) fn read(r: &mut Reader<'_>) -> Option<MessengerConfig> {
    let listen = r.required("messenger.listen");
    let data_dir = r.path("messenger.data_dir");
    let takeover = r.required("messenger.takeover");
    Some(MessengerConfig {
        listen: listen?,
        data_dir: data_dir?.unwrap_or_else(|| r.directories().state.join("messenger")),
        takeover: takeover?,
    })
}
