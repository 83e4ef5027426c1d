//! A request's body, and how fast it comes: one that trickles makes room for whoever comes.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};

use super::slot::Slot;

/// The body, of which the connection's place is told what came.
pub(super) fn watched(body: Body, slot: &Arc<Slot>) -> Body {
    if body.is_end_stream() {
        return body;
    }
    slot.begin_body();
    Body::new(Watched {
        body,
        slot: Arc::clone(slot),
    })
}

struct Watched {
    body: Body,
    slot: Arc<Slot>,
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = std::task::ready!(Pin::new(&mut self.body).poll_frame(cx));
        if let Some(data) = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref()) {
            self.slot.came(u64::try_from(data.len()).unwrap_or(u64::MAX));
        }
        if frame.is_none() || self.body.is_end_stream() {
            self.slot.end_body();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        // whoever answers without it does not wait for it
        self.slot.end_body();
    }
}
