//! One message a line.

use std::io;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};

/// Longest line of a seat, bytes: the longest request is a committee of 13 or a reason in words.
pub const FROM_SEAT: u64 = 64 * 1024;
/// Longest line of an engine, bytes: a snapshot with everything that is open.
pub const TO_SEAT: u64 = 64 * 1024 * 1024;

/// Reads lines of one connection.
#[derive(Debug)]
pub struct Lines<R> {
    from: BufReader<R>,
    limit: u64,
    line: Vec<u8>,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    /// Reads from `from` lines of at most `limit` bytes, the newline included.
    pub fn new(from: R, limit: u64) -> Self {
        Self {
            from: BufReader::new(from),
            limit,
            line: Vec::new(),
        }
    }

    /// The next message; `None` at the end. Must not be cancelled: half a line would be lost.
    ///
    /// # Errors
    /// The connection broke, a line is too long or ends early, or is not such a message.
    pub async fn next<T: DeserializeOwned>(&mut self) -> io::Result<Option<T>> {
        self.line.clear();
        let mut bounded = (&mut self.from).take(self.limit);
        if bounded.read_until(b'\n', &mut self.line).await? == 0 {
            return Ok(None);
        }
        if self.line.last() != Some(&b'\n') {
            let why = if self.line.len() as u64 == self.limit {
                format!("a line of more than {} bytes", self.limit)
            } else {
                "the connection ended within a line".to_owned()
            };
            return Err(io::Error::new(io::ErrorKind::InvalidData, why));
        }
        serde_json::from_slice(&self.line)
            .map(Some)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, format!("not a message: {error}")))
    }
}

/// Writes one message.
///
/// # Errors
/// The connection broke.
pub async fn write<T: Serialize>(to: &mut (impl AsyncWrite + Unpin), message: &T) -> io::Result<()> {
    to.write_all(&line(message)?).await?;
    to.flush().await
}

/// One message as it is written.
///
/// # Errors
/// It cannot be encoded.
pub fn line<T: Serialize>(message: &T) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(message).map_err(io::Error::other)?;
    line.push(b'\n');
    Ok(line)
}
