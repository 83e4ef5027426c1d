//! What every process is asked, under the names that every dashboard knows.

use super::Family;
use crate::types::UnixMillis;

pub(super) fn families() -> Vec<Family> {
    vec![
        Family::gauge(
            "process_resident_memory_bytes",
            "Memory of this process that is resident.",
        )
        .is(resident_bytes()),
        Family::gauge(
            "process_start_time_seconds",
            "When this process was first asked how it is, in seconds since the Unix epoch.",
        )
        .is(start_seconds()),
    ]
}

/// From `/proc`, where there is one: the second number of `statm` counts pages.
fn resident_bytes() -> Option<f64> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: f64 = statm.split(' ').nth(1)?.parse().ok()?;
    Some(pages * page_bytes())
}

#[cfg(unix)]
#[expect(clippy::cast_precision_loss, reason = "a page is small")]
fn page_bytes() -> f64 {
    rustix::param::page_size() as f64
}

#[cfg(not(unix))]
fn page_bytes() -> f64 {
    4_096.0
}

#[expect(
    clippy::cast_precision_loss,
    reason = "milliseconds of some 300 000 years fit"
)]
fn start_seconds() -> f64 {
    static STARTED: std::sync::OnceLock<UnixMillis> = std::sync::OnceLock::new();
    STARTED.get_or_init(UnixMillis::now).0 as f64 / 1_000.0
}
