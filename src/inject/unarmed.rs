//! What a release has in its place: nothing.

pub(super) const VARIABLES: &[&str] = &[];

pub(super) fn panic_at(_: &str) {}

pub(super) fn die_at(_: u64) {}
