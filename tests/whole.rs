//! Each part by itself (configuration and command line, the protocol's bytes and arithmetic, messenger, operator node,
//! ceremonies over loopback), and the whole against real parts: a chain, consensus layers, the engine, and the console in
//! a terminal.
//!
//! One program for all: linked once, and while one test waits, others work. Tests begin in the order of their names: the
//! longest (scenes of adversity, the keyboard's stories at a terminal, deaths at each boundary, a validator's life on a
//! consensus layer) come early, so that none is left alone at the end.

#[cfg(target_os = "linux")]
mod adversity;
mod at_a_terminal;
mod beacon_node;
mod boundaries;
mod ceremony;
mod chain;
mod config;
mod conformance;
mod devnet;
mod engine;
mod executable;
mod faults;
mod independent;
#[cfg(target_os = "linux")]
mod lives;
mod loopback;
mod messenger;
mod node;
#[allow(dead_code, reason = "the tests of the command line need more of it")]
mod scrape;

use std::time::Duration;

use loopback::{nobody, own_loopback};

/// Only what hangs for ever is waited for so long: no test says how fast something is.
const TIMEOUT: Duration = Duration::from_secs(240);
