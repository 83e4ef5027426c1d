//! A request's body, and how fast it comes: one that trickles makes room for whoever comes.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};

use super::seat::Seat;

/// The body, of which the connection's place is told what came.
pub(super) fn watched(body: Body, seat: &Arc<Seat>) -> Body {
    if body.is_end_stream() {
        return body;
    }
    seat.begin_body();
    Body::new(Watched {
        body,
        seat: Arc::clone(seat),
    })
}

struct Watched {
    body: Body,
    seat: Arc<Seat>,
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
            self.seat.came(u64::try_from(data.len()).unwrap_or(u64::MAX));
        }
        if frame.is_none() || self.body.is_end_stream() {
            self.seat.end_body();
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
        self.seat.end_body();
    }
}
