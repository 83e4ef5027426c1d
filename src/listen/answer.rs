//! Answers that are on their way: what those hold in memory who ask and do not read is bounded, in all and for each client.

use std::sync::Arc;

use axum::body::{Body, Bytes, HttpBody as _};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};

use super::gate::{Client, Gate};
use super::pool::Lease;
use super::slot::Slot;
use crate::log_limit::LogLimit;

/// Shorter answers take no more than their connection does.
const SHORT: usize = 1 << 10;
/// Bytes of answers at one port that were not taken yet.
pub(super) const ON_THEIR_WAY: usize = 8 << 20;

static REFUSED: LogLimit = LogLimit::usual();

/// An answer with this extension shares its text with others, and whoever made it bounds how many such texts there are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SharedText;

/// An answer's bytes, for as long as its connection needs them.
struct UnsentAnswer {
    bytes: Bytes,
    slot: Arc<Slot>,
    _lease: Lease,
}

impl AsRef<[u8]> for UnsentAnswer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for UnsentAnswer {
    fn drop(&mut self) {
        self.slot.took(self.bytes.len());
    }
}

impl Gate {
    /// Counts the answer until it was taken. Where there is no room, whoever takes nothing has to go, and this answer
    /// becomes 503: it is not kept until there is.
    pub(super) async fn answer(&self, client: Client, slot: &Arc<Slot>, response: Response) -> Response {
        let length = response.body().size_hint().exact();
        let length = length.and_then(|length| usize::try_from(length).ok());
        // what has no length is a stream, of which little is in memory
        let Some(length) = length.filter(|length| *length > SHORT) else {
            return response;
        };
        if response.extensions().get::<SharedText>().is_some() {
            return response;
        }
        let Some(lease) = self.room_for_answer(client, length) else {
            drop(response);
            return self.last(slot, refusal(client));
        };
        let (head, body) = response.into_parts();
        match axum::body::to_bytes(body, length).await {
            Ok(bytes) => {
                slot.owes(bytes.len());
                let owed = UnsentAnswer {
                    bytes,
                    slot: Arc::clone(slot),
                    _lease: lease,
                };
                Response::from_parts(head, Body::from(Bytes::from_owner(owed)))
            }
            // our answers are texts: they do not break
            Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        }
    }
}

fn refusal(client: Client) -> Response {
    if let Some(left_out) = REFUSED.line() {
        tracing::warn!(target: "listen", client = %client.0, left_out, "not answered: too much is on its way to those who do not read");
    }
    let text = "too many long answers at once\n";
    let mut response = (StatusCode::SERVICE_UNAVAILABLE, text).into_response();
    let again = HeaderValue::from_static("1");
    response.headers_mut().insert(header::RETRY_AFTER, again);
    response
}
