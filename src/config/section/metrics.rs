//! `[metrics]`: where a running role is asked how it is.

use crate::config::raw::Raw;
use crate::config::reader::{Reader, text_of};
use crate::config::schema::Key;
use crate::config::value::{Bad, Value};
use crate::monitor::MetricsListen;

pub(in crate::config) const KEYS: &[Key] = &[Key::new(
    "metrics.listen",
    "an address and port, or off",
    "Where /metrics, /livez and /readyz answer; without it at 127.0.0.1, port 9464 (oracle), 9465 (messenger) or 9466 (operator).",
)];

impl Value for MetricsListen {
    fn read(raw: &Raw) -> Result<Self, Bad> {
        const EXPECTED: &str = "an address and port like \"127.0.0.1:9464\", or off";
        match text_of(EXPECTED, raw)? {
            "off" => Ok(Self::Off),
            text => text
                .parse()
                .map(Self::At)
                .map_err(|_| Bad::from(format!("expected {EXPECTED}, got {}", raw.describe()))),
        }
    }
}

pub(in crate::config) fn read(r: &mut Reader<'_>) -> Option<MetricsListen> {
    r.optional("metrics.listen").map(Option::unwrap_or_default)
}
