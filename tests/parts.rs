//! Each part by itself: configuration and command line, the protocol's bytes and arithmetic, messenger, operator node
//! and whole ceremonies over loopback. No chain is needed, and hardly any process.
//!
//! One program for many tests: linked once, and while one test waits, others work.

mod ceremony;
mod config;
mod conformance;
mod faults;
mod independent;
mod messenger;
mod node;
mod scrape;

use std::time::Duration;

/// Only what hangs for ever is waited for so long: no test says how fast something is.
const PATIENCE: Duration = Duration::from_secs(240);
