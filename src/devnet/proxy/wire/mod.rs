//! What goes wrong with connections and bytes, whatever they carry.

mod body;
mod gzip;
mod status;
mod window;

use std::time::Duration;

pub(super) use body::{Odd, Wrap};
pub(super) use status::Status;
pub(super) use window::Window;

use super::scenario::{Fault, Reader, Table};

/// A fault of the connection or of the bytes.
#[derive(Debug, Clone)]
pub(super) enum Wire {
    /// The call waits, then goes on.
    Delay(Duration),
    /// No answer comes. With `forward` the target gets the call all the same.
    Hang { forward: bool },
    /// The connection is reset. With `forward` the target gets the call all the same, and its answer is lost.
    Reset { forward: bool },
    /// The true answer, cut: after so many bytes, or in the middle.
    Half { bytes: Option<u64> },
    /// The true answer, byte by byte.
    Slow { bytes_per_second: u64 },
    /// The true answer behind a flood of headers.
    Headers { count: u64, bytes: u64 },
    /// A status, headers and a body of the scenario's own.
    Status(Status),
    /// 429 beyond so many calls in a time.
    Window(Window),
    /// A redirect to this very target, each time anew.
    Redirect { code: u16 },
    /// A body that no client should read to its end.
    Odd(Odd),
}

type Read = fn(&mut Reader<'_>, &mut Table<'_>) -> Option<Fault>;

pub(super) const FAULTS: &[(&str, Read)] = &[
    ("delay", |r, t| {
        let time = t.time(r, "time");
        t.required(r, "time", "how long the call waits");
        wire(Wire::Delay(time?))
    }),
    ("hang", |r, t| {
        wire(Wire::Hang {
            forward: t.flag(r, "forward"),
        })
    }),
    ("reset", |r, t| {
        wire(Wire::Reset {
            forward: t.flag(r, "forward"),
        })
    }),
    ("half", |r, t| {
        wire(Wire::Half {
            bytes: t.number(r, "bytes", u64::MAX),
        })
    }),
    ("slow", |r, t| {
        let bytes_per_second = t.number(r, "bytes_per_second", 1_000).unwrap_or(1).max(1);
        wire(Wire::Slow { bytes_per_second })
    }),
    ("headers", |r, t| {
        let count = t.number(r, "count", 100_000).unwrap_or(10_000);
        let bytes = t.number(r, "bytes", 64 << 10).unwrap_or(32);
        wire(Wire::Headers { count, bytes })
    }),
    ("status", |r, t| wire(Wire::Status(Status::read(r, t)?))),
    ("html", |r, t| wire(Wire::Status(Status::html(r, t)))),
    ("rate-limit", |r, t| wire(Wire::Window(Window::read(r, t)?))),
    ("redirect", |r, t| {
        let code = t.word(
            r,
            "code",
            &[("301", 301), ("302", 302), ("307", 307), ("308", 308)],
        );
        wire(Wire::Redirect {
            code: code.unwrap_or(307),
        })
    }),
    ("huge", |r, t| wire(Wire::Odd(Odd::huge(r, t)))),
    ("bomb", |r, t| wire(Wire::Odd(Odd::bomb(r, t)))),
    ("deep", |r, t| wire(Wire::Odd(Odd::deep(r, t)))),
    ("not-utf8", |_, _| wire(Wire::Odd(Odd::NotUtf8))),
];

#[expect(
    clippy::unnecessary_wraps,
    reason = "readers give nothing when a key is wrong"
)]
fn wire(wire: Wire) -> Option<Fault> {
    Some(Fault::Wire(wire))
}

impl Wire {
    /// It answers, or refuses to, in place of the target.
    pub(super) fn replaces(&self) -> bool {
        !matches!(
            self,
            Self::Delay(_) | Self::Half { .. } | Self::Slow { .. } | Self::Headers { .. }
        )
    }

    /// The target gets the call all the same.
    pub(super) fn forwards(&self) -> bool {
        match self {
            Self::Hang { forward } | Self::Reset { forward } => *forward,
            Self::Status(status) => status.forward,
            _ => false,
        }
    }
}
