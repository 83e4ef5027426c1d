//! The listening socket and its connections, each under a timer.

use std::future::Future as _;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpListener;
use tokio::time::{Instant, Sleep};

use super::gate::Gate;
use super::limiter::{Bounds, ConnectionLimiter};
use super::network::{Network, client_of};
use super::slot::{Phase, Slot};
use super::tls::Tls;
use super::transport::{Opened, Transport};
use crate::log_limit::LogLimit;

/// How an interim reply begins (RFC 9110, section 15.2): the reply itself follows it.
const INTERIM: &[u8] = b"HTTP/1.1 1";
/// Longest head in bytes, with what is read of the body behind it: hyper by itself keeps 400 KiB of a head that does not
/// end.
const LONGEST_HEAD: usize = 32 << 10;
/// Whoever reads an answer more slowly, bytes a second, has it only for as long as one that is not read at all.
const SLOWEST: u64 = 64 << 10;

/// A port that is open. It yields connections for as many as there is room.
#[derive(Debug)]
pub(crate) struct Listener {
    tcp: TcpListener,
    /// Whose port it is, for the log.
    role: &'static str,
    limiter: Arc<ConnectionLimiter>,
    turned_away: LogLimit,
    tls: Option<Arc<Tls>>,
}

impl Listener {
    pub(crate) fn new(role: &'static str, tcp: TcpListener, bounds: Bounds, proxies: Vec<Network>) -> Self {
        Self {
            tcp,
            role,
            limiter: ConnectionLimiter::new(bounds, proxies),
            turned_away: LogLimit::usual(),
            tls: None,
        }
    }

    /// Speaks TLS; with this machine, trusted proxies and whom the files' owner names, plain HTTP as well.
    pub(crate) fn secured(mut self, tls: Option<Arc<Tls>>) -> Self {
        self.tls = tls;
        self
    }

    /// What stands before the address in a URL of this port.
    pub(crate) fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    pub(super) fn tls(&self) -> Option<Arc<Tls>> {
        self.tls.clone()
    }

    /// What stands between the port and its routes.
    pub(crate) fn gate(&self) -> Gate {
        Gate::new(Arc::clone(&self.limiter))
    }

    /// The next connection for which there is room.
    pub(crate) async fn next(&mut self) -> (Connection, SocketAddr) {
        loop {
            // axum's own implementation logs and retries on errors such as too many open files
            let (stream, peer) = axum::serve::Listener::accept(&mut self.tcp).await;
            let (ip, now) = (peer.ip(), std::time::Instant::now());
            // a proxy's connections are those of everybody behind it
            let is_one = !self.limiter.is_this_machine(ip) && !self.limiter.is_proxy(ip);
            if self.tls.is_some() && is_one && self.limiter.client_limits.is_over(client_of(ip), now) {
                // a handshake costs more than a refusal
                continue;
            }
            let Some(slot) = self.limiter.place(peer.ip()).await else {
                if let Some(left_out) = self.turned_away.line() {
                    let role = self.role;
                    tracing::warn!(target: "listen", role, client = %peer.ip(), left_out, "turned away: too many connections");
                }
                continue;
            };
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(target: "listen", %error, "could not set TCP_NODELAY");
            }
            let now = Instant::now();
            let bounds = self.limiter.bounds;
            let transport = match &self.tls {
                None => Transport::Plain(stream),
                Some(tls) => {
                    let ip = peer.ip();
                    let plain =
                        client_of(ip).is_loopback() || self.limiter.is_proxy(ip) || tls.may_be_plain(ip);
                    Transport::opening(stream, Arc::clone(tls), plain)
                }
            };
            let connection = Connection {
                transport,
                timer: Box::pin(tokio::time::sleep_until(now + bounds.idle)),
                since: now,
                head: 0,
                stuck: None,
                behind: None,
                has_handshake: false,
                is_proxy: self.limiter.is_proxy(ip),
                bounds,
                slot,
            };
            return (connection, peer);
        }
    }
}

/// Who is at the other end, for the gate.
#[derive(Debug, Clone)]
pub(super) struct Arrived {
    pub(super) peer: SocketAddr,
    pub(super) slot: Arc<Slot>,
}

/// A client's connection under a timer.
#[derive(Debug)]
pub(crate) struct Connection {
    transport: Transport,
    timer: Pin<Box<Sleep>>,
    /// The first byte of the request, or the last one of the reply.
    since: Instant,
    /// Bytes of the head that is coming in.
    head: usize,
    /// Since when nothing of a reply is taken.
    stuck: Option<Instant>,
    /// Since when a reply waits to be taken, and how many bytes of it were taken since.
    behind: Option<(Instant, u64)>,
    /// Its handshake has begun.
    has_handshake: bool,
    /// A proxy's has_handshake are those of everybody behind it.
    is_proxy: bool,
    bounds: Bounds,
    slot: Arc<Slot>,
}

impl Connection {
    pub(super) fn arrived(&self, peer: SocketAddr) -> Arrived {
        Arrived {
            peer,
            slot: Arc::clone(&self.slot),
        }
    }

