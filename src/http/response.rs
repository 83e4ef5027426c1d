//! An answer while it is read: bounded in time and size.

use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{CONTENT_ENCODING, HeaderMap};
use tokio::time::Instant;

use super::HttpError;
use crate::types::SafeText;

/// Longest headers in bytes, names and values together.
pub(super) const MAX_HEADERS: usize = 64 << 10;

/// How long the rest of an answer is waited for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Patience {
    /// Until this time for the whole, which was given so long.
    Whole { until: Instant, of: Duration },
    /// So long for each piece.
    Silence(Duration),
}

impl Patience {
    /// From the moment that a call begins.
    pub(super) fn whole(of: Duration) -> impl FnOnce(Instant) -> Self {
        move |begun| Self::Whole {
            until: begun + of,
            of,
        }
    }
}

/// An answer that has begun.
#[derive(Debug)]
pub struct Response {
    inner: reqwest::Response,
    patience: Patience,
}

impl Response {
    /// An answer whose headers are within bounds, and whose body is what was meant.
    pub(super) fn new(inner: reqwest::Response, patience: Patience) -> Result<Self, HttpError> {
        let headers = inner.headers();
        let size: usize = headers
            .iter()
            .map(|(name, value)| name.as_str().len() + value.len())
            .sum();
        if size > MAX_HEADERS {
            return Err(HttpError::TooLarge(MAX_HEADERS));
        }
        if let Some(encoding) = headers
            .get(CONTENT_ENCODING)
            .filter(|value| !value.as_bytes().eq_ignore_ascii_case(b"identity"))
        {
            return Err(HttpError::Encoded(SafeText::from_bytes(encoding.as_bytes())));
        }
        Ok(Self { inner, patience })
    }

    /// An answer of which the status alone matters.
    pub(super) fn of_any_body(inner: reqwest::Response, patience: Patience) -> Self {
        Self { inner, patience }
    }

    /// The connection below it, once both sides speak another protocol.
    pub(super) async fn upgrade(self) -> Result<reqwest::Upgraded, HttpError> {
        let upgraded = self.inner.upgrade().await;
        upgraded.map_err(|error| HttpError::of(&error, Duration::ZERO))
    }

    /// HTTP status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.inner.status().as_u16()
    }

    /// As they came: whoever shows one makes it safe.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        self.inner.headers()
    }

    /// The next piece; none at the end.
    ///
    /// # Errors
    /// It did not come in time, or the connection broke.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, HttpError> {
        let chunk = self.inner.chunk();
        let (chunk, late) = match self.patience {
            Patience::Whole { until, of } => (
                tokio::time::timeout_at(until, chunk).await,
                HttpError::Incomplete(of),
            ),
            Patience::Silence(silence) => (
                tokio::time::timeout(silence, chunk).await,
                HttpError::NoAnswer(silence),
            ),
        };
        chunk
            .map_err(|_| late)?
            .map_err(|error| HttpError::of(&error, Duration::ZERO))
    }

    /// The whole body, if it is not longer than `size` bytes.
    pub(super) async fn read(mut self, size: usize) -> Result<Vec<u8>, HttpError> {
        // a length that is told is not waited for
        if self.inner.content_length().is_some_and(|told| told > size as u64) {
            return Err(HttpError::TooLarge(size));
        }
        let mut body = Vec::new();
        let cut_off = |error, bytes| match error {
            HttpError::Broken(words) if bytes > 0 => HttpError::CutOff { bytes, words },
            other => other,
        };
        while let Some(chunk) = self.chunk().await.map_err(|error| cut_off(error, body.len()))? {
            if body.len() + chunk.len() > size {
                return Err(HttpError::TooLarge(size));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    /// The beginning of the body, and whether it was had: what is beyond `size` bytes is not read.
    pub async fn read_head(mut self, size: usize) -> (Vec<u8>, Result<(), HttpError>) {
        let mut head = Vec::new();
        while head.len() < size {
            match self.chunk().await {
                Ok(Some(chunk)) => head.extend_from_slice(&chunk[..chunk.len().min(size - head.len())]),
                Ok(None) => break,
                Err(error) => return (head, Err(error)),
            }
        }
        (head, Ok(()))
    }
}
