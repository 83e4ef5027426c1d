//! What the feature `fault-injection` adds.

use std::sync::{Mutex, OnceLock, PoisonError};

/// Names the environment variable that makes the process die at a numbered point.
pub const CRASH_AT: &str = "CASIMIR_DKG_CRASH_AT";

/// Names the environment variable with the parts that panic, once each, separated by commas: `core`, `feed`, `console`,
/// or what an effect is called.
pub const PANIC_AT: &str = "CASIMIR_DKG_PANIC_AT";

pub(super) const VARIABLES: &[&str] = &[CRASH_AT, PANIC_AT];

pub(super) fn panic_at(part: &str) {
    static LEFT: OnceLock<Mutex<Vec<String>>> = OnceLock::new();
    let left = LEFT.get_or_init(|| {
        let parts = std::env::var(PANIC_AT).unwrap_or_default();
        Mutex::new(parts.split(',').map(str::to_owned).collect())
    });
    let found = {
        let mut left = left.lock().unwrap_or_else(PoisonError::into_inner);
        let before = left.len();
        left.retain(|named| named != part);
        left.len() < before
    };
    assert!(!found, "{PANIC_AT} says so: {part}");
}

pub(super) fn die_at(point: u64) {
    static WANTED: OnceLock<Option<u64>> = OnceLock::new();
    let wanted = WANTED.get_or_init(|| {
        let wanted = std::env::var(CRASH_AT).ok().and_then(|n| n.parse().ok());
        if let Some(point) = wanted {
            tracing::warn!(target: "engine", point, "{CRASH_AT} is set: this process will die at that point");
        }
        wanted
    });
    if *wanted == Some(point) {
        // as SIGKILL would: no destructor, no flush
        std::process::abort();
    }
}
