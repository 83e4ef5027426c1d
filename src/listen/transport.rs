//! What a connection speaks: plain HTTP, or TLS, which its first byte tells.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::Accept;
use tokio_rustls::server::TlsStream;

use super::tls::Tls;

/// First byte of a TLS handshake (RFC 8446, section 5.1); no HTTP request begins so.
const HANDSHAKE: u8 = 22;
const NO_TLS: &[u8] = b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\nconnection: close\r\n\r\n\
                        this port speaks TLS: use https\n";

pub(super) enum Transport {
    Plain(TcpStream),
    Opening(Opening),
    Secure(Box<TlsStream<TcpStream>>),
    /// It is over.
    Closed,
}

/// Nothing was read of it yet, or it is in its handshake.
pub(super) enum Opening {
    /// The first byte tells.
    Silent {
        stream: TcpStream,
        tls: Arc<Tls>,
        /// Whether it may speak plain HTTP.
        plain: bool,
    },
    Greeting(Box<Accept<TcpStream>>),
}

/// How far an opening came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opened {
    /// Its handshake has begun.
    Begun,
    /// Requests can be read.
    Whole,
}

impl std::fmt::Debug for Transport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Plain(_) => "Plain",
            Self::Opening(_) => "Opening",
            Self::Secure(_) => "Secure",
            Self::Closed => "Closed",
        })
    }
}

impl Transport {
    pub(super) fn opening(stream: TcpStream, tls: Arc<Tls>, plain: bool) -> Self {
        Self::Opening(Opening::Silent { stream, tls, plain })
    }

    pub(super) fn is_opening(&self) -> bool {
        matches!(self, Self::Opening(_))
    }

    /// One step of the opening.
    ///
    /// # Errors
    /// The handshake fails, or it is plain HTTP of somebody who has to speak TLS. The line is closed then.
    pub(super) fn poll_open(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Opened>> {
        let first = match self {
            Self::Opening(Opening::Greeting(greeting)) => {
                let done = ready!(Pin::new(greeting).poll(cx));
                *self = Self::Closed;
                return Poll::Ready(done.map(|stream| {
                    *self = Self::Secure(Box::new(stream));
                    Opened::Whole
                }));
            }
            Self::Opening(Opening::Silent { stream, .. }) => {
                let mut byte = [0];
                let mut first = ReadBuf::new(&mut byte);
                let peeked = ready!(stream.poll_peek(cx, &mut first));
                peeked.map(|_| first.filled().first().copied())
            }
            _ => return Poll::Ready(Ok(Opened::Whole)),
        };
        let Self::Opening(Opening::Silent { stream, tls, plain }) = std::mem::replace(self, Self::Closed)
        else {
            return Poll::Ready(Ok(Opened::Whole));
        };
        Poll::Ready(match first {
            Err(error) => Err(error),
            Ok(None) => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(Some(HANDSHAKE)) => {
                *self = Self::Opening(Opening::Greeting(Box::new(tls.acceptor().accept(stream))));
                Ok(Opened::Begun)
            }
            Ok(Some(_)) if plain => {
                *self = Self::Plain(stream);
                Ok(Opened::Whole)
            }
            Ok(Some(_)) => {
                // what is left unread would reset the connection, and the words with it; nobody waits for either
                let _ = stream.try_read(&mut [0; 4096]);
                let _ = stream.try_write(NO_TLS);
                Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "plain HTTP at a port that speaks TLS",
                ))
            }
        })
    }
}

impl AsyncRead for Transport {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Secure(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Opening(_) | Self::Closed => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }
}

impl AsyncWrite for Transport {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Secure(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Opening(_) | Self::Closed => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            Self::Secure(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            Self::Opening(_) | Self::Closed => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            Self::Secure(stream) => stream.is_write_vectored(),
            // asked once, before the line is open: both write several pieces at once
            Self::Opening(_) | Self::Closed => true,
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Secure(stream) => Pin::new(stream).poll_flush(cx),
            Self::Opening(_) | Self::Closed => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Secure(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Opening(_) | Self::Closed => Poll::Ready(Ok(())),
        }
    }
}
