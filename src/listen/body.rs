//! Request bodies: so long, in so much time, and few long ones at once, of which no client has all.

use std::ops::Deref;
use std::time::Duration;

use axum::body::{Body, HttpBody as _};
use futures_util::StreamExt as _;

use super::gate::{Client, Gate};
use super::pool::Lease;

/// Nearly every message of a ceremony is shorter. Longer bodies are read a few at a time, so that all connections together
/// cannot fill the memory.
const SHORT: usize = 32 << 10;
/// Long bodies at once at one port.
pub(super) const LONG_ONES: usize = 16;

/// Why there is no body.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BodyFault {
    #[error("http: request body too large")]
    TooLarge,
    #[error("http: request body too slow")]
    Slow,
    #[error("too many long request bodies at once")]
    Busy,
    #[error("{0}")]
    Broken(String),
}

impl BodyFault {
    /// Whether the same body may be taken later: the port, or the line to it, had no room for it.
    pub(crate) fn passes(&self) -> bool {
        matches!(self, Self::Slow | Self::Busy)
    }
}

/// A body that was read. Of a long one this is its place among the few: whoever keeps the bytes for longer than the request
/// copies them.
#[derive(Debug)]
pub(crate) struct Content {
    bytes: Vec<u8>,
    lease: Option<Lease>,
}

impl Deref for Content {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Gate {
    /// Reads the whole body, of `limit` bytes at most, within `deadline`.
    pub(crate) async fn read(
        &self,
        client: Client,
        body: Body,
        limit: usize,
        deadline: Duration,
    ) -> Result<Content, BodyFault> {
        tokio::time::timeout(deadline, read(self, client, body, limit))
            .await
            .unwrap_or(Err(BodyFault::Slow))
    }
}

async fn read(gate: &Gate, client: Client, body: Body, limit: usize) -> Result<Content, BodyFault> {
    let told = body.size_hint().exact();
    let told = told.map_or(0, |told| usize::try_from(told).unwrap_or(usize::MAX).min(limit));
    let mut stream = body.into_data_stream();
    let mut content = Content {
        bytes: Vec::new(),
        lease: None,
    };
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|error| BodyFault::Broken(error.to_string()))?;
        let length = content.bytes.len() + chunk.len();
        if length > limit {
            return Err(BodyFault::TooLarge);
        }
        if length > SHORT && content.lease.is_none() {
            content.lease = Some(gate.long_body(client).ok_or(BodyFault::Busy)?);
            content
                .bytes
                .reserve_exact(told.saturating_sub(content.bytes.len()));
        }
        // a chunk is a slice of the connection's buffer, and one byte of it keeps all of that in memory: so each is copied
        content.bytes.extend_from_slice(&chunk);
    }
    Ok(content)
}
