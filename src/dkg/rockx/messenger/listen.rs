//! The listening socket, with the deadlines that an HTTP server needs when its clients cannot be trusted.
//!
//! A request must be complete, and its reply begun, within [`Limits::request_deadline`] of its first byte, whatever
//! trickles in meanwhile; between requests a connection may be silent for [`Limits::idle`]. The number of connections
//! is bounded.

use std::future::Future as _;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep};

use super::config::Limits;

/// A TCP listener that yields [`Connection`]s.
#[derive(Debug)]
pub(in crate::dkg::rockx) struct Listener {
    tcp: TcpListener,
    slots: Arc<Semaphore>,
    request_deadline: Duration,
    idle: Duration,
}

impl Listener {
    pub(super) fn new(tcp: TcpListener, limits: &Limits) -> Self {
        Self::bounded(tcp, limits.connections, limits.request_deadline, limits.idle)
    }

    /// At most `connections`, each with these deadlines.
    pub(in crate::dkg::rockx) fn bounded(
        tcp: TcpListener,
        connections: usize,
        request_deadline: Duration,
        idle: Duration,
    ) -> Self {
        Self {
            tcp,
            slots: Arc::new(Semaphore::new(connections)),
            request_deadline,
            idle,
        }
    }
}

impl axum::serve::Listener for Listener {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        let slot = Arc::clone(&self.slots)
            .acquire_owned()
            .await
            .expect("the semaphore is never closed");
        // axum's own implementation logs and retries on errors such as too many open files
        let (stream, peer) = axum::serve::Listener::accept(&mut self.tcp).await;
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(target: "messenger", %error, "could not set TCP_NODELAY");
        }
        let connection = Connection {
            stream,
            timer: Box::pin(tokio::time::sleep(self.idle)),
            in_request: false,
            request_deadline: self.request_deadline,
            idle: self.idle,
            _slot: slot,
        };
        (connection, peer)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }
}

/// A client's connection under a timer.
#[derive(Debug)]
pub(in crate::dkg::rockx) struct Connection {
    stream: TcpStream,
    timer: Pin<Box<Sleep>>,
    /// Bytes came in since our last write.
    in_request: bool,
    request_deadline: Duration,
    idle: Duration,
    _slot: OwnedSemaphorePermit,
}

impl Connection {
    fn rearm(&mut self, in_request: bool) {
        self.in_request = in_request;
        let span = if in_request {
            self.request_deadline
        } else {
            self.idle
        };
        self.timer.as_mut().reset(Instant::now() + span);
    }

    fn check(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        self.timer
            .as_mut()
            .poll(cx)
            .map(|()| io::Error::from(io::ErrorKind::TimedOut))
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        if let Poll::Ready(done) = Pin::new(&mut self.stream).poll_read(cx, buf) {
            // only the first byte of a request starts its timer: trickling must not prolong it
            if buf.filled().len() > before && !self.in_request {
                self.rearm(true);
            }
            return Poll::Ready(done);
        }
        self.check(cx).map(Err)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if let Poll::Ready(done) = Pin::new(&mut self.stream).poll_write(cx, bytes) {
            if matches!(done, Ok(1..)) {
                self.rearm(false);
            }
            return Poll::Ready(done);
        }
        self.check(cx).map(Err)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let Poll::Ready(done) = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs) {
            if matches!(done, Ok(1..)) {
                self.rearm(false);
            }
            return Poll::Ready(done);
        }
        self.check(cx).map(Err)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
