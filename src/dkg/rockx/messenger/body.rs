//! Request bodies: read within a bound, decoded with the tolerance of Go's decoder, refused in its words.

use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use futures_util::StreamExt as _;

use super::config::Limits;
use crate::dkg::rockx::wire::{Decode, DecodeError};

/// Why a body could not be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BodyError {
    pub(super) status: StatusCode,
    pub(super) text: String,
}

/// Reads the whole body: 413 when it is longer than may be, 408 when it does not come in time, 400 when the connection
/// fails meanwhile.
pub(super) async fn read(body: Body, limits: &Limits) -> Result<Bytes, BodyError> {
    let read = read_within(body, limits.body);
    tokio::time::timeout(limits.body_deadline, read)
        .await
        .unwrap_or_else(|_| {
            Err(BodyError {
                status: StatusCode::REQUEST_TIMEOUT,
                text: "http: request body too slow".to_owned(),
            })
        })
}

async fn read_within(body: Body, limit: usize) -> Result<Bytes, BodyError> {
    let mut stream = body.into_data_stream();
    let mut chunks: Vec<Bytes> = Vec::new();
    let mut length = 0;
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|error| BodyError {
            status: StatusCode::BAD_REQUEST,
            text: error.to_string(),
        })?;
        length += chunk.len();
        if length > limit {
            return Err(BodyError {
                status: StatusCode::PAYLOAD_TOO_LARGE,
                text: "http: request body too large".to_owned(),
            });
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

/// Decodes a JSON body; a cut-off one is refused with Go's `EOF` or `unexpected EOF`.
pub(super) fn decode<T: Decode>(body: &[u8]) -> Result<T, BodyError> {
    T::from_json(body).map_err(|error| BodyError {
        status: StatusCode::BAD_REQUEST,
        text: match error {
            DecodeError::Json(text) if text.as_str().starts_with("EOF while parsing") => {
                if body.iter().all(u8::is_ascii_whitespace) {
                    "EOF".to_owned()
                } else {
                    "unexpected EOF".to_owned()
                }
            }
            other => other.to_string(),
        },
    })
}
