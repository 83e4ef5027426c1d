//! So many calls in a time, and 429 beyond.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use crate::devnet::proxy::board::Memory;
use crate::devnet::proxy::http::Reply;
use crate::devnet::proxy::scenario::{Reader, Table};

/// A sliding window.
#[derive(Debug, Clone)]
pub(in crate::devnet::proxy) struct Window {
    calls: usize,
    per: Duration,
    /// What `Retry-After` says, in whole seconds; absent, the header is left out.
    retry_after: Option<u64>,
}

impl Window {
    pub(super) fn read(r: &mut Reader<'_>, t: &mut Table<'_>) -> Option<Self> {
        let calls = t.number(r, "calls", 10_000);
        t.required(r, "calls", "how many calls are answered in the time `per`");
        Some(Self {
            per: t.time(r, "per").unwrap_or(Duration::from_secs(1)),
            retry_after: t.number(r, "retry_after", 86_400),
            calls: usize::try_from(calls?).ok()?,
        })
    }

    /// Whether one more call is answered now. One that is refused does not count: else a client that waits too little
    /// would never be let in again.
    pub(in crate::devnet::proxy) fn admits(&self, memory: &mut Memory, now: Instant) -> bool {
        let calls = &mut memory.calls;
        while calls
            .front()
            .is_some_and(|first| now.saturating_duration_since(*first) >= self.per)
        {
            calls.pop_front();
        }
        let admitted = calls.len() < self.calls;
        if admitted {
            calls.push_back(now);
        }
        admitted
    }

    pub(in crate::devnet::proxy) fn reply(&self) -> Reply {
        let body = json!({"error": {"code": 429, "message": "Too many requests"}});
        let mut reply = Reply::json(429, &body);
        if let Some(seconds) = self.retry_after {
            reply
                .headers
                .push(("retry-after".to_owned(), seconds.to_string()));
        }
        reply
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_slides() {
        let window = Window {
            calls: 2,
            per: Duration::from_secs(1),
            retry_after: None,
        };
        let (mut memory, start) = (Memory::default(), Instant::now());
        let tenths = [0, 4, 5, 9, 10, 11, 14];
        let admitted =
            tenths.map(|tenth| window.admits(&mut memory, start + Duration::from_millis(100) * tenth));
        assert_eq!(admitted, [true, true, false, false, true, false, true]);
    }
}
