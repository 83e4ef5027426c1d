//! When a role last went around: what hangs says nothing, so it is not asked.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::json;

use super::Verdict;
use crate::types::{UnixMillis, in_words};

/// A role goes around every few seconds at most. A disk that is slow may hold it up for a while.
pub(crate) const HANGS_AFTER: Duration = Duration::from_secs(60);

/// A person is told when nothing was heard of a role for so long.
const QUIET: Duration = Duration::from_secs(10);

/// When something that goes around did so last.
#[derive(Debug, Default)]
pub struct Pulse(AtomicU64);

impl Pulse {
    /// It begins to go around now.
    pub(crate) fn begun() -> Self {
        let pulse = Self::default();
        pulse.beat();
        pulse
    }

    pub(crate) fn beat(&self) {
        self.0.store(UnixMillis::now().0, Ordering::Relaxed);
    }

    /// The last time; the epoch before the first.
    #[must_use]
    pub fn last(&self) -> UnixMillis {
        UnixMillis(self.0.load(Ordering::Relaxed))
    }

    /// For how long it was not heard of, where that is 10 s or longer: then a person should know.
    #[must_use]
    pub fn silent(&self, now: UnixMillis) -> Option<Duration> {
        let silent = now.since(self.last());
        (silent >= QUIET).then_some(silent)
    }

    /// Why `who` hangs, where it does.
    pub(crate) fn hangs(&self, who: &str, now: UnixMillis) -> Option<String> {
        let silent = now.since(self.last());
        (silent > HANGS_AFTER).then(|| format!("{who} has not gone around for {}", in_words(silent)))
    }
}

impl Verdict {
    /// Of `/livez`: it lives unless something says why not.
    pub(crate) fn lives_unless(why_not: Option<String>) -> Self {
        Self {
            yes: why_not.is_none(),
            body: json!({ "live": why_not.is_none(), "why": why_not }),
        }
    }
}
