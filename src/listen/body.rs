//! Request bodies: so long, in so much time, and few long ones at once.

use std::time::Duration;

use axum::body::{Body, Bytes};
use futures_util::StreamExt as _;
use tokio::sync::Semaphore;

/// Nearly every message of a ceremony is shorter. Longer bodies are read a few at a time, in the whole process, so that
/// all connections together cannot fill the memory.
const SHORT: usize = 32 << 10;
static LONG_ONES: Semaphore = Semaphore::const_new(16);

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

/// Reads the whole body, of `limit` bytes at most, within `deadline`.
pub(crate) async fn read_body(body: Body, limit: usize, deadline: Duration) -> Result<Bytes, BodyFault> {
    tokio::time::timeout(deadline, read(body, limit))
        .await
        .unwrap_or(Err(BodyFault::Slow))
}

async fn read(body: Body, limit: usize) -> Result<Bytes, BodyFault> {
    let mut stream = body.into_data_stream();
    let mut chunks: Vec<Bytes> = Vec::new();
    let mut length = 0;
    let mut turn = None;
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|error| BodyFault::Broken(error.to_string()))?;
        length += chunk.len();
        if length > limit {
            return Err(BodyFault::TooLarge);
        }
        if length > SHORT && turn.is_none() {
            turn = Some(LONG_ONES.try_acquire().map_err(|_| BodyFault::Busy)?);
        }
        chunks.push(chunk);
    }
    // one chunk is the rule: no copy then
    Ok(match chunks.len() {
        0 => Bytes::new(),
        1 => chunks.swap_remove(0),
        _ => Bytes::from(chunks.concat()),
    })
}
