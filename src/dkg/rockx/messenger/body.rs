//! Request bodies: read within a bound, decoded with the tolerance of Go's decoder, refused in its words.

use axum::body::Body;
use axum::http::StatusCode;

use super::hub::Hub;
use crate::dkg::rockx::wire::{Decode, DecodeError};
use crate::listen::{BodyFault, Client, Content};

/// Why a body could not be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BodyError {
    pub(super) status: StatusCode,
    pub(super) text: String,
}

/// Reads the whole body, of `longest` bytes at most: 413 when it is longer, 408 when it does not come in time, 503 when too
/// many long ones come at once, 400 when the connection fails meanwhile.
pub(super) async fn read(
    hub: &Hub,
    client: Client,
    body: Body,
    longest: usize,
) -> Result<Content, BodyError> {
    let limits = &hub.config.limits;
    let longest = longest.min(limits.body);
    let read = hub.gate.read(client, body, longest, limits.body_deadline).await;
    read.map_err(|fault| BodyError {
        status: match fault {
            BodyFault::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            BodyFault::Slow => StatusCode::REQUEST_TIMEOUT,
            BodyFault::Busy => StatusCode::SERVICE_UNAVAILABLE,
            BodyFault::Broken(_) => StatusCode::BAD_REQUEST,
        },
        text: fault.to_string(),
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
