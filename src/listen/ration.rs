//! Log lines that strangers can cause, in rations.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// So many lines in a while. What is beyond is counted, and the next line that is written tells how many there were.
#[derive(Debug)]
pub(crate) struct Ration {
    lines: u32,
    every: Duration,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    since: Option<Instant>,
    written: u32,
    left_out: u64,
}

impl Ration {
    /// What one kind of line gets: 20 of them in 10 seconds, about 1 MB an hour.
    pub(crate) const fn usual() -> Self {
        Self::new(20, Duration::from_secs(10))
    }

    pub(crate) const fn new(lines: u32, every: Duration) -> Self {
        Self {
            lines,
            every,
            state: Mutex::new(State {
                since: None,
                written: 0,
                left_out: 0,
            }),
        }
    }

    /// Whether a line may be written now; if so, how many were left out since the last one.
    pub(crate) fn line(&self) -> Option<u64> {
        self.line_at(Instant::now())
    }

    pub(super) fn line_at(&self, now: Instant) -> Option<u64> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state
            .since
            .is_none_or(|since| now.duration_since(since) >= self.every)
        {
            state.since = Some(now);
            state.written = 0;
        }
        if state.written >= self.lines {
            state.left_out += 1;
            return None;
        }
        state.written += 1;
        Some(std::mem::take(&mut state.left_out))
    }
}
