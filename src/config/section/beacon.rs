//! `[beacon]`: the consensus layer.

use std::time::Duration;

use crate::config::reader::Reader;
use crate::config::schema::Key;
use crate::config::value::HttpUrl;
use crate::config::voices;
use crate::types::RedactedUrl;

pub(in crate::config) const KEYS: &[Key] = &[
    Key::new(
        "beacon.urls",
        "a list of http(s) URLs",
        "Beacon nodes. Exits are posted to all of them; without any, exits wait and validators are not followed.",
    )
    .url()
    .flag("--beacon"),
    Key::new("beacon.timeout", "a time", "Deadline of every call.")
    .within("50ms", "10m").default("15s"),
    Key::new(
        "beacon.poll_interval",
        "a time",
        "How often a followed validator is looked up while no node's event stream says that something happened.",
    )
    .within("50ms", "1h")
    .default("12s"),
];

/// The beacon nodes that are asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BeaconConfig {
    /// Base URLs of Beacon APIs. Empty: nothing is asked, and what rests on an answer is unknown.
    pub urls: Vec<RedactedUrl>,
    /// Deadline of every call.
    pub timeout: Duration,
    /// How often a followed validator is looked up without a hint of the event streams.
    pub poll_interval: Duration,
}

pub(in crate::config) fn read(r: &mut Reader<'_>) -> Option<BeaconConfig> {
    let urls = r.optional::<Vec<HttpUrl>>("beacon.urls");
    let timeout = r.required("beacon.timeout");
    let poll_interval = r.required("beacon.poll_interval");
    let named = urls.iter().flatten().flatten();
    voices::each_once(r, "beacon.urls", &named.cloned().collect::<Vec<_>>());
    Some(BeaconConfig {
        urls: urls?.unwrap_or_default().into_iter().map(|url| url.0).collect(),
        timeout: timeout?,
        poll_interval: poll_interval?,
    })
}
