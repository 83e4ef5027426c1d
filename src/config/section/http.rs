//! `[http]`: how everybody outside is reached over HTTP, by every command.

use crate::config::error::nearest;
use crate::config::raw::Raw;
use crate::config::reader::Reader;
use crate::config::schema::Key;
use crate::config::value::{Bad, HttpUrl, Value, text};
use crate::http::{HttpOptions, ProxyRule};
use crate::types::SafeText;

pub(in crate::config) const KEYS: &[Key] = &[
    Key::new(
        "http.proxy",
        "environment, none or an http(s) URL",
        "Who stands between: the environment's HTTPS_PROXY, HTTP_PROXY or ALL_PROXY, nobody, or this proxy. Loopback addresses and hosts in NO_PROXY are reached directly.",
    )
    .default("environment")
    .url(),
    Key::new(
        "http.ca_file",
        "a path",
        "CA certificates (PEM) that are trusted beside the system's.",
    ),
];

impl Value for ProxyRule {
    fn read(raw: &Raw) -> Result<Self, Bad> {
        const EXPECTED: &str = "environment, none or an http(s) URL";
        match text(EXPECTED, raw)? {
            "environment" => Ok(Self::Environment),
            "none" => Ok(Self::None),
            url if url.contains("://") => HttpUrl::read(raw).map(|url| Self::Url(url.0)),
            word => Err(Bad {
                message: format!("expected {EXPECTED}, got \"{}\"", SafeText::new(word)),
                suggestion: nearest(word, ["environment", "none"]),
            }),
        }
    }
}

pub(in crate::config) fn read(r: &mut Reader<'_>) -> Option<HttpOptions> {
    let proxy = r.required("http.proxy");
    let ca_file = r.path("http.ca_file");
    Some(HttpOptions {
        proxy: proxy?,
        ca_file: ca_file?,
        ..HttpOptions::default()
    })
}
