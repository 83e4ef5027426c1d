//! What every request passes before its route: who sent it, and whether it is read at all.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};

use super::connection::Arrived;
use super::limiter::ConnectionLimiter;
use super::network::{client_of, plain};
use super::pool::Lease;
use super::slot::{Phase, Slot};
use super::watched::watched;

const FORWARDED_FOR: &str = "x-forwarded-for";

/// Who sent a request, as clients are counted; an extension of every request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Client(pub(crate) IpAddr, bool);

impl Client {
    /// Nobody is told apart.
    pub(crate) fn unknown() -> Self {
        Self(Ipv4Addr::UNSPECIFIED.into(), false)
    }

    /// It came from this machine itself, and through no proxy: it is never refused unread.
    pub(crate) fn is_this_machine(self) -> bool {
        self.1
    }
}

/// A listener's gate; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Gate {
    limiter: Arc<ConnectionLimiter>,
    told_of_proxy: Arc<AtomicBool>,
}

impl Gate {
    pub(super) fn new(limiter: Arc<ConnectionLimiter>) -> Self {
        Self {
            limiter,
            told_of_proxy: Arc::default(),
        }
    }

    /// The client proved who it is: it is let in while others have to wait.
    pub(crate) fn mark_proven(&self, client: Client) {
        self.limiter.client_limits.mark_proven(client.0, Instant::now());
    }

    /// The client sent something that was refused; too many of these, and its requests are not read any more.
    pub(crate) fn refused(&self, client: Client) {
        self.limiter.client_limits.refused(client.0, Instant::now());
    }

    pub(super) fn long_body(&self, client: Client) -> Option<Lease> {
        self.limiter.long_body(client.0)
    }

    pub(super) fn room_for_answer(&self, client: Client, length: usize) -> Option<Lease> {
        self.limiter.room_for_answer(client.0, length)
    }

    /// The answer to somebody who asks for more than it gets: what it sent behind this request is not even read. A proxy's
    /// connection goes on: it is that of others, too.
    pub(super) fn last(&self, slot: &Slot, mut answer: Response) -> Response {
        if !self.limiter.is_proxy(slot.client) {
            let close = HeaderValue::from_static("close");
            answer.headers_mut().insert(header::CONNECTION, close);
        }
        answer
    }

    /// Whether the client's requests are refused unread for now.
    #[cfg(test)]
    pub(crate) fn is_over(&self, client: Client) -> bool {
        self.limiter.client_limits.is_over(client.0, Instant::now())
    }

    #[cfg(test)]
    pub(super) fn connections(&self) -> usize {
        self.limiter.connections()
    }

    pub(super) fn around(&self, router: Router) -> Router {
        router.layer(middleware::from_fn_with_state(self.clone(), pass))
    }

    /// Who asks, behind the trusted proxies.
    pub(super) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> Client {
        let client = client_of(self.address(peer, headers));
        Client(client, self.limiter.is_this_machine(client))
    }

    /// The address of who asks: the last one that is not a trusted proxy's. Each proxy writes behind what it was sent, which
    /// may be anything: so the list is read from its end, and no further than it can be read.
    fn address(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut address = peer;
        // several lines are one list
        let lines = headers.get_all(FORWARDED_FOR).iter().rev();
        for entry in lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b',')) {
            if !self.limiter.is_proxy(address) {
                break;
            }
            match forwarded(entry) {
                // what a proxy calls its own machine is that proxy
                Some(before) if before.is_loopback() && !self.limiter.is_proxy(before) => break,
                Some(before) => address = before,
                None => break,
            }
        }
        plain(address)
    }

    /// Whether this is the first request that a proxy brings, by its look, whose name nobody told us.
    pub(super) fn is_news(&self, peer: IpAddr, headers: &HeaderMap) -> bool {
        headers.contains_key(FORWARDED_FOR)
            && is_near(plain(peer))
            && !self.limiter.is_proxy(peer)
            && !self.told_of_proxy.swap(true, Ordering::Relaxed)
    }
}

/// An address as proxies write it: alone, or with the port that it came from.
fn forwarded(entry: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(entry).ok()?.trim();
    let with_port = || text.parse::<SocketAddr>().map(|at| at.ip());
    let within = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    let found = text.parse().or_else(|_| with_port()).ok();
    found.or_else(within).map(plain)
}

/// Whether proxies commonly stand there.
fn is_near(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_private(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local(),
    }
}

async fn pass(
    State(gate): State<Gate>,
    ConnectInfo(arrived): ConnectInfo<Arrived>,
    mut request: Request,
    next: Next,
) -> Response {
    arrived.slot.enter(Phase::Served);
    let peer = arrived.peer.ip();
    let client = gate.client(peer, request.headers());
    if gate.is_news(peer, request.headers()) {
        tracing::warn!(target: "listen", %peer,
            "requests come with X-Forwarded-For from an address that is no trusted proxy: all who stand behind it are one client. If it is a proxy, name it in trusted_proxies");
    }
    if !client.is_this_machine() && gate.limiter.client_limits.is_over(client.0, Instant::now()) {
        return gate.last(&arrived.slot, StatusCode::TOO_MANY_REQUESTS.into_response());
    }
    let _proxied = if gate.limiter.is_proxy(peer) {
        match gate.limiter.proxied_request(&arrived.slot, client.0) {
            Some(request) => Some(request),
            None => return StatusCode::TOO_MANY_REQUESTS.into_response(),
        }
    } else {
        None
    };
    request.extensions_mut().insert(client);
    let request = request.map(|body| watched(body, &arrived.slot));
    let response = next.run(request).await;
    gate.answer(client, &arrived.slot, response).await
}
