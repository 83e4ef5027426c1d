//! The console as a person has it: the real binary in a real (pseudo-) terminal.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]
#![cfg(all(unix, feature = "tui"))]

mod demo;
mod director;
// a release knows nothing of panics on demand
mod panics;
mod plain;
mod prompts;
mod soak;
pub(crate) mod terminal;
