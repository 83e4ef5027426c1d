//! HTTP/1.1 as the proxy speaks it to clients. It is written by hand, because a good server crate refuses to do what
//! this one is for: to stop in the middle, to reset, to answer what is no answer.

mod conn;
mod head;
mod reply;

pub(super) use conn::{Conn, Gone};
pub(super) use head::Request;
pub(super) use reply::{Body, Pace, Reply, start_chunks};

/// Headers that are about one connection and are not passed on; the length is made anew, and the answer must not be
/// compressed, because it is looked into.
pub(super) fn is_hop(name: &str) -> bool {
    const HOP: [&str; 12] = [
        "accept-encoding",
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    ];
    HOP.iter().any(|hop| name.eq_ignore_ascii_case(hop))
}
