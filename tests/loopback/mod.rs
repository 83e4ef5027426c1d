//! Addresses of this machine that one test alone has.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

/// A free port at an address of its own on this machine. What another test left behind still asks for the port that it
/// knew, with the same request ids and keys as everybody's: it must not find somebody else there.
pub(crate) fn own_loopback() -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // elsewhere one address alone is this machine's
    let address = match cfg!(target_os = "linux") {
        true => Ipv4Addr::from_bits(0x7f01_0001 + u32::from(NEXT.fetch_add(1, Ordering::Relaxed))),
        false => Ipv4Addr::LOCALHOST,
    };
    (address, 0).into()
}

/// Where nobody listens until the test itself does. A port of 127.0.0.1 that was given back is soon another test's.
pub(crate) fn nobody() -> SocketAddr {
    let taken = TcpListener::bind(own_loopback()).expect("a port");
    taken.local_addr().expect("an address")
}
