//! `[rpc]`: the execution layer.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::config::reader::Reader;
use crate::config::schema::Key;
use crate::config::value::{HttpUrl, WsUrl};
use crate::config::voices;
use crate::types::RedactedUrl;

pub(in crate::config) const KEYS: &[Key] = &[
    Key::new(
        "rpc.urls",
        "a list of http(s) URLs",
        "Execution layer endpoints, the preferred one first.",
    )
    .url()
    .flag("--rpc"),
    Key::new(
        "rpc.ws_url",
        "a ws(s) URL",
        "Optional socket, only a wake-up call: nothing depends on it.",
    )
    .url(),
    Key::new("rpc.timeout", "a time", "Deadline of every call.")
        .within("50ms", "10m")
        .default("15s"),
    Key::new(
        "rpc.poll_interval",
        "a time",
        "How often the head is looked at without a socket.",
    )
    .within("50ms", "1h")
    .default("6s"),
    Key::new(
        "rpc.calls_per_second",
        "a number, at least 1",
        "Calls to each endpoint in one second, at most; more wait for their turn.",
    )
    .default("250"),
    Key::new(
        "rpc.compare_calls_per_second",
        "a number, 0 for not at all",
        "Of these, at most so many for comparing old blocks with their headers, behind everything else.",
    )
    .default("5"),
];

/// The execution layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RpcConfig {
    /// At least one, the preferred one first.
    pub urls: Vec<RedactedUrl>,
    /// New heads from here wake the poll; what is believed is read over HTTP.
    pub ws_url: Option<RedactedUrl>,
    /// Deadline of every call.
    pub timeout: Duration,
    /// How often the head is looked at.
    pub poll_interval: Duration,
    /// Calls to each endpoint in one second, at most.
    pub calls_per_second: NonZeroU32,
    /// Calls in one second for comparing old blocks with their headers, at most; 0: they are not compared.
    pub compare_calls_per_second: u32,
}

pub(in crate::config) fn read(r: &mut Reader<'_>) -> Option<RpcConfig> {
    let urls = r.required::<Vec<HttpUrl>>("rpc.urls");
    let ws_url = r.optional::<WsUrl>("rpc.ws_url");
    let timeout = r.required("rpc.timeout");
    let poll_interval = r.required("rpc.poll_interval");
    let calls_per_second = r.required::<NonZeroU32>("rpc.calls_per_second");
    let compare_calls_per_second = r.required::<u32>("rpc.compare_calls_per_second");
    if let (Some(all), Some(some)) = (calls_per_second, compare_calls_per_second)
        && some > all.get()
        && r.is_said("rpc.compare_calls_per_second")
    {
        let message = format!("expected at most the {all} of rpc.calls_per_second, got {some}");
        r.error("rpc.compare_calls_per_second", message);
    }
    if urls.as_ref().is_some_and(Vec::is_empty) {
        r.error("rpc.urls", "names no endpoint".to_owned());
    }
    voices::each_once(r, "rpc.urls", urls.as_deref().unwrap_or_default());
    Some(RpcConfig {
        urls: urls?.into_iter().map(|url| url.0).collect(),
        ws_url: ws_url?.map(|url| url.0),
        timeout: timeout?,
        poll_interval: poll_interval?,
        calls_per_second: calls_per_second?,
        compare_calls_per_second: compare_calls_per_second?,
    })
}
