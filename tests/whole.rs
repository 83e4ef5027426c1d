//! The whole, against real parts: a chain, consensus layers, the engine, and the console in a terminal.
//!
//! One program for many tests: linked once, and while one test waits, others work. Tests begin in the order of their
//! names: the longest (scenes of adversity, deaths at each boundary, a validator's life on a consensus layer) come early,
//! so that none is left alone at the end.

#[cfg(target_os = "linux")]
mod adversity;
mod boundaries;
mod chain;
mod consensus;
mod devnet;
mod engine;
#[cfg(target_os = "linux")]
mod lives;
mod pty;
#[allow(dead_code, reason = "the tests of the command line need more of it")]
mod scrape;

use std::time::Duration;

/// Only what hangs for ever is waited for so long: no test says how fast something is.
const PATIENCE: Duration = Duration::from_secs(240);
