//! Open ports: one set of rules for everybody who listens to strangers.
//!
//! | What | Rule |
//! |---|---|
//! | Protocol | HTTP/1.1 alone. |
//! | Connections | So many at once, and never more than a quarter of the descriptors that the process may have. One client (an IPv4 address, or 56 bits of IPv6) has a share of them; the last eighth is for clients that have none yet, or that proved who they are, and its last half for the latter alone. |
//! | Crowding | When there is no room, the longest idle connection of whoever has the most makes it, then one whose head trickles, then one whose body does: it came for 2 s longer than what came has at 16 KiB a second. |
//! | Time | A head has [`Bounds::head`] from its first byte, a request [`Bounds::request`], silence between requests [`Bounds::idle`], a reply of which nothing is taken [`Bounds::stuck`], and one of which little is taken as much longer as what was taken has times 64 KiB, in seconds. |
//! | Heads | They have a longest length, 32 KiB; the connection of a longer one ends. |
//! | Bodies | They have a longest length and a deadline; of those above 32 KiB 16 are read and worked on at a time. A client has up to a quarter of these places, strangers together three quarters; one that proved who it is has up to a half. What has no place is answered as what passes. |
//! | Answers | Of those above 1 KiB, 8 MiB that were not taken are kept, with shares as of long bodies. Where there is no room, the answer is 503, and the connection ends that holds most of it and took nothing for 2 s. |
//! | Refusals | A client that is refused again and again is answered 429 before its body is read, until it has been quiet for a while. What is signed costs nothing, and this machine itself is exempt, where no trusted proxy stands on it. |
//! | Proxies | The client behind a trusted proxy is the last address of `X-Forwarded-For` that is not a trusted proxy; where that cannot be read, the proxy itself. Nobody else's header counts. All trusted proxies together have all connections but the last eighth; of these, requests under way are shared among the clients behind them as connections are elsewhere, so that a few are always free for the head of whoever comes. |
//! | TLS | Where a certificate is configured ([`Tls`]), a first byte tells TLS from plain HTTP. Plain HTTP is taken from this machine, from trusted proxies and from whom `plain_http` names. A handshake has the time of a head; one that fails, or that no request follows, is a refusal, and of all of them one client has 200, and then 10 a second. |
//! | Logs | What strangers can cause is limited: so many lines in a while, with a count of those left out. |

mod answer;
mod body;
mod client_limits;
mod connection;
mod gate;
mod limiter;
mod network;
mod pool;
mod serve;
mod shares;
mod slot;
#[cfg(test)]
mod tests;
mod tls;
mod transport;
mod watched;

use std::io;
use std::net::SocketAddr;

pub(crate) use answer::SharedText;
pub(crate) use body::{BodyFault, Content};
pub(crate) use connection::{Connection, Listener};
pub(crate) use gate::{Client, Gate};
pub use limiter::Bounds;
#[cfg(test)]
use network::client_of;
pub(crate) use network::plain;
pub use network::{BadNetwork, Network};
pub(crate) use serve::serve;
pub use tls::{Tls, TlsError, TlsFiles};

/// Binds `at`, and tells the address that was bound.
///
/// # Errors
/// The system's.
pub(crate) async fn bind(at: SocketAddr) -> io::Result<(tokio::net::TcpListener, SocketAddr)> {
    let tcp = tokio::net::TcpListener::bind(at).await?;
    let bound = tcp.local_addr()?;
    Ok((tcp, bound))
}