    fn enter(&mut self, phase: Phase) {
        self.slot.enter(phase);
        self.head = 0;
        self.since = Instant::now();
        let until = self.deadline();
        self.timer.as_mut().reset(until);
    }

    fn deadline(&self) -> Instant {
        let phase = match self.slot.phase() {
            Phase::Idle => self.bounds.idle,
            Phase::Head => self.bounds.head,
            Phase::Served | Phase::Body => self.bounds.request,
        };
        let stuck = self.stuck.map(|since| since + self.bounds.stuck);
        let behind = self.behind.map(|(since, taken)| {
            let earned = Duration::from_millis(taken.saturating_mul(1_000) / SLOWEST);
            since + self.bounds.stuck + earned
        });
        let until = [stuck, behind].into_iter().flatten();
        until.fold(self.since + phase, Instant::min)
    }

    fn poll_over(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        self.slot.waker.register(cx.waker());
        if self.slot.is_sent_away() {
            return Poll::Ready(io::ErrorKind::ConnectionAborted.into());
        }
        loop {
            ready!(self.timer.as_mut().poll(cx));
            // the head may have been complete in time, which the timer has not learned
            let until = self.deadline();
            if Instant::now() >= until {
                return Poll::Ready(io::ErrorKind::TimedOut.into());
            }
            self.timer.as_mut().reset(until);
        }
    }

    fn written(&mut self, bytes: &[u8], done: &io::Result<usize>) {
        let Ok(written @ 1..) = done else { return };
        if let Some((_, taken)) = &mut self.behind {
            *taken = taken.saturating_add(u64::try_from(*written).unwrap_or(u64::MAX));
        }
        self.stuck = None;
        if self.slot.is_served() && bytes.starts_with(INTERIM) {
            // `100 Continue` is no reply: the body is still to come
            return;
        }
        self.enter(Phase::Idle);
    }

    /// Nothing is taken of what shall be written.
    fn poll_stuck(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        if self.stuck.is_none() {
            let now = Instant::now();
            self.stuck = Some(now);
            self.behind.get_or_insert((now, 0));
            let until = self.deadline();
            self.timer.as_mut().reset(until);
        }
        self.poll_over(cx)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if self.has_handshake && !self.slot.has_asked() {
            // a handshake that was made for nothing
            self.slot.refused();
        }
        self.slot.leave();
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.transport.is_opening() {
            match self.transport.poll_open(cx) {
                // a handshake has the time of a head
                Poll::Ready(Ok(Opened::Begun)) => {
                    if !self.is_proxy && !self.slot.may_greet() {
                        return Poll::Ready(Err(io::ErrorKind::ConnectionRefused.into()));
                    }
                    self.has_handshake = true;
                    self.enter(Phase::Head);
                }
                Poll::Ready(Ok(Opened::Whole)) => self.enter(Phase::Idle),
                Poll::Ready(Err(error)) => {
                    // it is counted once
                    self.has_handshake = false;
                    self.slot.refused();
                    return Poll::Ready(Err(error));
                }
                Poll::Pending => return self.poll_over(cx).map(Err),
            }
        }
        if self.slot.is_served() {
            return match Pin::new(&mut self.transport).poll_read(cx, buf) {
                Poll::Ready(done) => Poll::Ready(done),
                Poll::Pending => self.poll_over(cx).map(Err),
            };
        }
        // whoever reads on has not found the head's end in what it has
        let left = LONGEST_HEAD.saturating_sub(self.head);
        if left == 0 {
            self.slot.refused();
            return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
        }
        let room = left.min(buf.remaining());
        let mut taken = ReadBuf::new(buf.initialize_unfilled_to(room));
        let Poll::Ready(done) = Pin::new(&mut self.transport).poll_read(cx, &mut taken) else {
            return self.poll_over(cx).map(Err);
        };
        let came = taken.filled().len();
        buf.advance(came);
        // only the first byte of a request starts its timer: trickling must not prolong it
        if came > 0 && self.slot.phase() == Phase::Idle {
            self.enter(Phase::Head);
        }
        self.head += came;
        Poll::Ready(done)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if let Poll::Ready(done) = Pin::new(&mut self.transport).poll_write(cx, bytes) {
            self.written(bytes, &done);
            return Poll::Ready(done);
        }
        self.poll_stuck(cx).map(Err)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let Poll::Ready(done) = Pin::new(&mut self.transport).poll_write_vectored(cx, bufs) {
            self.written(bufs.first().map_or(&[], |first| &first[..]), &done);
            return Poll::Ready(done);
        }
        self.poll_stuck(cx).map(Err)
    }

    fn is_write_vectored(&self) -> bool {
        self.transport.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Poll::Ready(done) = Pin::new(&mut self.transport).poll_flush(cx) {
            // whoever writes does so when all it has is written
            (self.stuck, self.behind) = (None, None);
            return Poll::Ready(done);
        }
        self.poll_stuck(cx).map(Err)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Poll::Ready(done) = Pin::new(&mut self.transport).poll_shutdown(cx) {
            return Poll::Ready(done);
        }
        self.poll_over(cx).map(Err)
    }
}
