//! Limits on log lines that others can cause: strangers at our ports, and the nodes that we ask.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::types::SafeText;

/// The same words are news again when nobody heard them for so long.
const FORGOTTEN: Duration = Duration::from_mins(30);

/// So many lines in a while. What is beyond is counted, and the next line that is written tells how many there were.
#[derive(Debug)]
pub(crate) struct LogLimit {
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

impl LogLimit {
    /// What one kind of line gets: 20 of them in 10 seconds, about 1 MB an hour.
    pub(crate) const fn usual() -> Self {
        Self::new(20, Duration::from_secs(10))
    }

    /// What is caused no faster than blocks come, and as long as they do: 10 lines in 10 minutes.
    pub(crate) const fn slow() -> Self {
        Self::new(10, Duration::from_mins(10))
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

    fn line_at(&self, now: Instant) -> Option<u64> {
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

/// What is said of one who repeats himself: a line when the words change, and when they come back after a silence.
#[derive(Debug)]
pub(crate) struct RepeatFilter {
    heard: Option<(SafeText, Instant)>,
    log_limit: LogLimit,
}

impl Default for RepeatFilter {
    fn default() -> Self {
        Self {
            heard: None,
            log_limit: LogLimit::slow(),
        }
    }
}

impl RepeatFilter {
    /// As [`LogLimit::line`] for these words.
    pub(crate) fn line(&mut self, words: &SafeText) -> Option<u64> {
        self.line_at(words, Instant::now())
    }

    fn line_at(&mut self, words: &SafeText, now: Instant) -> Option<u64> {
        let is_known = self
            .heard
            .as_ref()
            .is_some_and(|(heard, at)| heard == words && now.duration_since(*at) < FORGOTTEN);
        self.heard = Some((words.clone(), now));
        if is_known {
            None
        } else {
            self.log_limit.line_at(now)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_told_with_the_next_line() {
        let log_limit = LogLimit::new(2, Duration::from_secs(10));
        let now = Instant::now();
        let lines: Vec<_> = (0..5).map(|_| log_limit.line_at(now)).collect();
        assert_eq!(lines, [Some(0), Some(0), None, None, None]);
        assert_eq!(log_limit.line_at(now + Duration::from_secs(11)), Some(3));
    }

    #[test]
    fn who_repeats_himself_once_a_block_is_heard_once() {
        let (mut refrain, start) = (RepeatFilter::default(), Instant::now());
        let block = |n: u32| start + Duration::from_secs(12) * n;
        let same: Vec<_> = (0..1_000)
            .filter_map(|n| refrain.line_at(&"a".into(), block(n)))
            .collect();
        assert_eq!(same, [0]);
        assert_eq!(
            refrain.line_at(&"b".into(), block(1_000)),
            Some(0),
            "other words are news"
        );
        let later = block(1_000) + FORGOTTEN;
        assert_eq!(
            refrain.line_at(&"b".into(), later),
            Some(0),
            "so are the same after a silence"
        );
    }

    #[test]
    fn who_says_something_else_in_each_block_has_a_ration() {
        let (mut refrain, start) = (RepeatFilter::default(), Instant::now());
        let said = |n: u32| SafeText::new(&format!("block {n} is mine"));
        let lines = (0..300).filter_map(|n| refrain.line_at(&said(n), start + Duration::from_secs(12) * n));
        let lines: Vec<_> = lines.collect();
        assert_eq!(lines.len(), 60, "10 lines in 10 minutes, for an hour");
        assert_eq!(
            lines.iter().sum::<u64>() + 60,
            260,
            "what was left out until the last line is counted"
        );
    }
}
