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
mod messenger;
mod node;
#[allow(dead_code, reason = "the tests of the command line need more of it")]
mod scrape;

use std::time::Duration;

/// Only what hangs for ever is waited for so long: no test says how fast something is.
const TIMEOUT: Duration = Duration::from_secs(240);

/// A free port at an address of its own on this machine. What another test left behind still asks for the port that it
/// knew, with the same request ids and keys as everybody's: it must not find somebody else there.
fn own_loopback() -> std::net::SocketAddr {
    use std::sync::atomic::{AtomicU16, Ordering};

    static NEXT: AtomicU16 = AtomicU16::new(0);
    // elsewhere one address alone is this machine's
    let address = match cfg!(target_os = "linux") {
        true => std::net::Ipv4Addr::from_bits(0x7f01_0001 + u32::from(NEXT.fetch_add(1, Ordering::Relaxed))),
        false => std::net::Ipv4Addr::LOCALHOST,
    };
    (address, 0).into()
}
