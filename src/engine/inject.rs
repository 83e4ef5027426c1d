//! Panics on demand, for the tests of what follows. A release has none of it: the variable is not even known there.

/// Names the environment variable with the parts that panic, once each, separated by commas: `core`, `feed`, `console`,
/// or what an effect is called. Debug builds only.
pub const PANIC_AT: &str = "CASIMIR_DKG_PANIC_AT";

/// Panics when this part is named, the first time that it comes here.
#[cfg(debug_assertions)]
pub fn panic_at(part: &str) {
    use std::sync::{Mutex, OnceLock, PoisonError};
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

/// Nothing, in a release.
#[cfg(not(debug_assertions))]
pub fn panic_at(_: &str) {}
