//! One connection of a client: requests are read whole, within limits of size and time.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::head::{Length, Request};

const MAX_HEAD: usize = 64 << 10;
const MAX_BODY: usize = 32 << 20;
/// A client may leave its connection open for this long between two requests.
const IDLE: Duration = Duration::from_secs(120);
/// Time for one request to come in, and for one piece of an answer to go out.
const DEADLINE: Duration = Duration::from_secs(60);

/// Why a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::devnet::proxy) enum Gone {
    /// The client left, or was too slow.
    Client,
    /// It sent what is not understood, or too much of it.
    Nonsense,
    /// The answer was cut, as told.
    Cut,
}

/// A connection and what was read of it too early.
#[derive(Debug)]
pub(in crate::devnet::proxy) struct Conn {
    stream: TcpStream,
    early: Vec<u8>,
}

impl Conn {
    pub(in crate::devnet::proxy) fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            early: Vec::new(),
        }
    }

    /// The next request; none when the client closes properly or stays silent.
    pub(in crate::devnet::proxy) async fn request(&mut self) -> Result<Option<Request>, Gone> {
        if self.early.is_empty() {
            match tokio::time::timeout(IDLE, self.more()).await {
                Ok(Ok(())) => {}
                Ok(Err(Gone::Client)) | Err(_) => return Ok(None),
                Ok(Err(other)) => return Err(other),
            }
        }
        let whole = async {
            let head = self.until(b"\r\n\r\n", MAX_HEAD).await?;
            let mut request = Request::parse(&head)?;
            let length = request.length()?;
            if request.expects_continue() {
                self.write(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
            }
            request.body = match length {
                Length::Bytes(length) => self.exactly(length).await?,
                Length::Chunked => self.chunks().await?,
            };
            Ok(request)
        };
        let request = tokio::time::timeout(DEADLINE, whole).await;
        request.map_err(|_| Gone::Client)?.map(Some)
    }

    async fn chunks(&mut self) -> Result<Vec<u8>, Gone> {
        let mut body = Vec::new();
        loop {
            let line = self.until(b"\r\n", MAX_HEAD).await?;
            let line = std::str::from_utf8(&line).map_err(|_| Gone::Nonsense)?;
            let size = line.split(';').next().unwrap_or_default().trim();
            let size = usize::from_str_radix(size, 16).map_err(|_| Gone::Nonsense)?;
            if size > MAX_BODY - body.len() {
                return Err(Gone::Nonsense);
            }
            body.extend(self.exactly(size).await?);
            let end = self.until(b"\r\n", MAX_HEAD).await?;
            if size == 0 {
                return Ok(body);
            }
            if !end.is_empty() {
                return Err(Gone::Nonsense);
            }
        }
    }

    /// What comes before `mark`, which is taken too.
    async fn until(&mut self, mark: &[u8], limit: usize) -> Result<Vec<u8>, Gone> {
        loop {
            let found = self.early.windows(mark.len()).position(|window| window == mark);
            if let Some(at) = found {
                let before = self.early[..at].to_vec();
                self.early.drain(..at + mark.len());
                return Ok(before);
            }
            if self.early.len() > limit {
                return Err(Gone::Nonsense);
            }
            self.more().await?;
        }
    }

    async fn exactly(&mut self, length: usize) -> Result<Vec<u8>, Gone> {
        if length > MAX_BODY {
            return Err(Gone::Nonsense);
        }
        while self.early.len() < length {
            self.more().await?;
        }
        Ok(self.early.drain(..length).collect())
    }

    async fn more(&mut self) -> Result<(), Gone> {
        let mut piece = [0; 16 << 10];
        match self.stream.read(&mut piece).await {
            Ok(0) | Err(_) => Err(Gone::Client),
            Ok(n) => {
                self.early.extend_from_slice(&piece[..n]);
                Ok(())
            }
        }
    }

    /// Returns when the client is gone: a client that gave up must not hold a place while its answer is held back.
    pub(in crate::devnet::proxy) async fn left(&mut self) {
        // a client that goes on sending meanwhile is one that pipelines, or floods
        while self.early.len() < MAX_HEAD && self.more().await.is_ok() {}
        if self.early.len() >= MAX_HEAD {
            std::future::pending().await
        }
    }

    pub(in crate::devnet::proxy) async fn write(&mut self, bytes: &[u8]) -> Result<(), Gone> {
        match tokio::time::timeout(DEADLINE, self.stream.write_all(bytes)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Gone::Client),
        }
    }

    /// Ends the connection with a reset instead of a proper close.
    pub(in crate::devnet::proxy) fn reset(self) {
        if let Err(error) = self.stream.set_zero_linger() {
            tracing::debug!(target: "devnet::proxy", %error, "closed without a reset");
        }
    }

    /// Ends properly: what was written still arrives.
    pub(in crate::devnet::proxy) async fn close(mut self) {
        let _ = self.stream.shutdown().await;
        // bytes that nobody reads would turn the close into a reset, and the answer would be lost with it
        let rest = async { while self.more().await.is_ok() && self.early.len() < MAX_HEAD {} };
        let _ = tokio::time::timeout(Duration::from_secs(1), rest).await;
    }

    /// The connection itself and what was read of it already, for what is no longer HTTP.
    pub(in crate::devnet::proxy) fn into_parts(self) -> (TcpStream, Vec<u8>) {
        (self.stream, self.early)
    }
}
